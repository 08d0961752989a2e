//! Triton's `config.pbtxt`: what the owner of a model says of it, beside its versions.
//!
//! Every field of the message is either honoured, or checked to ask for nothing that this server does not do.

mod batching;
mod content;
mod ensemble;
mod instances;
mod parameters;
mod refused;
mod sequences;
mod tensors;
#[cfg(test)]
mod tests;
mod warm_up;

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use wharf_bundle::DEFAULT_SIGNATURE;
use wharf_engine::{Isolation, LoadOptions, LoadedModel};
use wharf_textproto::{Fields, TextError, parse};

use crate::{BatchConfig, DynamicBatching, Padding, SequenceBatching, VersionPolicy};
pub(crate) use content::{Content, Data};
pub use ensemble::{EnsembleStep, TensorMapping};
use parameters::Parameters;
pub(crate) use tensors::{TensorConfig, check as check_tensors};
use warm_up::WarmUpSample;

/// The name of the file in a model's folder.
pub(crate) const FILE: &str = "config.pbtxt";
/// Larger files are no configuration.
const MAX_BYTES: u64 = 1 << 20;
/// What the weights are called unless the file says otherwise.
const WEIGHTS: &str = "model.onnx";

/// A model's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct TritonConfig {
    /// The most rows of a request; 0 where the first dimension is one like the others.
    pub max_batch_size: usize,
    /// What is declared of the inputs; possibly not all of them.
    pub inputs: Vec<TensorConfig>,
    /// What is declared of the outputs; possibly not all of them.
    pub outputs: Vec<TensorConfig>,
    /// The models that answer in its place, where it is an ensemble.
    pub ensemble: Option<Vec<EnsembleStep>>,
    /// Which versions are served, where it says.
    pub(crate) policy: Option<VersionPolicy>,
    /// The file with the weights.
    pub weights: String,
    /// How requests are to be joined, as it is written.
    pub dynamic_batching: Option<DynamicBatching>,
    /// How requests of sequences reach the model, and what is kept between them.
    pub sequence_batching: Option<SequenceBatching>,
    /// How requests are joined, in the settings of this server; `None` where it asks for nothing.
    pub(crate) batching: Option<BatchConfig>,
    /// How inputs of different lengths are made alike, where it says.
    pub(crate) padding: Option<Padding>,
    /// Threads of a run, where it says.
    pub(crate) intra_threads: Option<usize>,
    /// Operators side by side, where it says.
    pub(crate) inter_threads: Option<usize>,
    /// Where it runs, where it says.
    pub(crate) isolation: Option<Isolation>,
    /// Runs that there may be at once, where it says.
    pub instances: Option<usize>,
    /// Whether answers are remembered, where it says.
    pub response_cache: Option<bool>,
    /// What a version answers before it is served.
    pub(crate) warm_up: Vec<WarmUpSample>,
}

/// Reads the file of the model `name` in `folder`; `None` where there is none. Blocks.
///
/// # Errors
/// The file cannot be read or is no configuration of this model; in words for whoever wrote it.
pub(crate) fn read(folder: &Path, name: &str) -> Result<Option<TritonConfig>, String> {
    let path = folder.join(FILE);
    let unreadable = |error: std::io::Error| format!("{FILE} cannot be read: {}", error.kind());
    match fs::metadata(&path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
        Ok(metadata) if !metadata.is_file() => return Err(format!("{FILE} is no file")),
        Ok(metadata) if metadata.len() > MAX_BYTES => {
            return Err(format!("{FILE} has {} bytes, expected at most {MAX_BYTES}", metadata.len()));
        }
        Ok(_) => {}
    }
    let text = fs::read_to_string(&path).map_err(unreadable)?;
    TritonConfig::parse(&text, name).map(Some).map_err(|error| format!("{FILE}:{error}"))
}

impl TritonConfig {
    /// The configuration of the model `name` from its text.
    ///
    /// # Errors
    /// The text is not in the format, has a field that the message does not, is that of another model, or asks for
    /// what this server does not do; with line and column.
    pub fn parse(text: &str, name: &str) -> Result<Self, TextError> {
        let message = parse(text)?;
        let mut fields = message.fields("ModelConfig");
        check_name(&mut fields, name)?;
        check_back_end(&mut fields)?;
        let max_batch_size = whole(&mut fields, "max_batch_size")?.unwrap_or(0);
        let (inputs, outputs) = (tensors::inputs(&mut fields)?, tensors::outputs(&mut fields)?);
        let response_cache = response_cache(&mut fields)?;
        let ensemble = ensemble::read(&mut fields, name, response_cache, (&inputs, &outputs))?;
        let parameters = Parameters::read(&mut fields)?;
        let padding = parameters.padding(&inputs, max_batch_size)?;
        let (dynamic_batching, batching) = batching::read(&mut fields, max_batch_size)?.unzip();
        let sequence_batching = sequences::read(&mut fields, max_batch_size, &inputs, response_cache)?;
        let of_sequences =
            sequence_batching.as_ref().and_then(|sequences| sequences.batching(max_batch_size));
        let config = Self {
            max_batch_size,
            inputs,
            outputs,
            ensemble,
            policy: fields.message("version_policy")?.map(super::policy::read).transpose()?,
            weights: weights(&mut fields)?,
            dynamic_batching,
            sequence_batching,
            batching: batching.or(of_sequences),
            padding,
            intra_threads: parameters.intra_threads,
            inter_threads: parameters.inter_threads,
            isolation: parameters.isolation,
            instances: instances::read(&mut fields)?,
            response_cache,
            warm_up: warm_up::read(&mut fields, max_batch_size)?,
        };
        refused::check(&mut fields)?;
        fields.finish()?;
        Ok(config)
    }

