//! One model on every fold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use wharf_learn::{Estimator, FitOptions, Fitted, LearnErrorKind, Matrix};
use wharf_stats::Fold;
use wharf_transform::CounterRng;

use crate::TabularError;
use crate::data::Sample;
use crate::metric::Metric;
use crate::prepared::{Encoded, Family};
use crate::recipe::TableRecipe;
use crate::selection::{kept, restrict};
use crate::target::Learned;

/// Keeps the drawing of rows apart from every other use of the seed.
const DOMAIN: u64 = u64::from_be_bytes(*b"part row");

/// When work ends that is not done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limit {
    /// When the budget is spent.
    pub(crate) deadline: Option<Instant>,
    /// Set by whoever asks the run to stop.
    pub(crate) stop: Arc<AtomicBool>,
}

impl Limit {
    /// Whether the budget is spent.
    pub(crate) fn is_spent(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Whether the caller wants no more.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// What came of measuring a model.
pub(crate) enum Measured {
    /// How it did on each fold.
    Scores(Vec<f64>),
    /// It cannot be fitted to these data; the reason.
    Failed(String),
    /// Time was up, or the caller stopped it.
    Stopped,
}

/// The folds of a run, encoded once for each sort of model.
pub(crate) struct FoldSet<'a> {
    recipe: &'a TableRecipe,
    sample: &'a Sample,
    folds: Vec<Fold>,
    metric: Metric,
    encoded: BTreeMap<Family, Vec<Encoded>>,
}

impl<'a> FoldSet<'a> {
    pub(crate) fn new(recipe: &'a TableRecipe, sample: &'a Sample, folds: Vec<Fold>, metric: Metric) -> Self {
        Self { recipe, sample, folds, metric, encoded: BTreeMap::new() }
    }

    /// Fits `estimator` to each fold and measures it on the rest.
    ///
    /// # Errors
    /// The columns cannot be prepared as the recipe says.
    pub(crate) fn measure(
        &mut self,
        estimator: &Estimator,
        share: Option<f64>,
        resource: f64,
        limit: &Limit,
    ) -> Result<Measured, TabularError> {
        let family = Family::of(estimator);
        self.encode(family)?;
        let folds = self.encoded.get(&family).map(Vec::as_slice).unwrap_or_default();
        let mut scores = Vec::with_capacity(folds.len());
        for fold in folds {
            match one(
                &Asked { recipe: self.recipe, estimator, share, resource, metric: self.metric, limit },
                fold,
            )? {
                One::Score(score) => scores.push(score),
                One::Failed(reason) => return Ok(Measured::Failed(reason)),
                One::Stopped => return Ok(Measured::Stopped),
            }
        }
        Ok(Measured::Scores(scores))
    }

    /// How many rows a fold has to fit to and to measure on.
    pub(crate) fn size(&self) -> (usize, usize) {
        self.folds.first().map_or((0, 0), |fold| (fold.train.len(), fold.test.len()))
    }

    fn encode(&mut self, family: Family) -> Result<(), TabularError> {
        if self.encoded.contains_key(&family) {
            return Ok(());
        }
        let TableRecipe { preparation, selection, seed, .. } = self.recipe;
        let encode = |fold| Encoded::new(self.sample, fold, preparation, family, selection.as_ref(), *seed);
        let encoded = self.folds.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
        self.encoded.insert(family, encoded);
        Ok(())
    }
}

enum One {
    Score(f64),
    Failed(String),
    Stopped,
}

/// What is asked of each fold.
struct Asked<'a> {
    recipe: &'a TableRecipe,
    estimator: &'a Estimator,
    /// The part of the features that is kept, where that is searched.
    share: Option<f64>,
    /// The part of the rows that may be fitted to.
    resource: f64,
    metric: Metric,
    limit: &'a Limit,
}

fn one(asked: &Asked<'_>, fold: &Encoded) -> Result<One, TabularError> {
    let places = asked.recipe.selection.as_ref().zip(fold.scores.as_ref());
    let places = places.map(|(selection, scores)| kept(selection, asked.share, scores));
    let restricted = |features: &Matrix| -> Result<Matrix, TabularError> {
        places.as_ref().map_or_else(|| Ok(features.clone()), |places| restrict(features, places))
    };
    let (train, learned) = part(restricted(&fold.train)?, &fold.train_learned, asked);
    let fitted = match fit(asked.recipe, asked.estimator, &train, &learned, asked.limit) {
        Ok(fitted) => fitted,
        Err(error) if error.kind() == LearnErrorKind::Stopped => return Ok(One::Stopped),
        Err(error) => return Ok(One::Failed(error.to_string())),
    };
    let predicted = match fitted.predict(&restricted(&fold.test)?) {
        Ok(predicted) => predicted,
        Err(error) => return Ok(One::Failed(error.to_string())),
    };
    let metric = asked.metric;
    Ok(match metric.score(&fold.test_learned, &predicted) {
        Ok(score) if score.is_finite() => One::Score(score),
        Ok(score) => One::Failed(format!("{} is {score}", metric.name())),
        Err(error) => One::Failed(format!("{}: {error}", metric.name())),
    })
}

/// The rows that a trial may be fitted to: drawn with the recipe's seed, so that those of a greater part hold those of
/// a smaller one.
fn part(features: Matrix, learned: &Learned, asked: &Asked<'_>) -> (Matrix, Learned) {
    let count = (features.rows() as f64 * asked.resource).ceil() as usize;
    if count >= features.rows() {
        return (features, learned.clone());
    }
    let mut rows: Vec<usize> = (0..features.rows()).collect();
    CounterRng::new(&[asked.recipe.seed, DOMAIN]).shuffle(&mut rows);
    rows.truncate(count.max(1));
    rows.sort_unstable();
    (features.select(&rows), learned.select(&rows))
}

/// Fits `estimator` with the recipe's seed and weights, until `limit`.
pub(crate) fn fit(
    recipe: &TableRecipe,
    estimator: &Estimator,
    features: &Matrix,
    learned: &Learned,
    limit: &Limit,
) -> Result<Fitted, wharf_learn::LearnError> {
    let target = learned.target();
    let weights = recipe.balanced.then(|| target.balanced_weights()).flatten();
    let stop = || limit.is_stopped() || limit.is_spent();
    let options = FitOptions::new(recipe.seed).with_weights(weights.as_deref()).with_stop(&stop);
    estimator.fit(features, &target, &options)
}
