//! The settings of a perceptron.

use serde::{Deserialize, Serialize};

use crate::LearnError;
use crate::check::{at_least, in_range};

/// A multilayer perceptron with rectifiers, trained by Adam (Kingma and Ba 2015). Features should be scaled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Perceptron {
    /// The sizes of the hidden layers; none for a linear model.
    pub hidden: Vec<usize>,
    /// How often all samples are seen at most.
    pub epochs: usize,
    /// How many samples a step is taken over at most; an epoch has at least 16 steps if there are samples enough.
    pub batch: usize,
    /// The length of a step.
    pub learning_rate: f64,
    /// The penalty on the squared weights: half of it times their sum is added to the mean loss.
    pub l2: f64,
    /// After how many epochs without a better loss on the held-out part training ends; 0 trains all epochs and
    /// holds nothing out. The weights of the best epoch are kept.
    pub patience: usize,
    /// The part of the samples that is held out for that, above 0 and below 1.
    pub validation: f64,
}

impl Default for Perceptron {
    fn default() -> Self {
        Self {
            hidden: vec![64, 32],
            epochs: 100,
            batch: 256,
            learning_rate: 2e-3,
            l2: 1e-4,
            patience: 10,
            validation: 0.1,
        }
    }
}

impl Perceptron {
    pub(super) fn check(&self) -> Result<(), LearnError> {
        self.hidden.iter().try_for_each(|&size| at_least("hidden", size, 1))?;
        at_least("epochs", self.epochs, 1)?;
        at_least("batch", self.batch, 1)?;
        in_range("learning_rate", self.learning_rate, f64::MIN_POSITIVE..=f64::MAX)?;
        in_range("l2", self.l2, 0.0..=f64::MAX)?;
        in_range("validation", self.validation, f64::MIN_POSITIVE..=0.99)
    }
}
