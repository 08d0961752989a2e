//! Steps by Adam over random batches, and when they end.

use rayon::prelude::*;
use wharf_transform::CounterRng;

use super::network::{Goal, Network, loss_and_slopes};
use super::settings::Perceptron;
use crate::{FitOptions, LearnError, Matrix};

/// Keeps these random numbers apart from every other use of the same seed.
const DOMAIN: u64 = u64::from_be_bytes(*b"percep b");
/// How many samples of a batch a thread takes; fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 64;
/// How many steps an epoch has at least, so that few samples are learned in as many epochs as many are.
const LEAST_STEPS: usize = 16;
/// How fast Adam forgets the mean and the mean square of gradients, and what keeps its division from zero.
const MEAN_DECAY: f32 = 0.9;
const SQUARE_DECAY: f32 = 0.999;
const EPSILON: f32 = 1e-8;

pub(super) struct Trainer<'a> {
    settings: &'a Perceptron,
    features: &'a Matrix,
    goal: &'a Goal,
    options: &'a FitOptions<'a>,
    train: Vec<usize>,
    held_out: Vec<usize>,
}

/// What Adam remembers.
struct Moments {
    mean: Network,
    square: Network,
    steps: i32,
}

impl<'a> Trainer<'a> {
    pub(super) fn new(
        settings: &'a Perceptron,
        features: &'a Matrix,
        goal: &'a Goal,
        options: &'a FitOptions<'a>,
    ) -> Self {
        let rows = features.rows();
        let held =
            if settings.patience == 0 { 0 } else { (rows as f64 * settings.validation).round() as usize };
        let mut order = CounterRng::new(&[options.seed, DOMAIN]).permutation(rows);
        let train = order.split_off(if held < rows { held } else { 0 });
        Self { settings, features, goal, options, train, held_out: order }
    }

    pub(super) fn run(&self, mut network: Network) -> Result<Network, LearnError> {
        let mut moments = Moments { mean: network.zeros(), square: network.zeros(), steps: 0 };
        let batch = self.settings.batch.min(self.train.len() / LEAST_STEPS).max(1);
        let mut best = (f64::INFINITY, 0, network.clone());
        for epoch in 0..self.settings.epochs {
            let mut order = self.train.clone();
            CounterRng::new(&[self.options.seed, DOMAIN, epoch as u64]).shuffle(&mut order);
            for rows in order.chunks(batch) {
                self.options.check_stop()?;
                let gradients = self.gradients(&network, rows);
                moments.step(&mut network, &gradients, self.settings.learning_rate as f32);
            }
            if self.held_out.is_empty() {
                continue;
            }
            let loss = self.loss(&network);
            if loss < best.0 {
                best = (loss, epoch, network.clone());
            } else if epoch - best.1 >= self.settings.patience {
                break;
            }
        }
        Ok(if self.held_out.is_empty() { network } else { best.2 })
    }

    /// The gradients of the mean loss over `rows`, and of the penalty.
    fn gradients(&self, network: &Network, rows: &[usize]) -> Network {
        let total: f64 = rows.iter().map(|&row| self.options.weight(row)).sum();
        let scale = if total > 0.0 { 1.0 / total } else { 0.0 };
        let parts: Vec<Network> = rows
            .par_chunks(CHUNK)
            .map(|rows| {
                let mut gradients = network.zeros();
                let weights: Vec<f32> =
                    rows.iter().map(|&row| (self.options.weight(row) * scale) as f32).collect();
                network.add_gradients(self.rows(rows), self.goal, rows, &weights, &mut gradients);
                gradients
            })
            .collect();
        let mut sum = network.zeros();
        for mut part in parts {
            for (sum, part) in sum.layers_mut().iter_mut().zip(part.layers_mut()) {
                sum.parameters_mut().zip(part.parameters_mut()).for_each(|(sum, part)| *sum += *part);
            }
        }
        let l2 = self.settings.l2 as f32;
        for (sum, layer) in sum.layers_mut().iter_mut().zip(network.layers()) {
            sum.weights.iter_mut().zip(&layer.weights).for_each(|(sum, weight)| *sum += l2 * weight);
        }
        sum
    }

    /// The mean loss over the held-out part.
    fn loss(&self, network: &Network) -> f64 {
        let parts: Vec<[f64; 2]> = self
            .held_out
            .par_chunks(CHUNK)
            .map(|rows| {
                let weights: Vec<f32> = rows.iter().map(|&row| self.options.weight(row) as f32).collect();
                let mut outputs = network.forward(self.rows(rows)).pop().unwrap_or_default();
                let sum = loss_and_slopes(&mut outputs, self.goal, rows, &weights);
                [sum, weights.iter().map(|&weight| f64::from(weight)).sum()]
            })
            .collect();
        let sum: f64 = parts.iter().map(|part| part[0]).sum();
        let total: f64 = parts.iter().map(|part| part[1]).sum();
        if total > 0.0 { sum / total } else { 0.0 }
    }

    fn rows(&self, rows: &[usize]) -> Vec<f32> {
        rows.iter().flat_map(|&row| self.features.row(row)).copied().collect()
    }
}

impl Moments {
    /// A step by bias-corrected moments.
    fn step(&mut self, network: &mut Network, gradients: &Network, learning_rate: f32) {
        self.steps = self.steps.saturating_add(1);
        let correction = |decay: f32| 1.0 - decay.powi(self.steps);
        let (of_mean, of_square) = (correction(MEAN_DECAY), correction(SQUARE_DECAY));
        let mut gradients = gradients.clone();
        let moments = self.mean.layers_mut().iter_mut().zip(self.square.layers_mut());
        let layers = network.layers_mut().iter_mut().zip(gradients.layers_mut());
        for ((layer, gradient), (mean, square)) in layers.zip(moments) {
            let parameters = layer.parameters_mut().zip(gradient.parameters_mut());
            let moments = mean.parameters_mut().zip(square.parameters_mut());
            for ((parameter, gradient), (mean, square)) in parameters.zip(moments) {
                *mean += (1.0 - MEAN_DECAY) * (*gradient - *mean);
                *square += (1.0 - SQUARE_DECAY) * (*gradient * *gradient - *square);
                *parameter -= learning_rate * (*mean / of_mean) / ((*square / of_square).sqrt() + EPSILON);
            }
        }
    }
}
