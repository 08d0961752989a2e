//! One request, and the line that stands for it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wharf_infer::NamedTensor;
use wharf_tensor::{DType, Shape, Tensor};

use crate::Format;
use crate::event::{self, Probe};

/// The form of the lines. A reader refuses those that it does not know.
const VERSION: u32 = 1;

/// A request that a server has answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// When it was answered, in microseconds since the epoch.
    pub time_micros: u64,
    /// The model.
    pub model: String,
    /// The version that answered.
    pub version: u64,
    /// The signature.
    pub signature: String,
    /// The inputs.
    pub inputs: Vec<NamedTensor>,
    /// The outputs that were wanted; none means all.
    pub outputs: Vec<String>,
    /// How it ended: `OK`, or the name of an error code.
    pub status: String,
    /// From its arrival at the model to its answer.
    pub duration: Duration,
    /// The trace that it belongs to, if any.
    pub trace_id: Option<u128>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    v: u32,
    time_us: u64,
    model: String,
    version: u64,
    signature: String,
    inputs: Vec<Input>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    outputs: Vec<String>,
    status: String,
    duration_us: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

/// A tensor: its elements in little-endian order as Base64, or each of its strings.
#[derive(Serialize, Deserialize)]
struct Input {
    name: String,
    dtype: DType,
    shape: Vec<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    strings: Option<Vec<String>>,
}

impl Record {
    /// Bytes of its tensors.
    pub(crate) fn size_bytes(&self) -> usize {
        let of_tensor = |tensor: &Tensor| match (tensor.bytes(), tensor.strings()) {
            (Some(bytes), _) => bytes.len(),
            (None, strings) => strings.into_iter().flatten().map(Bytes::len).sum(),
        };
        self.inputs.iter().map(|input| of_tensor(&input.tensor)).sum()
    }

    /// Its line, with the line feed.
    pub(crate) fn to_line(&self, format: Format) -> Vec<u8> {
        let mut text = match format {
            Format::Lines => self.to_own_line(),
            Format::CloudEvents => event::to_json_line(self),
        };
        text.push(b'\n');
        text
    }

    fn to_own_line(&self) -> Vec<u8> {
        let line = Line {
            v: VERSION,
            time_us: self.time_micros,
            model: self.model.clone(),
            version: self.version,
            signature: self.signature.clone(),
            inputs: self.inputs.iter().map(Input::of).collect(),
            outputs: self.outputs.clone(),
            status: self.status.clone(),
            duration_us: u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX),
            trace_id: self.trace_id.map(|id| format!("{id:032x}")),
        };
        // Strings, numbers and lists of them do not fail to become JSON.
        serde_json::to_vec(&line).unwrap_or_default()
    }

    /// What a line of either format says.
    ///
    /// # Errors
    /// It is no such line; the text says why.
    pub fn from_line(text: &str) -> Result<Self, String> {
        if serde_json::from_str(text).is_ok_and(|probe: Probe| probe.specversion.is_some()) {
            return event::from_line(text);
        }
        let line: Line = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if line.v != VERSION {
            return Err(format!("`v` is {}, expected {VERSION}", line.v));
        }
        let trace_id = line.trace_id.map(|id| u128::from_str_radix(&id, 16));
        Ok(Self {
            time_micros: line.time_us,
            model: line.model,
            version: line.version,
            signature: line.signature,
            inputs: line.inputs.into_iter().map(Input::into_tensor).collect::<Result<_, _>>()?,
            outputs: line.outputs,
            status: line.status,
            duration: Duration::from_micros(line.duration_us),
            trace_id: trace_id.transpose().map_err(|_| "`trace_id` is no hexadecimal number".to_owned())?,
        })
    }
}

impl Input {
    fn of(input: &NamedTensor) -> Self {
        let tensor = &input.tensor;
        let strings = tensor.strings().map(|strings| strings.iter().map(|text| STANDARD.encode(text)));
        Self {
            name: input.name.clone(),
            dtype: tensor.dtype(),
            shape: tensor.shape().dims().to_vec(),
            data: tensor.bytes().map(|bytes| STANDARD.encode(bytes)),
            strings: strings.map(Iterator::collect),
        }
    }

    fn into_tensor(self) -> Result<NamedTensor, String> {
        let name = self.name;
        let wrong = |what: &dyn std::fmt::Display| format!("input `{name}`: {what}");
        let decode = |text: String| STANDARD.decode(text).map(Bytes::from).map_err(|error| wrong(&error));
        let shape = Shape::new(&self.shape).map_err(|error| wrong(&error))?;
        let tensor = match (self.data, self.strings) {
            (Some(data), None) => Tensor::from_bytes(self.dtype, shape, decode(data)?),
            (None, Some(strings)) if self.dtype == DType::String => {
                let strings = strings.into_iter().map(decode).collect::<Result<_, _>>()?;
                Tensor::from_strings(shape, strings)
            }
            _ => return Err(wrong(&"expected `data`, or `strings` of dtype string")),
        };
        let tensor = tensor.map_err(|error| wrong(&error))?;
        Ok(NamedTensor { name, tensor })
    }
}
