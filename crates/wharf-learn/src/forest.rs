//! A decision tree, and many of them over random halves of data and features (Breiman 2001).

mod grow;
mod score;
mod settings;
#[cfg(test)]
mod tests;

use rayon::prelude::*;
use wharf_onnx::{GraphBuilder, Value};
use wharf_transform::CounterRng;

pub use settings::{Criterion, DecisionTree, FeatureCount, RandomForest};

use self::grow::{Grower, Outcome};
use crate::bins::{Binned, Bins, MAX_BINS};
use crate::export::{Ensemble, Head, add_trees};
use crate::tree::{Tree, importances, sums};
use crate::{FitOptions, LearnError, Matrix, Prediction, Target};

/// Keeps these random numbers apart from every other use of the same seed.
const DOMAIN: u64 = u64::from_be_bytes(*b"  forest");

/// Trees whose leaves are averaged; one for a decision tree.
#[derive(Clone, Debug, PartialEq)]
pub struct AveragedTrees {
    trees: Vec<Tree>,
    /// How many classes there are; `None` for numbers.
    classes: Option<usize>,
    features: usize,
    /// What was taken off the numbers before the trees grew.
    offset: f64,
    out_of_bag: Option<f64>,
}

impl DecisionTree {
    /// Grows a tree over at most 255 quantiles of each feature, all of its values where there are no more.
    ///
    /// # Errors
    /// A setting or the data are out of range, or the caller asked to stop.
    pub fn fit(
        &self,
        features: &Matrix,
        target: &Target,
        options: &FitOptions<'_>,
    ) -> Result<AveragedTrees, LearnError> {
        self.check()?;
        options.check(features, target)?;
        let data = Data::new(features, target, options);
        let grower = self.grower(&data, features.columns());
        let weights: Vec<f64> = (0..features.rows()).map(|row| options.weight(row)).collect();
        let rng = CounterRng::new(&[options.seed, DOMAIN]);
        let tree = grower.grow(&weights, rng, options.stop).ok_or_else(LearnError::stopped)?;
        Ok(data.averaged(vec![tree], None))
    }

    fn grower<'a>(&self, data: &'a Data, features_per_split: usize) -> Grower<'a> {
        Grower {
            bins: &data.bins,
            binned: &data.binned,
            outcome: &data.outcome,
            criterion: self.criterion,
            max_depth: if self.max_depth == 0 { usize::MAX } else { self.max_depth },
            min_leaf: self.min_leaf,
            features_per_split,
        }
    }
}

impl RandomForest {
    /// Grows the trees, each over its own sample and with its own random numbers.
    ///
    /// # Errors
    /// A setting or the data are out of range, or the caller asked to stop.
    pub fn fit(
        &self,
        features: &Matrix,
        target: &Target,
        options: &FitOptions<'_>,
    ) -> Result<AveragedTrees, LearnError> {
        self.check()?;
        options.check(features, target)?;
        let data = Data::new(features, target, options);
        let per_split = self.max_features.of(features.columns(), target);
        let grower = self.tree().grower(&data, per_split);
        let grow = |index: usize| {
            let mut rng = CounterRng::new(&[options.seed, DOMAIN, index as u64]);
            let mut weights = self.draw(features.rows(), &mut rng);
            weights.iter_mut().enumerate().for_each(|(row, weight)| *weight *= options.weight(row));
            let tree = grower.grow(&weights, rng, options.stop).ok_or_else(LearnError::stopped)?;
            Ok((tree, weights))
        };
        let grown: Vec<(Tree, Vec<f64>)> =
            (0..self.trees).into_par_iter().map(grow).collect::<Result<_, LearnError>>()?;
        let score = self.bootstrap.then(|| data.out_of_bag(&grown, features, target, options)).flatten();
        Ok(data.averaged(grown.into_iter().map(|(tree, _)| tree).collect(), score))
    }

    /// How often each sample is drawn; once without bootstrap.
    fn draw(&self, rows: usize, rng: &mut CounterRng) -> Vec<f64> {
        if !self.bootstrap {
            return vec![1.0; rows];
        }
        let mut counts = vec![0.0; rows];
        (0..rows).for_each(|_| counts[rng.below(rows as u64) as usize] += 1.0);
        counts
    }
}

