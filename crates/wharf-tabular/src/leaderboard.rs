//! Trials in the order of how they did.

use serde::{Deserialize, Serialize};
use wharf_stats::corrected_resampled_t;

use crate::metric::Metric;
use crate::trial::Trial;

/// A trial on the leaderboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leader {
    /// The trial.
    pub trial: Trial,
    /// Its mean over the folds.
    pub mean: f64,
    /// Within this the mean lies with 95 % confidence; none where there is one fold alone. Folds share rows, which the
    /// interval takes into account (Nadeau and Bengio, 2003).
    pub interval: Option<[f64; 2]>,
}

/// The trials that were fitted to all rows of their folds, best first; of equals the first. `size` is how many
/// rows a fold has to fit to and to measure on.
pub fn leaderboard(trials: &[Trial], metric: Metric, size: (usize, usize)) -> Vec<Leader> {
    let whole = trials.iter().filter(|trial| trial.resource >= 1.0);
    let mut leaders: Vec<Leader> = whole
        .filter_map(|trial| {
            let mean = trial.mean()?;
            Some(Leader { interval: interval(&trial.scores, size), mean, trial: trial.clone() })
        })
        .collect();
    leaders.sort_by(|a, b| metric.gain(b.mean).total_cmp(&metric.gain(a.mean)));
    leaders
}

fn interval(scores: &[f64], size: (usize, usize)) -> Option<[f64; 2]> {
    let test = corrected_resampled_t(scores, size, 0.95).ok()?;
    Some([test.difference.low, test.difference.high])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(number: u64, scores: &[f64], resource: f64) -> Trial {
        Trial {
            number,
            candidate: 0,
            kind: "k".into(),
            settings: serde_json::Map::new(),
            resource,
            scores: scores.to_vec(),
            seconds: 1.0,
            failure: None,
        }
    }

    #[test]
    fn the_best_comes_first_and_parts_and_failures_not_at_all() {
        let trials = [
            trial(1, &[0.5, 0.7], 1.0),
            trial(2, &[0.8, 0.9], 1.0),
            trial(3, &[0.99, 0.99], 0.1),
            Trial { failure: Some("no".into()), ..trial(4, &[], 1.0) },
        ];
        let numbers = |metric| -> Vec<u64> {
            leaderboard(&trials, metric, (80, 20)).iter().map(|leader| leader.trial.number).collect()
        };
        assert_eq!((numbers(Metric::RocAuc), numbers(Metric::LogLoss)), (vec![2, 1], vec![1, 2]));
        let [low, high] = leaderboard(&trials, Metric::RocAuc, (80, 20))[1].interval.unwrap();
        assert!(low < 0.6 && high > 0.6 && ((low + high) / 2.0 - 0.6).abs() < 1e-12);
    }

    #[test]
    fn one_fold_alone_has_no_interval() {
        assert_eq!(leaderboard(&[trial(1, &[0.5], 1.0)], Metric::R2, (8, 2))[0].interval, None);
    }
}
