//! Opens a model as a session of the runtime.

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::failure;
use crate::{EngineError, LoadOptions, ModelSource};

/// Reads, checks and optimises `model`.
pub(super) fn open(
    environment: &Environment,
    model: ModelSource<'_>,
    options: &LoadOptions,
) -> Result<Session, EngineError> {
    let mut builder = builder(environment, options).map_err(|error| failure::of_engine(&error))?;
    let session = match model {
        ModelSource::File(path) if !path.is_file() => {
            return Err(EngineError::model("the model file is missing").with_detail(path.display()));
        }
        ModelSource::File(path) => builder.commit_from_file(path),
        ModelSource::Bytes(bytes) => builder.commit_from_memory(bytes),
    };
    session.map_err(|error| failure::of_load(&error))
}

fn builder(environment: &Environment, options: &LoadOptions) -> Result<SessionBuilder, ort::Error> {
    let level = match options.graph_optimisation {
        true => GraphOptimizationLevel::All,
        false => GraphOptimizationLevel::Disable,
    };
    let spin = if options.allow_spinning { "1" } else { "0" };
    Ok(Session::builder(environment)?
        .with_intra_threads(options.intra_threads.max(1))?
        .with_inter_threads(options.inter_threads.max(1))?
        .with_parallel_execution(options.inter_threads > 1)?
        .with_config_entry("session.intra_op.allow_spinning", spin)?
        .with_config_entry("session.inter_op.allow_spinning", spin)?
        .with_optimization_level(level)?
        .with_memory_pattern(options.memory_pattern)?
        .with_deterministic_compute(true)?)
}
