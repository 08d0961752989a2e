//! A small multilayer perceptron: layers with rectifiers, Adam, early stopping.

mod network;
mod settings;
#[cfg(test)]
mod tests;
mod train;

use rayon::prelude::*;
use wharf_onnx::{GraphBuilder, Value};
use wharf_tensor::{Shape, Tensor};

pub use settings::Perceptron;

use self::network::{Goal, Network};
use self::train::Trainer;
use crate::export::Head;
use crate::prediction::softmax;
use crate::{FitOptions, LearnError, Matrix, Prediction, Target};

/// How many samples go through the network together.
const ROWS: usize = 256;

/// A perceptron after training.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainedPerceptron {
    network: Network,
    /// How many classes there are; `None` for numbers.
    classes: Option<usize>,
    /// Mean and deviation of the numbers that were learned.
    mean: f64,
    deviation: f64,
}

impl Perceptron {
    /// Trains until the held-out part gets no better, or for all epochs.
    ///
    /// # Errors
    /// A setting or the data are out of range, a value is missing, or the caller asked to stop.
    pub fn fit(
        &self,
        features: &Matrix,
        target: &Target,
        options: &FitOptions<'_>,
    ) -> Result<TrainedPerceptron, LearnError> {
        self.check()?;
        options.check(features, target)?;
        features.require_complete("a perceptron")?;
        let (goal, classes, mean, deviation) = match target {
            Target::Classes { indices, count } => (Goal::Classes(indices.clone()), Some(*count), 0.0, 1.0),
            Target::Numbers(values) => {
                let (mean, deviation) = moments(values);
                let scaled = values.iter().map(|value| ((value - mean) / deviation) as f32).collect();
                (Goal::Numbers(scaled), None, mean, deviation)
            }
        };
        let network = Network::new(features.columns(), &self.hidden, classes.unwrap_or(1), options.seed);
        let network = Trainer::new(self, features, &goal, options).run(network)?;
        Ok(TrainedPerceptron { network, classes, mean, deviation })
    }
}

impl TrainedPerceptron {
    /// How many features go in.
    pub fn features(&self) -> usize {
        self.network.inputs()
    }

    /// A prediction per row.
    ///
    /// # Errors
    /// The number of columns is another than in the fit, or a value is missing.
    pub fn predict(&self, features: &Matrix) -> Result<Prediction, LearnError> {
        features.require_columns(self.network.inputs())?;
        features.require_complete("a perceptron")?;
        let blocks = features.values().par_chunks(ROWS * features.columns());
        let outputs = blocks.flat_map_iter(|block| {
            self.network.forward(block.to_vec()).pop().unwrap_or_default().into_iter().map(f64::from)
        });
        let mut outputs: Vec<f64> = outputs.collect();
        Ok(match self.classes {
            Some(classes) => {
                outputs.chunks_exact_mut(classes).for_each(softmax);
                Prediction::Probabilities { values: outputs, classes }
            }
            None => {
                outputs.iter_mut().for_each(|value| *value = *value * self.deviation + self.mean);
                Prediction::Numbers(outputs)
            }
        })
    }

    pub(crate) fn add_to(&self, graph: &mut GraphBuilder, features: &Value) -> Result<Head, LearnError> {
        let mut value = features.clone();
        let layers = self.network.layers();
        for (place, layer) in layers.iter().enumerate() {
            let shape = Shape::new(&[layer.inputs, layer.outputs])?;
            let weight = Tensor::from_vec(shape, layer.weights.clone())?;
            let bias = Tensor::from_vec(Shape::new(&[layer.outputs])?, layer.biases.clone())?;
            let weight = graph.initializer(&format!("layer{place}.weight"), &weight)?;
            let bias = graph.initializer(&format!("layer{place}.bias"), &bias)?;
            value = graph.gemm(&value, &weight, Some(&bias));
            if place + 1 < layers.len() {
                value = graph.relu(&value);
            }
        }
        Ok(match self.classes {
            Some(classes) => Head::Probabilities(graph.softmax(&value, 1), classes),
            None => {
                let (deviation, mean) = (graph.scalar(self.deviation as f32), graph.scalar(self.mean as f32));
                let scaled = graph.mul(&value, &deviation);
                Head::Number(graph.add(&scaled, &mean))
            }
        })
    }
}

/// Mean and standard deviation; 1 instead of a deviation of 0.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, if variance > 0.0 { variance.sqrt() } else { 1.0 })
}
