//! Which rows are held out, and which folds the rest is cut into.

use wharf_stats::{Fold, HoldOut, KFold, StatsError, TimeSeriesSplit};

use crate::TabularError;
use crate::recipe::Validation;
use crate::target::Learned;

/// What keeps rows together or apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bond {
    /// Nothing: rows are drawn, each class in its share.
    Free,
    /// Rows of one group stay on one side.
    Group(Vec<u32>),
    /// What is measured on is not earlier than what is fitted to.
    Time(Vec<f64>),
}

impl Bond {
    /// The bond among `rows`, in that order.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Free => Self::Free,
            Self::Group(groups) => Self::Group(rows.iter().map(|row| groups[*row]).collect()),
            Self::Time(times) => Self::Time(rows.iter().map(|row| times[*row]).collect()),
        }
    }
}

/// Holds out `share` of the rows.
pub(crate) fn hold_out(learned: &Learned, bond: &Bond, share: f64, seed: u64) -> Result<Fold, TabularError> {
    let hold_out = HoldOut { share, seed };
    let fold = match (bond, learned) {
        (Bond::Group(groups), _) => hold_out.grouped(groups),
        (Bond::Time(times), _) => hold_out.by_time(times),
        (Bond::Free, Learned::Classes { indices, .. }) => hold_out.stratified(indices),
        (Bond::Free, Learned::Numbers(numbers)) => hold_out.split(numbers.len()),
    };
    fold.map_err(wrong)
}

/// The folds that a trial is measured on, and what is doubtful about them.
pub(crate) fn folds(
    learned: &Learned,
    bond: &Bond,
    validation: &Validation,
    seed: u64,
) -> Result<(Vec<Fold>, Vec<String>), TabularError> {
    if validation.folds == 1 {
        return repeated_hold_out(learned, bond, validation, seed);
    }
    let folds = KFold::new(validation.folds);
    match (bond, learned) {
        (Bond::Time(times), _) => Ok((in_time(times, validation.folds)?, Vec::new())),
        (Bond::Group(groups), Learned::Classes { indices, .. }) => {
            let each =
                |repeat: u64| folds.shuffled(seed_of(seed, repeat)).stratified_grouped(indices, groups);
            let mut all = Vec::new();
            for repeat in 0..validation.repeats as u64 {
                all.extend(each(repeat).map_err(wrong)?.folds);
            }
            Ok((all, Vec::new()))
        }
        (Bond::Group(groups), Learned::Numbers(_)) => {
            let each = |repeat: u64| folds.shuffled(seed_of(seed, repeat)).grouped(groups);
            let all: Result<Vec<Vec<Fold>>, StatsError> = (0..validation.repeats as u64).map(each).collect();
            Ok((all.map_err(wrong)?.concat(), Vec::new()))
        }
        (Bond::Free, Learned::Classes { indices, .. }) => {
            let folds = folds.repeated_stratified(indices, validation.repeats, seed).map_err(wrong)?;
            Ok((folds.folds, folds.warnings.iter().map(ToString::to_string).collect()))
        }
        (Bond::Free, Learned::Numbers(numbers)) => {
            let folds = folds.repeated(numbers.len(), validation.repeats, seed).map_err(wrong)?;
            Ok((folds, Vec::new()))
        }
    }
}

/// One part is left out, each time another.
fn repeated_hold_out(
    learned: &Learned,
    bond: &Bond,
    validation: &Validation,
    seed: u64,
) -> Result<(Vec<Fold>, Vec<String>), TabularError> {
    let each = |repeat: u64| hold_out(learned, bond, validation.holdout, seed_of(seed, repeat));
    let folds: Result<Vec<Fold>, TabularError> = (0..validation.repeats as u64).map(each).collect();
    Ok((folds?, Vec::new()))
}

/// Parts that follow what is fitted to, by the places of the rows in time.
fn in_time(times: &[f64], folds: usize) -> Result<Vec<Fold>, TabularError> {
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by(|a, b| times[*a].total_cmp(&times[*b]));
    let splits = TimeSeriesSplit::new(folds).split(times.len()).map_err(wrong)?;
    let rows = |places: Vec<usize>| -> Vec<usize> { places.into_iter().map(|place| order[place]).collect() };
    Ok(splits.into_iter().map(|fold| Fold { train: rows(fold.train), test: rows(fold.test) }).collect())
}

/// Another seed for each repetition.
fn seed_of(seed: u64, repeat: u64) -> u64 {
    seed.wrapping_add(repeat.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn wrong(error: StatsError) -> TabularError {
    TabularError::setting("validation", error.to_string())
}
