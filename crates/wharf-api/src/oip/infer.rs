//! What both wires do once a request is understood.

use bytes::Bytes;
use wharf_bundle::DEFAULT_SIGNATURE;
use wharf_infer::{Deadline, ErrorCode, ModelRef, NamedTensor, ServiceError, VersionChoice};
use wharf_serve::{Hold, ModelInfo, TEXT_SIGNATURE};
use wharf_tensor::Tensor;
use wharf_trace::Tracer;

use super::check::{check_inputs, check_outputs};
use super::classification::classify;
use super::grpc::unimplemented;
use super::log_settings::{self, Settings};
use super::parameter::{Parameters, RequestOptions};
use super::shared_memory::Place;
use super::{EXTENSIONS, SharedMemory, raw, shown};
use crate::LogControl;
use crate::backend::{Backend, Manner};

/// The models behind the wires, and what is kept from request to request.
#[derive(Clone)]
pub(crate) struct OipBackend {
    pub(super) backend: Backend,
    pub(super) memory: SharedMemory,
    log_control: Option<LogControl>,
    pub(super) tracer: Tracer,
}

/// A call of a model, as both wires understand it.
#[derive(Debug, Default)]
pub(super) struct OipRequest {
    /// Comes back with the answer.
    pub(super) id: String,
    /// The inputs, in the order of the request.
    pub(super) inputs: Vec<NamedTensor>,
    /// The outputs that are wanted; none means all.
    pub(super) outputs: Vec<WantedOutput>,
    /// Whether all outputs come as bytes where none is named.
    pub(super) all_binary: bool,
    /// What else the request says.
    pub(super) options: RequestOptions,
}

/// An output that is wanted, and in which form.
#[derive(Debug, Default, PartialEq)]
pub(super) struct WantedOutput {
    pub(super) name: String,
    /// So many of its best places, as text.
    pub(super) classes: Option<usize>,
    /// Into shared memory, and not into the reply.
    pub(super) place: Option<Place>,
    /// As raw bytes behind the JSON of a REST reply.
    pub(super) is_binary: Option<bool>,
}

/// The most classes that may be asked for.
const MAX_CLASSES: u64 = 1_000_000;

impl WantedOutput {
    /// Reads the parameters of an output.
    ///
    /// # Errors
    /// One has the wrong type or is unknown, or two contradict each other.
    pub(super) fn take(name: String, parameters: &mut Parameters) -> Result<Self, ServiceError> {
        let classes = parameters.take_uint("classification")?;
        if classes.is_some_and(|classes| classes > MAX_CLASSES) {
            let text = format!("parameter 'classification' is larger than {MAX_CLASSES}");
            return Err(ServiceError::invalid_argument(text));
        }
        let place = take_place(parameters)?;
        let is_binary = parameters.take_bool("binary_data")?;
        let classes =
            classes.filter(|&classes| classes > 0).and_then(|classes| usize::try_from(classes).ok());
        if classes.is_some() && place.is_some() {
            let text = format!("shared memory can't be used for classification of output '{}'", shown(&name));
            return Err(ServiceError::invalid_argument(text));
        }
        parameters.expect_empty(&format!("output '{}'", shown(&name)))?;
        Ok(Self { name, classes, place, is_binary })
    }
}

/// Where in shared memory a tensor is, where its parameters say so.
pub(super) fn take_place(parameters: &mut Parameters) -> Result<Option<Place>, ServiceError> {
    let region = parameters.take_string("shared_memory_region")?;
    let byte_size = parameters.take_uint("shared_memory_byte_size")?;
    let offset = parameters.take_uint("shared_memory_offset")?;
    match (region, byte_size) {
        (Some(region), Some(byte_size)) => Ok(Some(Place { region, offset: offset.unwrap_or(0), byte_size })),
        (None, None) if offset.is_none() => Ok(None),
        _ => {
            let text = "'shared_memory_region' and 'shared_memory_byte_size' must be given together";
            Err(ServiceError::invalid_argument(text))
        }
    }
}

/// An answer, in the order of the outputs asked for.
#[derive(Debug)]
pub(super) struct OipAnswer {
    pub(super) model: String,
    pub(super) version: u64,
    pub(super) id: String,
    pub(super) outputs: Vec<OipOutput>,
}

