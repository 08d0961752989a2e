//! A language model among the others: a text goes in and one comes out.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use wharf_engine::{EngineError, EngineErrorKind, Replica, StopSignal, check_inputs};
use wharf_infer::ErrorCode;
use wharf_infer::ServiceError;
use wharf_infer::language::{GenerateEvent, GenerateRequest, GenerateSink, LanguageModel, Prompt, TextPart};
use wharf_tensor::{DType, Shape, Tensor, TensorSpec};

use super::LlmProcess;

static INPUTS: LazyLock<[TensorSpec; 1]> =
    LazyLock::new(|| [TensorSpec::new("text_input", DType::String, &[1])]);
static OUTPUTS: LazyLock<[TensorSpec; 1]> =
    LazyLock::new(|| [TensorSpec::new("text_output", DType::String, &[1])]);

impl Replica for LlmProcess {
    fn inputs(&self) -> &[TensorSpec] {
        &*INPUTS
    }

    fn outputs(&self) -> &[TensorSpec] {
        &*OUTPUTS
    }

    /// Continues the text with the defaults of a request.
    fn run_until(
        &self,
        inputs: &[(&str, Tensor)],
        outputs: &[&str],
        stop: &StopSignal,
    ) -> Result<Vec<Tensor>, EngineError> {
        check_inputs(Replica::inputs(self), inputs)?;
        if let Some(name) = outputs.iter().find(|name| **name != "text_output") {
            let message = format!("output `{name}` is unknown, expected `text_output`");
            return Err(EngineError::new(EngineErrorKind::InvalidInput, message));
        }
        let text = text_of(inputs)?;
        let parts = vec![TextPart { text, is_markup: false }];
        let prompt = Prompt::Text { parts, with_special: true };
        let text = self.write(GenerateRequest::new(prompt), stop)?;
        let shape = Shape::new(&[1]).map_err(failed)?;
        let tensor = Tensor::from_strings(shape, vec![Bytes::from(text)]).map_err(failed)?;
        Ok(vec![tensor; outputs.len().max(1)])
    }

    fn restarts(&self) -> Option<u64> {
        Some(LlmProcess::restarts(self))
    }

    fn language_model(&self) -> Option<Arc<dyn LanguageModel>> {
        Some(Arc::new(self.clone()))
    }
}

/// What wakes whoever waits for a text.
enum Step {
    Text(String),
    Done,
    Failed(ServiceError),
    Stopped,
}

struct TextSink(Sender<Step>);

impl GenerateSink for TextSink {
    fn event(&mut self, event: GenerateEvent) -> bool {
        let step = match event {
            GenerateEvent::Text { text, .. } => Step::Text(text),
            GenerateEvent::Done(_) => Step::Done,
            GenerateEvent::Failed(error) => Step::Failed(error),
            _ => return true,
        };
        self.0.send(step).is_ok()
    }
}

impl LlmProcess {
    /// The whole answer to a request.
    fn write(&self, request: GenerateRequest, stop: &StopSignal) -> Result<String, EngineError> {
        let (sender, receiver) = mpsc::channel();
        let stopped = sender.clone();
        let _hook = stop.on_stop(move || drop(stopped.send(Step::Stopped)));
        // Dropped on the way out, it ends the request.
        let _ticket = self.generate(request, Box::new(TextSink(sender)));
        let mut answer = String::new();
        loop {
            match receiver.recv().map_err(failed)? {
                Step::Text(text) => answer.push_str(&text),
                Step::Done => return Ok(answer),
                Step::Failed(error) => return Err(engine_error(&error)),
                Step::Stopped => {
                    return Err(EngineError::new(EngineErrorKind::Stopped, "the run was stopped"));
                }
            }
        }
    }
}

fn text_of(inputs: &[(&str, Tensor)]) -> Result<String, EngineError> {
    let text = inputs.first().and_then(|(_, tensor)| tensor.strings()).and_then(<[Bytes]>::first);
    let text = text.and_then(|text| std::str::from_utf8(text).ok());
    let wrong = || EngineError::new(EngineErrorKind::InvalidInput, "input `text_input` is not UTF-8");
    text.map(str::to_owned).ok_or_else(wrong)
}

fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError::new(EngineErrorKind::Failed, "the model's answer was lost").with_detail(error)
}

/// A failure in the words of engines.
pub(super) fn engine_error(error: &ServiceError) -> EngineError {
    let kind = match error.code() {
        ErrorCode::InvalidArgument | ErrorCode::OutOfRange | ErrorCode::TooLarge => {
            EngineErrorKind::InvalidInput
        }
        ErrorCode::Cancelled => EngineErrorKind::Stopped,
        ErrorCode::Overloaded => EngineErrorKind::OutOfMemory,
        ErrorCode::Unavailable => EngineErrorKind::Unavailable,
        ErrorCode::DataLoss | ErrorCode::FailedPrecondition => EngineErrorKind::InvalidModel,
        _ => EngineErrorKind::Failed,
    };
    let failure = EngineError::new(kind, error.message());
    match error.detail() {
        Some(detail) => failure.with_detail(detail),
        None => failure,
    }
}
