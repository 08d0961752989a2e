//! Who waits for which model: how many, with how much work, and which model's turn it is.
//!
//! Models share the threads by the time they take, not by how many ask: one that is flooded does not hold up another
//! (start-time fair queueing, Goyal et al. 1996).

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::QueueLimits;

/// How long after the last refusal a model still counts as overloaded.
const CALM_AFTER: Duration = Duration::from_secs(1);
/// From this many models on, those that nobody asks for are forgotten.
const MANY: usize = 64;

/// Everybody who waits, by model.
#[derive(Default)]
pub(super) struct Crowd {
    models: HashMap<usize, Share>,
    /// Work given so far to the model that has had the least of those that want some.
    given: Duration,
}

/// Who waits for one model.
#[derive(Default)]
struct Share {
    waiting: usize,
    /// How many wait, and the work that they are, by rank.
    ranks: BTreeMap<u32, (usize, Duration)>,
    /// Work given so far, counting from the time when it last wanted none.
    given: Duration,
    refused: Option<Instant>,
}

impl Share {
    fn is_overloaded(&self, now: Instant) -> bool {
        self.refused.is_some_and(|refused| now.saturating_duration_since(refused) < CALM_AFTER)
    }

    fn work_before(&self, rank: u32) -> Duration {
        self.ranks.range(..=rank).map(|(_, (_, work))| *work).sum()
    }
}

impl Crowd {
    /// One more waits.
    pub(super) fn join(&mut self, model: usize, rank: u32, cost: Duration, now: Instant) {
        if self.models.len() >= MANY {
            let given = self.given;
            let is_of_use =
                |share: &Share| share.waiting > 0 || share.given > given || share.is_overloaded(now);
            self.models.retain(|_, share| is_of_use(share));
        }
        let share = self.models.entry(model).or_default();
        if share.waiting == 0 {
            share.given = share.given.max(self.given);
        }
        share.waiting += 1;
        let (waiting, work) = share.ranks.entry(rank).or_default();
        *waiting += 1;
        *work += cost;
    }

    /// One waits no longer.
    pub(super) fn leave(&mut self, model: usize, rank: u32, cost: Duration) {
        let Some(share) = self.models.get_mut(&model) else { return };
        share.waiting -= 1;
        if let Some((waiting, work)) = share.ranks.get_mut(&rank) {
            *waiting = waiting.saturating_sub(1);
            *work = work.saturating_sub(cost);
        }
        if share.waiting == 0 {
            // Starts afresh, so that no error of rounding stays.
            share.ranks.clear();
        }
    }

    /// Everybody waits no longer.
    pub(super) fn clear(&mut self) {
        self.models.clear();
    }

    /// How much a model has been given; the one with the least is next.
    pub(super) fn given(&self, model: usize) -> Duration {
        self.models.get(&model).map_or(Duration::ZERO, |share| share.given)
    }

    /// A model is given a thread for `cost`.
    pub(super) fn give(&mut self, model: usize, cost: Duration) {
        let Some(share) = self.models.get_mut(&model) else { return };
        self.given = self.given.max(share.given);
        // Of unknown cost: models then take turns.
        share.given += cost.max(Duration::from_nanos(1));
    }

    /// How many wait for a model, and what each of them costs on average.
    pub(super) fn waiting(&self, model: usize) -> (usize, Duration) {
        let share = self.models.get(&model).filter(|share| share.waiting > 0);
        share.map_or((0, Duration::ZERO), |share| {
            let count = u32::try_from(share.waiting).unwrap_or(u32::MAX);
            (share.waiting, share.work_before(u32::MAX) / count)
        })
    }

    /// How long one of `rank` would wait, where `threads` do the work.
    pub(super) fn expected_wait(&self, model: usize, rank: u32, threads: usize) -> Duration {
        let others = self.models.iter().filter(|(key, share)| **key != model && share.waiting > 0).count();
        let own = self.models.get(&model).map_or(Duration::ZERO, |share| share.work_before(rank));
        let in_turn = own.saturating_mul(u32::try_from(others + 1).unwrap_or(u32::MAX));
        self.longest_wait(threads).min(divided(in_turn, threads))
    }

    /// How long all the work takes that waits.
    pub(super) fn longest_wait(&self, threads: usize) -> Duration {
        divided(self.models.values().map(|share| share.work_before(u32::MAX)).sum(), threads)
    }

    /// Whether so many wait for a model that it counts as overloaded.
    pub(super) fn is_overloaded(&self, model: usize, now: Instant) -> bool {
        self.models.get(&model).is_some_and(|share| share.is_overloaded(now))
    }

    /// One was refused.
    pub(super) fn refuse(&mut self, model: usize, now: Instant) {
        self.models.entry(model).or_default().refused = Some(now);
    }