/// An output of an answer.
#[derive(Debug)]
pub(super) struct OipOutput {
    pub(super) name: String,
    pub(super) tensor: Tensor,
    /// Where its bytes are, if not in the reply, and how many there are.
    pub(super) place: Option<(Place, usize)>,
    pub(super) is_binary: Option<bool>,
}

/// A model that was found.
pub(super) struct Found {
    pub(super) info: ModelInfo,
}

impl Found {
    /// The signature that this protocol calls: it knows no names of signatures.
    pub(super) fn signature(&self) -> Result<&wharf_bundle::Signature, ServiceError> {
        self.info.signatures.get(DEFAULT_SIGNATURE).ok_or_else(|| {
            let text = format!("model '{}' has no signature `{DEFAULT_SIGNATURE}`", self.info.name);
            ServiceError::new(ErrorCode::FailedPrecondition, text)
        })
    }

    /// The signature that a request means, and its name: the one that is called, or that of an encoder's texts where those
    /// are what is sent.
    fn signature_for(
        &self,
        inputs: &[NamedTensor],
    ) -> Result<(&'static str, &wharf_bundle::Signature), ServiceError> {
        let is_text = |signature: &&wharf_bundle::Signature| {
            let knows =
                |sent: &NamedTensor| signature.inputs.iter().any(|input| input.spec.name == sent.name);
            !inputs.is_empty() && inputs.iter().all(knows)
        };
        let texts = self.info.is_encoder().then(|| self.info.signatures.get(TEXT_SIGNATURE)).flatten();
        match texts.filter(is_text) {
            Some(texts) => Ok((TEXT_SIGNATURE, texts)),
            None => Ok((DEFAULT_SIGNATURE, self.signature()?)),
        }
    }
}

impl OipBackend {
    pub(crate) fn new(backend: Backend, memory: SharedMemory) -> Self {
        Self { backend, memory, log_control: None, tracer: Tracer::default() }
    }

    /// Lets clients ask how much is logged, and change it.
    pub(crate) fn with_log_control(mut self, control: Option<LogControl>) -> Self {
        self.log_control = control;
        self
    }

    /// Lets clients ask which requests are traced, and change it.
    pub(crate) fn with_tracer(mut self, tracer: Tracer) -> Self {
        self.tracer = tracer;
        self
    }

