//! Requests that a second version answers too, to see whether it would have answered the same.
//!
//! A copy is made of what is asked (tensors are shared, not copied) and handed over once the answer is there; whoever
//! asked waits for nothing. One thread runs the copies, one by one, and where it falls behind they are dropped and
//! counted.

mod compare;
mod counts;
mod queue;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use wharf_infer::{InferRequest, InferResponse, NamedTensor, ServiceError};

use self::compare::{Outcome, Tolerance, compare};
pub(crate) use self::counts::ShadowCounts;
pub use self::counts::ShadowReport;
pub(crate) use self::queue::ShadowQueue;
use super::split::spread;
use crate::infer::effective_signature;
use crate::served::ServedModel;

/// A version that answers copies of requests.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Shadow {
    /// The version.
    pub version: u64,
    /// Of how many requests it gets a copy, 0 to 1.
    pub share: f64,
    /// By how much numbers may differ in any case.
    pub absolute_tolerance: f64,
    /// By which part of the answered number they may differ beyond that.
    pub relative_tolerance: f64,
}

impl Shadow {
    /// A version that gets a copy of every request and must answer exactly the same.
    pub fn new(version: u64) -> Self {
        Self { version, share: 1.0, absolute_tolerance: 0.0, relative_tolerance: 0.0 }
    }

    /// With copies of this share of the requests.
    #[must_use]
    pub fn with_share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    /// With numbers that may differ by so much, and by this part of the number that was answered.
    #[must_use]
    pub fn with_tolerance(mut self, absolute: f64, relative: f64) -> Self {
        (self.absolute_tolerance, self.relative_tolerance) = (absolute, relative);
        self
    }

    pub(super) fn check(&self) -> Result<(), ServiceError> {
        let refused = |name: &str, value: f64, expected: &str| {
            let text = format!("`shadow.{name}` is {value}, expected {expected}");
            Err(ServiceError::invalid_argument(text))
        };
        if !(0.0..=1.0).contains(&self.share) {
            return refused("share", self.share, "0 to 1");
        }
        for (name, value) in
            [("absolute_tolerance", self.absolute_tolerance), ("relative_tolerance", self.relative_tolerance)]
        {
            if !(value >= 0.0 && value.is_finite()) {
                return refused(name, value, "a number from 0");
            }
        }
        Ok(())
    }
}

/// A shadow that answers at present.
pub(crate) struct ShadowRoute {
    served: Arc<ServedModel>,
    shadow: Shadow,
    counts: Arc<ShadowCounts>,
    turn: AtomicU64,
}

impl ShadowRoute {
    pub(crate) fn new(served: Arc<ServedModel>, shadow: Shadow, counts: Arc<ShadowCounts>) -> Self {
        Self { served, shadow, counts, turn: AtomicU64::new(0) }
    }

    /// Whether requests that `served` answers are for somebody else than the shadow itself.
    pub(crate) fn is_of(&self, served: &ServedModel) -> bool {
        self.served.version != served.version
    }

    /// What is asked, where it is this request's turn to be copied.
    pub(crate) fn copy(self: Arc<Self>, request: &InferRequest) -> Option<Copied> {
        let turn = spread(self.turn.fetch_add(1, Ordering::Relaxed));
        if turn as f64 >= self.shadow.share * TURNS {
            return None;
        }
        let (signature, inputs) = (request.signature.clone(), request.inputs.clone());
        Some(Copied { route: self, signature, inputs, outputs: request.outputs.clone() })
    }
}

/// How many turns there are: 2^64.
const TURNS: f64 = 18_446_744_073_709_551_616.0;

/// What was asked.
pub(crate) struct Copied {
    route: Arc<ShadowRoute>,
    signature: Option<String>,
    inputs: Vec<NamedTensor>,
    outputs: Vec<String>,
}

impl Copied {
    /// Together with what was answered.
    pub(crate) fn answered(self, answer: &InferResponse) -> Job {
        Job { copied: self, answered: answer.outputs.clone() }
    }
}

/// A request that the shadow is to answer, and the answer that it had.
pub(crate) struct Job {
    copied: Copied,
    answered: Vec<NamedTensor>,
}

impl Job {
    /// The bytes that it keeps.
    fn size(&self) -> usize {
        let size = |named: &NamedTensor| match (named.tensor.bytes(), named.tensor.strings()) {
            (Some(bytes), _) => bytes.len(),
            (None, strings) => strings.unwrap_or_default().iter().map(Bytes::len).sum(),
        };
        self.copied.inputs.iter().chain(&self.answered).map(size).sum()
    }

    fn dropped(self) {
        self.copied.route.counts.dropped.increment();
    }

    /// Runs the shadow and counts what came of it.
    fn run(self, stop: &wharf_engine::StopSignal) {
        let Self { copied: Copied { route, signature, inputs, outputs }, answered } = self;
        let signature = effective_signature(signature.as_deref());
        let model = &route.served.model;
        let run = || {
            model.check(signature, &inputs, &outputs)?;
            model.run(signature, &inputs, &outputs, stop)
        };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        match outcome {
            Ok(Ok(outputs)) => {
                let tolerance = Tolerance {
                    absolute: route.shadow.absolute_tolerance,
                    relative: route.shadow.relative_tolerance,
                };
                route.counts.count(compare(&answered, &outputs, tolerance));
            }
            // The server ends: that says nothing of the shadow.
            _ if stop.is_stopped() => {}
            Ok(Err(error)) => route.counts.count(Outcome::Failed(error.message().to_owned())),
            Err(_) => route.counts.count(Outcome::Failed("the engine failed".to_owned())),
        }
    }
}
