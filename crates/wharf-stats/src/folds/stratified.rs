//! Folds with the same proportions of classes.

use std::collections::BTreeMap;

use super::{FoldWarning, Folds, KFold, folds_of};
use crate::error::{StatsError, check_count};
use crate::random::{Purpose, Stream};

impl KFold {
    /// Splits samples so that each class is spread over the folds to one sample, and folds differ by one
    /// sample at most. Names of classes do not matter, the order in which they first appear does.
    ///
    /// # Errors
    /// Fewer than two folds, or more folds than there are samples of any class.
    pub fn stratified(&self, classes: &[u32]) -> Result<Folds, StatsError> {
        self.check("samples", classes.len())?;
        let warnings = check_classes(classes, self.folds)?;
        let members = members_by_appearance(classes);
        let mut stream = self.shuffle.map(|seed| Stream::new(seed, Purpose::Folds, 0));
        let mut of_sample = vec![0; classes.len()];
        for (rows, shares) in members.iter().zip(allocation(&members, self.folds)) {
            let repeated = |(fold, count)| std::iter::repeat_n(fold, count);
            let mut folds: Vec<usize> = shares.into_iter().enumerate().flat_map(repeated).collect();
            if let Some(stream) = &mut stream {
                stream.shuffle(&mut folds);
            }
            rows.iter().zip(folds).for_each(|(row, fold)| of_sample[*row] = fold);
        }
        Ok(Folds { folds: folds_of(&of_sample, self.folds), warnings })
    }
}

/// The rows of each class, classes in order of first appearance.
fn members_by_appearance(classes: &[u32]) -> Vec<Vec<usize>> {
    let (mut places, mut members) = (BTreeMap::new(), Vec::<Vec<usize>>::new());
    for (row, class) in classes.iter().enumerate() {
        let place = *places.entry(*class).or_insert(members.len());
        if place == members.len() {
            members.push(Vec::new());
        }
        members[place].push(row);
    }
    members
}

/// How many samples of each class each fold gets: samples sorted by class are dealt round.
fn allocation(members: &[Vec<usize>], folds: usize) -> Vec<Vec<usize>> {
    let mut dealt = 0;
    let deal = |rows: &Vec<usize>| {
        let mut shares = vec![0; folds];
        for place in dealt..dealt + rows.len() {
            shares[place % folds] += 1;
        }
        dealt += rows.len();
        shares
    };
    members.iter().map(deal).collect()
}

/// Refuses more folds than there are samples of the largest class; warns of smaller classes.
pub(super) fn check_classes(classes: &[u32], folds: usize) -> Result<Vec<FoldWarning>, StatsError> {
    let counts = crate::mutual::counts(classes.iter().copied());
    check_count("samples of the largest class", counts.values().copied().max().unwrap_or(0), folds)?;
    let rarest = counts.into_iter().min_by_key(|(_, samples)| *samples);
    let warning = |(class, samples)| FoldWarning::RareClass { class, samples, folds };
    Ok(rarest.filter(|(_, samples)| *samples < folds).map(warning).into_iter().collect())
}
