//! Gradient-boosted trees over histograms (Friedman 2001; histograms and growth by leaves as in LightGBM, Ke et
//! al. 2017): each tree takes a step down the gradient of the loss.

mod grow;
mod histogram;
mod loss;
mod settings;
#[cfg(test)]
mod tests;

use wharf_onnx::{GraphBuilder, Value};
use wharf_transform::CounterRng;

pub use settings::GradientBoosting;

use self::grow::Grower;
use self::histogram::Limits;
use self::loss::{Gradient, Loss};
use crate::bins::{Binned, Bins};
use crate::export::{Ensemble, Head, add_trees, two_classes};
use crate::prediction::{sigmoid, softmax};
use crate::tree::{Tree, importances, sums};
use crate::{FitOptions, LearnError, Matrix, Prediction, Target};

/// Keeps these random numbers apart from every other use of the same seed.
const DOMAIN: u64 = u64::from_be_bytes(*b"boosting");

/// Trees whose leaves sum up to scores.
#[derive(Clone, Debug, PartialEq)]
pub struct BoostedTrees {
    loss: Loss,
    baseline: Vec<f32>,
    /// Of each round one tree per score.
    trees: Vec<Tree>,
    features: usize,
}

impl GradientBoosting {
    /// Grows trees until there are [`GradientBoosting::trees`] rounds of them or the held-out part gets worse.
    ///
    /// # Errors
    /// A setting or the data are out of range, or the caller asked to stop.
    pub fn fit(
        &self,
        features: &Matrix,
        target: &Target,
        options: &FitOptions<'_>,
    ) -> Result<BoostedTrees, LearnError> {
        self.check()?;
        options.check(features, target)?;
        Booster::new(self, features, target, options).run()
    }
}

impl BoostedTrees {
    /// How many rounds of trees were kept.
    pub fn rounds(&self) -> usize {
        self.trees.len() / self.baseline.len()
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
        let scores = self.scores(features);
        Ok(match self.loss {
            Loss::Squared => Prediction::Numbers(scores),
            Loss::Logistic => {
                let pair = |score: f64| [sigmoid(-score), sigmoid(score)];
                Prediction::Probabilities { values: scores.into_iter().flat_map(pair).collect(), classes: 2 }
            }
            Loss::Softmax(classes) => {
                let mut values = scores;
                values.chunks_exact_mut(classes).for_each(softmax);
                Prediction::Probabilities { values, classes }
            }
        })
    }

    fn scores(&self, features: &Matrix) -> Vec<f64> {
        let width = self.baseline.len();
        let mut scores = vec![0.0; features.rows() * width];
        let baseline = |place: usize| f64::from(self.baseline[place % width]);
        scores.iter_mut().enumerate().for_each(|(place, score)| *score = baseline(place));
        for class in 0..width {
            let own: Vec<&Tree> = self.trees.iter().skip(class).step_by(width).collect();
            for (row, sum) in sums(&own, features, 1).into_iter().enumerate() {
                scores[row * width + class] += sum;
            }
        }
        scores
    }

    pub(crate) fn add_to(&self, graph: &mut GraphBuilder, features: &Value) -> Result<Head, LearnError> {
        let width = self.baseline.len();
        let ensemble = Ensemble {
            trees: self.trees.iter().enumerate().map(|(place, tree)| (tree, place % width)).collect(),
            targets: width,
            base: self.baseline.clone(),
            scale: 1.0,
        };
        // An operator without trees is none.
        let none = Tree::leaf(&vec![0.0; width]);
        let ensemble =
            if self.trees.is_empty() { Ensemble { trees: vec![(&none, 0)], ..ensemble } } else { ensemble };
        let scores = add_trees(graph, features, &ensemble)?;
        Ok(match self.loss {
            Loss::Squared => Head::Number(scores),
            Loss::Logistic => Head::Probabilities(two_classes(graph, &scores), 2),
            Loss::Softmax(classes) => Head::Probabilities(graph.softmax(&scores, 1), classes),
        })
    }
}

/// A fit on its way.
struct Booster<'a> {
    settings: &'a GradientBoosting,
    features: &'a Matrix,
    target: &'a Target,
    options: &'a FitOptions<'a>,
    loss: Loss,
    bins: Bins,
    binned: Binned,
    /// The samples that trees are grown on, and those that say when it is enough.
    train: Vec<u32>,
    held_out: Vec<u32>,
    /// One per sample and score.
    scores: Vec<f64>,
    baseline: Vec<f32>,
    trees: Vec<Tree>,
}