    /// The extensions that this server does.
    pub(super) fn extensions(&self) -> Vec<&'static str> {
        let (logs, traces) = (self.log_control.as_ref(), self.tracer.settings());
        EXTENSIONS.into_iter().chain(logs.map(|_| "logging")).chain(traces.map(|_| "trace")).collect()
    }

    /// The settings of the log, after `changes`.
    ///
    /// # Errors
    /// A change is refused, or there is no log to ask about.
    pub(super) fn change_logs(&self, changes: &Settings) -> Result<Settings, ServiceError> {
        let control = self.log_control.as_ref().ok_or_else(|| unimplemented("log settings"))?;
        control.update(|level| log_settings::changed(level, changes))?;
        Ok(log_settings::of(control.level()))
    }

    /// Loads a model that is loaded by demand; see [`Backend::wake`].
    ///
    /// # Errors
    /// It cannot be loaded, in Triton's words.
    pub(super) async fn wake(&self, name: &str, version: &str) -> Result<Option<Hold>, ServiceError> {
        let reference = reference(name, version)?;
        self.backend.wake(&reference).await.map_err(|error| not_found(&error, name, version))
    }

    /// The version of a model that is meant; an empty `version` means the newest.
    ///
    /// # Errors
    /// It does not exist or does not answer, in Triton's words.
    pub(super) fn find(&self, name: &str, version: &str) -> Result<Found, ServiceError> {
        let reference = reference(name, version)?;
        let info = self.backend.find(&reference);
        Ok(Found { info: info.map_err(|error| not_found(&error, name, version))? })
    }

    /// The same, loaded before where it is loaded by demand.
    ///
    /// # Errors
    /// It does not exist, does not answer or cannot be loaded, in Triton's words.
    pub(super) async fn found(&self, name: &str, version: &str) -> Result<Found, ServiceError> {
        let _hold = self.wake(name, version).await?;
        self.find(name, version)
    }

    /// Runs a request.
    ///
    /// # Errors
    /// It does not fit the model, or it has no answer in time.
    pub(super) async fn infer(
        &self,
        found: &Found,
        request: OipRequest,
        deadline: Deadline,
    ) -> Result<OipAnswer, ServiceError> {
        let (name, signature) = found.signature_for(&request.inputs)?;
        let model = &found.info.name;
        check_inputs(model, signature, &request.inputs)?;
        let wanted = || request.outputs.iter().map(|output| output.name.as_str());
        check_outputs(model, signature, wanted())?;
        let names: Vec<String> = wanted().map(str::to_owned).collect();
        let manner = Manner {
            deadline: request.options.deadline(deadline),
            priority: request.options.priority,
            sequence: request.options.sequence,
        };
        let info = &found.info;
        let response = self.backend.run(info, name, request.inputs, names, manner).await?;
        let is_binary = request.all_binary.then_some(true);
        let mut wanted = request.outputs.into_iter();
        let outputs = response.outputs.into_iter().map(|output| {
            let wanted =
                wanted.next().unwrap_or_else(|| WantedOutput { is_binary, ..WantedOutput::default() });
            self.shaped(output, wanted, &found.info.labels)
        });
        Ok(OipAnswer {
            model: response.model_name,
            version: response.model_version,
            id: request.id,
            outputs: outputs.collect::<Result<_, _>>()?,
        })
    }

    /// An output in the form that is wanted.
    fn shaped(
        &self,
        output: NamedTensor,
        wanted: WantedOutput,
        labels: &[String],
    ) -> Result<OipOutput, ServiceError> {
        let NamedTensor { name, mut tensor } = output;
        if let Some(count) = wanted.classes {
            tensor = classify(&name, &tensor, count, labels)?;
        }
        let place = match wanted.place {
            None => None,
            Some(place) => {
                let data = raw::encode(&tensor)?;
                self.memory.write(&name, &place, &data)?;
                Some((place, data.len()))
            }
        };
        Ok(OipOutput { name, tensor, place, is_binary: wanted.is_binary })
    }

    /// The bytes of an input that lies in shared memory.
    pub(super) fn read_place(&self, place: &Place) -> Result<Bytes, ServiceError> {
        if place.byte_size > self.backend.limits.max_body_bytes as u64 {
            let text = format!(
                "input in shared memory has {} bytes, expected at most {}",
                place.byte_size, self.backend.limits.max_body_bytes
            );
            return Err(ServiceError::new(ErrorCode::TooLarge, text));
        }
        self.memory.read(place)
    }

    /// Whether a version answers.
    pub(super) fn is_ready(&self, name: &str, version: &str) -> Result<bool, ServiceError> {
        match self.find(name, version) {
            Ok(_) => Ok(true),
            Err(error) if error.code() == ErrorCode::InvalidArgument => Err(error),
            // What its first request loads can be sent one.
            Err(_) => Ok(self.backend.manager.is_on_call(name, version.parse().ok())),
        }
    }
}

/// The reference that a name and a version in text stand for.
pub(super) fn reference(name: &str, version: &str) -> Result<ModelRef, ServiceError> {
    if name.is_empty() {
        return Err(ServiceError::invalid_argument("the request names no model"));
    }
    if version.is_empty() {
        return Ok(ModelRef::latest(name));
    }
    let number = version.parse::<i64>().ok().filter(|&number| number > 0);
    let number = number.filter(|_| version.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(number) = number else {
        let text = format!(
            "failed to get model version from specified version string '{}', version should be an integer > 0",
            shown(version)
        );
        return Err(ServiceError::invalid_argument(text));
    };
    Ok(ModelRef { name: name.to_owned(), version: VersionChoice::Specific(number) })
}

/// Why there is no such model, in Triton's words.
pub(super) fn not_found(error: &ServiceError, name: &str, version: &str) -> ServiceError {
    let name = shown(name);
    let version = match version {
        "" => String::new(),
        version => format!(" version {}", shown(version)),
    };
    match error.code() {
        ErrorCode::NotFound => {
            let text = format!("Request for unknown model: '{name}'{version} is not found");
            ServiceError::new(ErrorCode::NotFound, text)
        }
        ErrorCode::Unavailable => {
            let text =
                format!("Request for model '{name}'{version}, which is not ready: {}", error.message());
            ServiceError::new(ErrorCode::Unavailable, text)
        }
        _ => error.clone(),
    }
}
