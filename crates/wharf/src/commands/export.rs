//! `wharf export`: a run's weights for other tools.

use std::path::Path;

use anyhow::bail;
use wharf_runs::Runs;
use wharf_train::{InputType, RunDetails, import_weights, onnx_model, save_weights};

use crate::cli::ExportArgs;
use crate::commands::train::Invocation;
use crate::{say, whole_file};

/// Reads a finished run's weights and writes them in the form that the file's extension names.
pub(crate) fn run(arguments: ExportArgs) -> anyhow::Result<()> {
    let details = RunDetails::read(&Runs::new(&arguments.runs.runs).find(&arguments.run)?)?;
    let weights = details.folder.join("weights.safetensors");
    if !weights.exists() {
        bail!("run `{}` is not complete: it has no final weights yet", details.status.id);
    }
    let invocation = Invocation::read(&details.folder)?;
    let mut recipe = invocation.recipe(&details.folder)?;
    recipe.export.input = input_type(&arguments.input)?;
    let run = import_weights(&recipe, &weights, invocation.data.as_deref(), 0)?;
    match extension(&arguments.output).as_deref() {
        Some("onnx") => {
            whole_file::write(&arguments.output, &onnx_model(&run.network, &recipe, &run.labels)?)?
        }
        _ => save_weights(&run.network, details.status.steps, &arguments.output)?,
    }
    say(format!("wrote {}", arguments.output.display()));
    Ok(())
}

fn input_type(name: &str) -> anyhow::Result<InputType> {
    match name {
        "float32" => Ok(InputType::Float),
        "uint8" => Ok(InputType::Uint8),
        other => bail!("--input is `{other}`, expected float32 or uint8"),
    }
}

fn extension(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}
