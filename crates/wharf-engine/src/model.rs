//! A bundle that is loaded and can be called by its signatures.

mod bound;
mod columns;
mod encoder;
mod labels;
mod loops;
mod pooled;
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
use encoder::in_order;
pub use encoder::{LoadedEncoder, PAIR_INPUT, TEXT_INPUT, TEXT_SIGNATURE, TOKENS_SIGNATURE};
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
    /// What makes a graph over tokens one that is asked with text.
    encoder: Option<Arc<LoadedEncoder>>,
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
        let encoder = LoadedEncoder::load(bundle, &*replica)?.map(Arc::new);
        let mut signatures = match manifest.signatures.is_empty() {
            true => BTreeMap::from([(
                DEFAULT_SIGNATURE.to_owned(),
                signature_of_graph(replica.inputs(), replica.outputs()),
            )]),
            false => manifest.signatures.clone(),
        };
        if let Some(encoder) = &encoder {
            add(&mut signatures, TOKENS_SIGNATURE, encoder.tokens_signature())?;
        }
        let mut model = Self::new(replica, signatures, manifest.labels.clone())?;
        if let Some(encoder) = &encoder {
            add(Arc::make_mut(&mut model.signatures), TEXT_SIGNATURE, encoder.text_signature())?;
        }
        let limit = manifest.limits.max_batch_size.and_then(|limit| usize::try_from(limit).ok());
        let has_loops = loops::has_loops(&path).unwrap_or(true);
        Ok(Self { max_batch_size: limit, has_loops, encoder, ..model })
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
            encoder: None,
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

    /// What turns text into what the graph takes, where it is an encoder.
    pub fn encoder(&self) -> Option<&Arc<LoadedEncoder>> {
        self.encoder.as_ref()
    }

    /// The encoder where requests of a signature are texts, which are no rows of the graph.
    pub fn encoder_of_text(&self, signature: &str) -> Option<&Arc<LoadedEncoder>> {
        self.encoder.as_ref().filter(|_| signature == TEXT_SIGNATURE)
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
        let found = self.signatures.get(signature).ok_or_else(|| unknown(signature))?;
        // Texts are asked one by one, or as many together as may be.
        let limit = self.max_batch_size.filter(|_| self.encoder_of_text(signature).is_none());
        request::check_inputs(found, inputs, limit)?;
        request::check_outputs(found, outputs)
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
        match self.encoder_of_text(signature) {
            Some(encoder) => self.run_texts(encoder, inputs, stop),
            None => self.bound(signature)?.run(&*self.replica, inputs, outputs, stop),
        }
    }

    /// Asks with texts. There is one output.
    fn run_texts(
        &self,
        encoder: &LoadedEncoder,
        inputs: &[NamedTensor],
        stop: &StopSignal,
    ) -> Result<Vec<NamedTensor>, ServiceError> {
        let bound = self.bound(TOKENS_SIGNATURE)?;
        let mut rows: Vec<_> = encoder.rows(inputs)?.into_iter().enumerate().collect();
        let (mut name, mut answers) = (String::new(), Vec::new());
        let most = if self.can_batch(TOKENS_SIGNATURE) { self.max_batch_size } else { Some(1) };
        for run in LoadedEncoder::runs(&mut rows, most) {
            let (places, rows): (Vec<_>, Vec<_>) = rows[run].iter().cloned().unzip();
            let outputs = bound.run(&*self.replica, &encoder.inputs(&rows)?, &[], stop)?;
            for output in outputs {
                for (index, place) in places.iter().enumerate() {
                    answers.push((*place, output.tensor.slice_rows(index..index + 1)?));
                }
                name = output.name;
            }
        }
        Ok(vec![NamedTensor::new(name, in_order(answers)?)])
    }

    fn bound(&self, name: &str) -> Result<&BoundSignature, ServiceError> {
        self.bound.get(name).ok_or_else(|| unknown(name))
    }
}

fn unknown(signature: &str) -> ServiceError {
    let shown: String = signature.chars().take(256).collect();
    let message = format!("Serving signature key \"{shown}\" not found.");
    ServiceError::new(ErrorCode::FailedPrecondition, message)
}

/// Adds a signature that an encoder has beside those of its manifest.
fn add(
    signatures: &mut BTreeMap<String, Signature>,
    name: &str,
    signature: Signature,
) -> Result<(), EngineError> {
    match signatures.insert(name.to_owned(), signature) {
        None => Ok(()),
        Some(_) => {
            Err(EngineError::model(format!("signature `{name}` is there already, expected the encoder's")))
        }
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
        columns: None,
    }
}