impl<'a> Booster<'a> {
    fn new(
        settings: &'a GradientBoosting,
        features: &'a Matrix,
        target: &'a Target,
        options: &'a FitOptions<'a>,
    ) -> Self {
        let loss = Loss::of(target);
        let bins = Bins::new(features, settings.bins, options.seed);
        let binned = bins.apply(features);
        let (train, held_out) = settings.hold_out(features.rows(), options.seed);
        let baseline: Vec<f32> =
            loss.baseline(target, &train, options).into_iter().map(|score| score as f32).collect();
        let row: Vec<f64> = baseline.iter().map(|&score| f64::from(score)).collect();
        let scores = row.repeat(features.rows());
        let trees = Vec::new();
        Self {
            settings,
            features,
            target,
            options,
            loss,
            bins,
            binned,
            train,
            held_out,
            scores,
            baseline,
            trees,
        }
    }

    fn run(mut self) -> Result<BoostedTrees, LearnError> {
        let mut gradients = vec![[0.0; 2]; self.features.rows()];
        let mut best = (self.held_out_loss(), 0);
        for round in 0..self.settings.trees {
            self.options.check_stop()?;
            self.grow_round(round, &mut gradients);
            if self.held_out.is_empty() {
                continue;
            }
            let loss = self.held_out_loss();
            if loss < best.0 {
                best = (loss, round + 1);
            } else if round + 1 - best.1 >= self.settings.patience {
                break;
            }
        }
        if !self.held_out.is_empty() {
            self.trees.truncate(best.1 * self.loss.width());
        }
        let Self { loss, baseline, trees, features, .. } = self;
        Ok(BoostedTrees { loss, baseline, trees, features: features.columns() })
    }

    /// One tree per score. The gradients of a round are those before it.
    fn grow_round(&mut self, round: usize, gradients: &mut [Gradient]) {
        let width = self.loss.width();
        let before = (width > 1).then(|| self.scores.clone());
        for class in 0..width {
            let scores = before.as_ref().unwrap_or(&self.scores);
            self.loss.gradients(self.target, scores, class, self.options, gradients);
            let mut rng = CounterRng::new(&[self.options.seed, DOMAIN, round as u64, class as u64]);
            let rows = drawn(&self.train, self.settings.subsample, &mut rng);
            let columns = self.columns(&mut rng);
            let tree = self.grower(&columns).grow(rows, gradients);
            self.add_to_scores(&tree, class);
            self.trees.push(tree);
        }
    }

    fn grower<'b>(&'b self, columns: &'b [usize]) -> Grower<'b> {
        let settings = self.settings;
        Grower {
            bins: &self.bins,
            binned: &self.binned,
            features: columns,
            limits: Limits { min_child: settings.min_child, l2: settings.l2, min_gain: settings.min_gain },
            max_leaves: settings.max_leaves,
            max_depth: if settings.max_depth == 0 { usize::MAX } else { settings.max_depth },
            learning_rate: settings.learning_rate,
        }
    }

    /// The features that a tree may look at, ascending.
    fn columns(&self, rng: &mut CounterRng) -> Vec<usize> {
        let all = self.features.columns();
        let count = (all as f64 * self.settings.column_sample).ceil() as usize;
        if count >= all {
            return (0..all).collect();
        }
        let mut columns = rng.permutation(all);
        columns.truncate(count.max(1));
        columns.sort_unstable();
        columns
    }

    fn add_to_scores(&mut self, tree: &Tree, class: usize) {
        use rayon::prelude::*;
        const ROWS: usize = 4096;
        let (width, features) = (self.loss.width(), self.features);
        self.scores.par_chunks_mut(ROWS * width).enumerate().for_each(|(block, scores)| {
            for (place, scores) in scores.chunks_exact_mut(width).enumerate() {
                scores[class] += f64::from(tree.of_row(features.row(block * ROWS + place))[0]);
            }
        });
    }

    fn held_out_loss(&self) -> f64 {
        self.loss.mean(self.target, &self.scores, &self.held_out, self.options)
    }
}

/// A part of `rows` without repetition, in order; all where the part is one.
fn drawn(rows: &[u32], part: f64, rng: &mut CounterRng) -> Vec<u32> {
    if part >= 1.0 {
        return rows.to_vec();
    }
    let kept: Vec<u32> = rows.iter().copied().filter(|_| rng.uniform_f64() < part).collect();
    if kept.is_empty() { rows.to_vec() } else { kept }
}
