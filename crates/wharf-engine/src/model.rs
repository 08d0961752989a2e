//! A bundle that is loaded and can be called by its signatures.

mod bound;
mod labels;
mod loops;
mod replay;
mod request;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use wharf_bundle::{
    Bundle, DEFAULT_SIGNATURE, Method, OutputSource, Signature, SignatureInput, SignatureOutput,
};
use wharf_infer::{ErrorCode, NamedTensor, ServiceError};
use wharf_tensor::{Dim, TensorSpec};

use crate::{Engine, EngineError, LoadOptions, ModelSource, Replica, StopSignal};
use bound::BoundSignature;
pub use replay::{GOLDEN_TOLERANCE, ReplayReport, agree, replay_goldens};

/// A bundle in an engine: what one signature promises its clients, end to end. The trainer, the command line
/// and the server all call models through this, so that none of them sees another answer.
pub struct LoadedModel {
    replica: Arc<dyn Replica>,
    signatures: Arc<BTreeMap<String, Signature>>,
    bound: BTreeMap<String, BoundSignature>,
    labels: Arc<[String]>,
    max_batch_size: Option<usize>,
    has_loops: bool,
}

impl LoadedModel {
    /// Loads the weights of `bundle` and ties its signatures to the graph. A bundle without signatures gets
    /// `serving_default`: every input of the graph, every output.
    ///
    /// # Errors
    /// The weights do not load, or a signature does not fit the graph.
    pub fn load(bundle: &Bundle, engine: &dyn Engine, options: &LoadOptions) -> Result<Self, EngineError> {
        let path = bundle
            .weights_path()
            .map_err(|error| EngineError::model("the bundle's weights cannot be read").with_detail(error))?;
        let replica = engine.load(ModelSource::File(&path), options)?;
        let manifest = bundle.manifest();
        let signatures = match manifest.signatures.is_empty() {
            true => BTreeMap::from([(
                DEFAULT_SIGNATURE.to_owned(),
                signature_of_graph(replica.inputs(), replica.outputs()),
            )]),
            false => manifest.signatures.clone(),
        };
        let model = Self::new(replica, signatures, manifest.labels.clone())?;
        let limit = manifest.limits.max_batch_size.and_then(|limit| usize::try_from(limit).ok());
        let has_loops = loops::has_loops(&path).unwrap_or(true);
        Ok(Self { max_batch_size: limit, has_loops, ..model })
    }

    /// Ties `signatures` to a replica that is loaded already.
    ///
    /// # Errors
    /// A signature does not fit the graph.
    pub fn new(
        replica: Arc<dyn Replica>,
        signatures: BTreeMap<String, Signature>,
        labels: Vec<String>,
    ) -> Result<Self, EngineError> {
        let labels: Arc<[String]> = labels.into();
        let bind = |(name, signature): (&String, &Signature)| {
            let bound = BoundSignature::new(signature, &*replica, &labels)
                .map_err(|problem| EngineError::model(format!("signature `{name}`: {problem}")))?;
            Ok((name.clone(), bound))
        };
        let bound = signatures.iter().map(bind).collect::<Result<_, EngineError>>()?;
        Ok(Self {
            replica,
            bound,
            signatures: Arc::new(signatures),
            labels,
            max_batch_size: None,
            has_loops: true,
        })
    }

    /// The ways to call the model.
    pub fn signatures(&self) -> &Arc<BTreeMap<String, Signature>> {
        &self.signatures
    }

    /// The class names; empty where there are none.
    pub fn labels(&self) -> &Arc<[String]> {
        &self.labels
    }

    /// Whether a run may take far longer than others on inputs of the same size: the graph has loops, or was not
    /// looked at.
    pub fn has_loops(&self) -> bool {
        self.has_loops
    }

    /// Whether rows of several requests may be joined for one run of a signature: every input and output has a
    /// first dimension of any size, and the graph has no loops.
    pub fn can_batch(&self, signature: &str) -> bool {
        let is_open = |spec: &TensorSpec| spec.shape.dims().first() == Some(&Dim::Dynamic);
        !self.has_loops
            && self.signatures.get(signature).is_some_and(|signature| {
                signature.inputs.iter().all(|input| is_open(&input.spec))
                    && signature.outputs.iter().all(|output| is_open(&output.spec))
            })
    }

    /// The most rows that the model takes at once, where it says.
    pub fn max_batch_size(&self) -> Option<usize> {
        self.max_batch_size
    }

    /// With requests of at most this many rows, or of as many as the manifest allows where those are fewer; 0 leaves it
    /// to the manifest.
    #[must_use]
    pub fn with_max_batch_size(mut self, rows: usize) -> Self {
        if rows > 0 {
            self.max_batch_size = Some(self.max_batch_size.map_or(rows, |limit| limit.min(rows)));
        }
        self
    }

    /// The replica itself, for callers who speak in the graph's names.
    pub fn replica(&self) -> &Arc<dyn Replica> {
        &self.replica
    }

    /// Looks at a request without running it: whether its signature exists, whether it has the right inputs of
    /// the right types and shapes, and whether the outputs it asks for exist.
    ///
    /// # Errors
    /// What of that is not so, in the words of TensorFlow Serving where it has some.
    pub fn check(
        &self,
        signature: &str,
        inputs: &[NamedTensor],
        outputs: &[String],
    ) -> Result<(), ServiceError> {
        let bound = self.signature(signature)?;
        request::check_inputs(bound.signature(), inputs, self.max_batch_size)?;
        request::check_outputs(bound.signature(), outputs)
    }

    /// Runs a signature: transforms, graph, labels. No `outputs` mean all, in the order of the signature. Does
    /// not check again what [`LoadedModel::check`] has.
    ///
    /// # Errors
    /// An input cannot be transformed or does not fit the graph, or the run failed or was stopped.
    pub fn run(
        &self,
        signature: &str,
        inputs: &[NamedTensor],
        outputs: &[String],
        stop: &StopSignal,
    ) -> Result<Vec<NamedTensor>, ServiceError> {
        self.signature(signature)?.run(&*self.replica, inputs, outputs, stop)
    }

    fn signature(&self, name: &str) -> Result<&BoundSignature, ServiceError> {
        self.bound.get(name).ok_or_else(|| {
            let shown: String = name.chars().take(256).collect();
            let message = format!("Serving signature key \"{shown}\" not found.");
            ServiceError::new(ErrorCode::FailedPrecondition, message)
        })
    }
}

/// The signature of a graph that says nothing else of itself: every input to every output.
pub fn signature_of_graph(inputs: &[TensorSpec], outputs: &[TensorSpec]) -> Signature {
    let input = |spec: &TensorSpec| SignatureInput {
        spec: spec.clone(),
        graph_input: spec.name.clone(),
        transform: Vec::new(),
    };
    let output = |spec: &TensorSpec| SignatureOutput {
        spec: spec.clone(),
        source: OutputSource::Graph { output: spec.name.clone() },
    };
    Signature {
        method: Method::Predict,
        inputs: inputs.iter().map(input).collect(),
        outputs: outputs.iter().map(output).collect(),
    }
}
