//! Pictures with what the network makes of them, and the cases of a bundle made of those.

use std::collections::BTreeMap;

use bytes::Bytes;
use wharf_bundle::{DEFAULT_SIGNATURE, GoldenCase};
use wharf_tensor::{Shape, Tensor, TensorError};
use wharf_transform::{Pipeline, Step};

use super::graph::{CLASSES, INPUT, LOGITS, PROBABILITIES, floats};
use super::samples::{Sample, made_up_samples, samples_of};
use super::signatures::{ENCODED, FILES_INPUT, FLOAT, LABELS};
use crate::error::TrainError;
use crate::feed::Feed;
use crate::kernels::loss::{argmax, softmax};
use crate::network::Network;
use crate::recipe::{InputType, Recipe};

/// Some pictures as clients send them, and the logits that training's own forward pass gives for them.
#[derive(Clone, Debug, PartialEq)]
pub struct Goldens {
    samples: Vec<Sample>,
    /// `[samples, classes]`.
    logits: Vec<f32>,
    is_made_up: bool,
}

impl Goldens {
    /// Takes pictures out of `feed`, evenly from all classes, through the steps that evaluation takes.
    pub(crate) fn gather(recipe: &Recipe, feed: &Feed, network: &Network) -> Result<Self, TrainError> {
        Ok(Self::of(network, samples_of(feed, recipe, network)?, false))
    }

    /// Takes noise, for a model whose data are not at hand.
    pub(super) fn made_up(recipe: &Recipe, network: &Network) -> Result<Self, TrainError> {
        Ok(Self::of(network, made_up_samples(recipe, network)?, true))
    }

    fn of(network: &Network, samples: Vec<Sample>, is_made_up: bool) -> Self {
        let inputs = samples.iter().flat_map(|sample| sample.input.iter().copied()).collect();
        Self { logits: network.logits(inputs), samples, is_made_up }
    }

    /// How many pictures there are.
    pub fn num_pictures(&self) -> usize {
        self.samples.len()
    }

    /// Whether the pictures are noise, because the data were not at hand.
    pub fn is_made_up(&self) -> bool {
        self.is_made_up
    }

    /// One case for each signature of the bundle.
    pub(super) fn cases(
        &self,
        network: &Network,
        labels: &[String],
        input: InputType,
    ) -> Result<wharf_bundle::Goldens, TrainError> {
        self.build(network, labels, input).map_err(TrainError::publish)
    }

    fn build(
        &self,
        network: &Network,
        labels: &[String],
        input: InputType,
    ) -> Result<wharf_bundle::Goldens, Box<dyn std::error::Error + Send + Sync>> {
        let outputs = self.outputs(network)?;
        let case = |name: &str, input, outputs| GoldenCase {
            inputs: BTreeMap::from([(name.to_owned(), input)]),
            outputs,
        };
        let pixels = self.pixels(network)?;
        let mut cases = BTreeMap::new();
        if input == InputType::Float {
            let numbers = Pipeline::always([Step::ToFloat])?.apply_tensor(&pixels)?;
            cases.insert(FLOAT.to_owned(), case(INPUT, numbers, outputs.clone()));
        }
        cases.insert(DEFAULT_SIGNATURE.to_owned(), case(INPUT, pixels, outputs.clone()));
        if let Some(files) = self.files() {
            let mut outputs = outputs;
            outputs.insert(LABELS.to_owned(), self.labels(network, labels)?);
            let files = Tensor::from_strings(Shape::new(&[files.len()])?, files)?;
            cases.insert(ENCODED.to_owned(), case(FILES_INPUT, files, outputs));
        }
        Ok(wharf_bundle::Goldens { cases })
    }

    /// `[N, H, W, C]`.
    fn pixels(&self, network: &Network) -> Result<Tensor, TensorError> {
        let [channels, height, width] = network.input_shape();
        let shape = Shape::new(&[self.samples.len(), height, width, channels])?;
        Tensor::from_vec(
            shape,
            self.samples.iter().flat_map(|sample| sample.pixels.iter().copied()).collect(),
        )
    }

    fn files(&self) -> Option<Vec<Bytes>> {
        self.samples.iter().map(|sample| sample.file.clone()).collect()
    }

    fn outputs(&self, network: &Network) -> Result<BTreeMap<String, Tensor>, TensorError> {
        let (count, classes) = (self.samples.len(), network.classes());
        let probabilities: Vec<f32> = self.logits.chunks_exact(classes).flat_map(softmax).collect();
        let winners = self.winners(network).map(|class| i64::try_from(class).unwrap_or(i64::MAX));
        Ok(BTreeMap::from([
            (LOGITS.to_owned(), floats(&[count, classes], &self.logits)?),
            (PROBABILITIES.to_owned(), floats(&[count, classes], &probabilities)?),
            (CLASSES.to_owned(), Tensor::from_vec(Shape::new(&[count])?, winners.collect())?),
        ]))
    }

    fn labels(&self, network: &Network, labels: &[String]) -> Result<Tensor, TensorError> {
        let label =
            |class: usize| labels.get(class).map(|label| Bytes::from(label.clone())).unwrap_or_default();
        Tensor::from_strings(Shape::new(&[self.samples.len()])?, self.winners(network).map(label).collect())
    }

    fn winners(&self, network: &Network) -> impl Iterator<Item = usize> {
        self.logits.chunks_exact(network.classes()).map(argmax)
    }
}
