//! Which candidate has the next trial.

/// What is known of a candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Standing {
    /// Trials that were made.
    pub(crate) trials: u64,
    /// The best so far; greater is better. None where every one failed.
    pub(crate) best: Option<f64>,
    /// Whether nothing is left to try.
    pub(crate) is_done: bool,
}

/// Every third trial goes round among the better half of the candidates, so that one with a bad start is not lost.
const ROUND: u64 = 3;

/// The candidate to try next: each once, then mostly the one that did best; `None` once nothing is left.
///
/// It depends on what was tried and not on the time, so that a resumed search goes on as it would have.
pub(crate) fn next(standings: &[Standing]) -> Option<usize> {
    let open = |place: &usize| !standings[*place].is_done;
    let all = || (0..standings.len()).filter(open);
    if let Some(untried) = all().find(|place| standings[*place].trials == 0) {
        return Some(untried);
    }
    let gain = |place: &usize| standings[*place].best.unwrap_or(f64::NEG_INFINITY);
    let mut able: Vec<usize> = all().filter(|place| standings[*place].best.is_some()).collect();
    // Stable: of equals the first.
    able.sort_by(|a, b| gain(b).total_cmp(&gain(a)));
    let made: u64 = standings.iter().map(|standing| standing.trials).sum();
    if made.is_multiple_of(ROUND) {
        able.truncate(able.len().div_ceil(2));
        return able.into_iter().min_by_key(|place| standings[*place].trials);
    }
    able.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(trials: u64, best: Option<f64>) -> Standing {
        Standing { trials, best, is_done: false }
    }

    #[test]
    fn each_is_tried_once_before_any_is_tried_twice() {
        assert_eq!(next(&[standing(1, Some(0.9)), standing(0, None)]), Some(1));
        assert_eq!(next(&[standing(0, None), standing(0, None)]), Some(0));
    }

    #[test]
    fn the_best_has_most_trials_and_the_better_of_the_others_some() {
        let (mut trials, bests) = ([1_u64; 4], [0.5, 0.9, 0.7, 0.1]);
        for _ in 0..30 {
            let standings: Vec<Standing> = (0..4).map(|i| standing(trials[i], Some(bests[i]))).collect();
            trials[next(&standings).unwrap()] += 1;
        }
        assert!(trials[1] > 15 && trials[2] >= 4, "{trials:?}");
        assert_eq!((trials[0], trials[3]), (1, 1));
    }

    #[test]
    fn those_that_fail_or_are_done_are_left_alone() {
        assert_eq!(next(&[standing(1, None), standing(4, Some(0.1))]), Some(1));
        assert_eq!(next(&[Standing { is_done: true, ..standing(4, Some(1.0)) }, standing(1, None)]), None);
        assert_eq!(next(&[]), None);
    }
}