/// What all trees of a fit share.
struct Data {
    bins: Bins,
    binned: Binned,
    outcome: Outcome,
    classes: Option<usize>,
    offset: f64,
}

impl Data {
    fn new(features: &Matrix, target: &Target, options: &FitOptions<'_>) -> Self {
        let bins = Bins::new(features, MAX_BINS, options.seed);
        let binned = bins.apply(features);
        match target {
            Target::Classes { indices, count } => {
                let outcome = Outcome::Classes { indices: indices.clone(), count: *count };
                Self { bins, binned, outcome, classes: Some(*count), offset: 0.0 }
            }
            Target::Numbers(values) => {
                // Sums of squares of numbers far from zero would lose their digits.
                let offset = values.iter().sum::<f64>() / values.len() as f64;
                let outcome = Outcome::Numbers(values.iter().map(|value| value - offset).collect());
                Self { bins, binned, outcome, classes: None, offset }
            }
        }
    }

    fn averaged(&self, trees: Vec<Tree>, out_of_bag: Option<f64>) -> AveragedTrees {
        let features = self.bins.features();
        AveragedTrees { trees, classes: self.classes, features, offset: self.offset, out_of_bag }
    }

    /// The score over the samples that some tree has not seen, each by those trees alone.
    fn out_of_bag(
        &self,
        grown: &[(Tree, Vec<f64>)],
        features: &Matrix,
        target: &Target,
        options: &FitOptions<'_>,
    ) -> Option<f64> {
        let of_row = |row: usize| {
            let unseen = grown.iter().filter(|(_, weights)| weights[row] == 0.0);
            let mut sums = vec![0.0; self.classes.unwrap_or(1)];
            let mut count = 0;
            for (tree, _) in unseen {
                let values = tree.of_row(features.row(row));
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(*value));
                count += 1;
            }
            (count > 0).then(|| sums.into_iter().map(|sum| sum / f64::from(count)).collect::<Vec<f64>>())
        };
        let means: Vec<Option<Vec<f64>>> = (0..features.rows())
            .into_par_iter()
            .map(|row| if options.weight(row) > 0.0 { of_row(row) } else { None })
            .collect();
        score::of_means(&means, target, self.offset, options)
    }
}

impl AveragedTrees {
    /// Accuracy or coefficient of determination over the samples that trees of a forest have not seen; `None`
    /// without bootstrap.
    pub fn out_of_bag_score(&self) -> Option<f64> {
        self.out_of_bag
    }

    /// The part of each feature in what the splits gained; they sum up to one.
    pub fn importances(&self) -> Vec<f64> {
        importances(&self.trees, self.features)
    }

    /// How many features go in.
    pub fn features(&self) -> usize {
        self.features
    }

    /// A prediction per row.
    ///
    /// # Errors
    /// The number of columns is another than in the fit.
    pub fn predict(&self, features: &Matrix) -> Result<Prediction, LearnError> {
        features.require_columns(self.features)?;
        let trees = self.trees.len() as f64;
        let trees_of: Vec<&Tree> = self.trees.iter().collect();
        let sums = sums(&trees_of, features, self.classes.unwrap_or(1)).into_iter();
        Ok(match self.classes {
            Some(classes) => {
                Prediction::Probabilities { values: sums.map(|sum| sum / trees).collect(), classes }
            }
            None => Prediction::Numbers(sums.map(|sum| sum / trees + self.offset).collect()),
        })
    }

    pub(crate) fn add_to(&self, graph: &mut GraphBuilder, features: &Value) -> Result<Head, LearnError> {
        let base = if self.classes.is_some() { Vec::new() } else { vec![self.offset as f32] };
        let ensemble = Ensemble {
            trees: self.trees.iter().map(|tree| (tree, 0)).collect(),
            targets: self.classes.unwrap_or(1),
            base,
            scale: 1.0 / self.trees.len() as f32,
        };
        let sums = add_trees(graph, features, &ensemble)?;
        Ok(match self.classes {
            Some(classes) => Head::Probabilities(sums, classes),
            None => Head::Number(sums),
        })
    }
}
