//! Successive halving (Jamieson and Talwalkar 2016): many trials begin with few resources, and the better part goes
//! on with more.

use serde::{Deserialize, Serialize};

use super::{Asked, State, Trial};
use crate::LearnError;
use crate::check::{at_least, in_range};

/// How trials are halved. A bracket of `trials` begins with the part `first` of the resources; the best of every
/// `factor` go on with `factor` times as much, until all resources are used. Then the next bracket begins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Halving {
    /// How many trials begin.
    pub trials: usize,
    /// The part of the resources that they begin with, above 0 and at most 1.
    pub first: f64,
    /// Of how many one goes on, 2 or more.
    pub factor: usize,
}

impl Default for Halving {
    fn default() -> Self {
        Self { trials: 27, first: 1.0 / 9.0, factor: 3 }
    }
}

/// The trials that are compared with each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Bracket {
    /// The ids of the trials of each rung.
    rungs: Vec<Vec<u64>>,
}

impl Halving {
    pub(super) fn check(&self) -> Result<(), LearnError> {
        at_least("trials", self.trials, 1)?;
        at_least("factor", self.factor, 2)?;
        in_range("first", self.first, 1e-6..=1.0)
    }

    /// The part of the resources on a rung. Rounding must not add a rung for the last thousandth.
    pub(super) fn resource(&self, rung: usize) -> f64 {
        let part = self.first * (self.factor as f64).powi(i32::try_from(rung).unwrap_or(i32::MAX));
        if part > 0.999 { 1.0 } else { part }
    }

    /// The rung on which all resources are used.
    fn last_rung(&self) -> usize {
        (0..64).find(|&rung| self.resource(rung) >= 1.0).unwrap_or(64)
    }
}

impl Bracket {
    /// Notes a trial; one that is fresh while the bracket is full begins the next.
    pub(super) fn asked(&mut self, halving: &Halving, trial: &Trial) {
        if trial.rung == 0 && !self.takes_more(halving) {
            self.rungs.clear();
        }
        while self.rungs.len() <= trial.rung {
            self.rungs.push(Vec::new());
        }
        self.rungs[trial.rung].push(trial.id);
    }

    /// Whether fresh trials are still to begin.
    pub(super) fn takes_more(&self, halving: &Halving) -> bool {
        self.rungs.len() <= 1 && self.rungs.first().is_none_or(|first| first.len() < halving.trials)
    }

    /// Whether a trial of the bracket has not been told.
    pub(super) fn is_running(&self, trials: &[Asked]) -> bool {
        self.rungs.iter().flatten().any(|&id| trials[id as usize].state == State::Running)
    }

    /// The next trial of those that go on, once all of their rung have been told. `ended` says that no fresh ones come.
    pub(super) fn promoted(
        &self,
        halving: &Halving,
        id: u64,
        trials: &[Asked],
        ended: bool,
    ) -> Option<Trial> {
        let full = ended || self.rungs.first()?.len() >= halving.trials;
        if !full {
            return None;
        }
        let last = self.rungs.len().checked_sub(1)?;
        // The rung that is being filled, or else the one above it.
        let below = if last > 0 { &self.rungs[last - 1] } else { &self.rungs[0] };
        if last > 0 && self.rungs[last].len() < winners(halving, below, trials).len() {
            return self.next(halving, id, last, trials);
        }
        let told = self.rungs[last].iter().all(|&id| trials[id as usize].state != State::Running);
        if !told || last >= halving.last_rung() {
            return None;
        }
        self.next(halving, id, last + 1, trials)
    }

    /// The first of the winners of the rung below that has no trial on `rung`.
    fn next(&self, halving: &Halving, id: u64, rung: usize, trials: &[Asked]) -> Option<Trial> {
        let winners = winners(halving, &self.rungs[rung - 1], trials);
        let begun = self.rungs.get(rung).map_or(0, Vec::len);
        let winner = &trials[*winners.get(begun)? as usize].trial;
        Some(Trial { id, rung, resource: halving.resource(rung), ..winner.clone() })
    }
}

/// The best of a rung, best first: one of every `factor`, at least one; none that failed.
fn winners(halving: &Halving, rung: &[u64], trials: &[Asked]) -> Vec<u64> {
    let loss = |id: u64| match trials[id as usize].state {
        State::Loss(loss) => Some((id, loss)),
        _ => None,
    };
    let mut losses: Vec<(u64, f64)> = rung.iter().filter_map(|&id| loss(id)).collect();
    losses.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    losses.truncate((rung.len() / halving.factor).max(1));
    losses.into_iter().map(|(id, _)| id).collect()
}
