//! The request and the response.

use wharf_tensor::Tensor;

use crate::{Caller, Deadline, ModelRef, SequencePart, Trace};

/// A tensor under the name that clients use.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// The input's or output's name.
    pub name: String,
    /// Its data.
    pub tensor: Tensor,
}

impl NamedTensor {
    /// `tensor` under `name`.
    pub fn new(name: impl Into<String>, tensor: Tensor) -> Self {
        Self { name: name.into(), tensor }
    }
}

/// One call of one signature of one model.
#[derive(Clone, Debug)]
pub struct InferRequest {
    /// Which model.
    pub model: ModelRef,
    /// Which signature; `None` means `serving_default`.
    pub signature: Option<String>,
    /// The inputs, in any order.
    pub inputs: Vec<NamedTensor>,
    /// Which outputs are wanted, in this order; empty means all.
    pub outputs: Vec<String>,
    /// Until when the answer is of use.
    pub deadline: Deadline,
    /// Who goes first among those that wait, where the model's settings tell priorities apart: 1 is the highest,
    /// 0 leaves it to the settings.
    pub priority: u32,
    /// Which sequence it belongs to, where it says anything of one.
    pub sequence: Option<SequencePart>,
    /// For whom it runs.
    pub caller: Caller,
    /// The trace span of the request, so that work on other threads is recorded under it.
    pub span: tracing::Span,
    /// Where its parts are told of, if its trace is recorded.
    pub trace: Option<Trace>,
}

impl InferRequest {
    /// A request for `serving_default` of `model`, without inputs as yet.
    pub fn new(model: ModelRef) -> Self {
        Self {
            model,
            signature: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            deadline: Deadline::NONE,
            priority: 0,
            sequence: None,
            caller: Caller::Anonymous,
            span: tracing::Span::none(),
            trace: None,
        }
    }
}

/// What a model answered.
#[derive(Clone, Debug)]
pub struct InferResponse {
    /// The name under which the model is served.
    pub model_name: String,
    /// The version that answered.
    pub model_version: u64,
    /// The signature that ran, with the default filled in.
    pub signature: String,
    /// The outputs, in the order asked for or, failing that, of the signature.
    pub outputs: Vec<NamedTensor>,
}
