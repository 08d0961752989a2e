//! `model_warmup`: made-up requests that a version answers before it is served.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use wharf_infer::{ErrorCode, NamedTensor, ServiceError};
use wharf_tensor::{DType, Shape, Tensor};
use wharf_textproto::{Fields, Message, TextError};

use super::tensors::dtype;
use super::whole;
use crate::WarmUpRequest;

/// The folder beside the configuration that files with data are in.
const FOLDER: &str = "warmup";
/// The most bytes of one tensor.
const MAX_BYTES: usize = 64 << 20;

/// A request, sent some times.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WarmUpSample {
    name: String,
    inputs: BTreeMap<String, Input>,
    /// How often, at least once.
    count: usize,
}

#[derive(Clone, Debug, PartialEq)]
struct Input {
    dtype: DType,
    shape: Shape,
    data: Data,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Data {
    Zero,
    Random,
    File(String),
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

fn input(message: &Message, batch: usize) -> Result<Input, TextError> {
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
    Ok(Input { dtype, shape, data })
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
            let tensor = input.tensor(folder).map_err(|error| {
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

impl Input {
    fn tensor(&self, folder: &Path) -> Result<Tensor, ServiceError> {
        let Some(size) = self.shape.size_bytes(self.dtype) else { return self.strings(folder) };
        let bytes = match &self.data {
            Data::Zero => vec![0; size],
            Data::Random => random(self.dtype, size),
            Data::File(name) => contents(folder, name)?,
        };
        Ok(Tensor::from_bytes(self.dtype, self.shape.clone(), Bytes::from(bytes))?)
    }

    /// Empty strings, or those of a file: each after its length, u32 little-endian.
    fn strings(&self, folder: &Path) -> Result<Tensor, ServiceError> {
        let Data::File(name) = &self.data else {
            let strings = vec![Bytes::new(); self.shape.num_elements()];
            return Ok(Tensor::from_strings(self.shape.clone(), strings)?);
        };
        let contents = contents(folder, name)?;
        let (mut rest, mut strings) = (contents.as_slice(), Vec::new());
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
            let (string, after) = after.split_at_checked(length).ok_or_else(|| no_strings(name))?;
            strings.push(Bytes::copy_from_slice(string));
            rest = after;
        }
        if !rest.is_empty() {
            return Err(no_strings(name));
        }
        Ok(Tensor::from_strings(self.shape.clone(), strings)?)
    }
}

fn no_strings(name: &str) -> ServiceError {
    ServiceError::new(ErrorCode::DataLoss, format!("`{name}` does not hold strings, each after its length"))
}

fn contents(folder: &Path, name: &str) -> Result<Vec<u8>, ServiceError> {
    let path = folder.join(FOLDER).join(name);
    let missing = |error: std::io::Error| {
        ServiceError::new(ErrorCode::DataLoss, format!("`{FOLDER}/{name}` cannot be read: {}", error.kind()))
    };
    match fs::metadata(&path).map_err(missing)?.len() {
        size if size > MAX_BYTES as u64 => {
            let text = format!("`{FOLDER}/{name}` has {size} bytes, expected at most {MAX_BYTES}");
            Err(ServiceError::new(ErrorCode::DataLoss, text))
        }
        _ => fs::read(&path).map_err(missing),
    }
}

/// Floats in 0..1, whole numbers of 0 or 1: valid indices as a rule. The same every time, so that a start is like
/// the one before.
fn random(dtype: DType, size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // Marsaglia's xorshift64, "Xorshift RNGs", 2003.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        let draw = next();
        let unit = (draw >> 40) as f32 / (1_u64 << 24) as f32;
        match dtype {
            DType::F32 => bytes.extend_from_slice(&unit.to_le_bytes()),
            DType::F64 => bytes.extend_from_slice(&f64::from(unit).to_le_bytes()),
            DType::F16 => bytes.extend_from_slice(&half::f16::from_f32(unit).to_le_bytes()),
            DType::BF16 => bytes.extend_from_slice(&half::bf16::from_f32(unit).to_le_bytes()),
            _ => {
                let mut number = [0; 8];
                number[0] = (draw & 1) as u8;
                bytes.extend_from_slice(&number[..dtype.size_bytes().unwrap_or(1)]);
            }
        }
    }
    bytes
}
