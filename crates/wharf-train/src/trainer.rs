//! One step after the other: network, loss, optimiser and schedule together.

use crate::error::TrainError;
use crate::kernels::loss::{self, BatchLoss};
use crate::network::{Network, StepResult};
use crate::optimiser::{Optimiser, OptimiserConfig};
use crate::recipe::LossConfig;
use crate::schedule::{Place, ScheduleConfig};

/// The loss with its settings resolved for a number of classes.
#[derive(Clone, Debug)]
pub(crate) enum Loss {
    CrossEntropy { weights: Vec<f32>, smoothing: f32 },
    Mse { classes: usize },
}

impl Loss {
    pub(crate) fn new(config: &LossConfig, classes: usize) -> Result<Self, TrainError> {
        let LossConfig::CrossEntropy { class_weights, label_smoothing } = config else {
            return Ok(Self::Mse { classes });
        };
        let weights = class_weights.clone().unwrap_or_else(|| vec![1.0; classes]);
        if weights.len() != classes {
            let problem = format!("has {} numbers, the data has {classes} classes", weights.len());
            return Err(TrainError::setting("loss.class_weights", problem));
        }
        let weights = weights.into_iter().map(|weight| weight as f32).collect();
        Ok(Self::CrossEntropy { weights, smoothing: *label_smoothing as f32 })
    }

    pub(crate) fn of(&self, logits: &[f32], labels: &[usize]) -> BatchLoss {
        match self {
            Self::CrossEntropy { weights, smoothing } => {
                loss::cross_entropy(logits, labels, weights, *smoothing)
            }
            Self::Mse { classes } => loss::mean_squared_error(logits, labels, *classes),
        }
    }
}

/// A network in training.
#[derive(Clone, Debug)]
pub(crate) struct Trainer {
    pub(crate) network: Network,
    pub(crate) optimiser: Optimiser,
    config: OptimiserConfig,
    schedule: ScheduleConfig,
    loss: Loss,
    seed: u64,
    gradient: Vec<f32>,
}

impl Trainer {
    pub(crate) fn new(
        network: Network,
        config: OptimiserConfig,
        schedule: ScheduleConfig,
        loss: Loss,
        seed: u64,
    ) -> Self {
        let parameters = network.parameters().len();
        let (optimiser, gradient) = (Optimiser::new(config, parameters), vec![0.0; parameters]);
        Self { network, optimiser, config, schedule, loss, seed, gradient }
    }

    /// The learning rate at `place`.
    pub(crate) fn rate(&self, place: Place) -> f64 {
        self.config.rate() * self.schedule.factor(place)
    }

    /// Moves the parameters by one batch.
    pub(crate) fn step(&mut self, pictures: Vec<f32>, labels: &[usize], place: Place) -> StepResult {
        let loss = &self.loss;
        let key = (self.seed, place.step);
        let result = self.network.step(pictures, key, |logits| loss.of(logits, labels), &mut self.gradient);
        let rate = self.rate(place);
        self.optimiser.step(rate, &mut self.network.parameters, &self.gradient);
        result
    }
}
