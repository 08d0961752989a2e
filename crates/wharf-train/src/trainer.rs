//! One step after the other: network, loss, optimiser and schedule together.

use crate::error::TrainError;
use crate::gradient::Accumulator;
use crate::kernels::loss::{self, BatchLoss, ElementLoss};
use crate::mixup::Mixup;
use crate::network::{Network, StepResult};
use crate::optimiser::{Optimiser, OptimiserConfig};
use crate::recipe::{BatchConfig, LossConfig, Recipe};
use crate::schedule::{Place, ScheduleConfig};

/// The loss with its settings resolved for a number of classes.
#[derive(Clone, Debug)]
pub(crate) enum Loss {
    CrossEntropy { weights: Vec<f32>, smoothing: f32 },
    Mse { classes: usize },
    BinaryCrossEntropy { positive_weights: Vec<f32> },
    Mae { classes: usize },
    Huber { classes: usize, delta: f64 },
}

impl Loss {
    pub(crate) fn new(config: &LossConfig, classes: usize) -> Result<Self, TrainError> {
        let resolved = |key: &str, weights: &Option<Vec<f64>>| {
            let weights = weights.clone().unwrap_or_else(|| vec![1.0; classes]);
            if weights.len() != classes {
                let problem = format!("has {} numbers, the data has {classes} classes", weights.len());
                return Err(TrainError::setting(key, problem));
            }
            Ok(weights.into_iter().map(|weight| weight as f32).collect::<Vec<f32>>())
        };
        Ok(match config {
            LossConfig::CrossEntropy { class_weights, label_smoothing } => Self::CrossEntropy {
                weights: resolved("loss.class_weights", class_weights)?,
                smoothing: *label_smoothing as f32,
            },
            LossConfig::BinaryCrossEntropy { pos_weight } => {
                Self::BinaryCrossEntropy { positive_weights: resolved("loss.pos_weight", pos_weight)? }
            }
            LossConfig::Mse => Self::Mse { classes },
            LossConfig::Mae => Self::Mae { classes },
            LossConfig::Huber { delta } => Self::Huber { classes, delta: *delta },
        })
    }

    pub(crate) fn of(&self, logits: &[f32], labels: &[usize]) -> BatchLoss {
        match self {
            Self::CrossEntropy { weights, smoothing } => {
                loss::cross_entropy(logits, labels, weights, *smoothing)
            }
            Self::Mse { classes } => loss::mean_squared_error(logits, labels, *classes),
            Self::BinaryCrossEntropy { positive_weights } => {
                against_labels(logits, labels, positive_weights.len(), |targets| {
                    loss::binary_cross_entropy(logits, targets, positive_weights)
                })
            }
            Self::Mae { classes } => {
                against_labels(logits, labels, *classes, |targets| loss::mean_absolute_error(logits, targets))
            }
            Self::Huber { classes, delta } => {
                against_labels(logits, labels, *classes, |targets| loss::huber(logits, targets, *delta))
            }
        }
    }
}

/// The loss of outputs against one-hot labels.
fn against_labels(
    logits: &[f32],
    labels: &[usize],
    classes: usize,
    loss: impl Fn(&[f32]) -> ElementLoss,
) -> BatchLoss {
    let mut targets = vec![0.0; logits.len()];
    targets.chunks_exact_mut(classes).zip(labels).for_each(|(row, label)| row[*label] = 1.0);
    let ElementLoss { loss, gradient } = loss(&targets);
    BatchLoss { loss, correct: loss::count_correct(logits, labels, classes), gradient }
}

/// A network in training.
#[derive(Clone, Debug)]
pub(crate) struct Trainer {
    pub(crate) network: Network,
    pub(crate) optimiser: Optimiser,
    /// Gradients that wait for the optimiser; unused where it follows every batch.
    pub(crate) waiting: Accumulator,
    config: OptimiserConfig,
    schedule: ScheduleConfig,
    batches: BatchConfig,
    loss: Loss,
    seed: u64,
    gradient: Vec<f32>,
}

impl Trainer {
    /// Trains `network` as `recipe` says.
    pub(crate) fn new(network: Network, recipe: &Recipe, loss: Loss) -> Self {
        let parameters = network.parameters().len();
        Self {
            optimiser: Optimiser::new(recipe.optimiser, parameters),
            waiting: Accumulator::default(),
            config: recipe.optimiser,
            schedule: recipe.schedule,
            batches: recipe.batches,
            seed: recipe.seed,
            gradient: vec![0.0; parameters],
            network,
            loss,
        }
    }

    /// Whether gradients of several batches are followed at once.
    pub(crate) fn accumulates(&self) -> bool {
        self.batches.accumulate > 1
    }

    /// The learning rate at `place`.
    pub(crate) fn rate(&self, place: Place) -> f64 {
        self.config.rate() * self.schedule.factor(place)
    }

    /// Moves the parameters by one batch.
    pub(crate) fn step(&mut self, pictures: Vec<f32>, labels: &[usize], place: Place) -> StepResult {
        let result = self.learn(pictures, labels, place);
        self.follow(place);
        result
    }

    /// Finds the gradient of one batch.
    pub(crate) fn learn(&mut self, mut pictures: Vec<f32>, labels: &[usize], place: Place) -> StepResult {
        let loss = &self.loss;
        let key = (self.seed, place.step);
        let mixup = self.batches.mixup.map(|alpha| Mixup::draw(alpha, labels.len(), self.seed, place.step));
        if let Some(mixup) = &mixup {
            mixup.blend(&mut pictures);
        }
        let cost = |logits: &[f32]| match &mixup {
            Some(mixup) => mixup.loss(labels, |labels| loss.of(logits, labels)),
            None => loss.of(logits, labels),
        };
        let result = self.network.step(pictures, key, cost, &mut self.gradient);
        if self.accumulates() {
            self.waiting.add(&self.gradient, labels.len());
        }
        result
    }

    /// Moves the parameters along what was learned since the last move.
    pub(crate) fn follow(&mut self, place: Place) {
        if self.accumulates() && !self.waiting.take(&mut self.gradient) {
            return;
        }
        if let Some(clip) = self.batches.clip {
            clip.apply(&mut self.gradient);
        }
        let rate = self.rate(place);
        self.optimiser.step(rate, &mut self.network.parameters, &self.gradient);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_must_be_as_many_as_classes() {
        let config = LossConfig::BinaryCrossEntropy { pos_weight: Some(vec![1.0, 2.0]) };
        assert!(Loss::new(&config, 2).is_ok());
        let error = Loss::new(&config, 3).unwrap_err();
        assert!(
            error.to_string().contains("`loss.pos_weight`: has 2 numbers, the data has 3 classes"),
            "{error}"
        );
    }

    #[test]
    fn every_loss_falls_along_its_gradient() {
        let kinds = [
            LossConfig::CrossEntropy { class_weights: None, label_smoothing: 0.1 },
            LossConfig::Mse,
            LossConfig::Mae,
            LossConfig::Huber { delta: 0.5 },
            LossConfig::BinaryCrossEntropy { pos_weight: Some(vec![1.0, 3.0]) },
        ];
        for kind in kinds {
            let loss = Loss::new(&kind, 2).unwrap();
            let logits = [0.5, -0.25, 2.0, 1.5];
            let before = loss.of(&logits, &[1, 0]);
            assert_eq!(before.correct, 1);
            let moved: Vec<f32> =
                logits.iter().zip(&before.gradient).map(|(logit, slope)| logit - 0.1 * slope).collect();
            assert!(loss.of(&moved, &[1, 0]).loss < before.loss, "{kind:?}");
        }
    }
}
