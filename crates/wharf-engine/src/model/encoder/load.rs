//! From a bundle and its graph to an encoder.

use wharf_bundle::{
    Bundle, Encoder, EncoderKind, Method, OutputSource, PooledFinish, Signature, SignatureInput,
    SignatureOutput, TOKENIZER_FILE,
};
use wharf_encode::{TextTokenizer, TokenRow};
use wharf_tensor::{DType, Tensor, TensorSpec};

use super::graph::{GraphInputs, output};
use super::{DEFAULT_MAX_TOKENS, LoadedEncoder, PAIR_INPUT, TEXT_INPUT};
use crate::{EngineError, Replica};

/// The numbers that a graph gives for a text.
const EMBEDDING: &str = "embedding";
/// The number that a ranker gives for a pair.
const SCORE: &str = "score";

impl LoadedEncoder {
    /// The encoder of a bundle over a graph that is loaded; `None` where it is none. A folder without a manifest whose
    /// graph is no encoder's is served as it is. The graph is asked once: it has to take the tokenizer's tokens.
    ///
    /// # Errors
    /// A file that says how it is asked is no good, or does not fit the graph.
    pub(in super::super) fn load(
        bundle: &Bundle,
        replica: &dyn Replica,
    ) -> Result<Option<Self>, EngineError> {
        let settings = bundle.encoder().map_err(|error| EngineError::model(error.to_string()))?;
        let Some(settings) = settings else { return Ok(None) };
        let fitted = GraphInputs::of(replica.inputs())
            .and_then(|inputs| Ok((inputs, output(&settings, replica.outputs())?)));
        let (inputs, (vectors, pooling)) = match fitted {
            Ok(fitted) => fitted,
            Err(problem) if bundle.has_manifest() => return Err(EngineError::model(problem)),
            Err(problem) => {
                tracing::info!(model.name = bundle.manifest().name, problem, "not asked with text");
                return Ok(None);
            }
        };
        let tokenizer = tokenizer(bundle)?;
        let max_tokens = inputs.fixed_length().or(settings.max_tokens.map(|most| most as usize));
        let max_tokens = max_tokens.unwrap_or(DEFAULT_MAX_TOKENS);
        let settings = Encoder { pooling, ..settings };
        let mut encoder = Self { tokenizer, settings, inputs, vectors: vectors.name, size: 0, max_tokens };
        encoder.size = encoder.ask(replica)?;
        Ok(Some(encoder))
    }

    /// How many numbers the graph gives for a text.
    fn ask(&self, replica: &dyn Replica) -> Result<usize, EngineError> {
        let mut sizes = Vec::new();
        // The largest id is the first that a graph of another vocabulary does not have.
        for id in [self.tokenizer.pad(), self.tokenizer.max_id()] {
            let failed = |detail: String| {
                let text = format!("the graph does not take token {id}, which `{TOKENIZER_FILE}` has");
                EngineError::model(text).with_detail(detail)
            };
            let inputs =
                self.inputs(&[TokenRow::of_ids(vec![id])]).map_err(|error| failed(error.to_string()))?;
            let inputs: Vec<(&str, Tensor)> =
                inputs.iter().map(|input| (input.name.as_str(), input.tensor.clone())).collect();
            let outputs = replica.run(&inputs, &[&self.vectors]);
            let outputs =
                outputs.map_err(|error| failed(error.detail().unwrap_or(error.message()).to_owned()))?;
            sizes.push(outputs.first().and_then(|output| output.shape().dims().last().copied()).unwrap_or(0));
        }
        let expected = |size: &usize| *size > 0 && (!self.is_ranker() || *size == 1);
        match sizes.first().filter(|first| expected(first) && sizes.iter().all(|size| size == *first)) {
            Some(size) => Ok(*size),
            None => {
                let what = if self.is_ranker() { "one" } else { "at least one, and always as many" };
                Err(EngineError::model(format!(
                    "the graph gives {sizes:?} numbers for a text, expected {what}"
                )))
            }
        }
    }

    /// How it is asked with text.
    pub(in super::super) fn text_signature(&self) -> Signature {
        let input = |name: &str| input(&TensorSpec::new(name, DType::String, &[-1]));
        let inputs = match self.is_ranker() {
            true => vec![input(TEXT_INPUT), input(PAIR_INPUT)],
            false => vec![input(TEXT_INPUT)],
        };
        Signature { inputs, ..self.tokens_signature() }
    }

    /// How it is asked with tokens.
    pub(in super::super) fn tokens_signature(&self) -> Signature {
        let name = if self.is_ranker() { SCORE } else { EMBEDDING };
        let spec = TensorSpec::new(name, DType::F32, &[-1, i64::try_from(self.size).unwrap_or(-1)]);
        let finish = match (self.settings.normalize, self.settings.kind) {
            (false, _) => PooledFinish::None,
            (true, EncoderKind::Rank) => PooledFinish::Logistic,
            (true, _) => PooledFinish::UnitLength,
        };
        let source = OutputSource::Pooled {
            vectors: self.vectors.clone(),
            mask: self.inputs.mask().to_owned(),
            pooling: self.settings.pooling,
            finish,
        };
        Signature {
            method: Method::Predict,
            inputs: self.inputs.each().map(|(spec, _)| input(spec)).collect(),
            outputs: vec![SignatureOutput { spec, source }],
            columns: None,
        }
    }
}

fn tokenizer(bundle: &Bundle) -> Result<TextTokenizer, EngineError> {
    let json = bundle.tokenizer().map_err(|error| EngineError::model(error.to_string()))?;
    TextTokenizer::from_json(&json)
        .map_err(|error| EngineError::model(format!("file `{TOKENIZER_FILE}` {error}")))
}

fn input(spec: &TensorSpec) -> SignatureInput {
    SignatureInput { spec: spec.clone(), graph_input: spec.name.clone(), transform: Vec::new() }
}
