//! How boosting grows its trees.

use serde::{Deserialize, Serialize};
use wharf_transform::CounterRng;

use crate::LearnError;
use crate::bins::MAX_BINS;
use crate::check::{at_least, in_range};

/// Keeps the held-out part apart from every other use of the same seed.
const DOMAIN: u64 = u64::from_be_bytes(*b"hold out");

/// How gradient boosting grows its trees. Missing values are learned, not imputed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GradientBoosting {
    /// How many rounds at most; a round is one tree, for three or more classes one tree per class.
    pub trees: usize,
    /// What each tree's step is multiplied by, above 0 and at most 1.
    pub learning_rate: f64,
    /// How many leaves a tree has at most, 2 or more.
    pub max_leaves: usize,
    /// How many decisions lie between root and leaf at most; 0 for any number.
    pub max_depth: usize,
    /// How many samples a leaf has at least.
    pub min_child: usize,
    /// The penalty on the squared values of leaves.
    pub l2: f64,
    /// What a split must gain at least.
    pub min_gain: f64,
    /// The part of the samples that each tree sees, above 0 and at most 1.
    pub subsample: f64,
    /// The part of the features that each tree sees, above 0 and at most 1.
    pub column_sample: f64,
    /// Into how many bins a feature is cut at most, 2 to 255.
    pub bins: usize,
    /// After how many rounds without a better loss on the held-out part growth ends; 0 grows all and holds
    /// nothing out. The rounds after the best are dropped.
    pub patience: usize,
    /// The part of the samples that is held out for that, above 0 and below 1.
    pub validation: f64,
}

impl Default for GradientBoosting {
    fn default() -> Self {
        Self {
            trees: 500,
            learning_rate: 0.06,
            max_leaves: 31,
            max_depth: 0,
            min_child: 20,
            l2: 1.0,
            min_gain: 0.0,
            subsample: 0.8,
            column_sample: 0.5,
            bins: MAX_BINS,
            patience: 30,
            validation: 0.1,
        }
    }
}

impl GradientBoosting {
    pub(super) fn check(&self) -> Result<(), LearnError> {
        let part = f64::MIN_POSITIVE..=1.0;
        at_least("trees", self.trees, 1)?;
        in_range("learning_rate", self.learning_rate, part.clone())?;
        at_least("max_leaves", self.max_leaves, 2)?;
        in_range("l2", self.l2, 0.0..=f64::MAX)?;
        in_range("min_gain", self.min_gain, 0.0..=f64::MAX)?;
        in_range("subsample", self.subsample, part.clone())?;
        in_range("column_sample", self.column_sample, part)?;
        in_range("bins", self.bins as f64, 2.0..=MAX_BINS as f64)?;
        in_range("validation", self.validation, f64::MIN_POSITIVE..=0.99)
    }

    /// The samples to grow on and those to hold out, both ascending.
    pub(super) fn hold_out(&self, rows: usize, seed: u64) -> (Vec<u32>, Vec<u32>) {
        let held_out = (rows as f64 * self.validation).round() as usize;
        if self.patience == 0 || held_out == 0 || held_out >= rows {
            return ((0..rows as u32).collect(), Vec::new());
        }
        let mut order: Vec<u32> = (0..rows as u32).collect();
        CounterRng::new(&[seed, DOMAIN]).shuffle(&mut order);
        let mut train = order.split_off(held_out);
        train.sort_unstable();
        order.sort_unstable();
        (train, order)
    }
}