    /// Whether one more may wait, who takes `cost` and expects to wait for `wait`.
    pub(super) fn has_room(
        &self,
        (model, rank): (usize, u32),
        limits: QueueLimits,
        (cost, wait): (Duration, Duration),
        now: Instant,
    ) -> bool {
        let waiting = self.models.get(&model).map_or(0, |share| match limits.is_of_rank {
            true => share.ranks.get(&rank).map_or(0, |(waiting, _)| *waiting),
            false => share.waiting,
        });
        waiting < limits.max_waiting && wait <= limits.longest(self.is_overloaded(model, now), cost)
    }
}

fn divided(work: Duration, threads: usize) -> Duration {
    work / u32::try_from(threads.max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::QueueConfig;

    const MS: Duration = Duration::from_millis(1);

    fn crowd(members: &[(usize, u32, u32)]) -> Crowd {
        let mut crowd = Crowd::default();
        members.iter().for_each(|(model, rank, ms)| crowd.join(*model, *rank, MS * *ms, Instant::now()));
        crowd
    }

    #[test]
    fn a_wait_is_the_work_ahead_shared_by_threads_and_models() {
        let many = [(1, 0, 10), (1, 0, 10), (1, 1, 40), (2, 0, 4)];
        for (members, model, rank, threads, expected) in [
            (&many[..0], 1, 0, 2, Duration::ZERO),
            (&many[..3], 1, 1, 2, MS * 30),
            (&many[..3], 1, 0, 2, MS * 10),
            // Model 2 has its turn after one of each of model 1's.
            (&many[..], 2, 0, 1, MS * 8),
            (&many[..], 1, 1, 1, MS * 64),
            // Nobody waits for model 3: it is next.
            (&many[..], 3, 0, 1, Duration::ZERO),
        ] {
            assert_eq!(crowd(members).expected_wait(model, rank, threads), expected, "{members:?} {model}");
        }
    }

    #[test]
    fn a_model_that_wanted_nothing_saves_up_nothing() {
        let mut crowd = crowd(&[(1, 0, 5), (1, 0, 5)]);
        crowd.give(1, MS * 100);
        crowd.give(1, MS * 100);
        crowd.join(2, 0, MS, Instant::now());
        assert!(crowd.given(2) < crowd.given(1), "it is next");
        assert_eq!(crowd.given(2), MS * 100, "but not twice as often as the other from now on");
    }

    #[test]
    fn work_that_left_is_not_waited_for() {
        let mut crowd = crowd(&[(1, 0, 5), (1, 1, 7)]);
        crowd.leave(1, 0, MS * 5);
        assert_eq!(crowd.waiting(1), (1, MS * 7));
        crowd.leave(1, 1, MS * 6);
        assert_eq!((crowd.waiting(1), crowd.expected_wait(1, 9, 1)), ((0, Duration::ZERO), Duration::ZERO));
    }

    #[test]
    fn a_refusal_is_an_overload_until_all_is_calm() {
        let (now, mut crowd) = (Instant::now(), crowd(&[(1, 0, 30)]));
        let limits = QueueConfig::default().limits();
        let room = |crowd: &Crowd, at| crowd.has_room((1, 0), limits, (MS, MS * 30), at);
        assert!(room(&crowd, now));
        crowd.refuse(1, now);
        assert!(!room(&crowd, now) && !room(&crowd, now + MS * 999));
        assert!(crowd.has_room((1, 0), limits, (MS, MS * 20), now), "a short wait is kept");
        assert!(room(&crowd, now + CALM_AFTER));
        assert!(!crowd.has_room((1, 0), QueueConfig::default().with_max_waiting(1).limits(), (MS, MS), now));
    }

    #[test]
    fn a_queue_of_a_rank_counts_those_of_that_rank() {
        let crowd = crowd(&[(1, 1, 1), (1, 2, 1), (1, 2, 1)]);
        let limits = QueueConfig::default().with_max_waiting(2).limits();
        let of_rank = QueueLimits { is_of_rank: true, ..limits };
        let room = |rank, limits| crowd.has_room((1, rank), limits, (MS, MS), Instant::now());
        assert_eq!([1, 2, 3].map(|rank| room(rank, of_rank)), [true, false, true]);
        assert_eq!([1, 2, 3].map(|rank| room(rank, limits)), [false; 3]);
    }

    #[test]
    fn models_that_nobody_asks_for_are_forgotten() {
        let mut crowd = crowd(&[(0, 0, 1)]);
        for model in 1..200 {
            crowd.join(model, 0, MS, Instant::now());
            crowd.leave(model, 0, MS);
        }
        assert!(crowd.models.len() <= MANY && crowd.waiting(0).0 == 1);
    }
}
