//! TensorFlow Serving's warm-up files: requests that a version answers before it is served.

mod records;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use prost::Message as _;
use wharf_bundle::{DEFAULT_SIGNATURE, Signature};
use wharf_infer::{ErrorCode, ServiceError};
use wharf_serve::{ModelInfo, WarmUp, WarmUpRequest};

use self::records::{RecordError, Records};
use super::classify::{classification_outputs, regression_output};
use super::example::Examples;
use super::grpc::predict_inputs;
use super::signature::{CLASSIFY_METHOD, REGRESS_METHOD, shown};
use crate::Limits;
use crate::proto::tensorflow::serving::prediction_log::LogType;
use crate::proto::tensorflow::serving::{
    Input, ModelSpec, MultiInferenceRequest, PredictRequest, PredictionLog,
};

/// Where the file is in the folder of a version.
const FILE: &str = "assets.extra/tf_serving_warmup_requests";
/// The most records that the reference server takes.
const MAX_RECORDS: usize = 1000;

/// Ways to call a version, by their names.
type Signatures = BTreeMap<String, Signature>;

/// Reads `assets.extra/tf_serving_warmup_requests`: a TFRecord file of `PredictionLog` messages. The model that a
/// message names is not looked at: the version that loads is meant. A version without the file has no requests.
#[derive(Clone, Debug, Default)]
pub struct TfsWarmUp {
    limits: Limits,
}

impl TfsWarmUp {
    /// Requests within these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }

    /// Hands every request of `file` to `run`, and says how many records it has.
    fn each_of(
        &self,
        file: impl Read,
        signatures: &Signatures,
        run: &mut dyn FnMut(WarmUpRequest) -> Result<(), ServiceError>,
    ) -> Result<usize, ServiceError> {
        let mut records = Records::new(file, self.limits.max_body_bytes);
        let mut count = 0;
        while let Some(record) = records.next().map_err(damaged)? {
            count += 1;
            if count > MAX_RECORDS {
                let text = format!("Number of warmup records exceeds the maximum ({MAX_RECORDS})");
                return Err(ServiceError::invalid_argument(text));
            }
            let at = |error: ServiceError| {
                ServiceError::new(error.code(), format!("record {count}: {}", error.message()))
            };
            let log = PredictionLog::decode(record.as_slice()).ok().and_then(|message| message.log_type);
            let log =
                log.ok_or_else(|| at(ServiceError::invalid_argument("is no PredictionLog with a request")))?;
            for request in self.requests(signatures, log).map_err(at)? {
                run(request).map_err(at)?;
            }
        }
        Ok(count)
    }

    fn requests(&self, signatures: &Signatures, log: LogType) -> Result<Vec<WarmUpRequest>, ServiceError> {
        match log {
            LogType::PredictLog(log) => Ok(vec![self.predict(signatures, log.request.unwrap_or_default())?]),
            LogType::ClassifyLog(log) => {
                let request = log.request.unwrap_or_default();
                Ok(vec![examples(signatures, request.model_spec, request.input, CLASSIFY_METHOD)?])
            }
            LogType::RegressLog(log) => {
                let request = log.request.unwrap_or_default();
                Ok(vec![examples(signatures, request.model_spec, request.input, REGRESS_METHOD)?])
            }
            LogType::MultiInferenceLog(log) => multi_inference(signatures, log.request.unwrap_or_default()),
            LogType::SessionLog(_) => Err(unsupported("session_log")),
            LogType::PredictStreamedLog(_) => Err(unsupported("predict_streamed_log")),
        }
    }

    fn predict(
        &self,
        signatures: &Signatures,
        request: PredictRequest,
    ) -> Result<WarmUpRequest, ServiceError> {
        let (name, signature) = signature(signatures, request.model_spec)?;
        let inputs = predict_inputs(signature, request.inputs, &request.output_filter, &self.limits)?;
        Ok(WarmUpRequest { signature: name, inputs, outputs: request.output_filter })
    }
}

impl WarmUp for TfsWarmUp {
    fn each(
        &self,
        folder: &Path,
        info: &ModelInfo,
        run: &mut dyn FnMut(WarmUpRequest) -> Result<(), ServiceError>,
    ) -> Result<usize, ServiceError> {
        let file = match File::open(folder.join(FILE)) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(0);
            }
            Err(error) => return Err(unreadable("it cannot be opened", error)),
        };
        self.each_of(BufReader::new(file), &info.signatures, run)
    }
}

/// The signature that a recorded request calls, with its name.
fn signature(signatures: &Signatures, spec: Option<ModelSpec>) -> Result<(String, &Signature), ServiceError> {
    let name = spec.map(|spec| spec.signature_name).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| DEFAULT_SIGNATURE.to_owned());
    match signatures.get(&name) {
        Some(signature) => Ok((name, signature)),
        None => {
            let text = format!("Serving signature key \"{}\" not found.", shown(&name));
            Err(ServiceError::new(ErrorCode::FailedPrecondition, text))
        }
    }
}

/// A request of examples, to classify or to regress.
fn examples(
    signatures: &Signatures,
    spec: Option<ModelSpec>,
    input: Option<Input>,
    method: &str,
) -> Result<WarmUpRequest, ServiceError> {
    let (name, signature) = signature(signatures, spec)?;
    let inputs = Examples::from_wire(input)?.to_inputs(signature)?;
    let outputs = match method {
        CLASSIFY_METHOD => classification_outputs(signature)?,
        REGRESS_METHOD => vec![regression_output(signature)?],
        other => return Err(ServiceError::invalid_argument(format!("unknown method {}", shown(other)))),
    };
    Ok(WarmUpRequest { signature: name, inputs, outputs })
}

fn multi_inference(
    signatures: &Signatures,
    request: MultiInferenceRequest,
) -> Result<Vec<WarmUpRequest>, ServiceError> {
    let input = request.input;
    let tasks = request.tasks.into_iter();
    tasks.map(|task| examples(signatures, task.model_spec, input.clone(), &task.method_name)).collect()
}

/// Reads the bytes of a warm-up file, for fuzzing.
pub(crate) fn read_warm_up(bytes: &[u8], signatures: &Signatures) {
    let _ = TfsWarmUp::default().each_of(bytes, signatures, &mut |_| Ok(()));
}

/// The records that a file of TFRecord has, for fuzzing what is in them: a fuzzer does not find checksums.
pub(crate) fn records_of(messages: &[&[u8]]) -> Vec<u8> {
    records::written(messages)
}

fn unsupported(kind: &str) -> ServiceError {
    let text = format!("holds a {kind}, expected predict, classify, regress or multi_inference");
    ServiceError::new(ErrorCode::Unimplemented, text)
}

/// In the reference server's words.
fn damaged(error: RecordError) -> ServiceError {
    let text = "Please verify your warmup data is in TFRecord format.";
    match error {
        RecordError::Io(error) => unreadable("it cannot be read", error),
        RecordError::Damaged(problem) => {
            ServiceError::new(ErrorCode::DataLoss, format!("{text} ({problem})"))
        }
    }
}

fn unreadable(problem: &str, error: std::io::Error) -> ServiceError {
    ServiceError::new(ErrorCode::DataLoss, format!("warm-up file: {problem}")).with_detail(error)
}
