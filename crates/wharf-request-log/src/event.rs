//! A request as a CloudEvent of version 1.0 in structured mode, under the names of KServe's logger. Its data is a request
//! of the Open Inference Protocol.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wharf_infer::NamedTensor;
use wharf_tensor::{DType, Shape};

use crate::elements::{from_base64, from_json, to_base64, to_json};
use crate::{Record, time};

const SPEC: &str = "1.0";
/// KServe's name for what a client sent.
const REQUEST: &str = "org.kubeflow.serving.inference.request";

/// The event. Attributes that the specification does not have are strings, as it wants it.
#[derive(Serialize, Deserialize)]
struct Event {
    specversion: String,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    time: String,
    datacontenttype: String,
    inferenceservicename: String,
    component: String,
    #[serde(default)]
    modelversion: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    signature: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    durationus: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceid: Option<String>,
    data: Data,
}

#[derive(Serialize, Deserialize)]
struct Data {
    inputs: Vec<Input>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    outputs: Vec<Output>,
}

#[derive(Serialize, Deserialize)]
struct Input {
    name: String,
    datatype: String,
    shape: Vec<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Vec<Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parameters: Option<Parameters>,
}

/// Where JSON has no values for the elements.
#[derive(Serialize, Deserialize)]
struct Parameters {
    content_base64: String,
}

#[derive(Serialize, Deserialize)]
struct Output {
    name: String,
}

/// Whether a line is an event, whatever else it is.
#[derive(Deserialize)]
pub(crate) struct Probe {
    pub(crate) specversion: Option<serde::de::IgnoredAny>,
}

/// The event, without a line feed.
pub(crate) fn to_json_line(record: &Record) -> Vec<u8> {
    let event = Event {
        specversion: SPEC.to_owned(),
        id: next_id(record.time_micros),
        source: format!("/v2/models/{}/versions/{}", record.model, record.version),
        kind: REQUEST.to_owned(),
        time: time::to_text(record.time_micros),
        datacontenttype: "application/json".to_owned(),
        inferenceservicename: record.model.clone(),
        component: "predictor".to_owned(),
        modelversion: record.version.to_string(),
        signature: record.signature.clone(),
        status: record.status.clone(),
        durationus: record.duration.as_micros().to_string(),
        traceid: record.trace_id.map(|id| format!("{id:032x}")),
        data: Data {
            inputs: record.inputs.iter().map(Input::of).collect(),
            outputs: record.outputs.iter().map(|name| Output { name: name.clone() }).collect(),
        },
    };
    // Strings, numbers and lists of them do not fail to become JSON.
    serde_json::to_vec(&event).unwrap_or_default()
}

/// Of its own for every event of this process, and of others that log to the same place.
fn next_id(time_micros: u64) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{time_micros:x}-{:x}-{:x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// What an event says.
///
/// # Errors
/// It is no such event; the text says why.
pub(crate) fn from_line(text: &str) -> Result<Record, String> {
    let event: Event = serde_json::from_str(text).map_err(|error| error.to_string())?;
    for (name, found, expected) in [("specversion", &event.specversion, SPEC), ("type", &event.kind, REQUEST)]
    {
        if found != expected {
            return Err(format!("`{name}` is `{}`, expected `{expected}`", found.escape_debug()));
        }
    }
    let number = |name: &str, text: &str| text.parse().map_err(|_| format!("`{name}` is no whole number"));
    let trace_id = event.traceid.map(|id| u128::from_str_radix(&id, 16)).transpose();
    Ok(Record {
        time_micros: time::from_text(&event.time).ok_or("`time` is no moment in UTC as RFC 3339 has it")?,
        model: event.inferenceservicename,
        version: number("modelversion", &event.modelversion)?,
        signature: event.signature,
        inputs: event.data.inputs.into_iter().map(Input::into_tensor).collect::<Result<_, _>>()?,
        outputs: event.data.outputs.into_iter().map(|output| output.name).collect(),
        status: event.status,
        duration: Duration::from_micros(number("durationus", &event.durationus)?),
        trace_id: trace_id.map_err(|_| "`traceid` is no hexadecimal number".to_owned())?,
    })
}

impl Input {
    fn of(input: &NamedTensor) -> Self {
        let tensor = &input.tensor;
        let data = to_json(tensor);
        let parameters = data.is_none().then(|| Parameters { content_base64: to_base64(tensor) });
        let (name, datatype) = (input.name.clone(), tensor.dtype().open_inference_name().to_owned());
        Self { name, datatype, shape: tensor.shape().dims().to_vec(), data, parameters }
    }

    fn into_tensor(self) -> Result<NamedTensor, String> {
        let name = self.name;
        let wrong = |what: String| format!("input `{}`: {what}", name.escape_debug());
        let shape = Shape::new(&self.shape).map_err(|error| wrong(error.to_string()))?;
        let dtype = DType::from_open_inference_name(&self.datatype);
        let dtype =
            dtype.ok_or_else(|| wrong(format!("unknown datatype `{}`", self.datatype.escape_debug())))?;
        let tensor = match (&self.data, &self.parameters) {
            (Some(values), None) => from_json(dtype, shape, values),
            (None, Some(parameters)) => from_base64(dtype, shape, &parameters.content_base64),
            _ => Err("expected `data`, or `content_base64` in `parameters`".to_owned()),
        };
        let tensor = tensor.map_err(wrong)?;
        Ok(NamedTensor { name, tensor })
    }
}
