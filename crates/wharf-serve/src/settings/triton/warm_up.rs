//! `model_warmup`: made-up requests that a version answers before it is served.

use std::collections::BTreeMap;
use std::path::Path;

use wharf_infer::{NamedTensor, ServiceError};
use wharf_tensor::Shape;
use wharf_textproto::{Fields, Message, TextError};

use super::content::{Content, Data, MAX_BYTES};
use super::tensors::dtype;
use super::whole;
use crate::WarmUpRequest;

/// The folder beside the configuration that files with data are in.
const FOLDER: &str = "warmup";

/// A request, sent some times.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WarmUpSample {
    name: String,
    inputs: BTreeMap<String, Content>,
    /// How often, at least once.
    count: usize,
}

pub(super) fn read(fields: &mut Fields<'_>, max_batch_size: usize) -> Result<Vec<WarmUpSample>, TextError> {
    fields.messages("model_warmup")?.into_iter().map(|message| sample(message, max_batch_size)).collect()
}

fn sample(message: &Message, max_batch_size: usize) -> Result<WarmUpSample, TextError> {
    let mut fields = message.fields("ModelWarmup");
    let name = fields.string("name")?.unwrap_or_default();
    let batch = whole(&mut fields, "batch_size")?.unwrap_or(0);
    if (batch == 0) != (max_batch_size == 0) || batch > max_batch_size {
        let expected = match max_batch_size {
            0 => "0, as `max_batch_size`".to_owned(),
            most => format!("1 to {most}, `max_batch_size`"),
        };
        let problem = format!("`batch_size` of warm-up `{name}` is {batch}, expected {expected}");
        return Err(TextError::new(fields.position("batch_size"), problem));
    }
    let mut inputs = BTreeMap::new();
    for entry in fields.messages("inputs")? {
        let mut entry = entry.fields("inputs");
        let key = entry.string("key")?.unwrap_or_default();
        let place = entry.position("key");
        let value = entry.message("value")?;
        entry.finish()?;
        let value =
            value.ok_or_else(|| TextError::new(place, format!("warm-up input `{key}` has no value")))?;
        inputs.insert(key, input(value, batch)?);
    }
    // Field 4 of the message; 0 stands for 1.
    let count = whole(&mut fields, "count")?.unwrap_or(0).max(1);
    fields.finish()?;
    Ok(WarmUpSample { name, inputs, count })
}

fn input(message: &Message, batch: usize) -> Result<Content, TextError> {
    let mut fields = message.fields("ModelWarmup.Input");
    let word = fields.word("data_type")?.unwrap_or_default();
    let wrong = |fields: &Fields<'_>, name, problem: String| TextError::new(fields.position(name), problem);
    let dtype = dtype(&word).ok_or_else(|| {
        wrong(&fields, "data_type", format!("`data_type` is `{word}`, expected one such as TYPE_FP32"))
    })?;
    let mut dims = fields.integers("dims")?;
    if batch > 0 {
        dims.insert(0, i64::try_from(batch).unwrap_or(i64::MAX));
    }
    let shape = Shape::from_i64(&dims)
        .ok()
        .filter(|shape| shape.size_bytes(dtype).unwrap_or_else(|| shape.num_elements()) <= MAX_BYTES);
    let shape = shape
        .ok_or_else(|| wrong(&fields, "dims", format!("`dims` {dims:?} are no shape of at most 64 MiB")))?;
    let data = data(&mut fields)?;
    fields.finish()?;
    Ok(Content { dtype, shape, data })
}

fn data(fields: &mut Fields<'_>) -> Result<Data, TextError> {
    let zero = fields.bool("zero_data")?.unwrap_or_default();
    let random = fields.bool("random_data")?.unwrap_or_default();
    let file = fields.string("input_data_file")?;
    match (zero, random, file) {
        (true, false, None) => Ok(Data::Zero),
        (false, true, None) => Ok(Data::Random),
        (false, false, Some(file)) if wharf_bundle::check_file_name(&file).is_ok() => Ok(Data::File(file)),
        (false, false, Some(_)) => {
            let problem = "`input_data_file` is no plain name of a file in the folder `warmup`";
            Err(TextError::new(fields.position("input_data_file"), problem))
        }
        _ => {
            let problem = "an input has one of `zero_data`, `random_data` and `input_data_file`";
            Err(TextError::new(fields.position("zero_data"), problem))
        }
    }
}

impl WarmUpSample {
    /// The requests that it stands for, with files from the model's `folder`. Blocks.
    ///
    /// # Errors
    /// A file is missing, or does not hold what its shape needs.
    pub(crate) fn requests(&self, folder: &Path) -> Result<Vec<WarmUpRequest>, ServiceError> {
        let inputs = self.inputs.iter().map(|(name, input)| {
            let tensor = input.tensor(folder, FOLDER).map_err(|error| {
                let text = format!("warm-up `{}`, input `{name}`: {}", self.name, error.message());
                ServiceError::new(error.code(), text)
            })?;
            Ok(NamedTensor::new(name, tensor))
        });
        let inputs = inputs.collect::<Result<Vec<_>, ServiceError>>()?;
        let request = WarmUpRequest { inputs, ..WarmUpRequest::default() };
        Ok(vec![request; self.count])
    }
}
