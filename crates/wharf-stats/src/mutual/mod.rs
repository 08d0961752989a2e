//! Mutual information between a feature and a target, in nats, as scikit-learn 1.9 estimates it.
//!
//! - discrete and discrete: from the counts ([`discrete_information`]);
//! - continuous and discrete: Ross, "Mutual information between discrete and continuous data sets" (2014);
//! - continuous and continuous: Kraskov, Stögbauer and Grassberger, "Estimating mutual information" (2004),
//!   their first estimator, in the maximum norm.
//!
//! A continuous column is divided by its standard deviation and gets noise of 1e-10 of its size, so that equal
//! values come apart. The noise is the crate's own, from a seed, or is given; without ties it changes nothing
//! above 1e-9.

mod class;
mod discrete;
mod joint;
mod kd_tree;
mod line;
mod prepare;

use rayon::prelude::*;

pub(crate) use discrete::{counts, entropy_of_counts};
pub use discrete::{discrete_information, entropy};

use crate::error::{StatsError, check_count, check_length};
use prepare::{Noise, Prepared, Target};

/// The values of a column.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// Numbers with an order and a distance; none is NaN or infinite.
    Continuous(&'a [f64]),
    /// Classes, with neither.
    Discrete(&'a [u32]),
}

impl Column<'_> {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Continuous(values) => values.len(),
            Self::Discrete(classes) => classes.len(),
        }
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entropy of its values as classes, in nats: no other column can tell more about it.
    fn entropy(&self) -> f64 {
        match self {
            Self::Continuous(values) => discrete::entropy_of_values(values),
            Self::Discrete(classes) => entropy(classes),
        }
    }
}

/// How mutual information is estimated.
///
/// ```
/// use wharf_stats::{Column, MutualInformation};
///
/// let class: Vec<u32> = (0..100).map(|row| row % 2).collect();
/// let telling: Vec<f64> = class.iter().zip(0..).map(|(class, row)| f64::from(class * 1000 + row)).collect();
/// let idle: Vec<f64> = (0..100).map(|row| f64::from(row * 37 % 101)).collect();
/// let columns = [Column::Continuous(&telling), Column::Continuous(&idle)];
/// let scores = MutualInformation::default().scores(&columns, Column::Discrete(&class))?;
/// assert!(scores[0].nats > 0.6 && scores[1].nats < 0.1);
/// # Ok::<(), wharf_stats::StatsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MutualInformation {
    /// Which nearest neighbour sets the radius around a sample; 3 as in scikit-learn.
    pub neighbours: usize,
    /// Whether no score may exceed the entropy of either column. The estimators can, by far where a feature
    /// is constant and a class is rare.
    pub guard: bool,
    /// Seed of the noise on continuous columns.
    pub seed: u64,
}

impl Default for MutualInformation {
    fn default() -> Self {
        Self { neighbours: 3, guard: true, seed: 0 }
    }
}

/// What a feature tells about a target.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct MutualScore {
    /// Mutual information in nats, never negative.
    pub nats: f64,
    /// What the estimate was before the guard lowered it; none where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unguarded: Option<f64>,
}

impl MutualInformation {
    /// Scores every feature against the target, on all threads of the pool. A feature's score depends on its
    /// place, through the noise, and on no other feature.
    ///
    /// # Errors
    /// Columns differ in length, a continuous value is not finite, there are no samples, or for two continuous
    /// columns not more than `neighbours`. The error names the column of the feature.
    pub fn scores(
        &self,
        features: &[Column<'_>],
        target: Column<'_>,
    ) -> Result<Vec<MutualScore>, StatsError> {
        let target = Target::new(target, Noise::target(self.seed))?;
        let score = |(place, feature): (usize, &Column<'_>)| {
            let noise = Noise::feature(self.seed, place);
            self.score_prepared(*feature, noise, &target).map_err(|error| error.in_column(place))
        };
        features.par_iter().enumerate().map(score).collect()
    }

    /// Scores one feature with noise that is given: one standard normal number per row for the feature and for
    /// the target, of which those of discrete columns are not used.
    ///
    /// # Errors
    /// As [`Self::scores`], and where the noise of a continuous column has another length.
    pub fn score_with_noise(
        &self,
        feature: (Column<'_>, &[f64]),
        target: (Column<'_>, &[f64]),
    ) -> Result<MutualScore, StatsError> {
        let target = Target::new(target.0, Noise::Given(target.1))?;
        self.score_prepared(feature.0, Noise::Given(feature.1), &target)
    }

    fn score_prepared(
        &self,
        column: Column<'_>,
        noise: Noise<'_>,
        target: &Target<'_>,
    ) -> Result<MutualScore, StatsError> {
        if self.neighbours == 0 {
            return Err(StatsError::setting("neighbours is 0, expected at least 1"));
        }
        check_length("feature", column.len(), target.prepared.column.len())?;
        let feature = Prepared::new("feature", column, noise)?;
        let nats = self.estimate(&feature, target)?.max(0.0);
        let bound = if self.guard { column.entropy().min(target.entropy) } else { f64::INFINITY };
        let is_lowered = nats > bound;
        Ok(MutualScore { nats: nats.min(bound), unguarded: is_lowered.then_some(nats) })
    }

    fn estimate(&self, feature: &Prepared<'_>, target: &Target<'_>) -> Result<f64, StatsError> {
        use Column::{Continuous, Discrete};
        match (feature.column, target.prepared.column) {
            (Discrete(feature), Discrete(target)) => Ok(discrete_information(feature, target)),
            (Continuous(_), Discrete(classes)) => {
                Ok(class::information(&feature.values, classes, self.neighbours, &target.digamma))
            }
            (Discrete(classes), Continuous(_)) => {
                Ok(class::information(&target.prepared.values, classes, self.neighbours, &target.digamma))
            }
            (Continuous(_), Continuous(_)) => {
                check_count("samples", feature.values.len(), self.neighbours + 1)?;
                Ok(joint::information(
                    &feature.values,
                    &target.prepared.values,
                    self.neighbours,
                    &target.digamma,
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests;