    /// Holds what is declared against the model.
    ///
    /// # Errors
    /// An input or an output is not there, or is another; in words for whoever wrote the file.
    pub(crate) fn check(&self, model: &LoadedModel) -> Result<(), String> {
        let declared = (self.inputs.as_slice(), self.outputs.as_slice());
        match model.signatures().get(DEFAULT_SIGNATURE) {
            Some(signature) => tensors::check(declared, signature, self.max_batch_size > 0),
            None => Err(format!("the model has no signature `{DEFAULT_SIGNATURE}` to hold it against")),
        }
        .map_err(|problem| format!("{FILE}: {problem}"))
    }

    /// The labels of an output, a line each in a file of the model's `folder`. Blocks.
    ///
    /// # Errors
    /// The file cannot be read, or there are several.
    pub(crate) fn labels(&self, folder: &Path) -> Result<Option<Arc<[String]>>, String> {
        let files = self.outputs.iter().map(|output| output.label_filename.as_str());
        let files: BTreeSet<&str> = files.filter(|file| !file.is_empty()).collect();
        let file = match files.iter().collect::<Vec<_>>().as_slice() {
            [] => return Ok(None),
            [only] => *only,
            _ => return Err(format!("{FILE}: outputs have labels in several files, expected one file")),
        };
        let unreadable =
            |error: std::io::Error| format!("labels in `{file}` cannot be read: {}", error.kind());
        match fs::metadata(folder.join(file)).map_err(unreadable)?.len() {
            size if size > MAX_BYTES => {
                Err(format!("labels in `{file}` have {size} bytes, expected at most {MAX_BYTES}"))
            }
            _ => {
                let text = fs::read_to_string(folder.join(file)).map_err(unreadable)?;
                Ok(Some(text.lines().map(|line| line.trim_end().to_owned()).collect()))
            }
        }
    }

    /// `options` with what the file says.
    pub(crate) fn load_options(&self, options: &LoadOptions) -> LoadOptions {
        let options = options.clone();
        let options = match self.intra_threads {
            Some(threads) => options.with_intra_threads(threads),
            None => options,
        };
        let options = match self.inter_threads {
            Some(threads) => options.with_inter_threads(threads),
            None => options,
        };
        match self.isolation {
            Some(isolation) => options.with_isolation(isolation),
            None => options,
        }
    }

    /// How requests are joined, where the server would join them as in `default`.
    pub(crate) fn batching(&self, default: &BatchConfig) -> BatchConfig {
        let mut config = self.batching.clone().unwrap_or_else(|| default.clone());
        config.padding = self.padding.clone().or_else(|| default.padding.clone());
        config.instances = self.instances.or(default.instances);
        // Without a maximum the first dimension has no meaning of its own.
        let rows = config.max_batch_size.min(self.max_batch_size.max(1));
        config.with_max_batch_size(rows)
    }
}

fn check_name(fields: &mut Fields<'_>, expected: &str) -> Result<(), TextError> {
    match fields.string("name")?.filter(|name| !name.is_empty() && name != expected) {
        None => Ok(()),
        Some(name) => {
            let problem = format!("the name is `{name}`, expected `{expected}`, that of the folder");
            Err(TextError::new(fields.position("name"), problem))
        }
    }
}

fn check_back_end(fields: &mut Fields<'_>) -> Result<(), TextError> {
    for (field, expected) in
        [("platform", &["onnxruntime_onnx", ensemble::PLATFORM][..]), ("backend", &["onnxruntime"])]
    {
        let value = fields.string(field)?.unwrap_or_default();
        if !value.is_empty() && !expected.contains(&value.as_str()) {
            let problem = format!("`{field}` is `{value}`, expected `{}`", expected.join("` or `"));
            return Err(TextError::new(fields.position(field), problem));
        }
    }
    Ok(())
}

/// Without the message nothing is said; an empty one says no.
fn response_cache(fields: &mut Fields<'_>) -> Result<Option<bool>, TextError> {
    let Some(message) = fields.message("response_cache")? else { return Ok(None) };
    let mut inner = message.fields("ModelResponseCache");
    let enable = inner.bool("enable")?.unwrap_or_default();
    inner.finish()?;
    Ok(Some(enable))
}

/// The weights lie in the folder of a version, under this name.
fn weights(fields: &mut Fields<'_>) -> Result<String, TextError> {
    let name = fields.string("default_model_filename")?.filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| WEIGHTS.to_owned());
    match wharf_bundle::check_file_name(&name) {
        Ok(()) if name.to_ascii_lowercase().ends_with(".onnx") => Ok(name),
        _ => {
            let problem = "`default_model_filename` is no plain name of an `.onnx` file";
            Err(TextError::new(fields.position("default_model_filename"), problem))
        }
    }
}

/// A number that is not negative.
fn whole(fields: &mut Fields<'_>, name: &'static str) -> Result<Option<usize>, TextError> {
    let Some(number) = fields.integer(name)? else { return Ok(None) };
    let wrong =
        |_| TextError::new(fields.position(name), format!("`{name}` is {number}, expected at least 0"));
    usize::try_from(number).map(Some).map_err(wrong)
}
