//! What a search found.

use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::candidate::Step;
use super::request::Objective;
use crate::measure::{Interval, Latency, LayerNoise};
use crate::prune::PrunedLayer;

/// One measured model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What was done, in a few words.
    pub name: String,
    /// What was done; nothing for the model as it was.
    pub steps: Vec<Step>,
    /// The size of the file.
    pub size_bytes: u64,
    /// Of one sample.
    pub latency: Latency,
    /// Of a batch.
    pub batch_latency: Latency,
    /// The median latency of one sample of the model as it was, divided by this one's, measured in turns.
    pub speed_up: f64,
    /// `accuracy` or `r2`.
    pub metric: String,
    /// The value of the metric; more is better.
    pub quality: f64,
    /// What is lost against the model as it was, by the samples' paired differences.
    pub loss: Interval,
    /// How loud the answers are above the noise of the change, in decibels.
    pub sqnr_db: Option<f64>,
    /// What pruning did to each layer.
    pub pruned: Vec<PrunedLayer>,
    /// Why the model is not chosen; empty where it could be.
    pub refusals: Vec<String>,
    /// Whether no other model is at least as small, fast and good, and better in one of these.
    pub is_on_front: bool,
}

/// What a search found. It can be stored as JSON, apart from the model itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The model as it was, and then the candidates in the order in which they were tried.
    pub entries: Vec<Entry>,
    /// The place of the choice among `entries`; absent where no candidate fits the budget and gains anything.
    pub chosen: Option<usize>,
    /// What was asked for.
    pub budget: Budget,
    /// What decides between those that fit.
    pub objective: Objective,
    /// The noise of each layer alone, the worst first; empty where no static int8 was tried.
    pub layers: Vec<LayerNoise>,
    /// The samples that ranges were found on, by id.
    pub calibration_ids: Vec<String>,
    /// How many samples the quality was measured on.
    pub evaluation_samples: usize,
    /// The seed of the intervals.
    pub seed: u64,
    /// The threads of a run.
    pub threads: usize,
    /// The chosen model's file.
    #[serde(skip)]
    pub model: Option<Vec<u8>>,
}

impl Outcome {
    /// The chosen entry.
    pub fn chosen(&self) -> Option<&Entry> {
        self.chosen.and_then(|index| self.entries.get(index))
    }

    /// The model as it was.
    pub fn baseline(&self) -> Option<&Entry> {
        self.entries.first()
    }

    /// Marks the front and chooses.
    pub(super) fn decide(&mut self) {
        let marks: Vec<bool> =
            (0..self.entries.len()).map(|index| is_on_front(&self.entries, index)).collect();
        self.entries.iter_mut().zip(marks).for_each(|(entry, mark)| entry.is_on_front = mark);
        let fitting = (1..self.entries.len()).filter(|&index| self.entries[index].refusals.is_empty());
        let objective = self.objective;
        self.chosen = fitting.reduce(|best, next| {
            let is_better = objective.prefers(&self.entries[next], &self.entries[best]);
            if is_better { next } else { best }
        });
    }
}

/// Whether none of `entries` beats the one at `index` in something and is no worse in the rest.
fn is_on_front(entries: &[Entry], index: usize) -> bool {
    let costs = |entry: &Entry| [entry.size_bytes as f64, entry.latency.p50_ms, -entry.quality];
    let own = costs(&entries[index]);
    !entries.iter().any(|other| {
        let other = costs(other);
        other.iter().zip(&own).all(|(other, own)| other <= own)
            && other.iter().zip(&own).any(|(other, own)| other < own)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(size_bytes: u64, p50_ms: f64, quality: f64) -> Entry {
        Entry { size_bytes, latency: Latency { p50_ms, ..Latency::default() }, quality, ..Entry::default() }
    }

    #[test]
    fn the_front_is_what_nothing_beats() {
        let mut outcome = Outcome {
            entries: vec![
                entry(400, 4.0, 0.90),
                entry(100, 2.0, 0.89),
                entry(100, 2.5, 0.89),
                entry(200, 1.0, 0.80),
                entry(100, 2.0, 0.89),
            ],
            ..Outcome::default()
        };
        outcome.decide();
        let front: Vec<bool> = outcome.entries.iter().map(|entry| entry.is_on_front).collect();
        assert_eq!(front, [true, true, false, true, true]);
    }

    #[test]
    fn the_fastest_that_fits_is_chosen_and_of_as_fast_ones_the_smallest() {
        let refused = Entry { refusals: vec!["loses".into()], ..entry(50, 0.5, 0.4) };
        let mut outcome = Outcome {
            entries: vec![entry(400, 4.0, 0.9), refused, entry(200, 2.0, 0.9), entry(100, 2.01, 0.9)],
            ..Outcome::default()
        };
        outcome.decide();
        assert_eq!(outcome.chosen, Some(3));
        outcome.objective = Objective::Size;
        outcome.entries[2].size_bytes = 90;
        outcome.decide();
        assert_eq!(outcome.chosen, Some(2));
    }

    #[test]
    fn nothing_is_chosen_where_nothing_fits() {
        let refused = Entry { refusals: vec!["loses".into()], ..entry(50, 0.5, 0.4) };
        let mut outcome = Outcome { entries: vec![entry(400, 4.0, 0.9), refused], ..Outcome::default() };
        outcome.decide();
        assert_eq!((outcome.chosen, outcome.chosen()), (None, None));
    }
}
