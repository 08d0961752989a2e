//! What is counted of calls at the wires: by model, by the name of the call, by how it came in.
//!
//! The clock runs from the moment at which the call is known to the moment at which its answer is ready to be
//! written, so decoding and encoding are in it. Models that only a client knows share one label.

mod call;
mod collect;
mod escape;
mod http;
mod lines;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use wharf_metrics::BoundedHistogram;
use wharf_serve::{ModelManager, StatusCounters};

use self::lines::LineBudget;

pub(crate) use call::Call;
pub(crate) use collect::collector;
pub(crate) use escape::escaped;
pub(crate) use http::HttpMetrics;

/// Models with numbers of their own; those that come later share the label of the unknown.
const MAX_MODELS: usize = 10_000;

/// The calls that answer with a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Predict,
    Classify,
    Regress,
    MultiInference,
    Infer,
}

/// How a call came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Grpc,
    Rest,
}

/// The numbers of one server.
#[derive(Debug, Default)]
pub(crate) struct ApiMetrics {
    models: RwLock<HashMap<String, Arc<ModelCalls>>>,
    unknown: Arc<ModelCalls>,
    /// Lines in the log about calls that were refused.
    lines: LineBudget,
}

/// The numbers of one model; those of a call are there from the first one on.
#[derive(Debug, Default)]
struct ModelCalls {
    calls: [[OnceLock<Box<CallMetrics>>; Entry::ALL.len()]; Api::ALL.len()],
    /// tf.Examples of a request; there from the first one on.
    examples: OnceLock<Box<BoundedHistogram>>,
}

/// The numbers of one call of one model.
#[derive(Debug)]
struct CallMetrics {
    statuses: StatusCounters,
    /// Of those that succeeded, in microseconds, recorded in nanoseconds.
    latency: BoundedHistogram,
}

impl Api {
    const ALL: [Self; 5] = [Self::Predict, Self::Classify, Self::Regress, Self::MultiInference, Self::Infer];

    /// Its name. TensorFlow Serving writes it small where the call came in by REST, and so do its dashboards.
    fn name(self, entry: Entry) -> &'static str {
        match (self, entry) {
            (Self::Predict, Entry::Grpc) => "Predict",
            (Self::Predict, Entry::Rest) => "predict",
            (Self::Classify, Entry::Grpc) => "Classify",
            (Self::Classify, Entry::Rest) => "classify",
            (Self::Regress, Entry::Grpc) => "Regress",
            (Self::Regress, Entry::Rest) => "regress",
            (Self::MultiInference, _) => "MultiInference",
            (Self::Infer, Entry::Grpc) => "ModelInfer",
            (Self::Infer, Entry::Rest) => "infer",
        }
    }

    /// Whether it is one of TensorFlow Serving's.
    fn is_of_tfs(self) -> bool {
        self != Self::Infer
    }
}

impl Entry {
    const ALL: [Self; 2] = [Self::Grpc, Self::Rest];

    fn name(self) -> &'static str {
        match self {
            Self::Grpc => "GRPC",
            Self::Rest => "REST",
        }
    }
}

impl CallMetrics {
    fn new() -> Self {
        // The bounds of TensorFlow Serving, from 10 microseconds on.
        Self {
            statuses: StatusCounters::default(),
            latency: BoundedHistogram::exponential(10.0, 1.8, 33, 1e-3),
        }
    }
}

impl ModelCalls {
    fn of(&self, api: Api, entry: Entry) -> &CallMetrics {
        self.calls[api as usize][entry as usize].get_or_init(|| Box::new(CallMetrics::new()))
    }

    /// The calls that there were.
    fn all(&self) -> impl Iterator<Item = (Api, Entry, &CallMetrics)> {
        let pairs = Api::ALL.into_iter().flat_map(|api| Entry::ALL.map(|entry| (api, entry)));
        pairs
            .filter_map(|(api, entry)| Some((api, entry, &**self.calls[api as usize][entry as usize].get()?)))
    }
}

impl ApiMetrics {
    /// A request of so many tf.Examples was answered.
    pub(crate) fn count_examples(&self, name: &str, manager: &ModelManager, count: usize) {
        // The bounds of TensorFlow Serving.
        let examples = || Box::new(BoundedHistogram::exponential(1.0, 2.0, 15, 1.0));
        self.model(name, manager).examples.get_or_init(examples).record(count as u64);
    }

    /// The numbers of a model, or of all that are unknown.
    fn model(&self, name: &str, manager: &ModelManager) -> Arc<ModelCalls> {
        if let Some(known) = self.models.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Arc::clone(known);
        }
        if !manager.knows(name) {
            return Arc::clone(&self.unknown);
        }
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        if models.len() >= MAX_MODELS && !models.contains_key(name) {
            return Arc::clone(&self.unknown);
        }
        Arc::clone(models.entry(name.to_owned()).or_default())
    }

    /// Every model with numbers, sorted.
    fn all(&self) -> Vec<(String, Arc<ModelCalls>)> {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = models.iter().map(|(name, calls)| (name.clone(), Arc::clone(calls))).collect();
        drop(models);
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all.push((wharf_serve::UNKNOWN_MODEL.to_owned(), Arc::clone(&self.unknown)));
        all
    }
}
