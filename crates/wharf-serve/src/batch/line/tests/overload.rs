//! Requests in an open loop, in a time of their own: who is answered, how late, and who is not. Rows O-1, O-2, O-4, O-6,
//! O-8 and O-10 of the list of abuses.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::*;

/// How long one run takes where nothing else is said: the peak is then 333 answers a second.
const RUN: Duration = Duration::from_millis(3);
/// How long a caller waits for its answer.
const PATIENCE: Duration = Duration::from_millis(250);
/// After how long one that was refused and does not back off asks again.
const AT_ONCE: Duration = Duration::from_millis(1);
/// The most that may wait for a thread.
const MAX_WAITING: usize = 1024;
/// What comes first is not looked at: an overload has to be noticed.
const SETTLED: Duration = Duration::from_secs(2);
const SECOND: Duration = Duration::from_secs(1);

/// A request, by the time of its arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    at: Duration,
    model: usize,
    cost: Duration,
    /// How often it is sent again once it is refused.
    again: u32,
}

/// Requests to `model` at random times, so many times more than one thread can answer alone.
fn arrivals(model: usize, load: f64, cost: Duration, (from, until): (Duration, Duration)) -> Vec<Asked> {
    let (mut state, mut at, mut all) = (model as u64, from, Vec::new());
    loop {
        // SplitMix64, and gaps as those of a Poisson process.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
        at += cost.mul_f64(-(1.0 - share).ln() / load);
        if at >= until {
            return all;
        }
        all.push(Asked { at, model, cost, again: 0 });
    }
}

/// What became of all requests.
#[derive(Default)]
struct Seen {
    /// Who was answered, and how long after the request.
    answers: Vec<(Asked, Duration)>,
    /// Who was told at once that there is no room.
    refused: usize,
    /// Who was let in and did not run.
    dropped: usize,
}

impl Seen {
    /// Answers that came within a time.
    fn answered(&self, from: Duration, until: Duration) -> usize {
        self.answers.iter().filter(|(asked, took)| (from..until).contains(&(asked.at + *took))).count()
    }

    /// How long 99 of 100 answers to `model` took at most, of those from `SETTLED` on.
    fn p99(&self, model: usize) -> Duration {
        let answers = self.answers.iter().filter(|(asked, _)| asked.model == model && asked.at >= SETTLED);
        let mut times: Vec<Duration> = answers.map(|(_, took)| *took).collect();
        times.sort_unstable();
        times[times.len() * 99 / 100]
    }
}

/// One thread that answers what waits, one by one.
fn play(asked: Vec<Asked>) -> Seen {
    let (start, mut line, mut seen) = (Instant::now(), Line::new(1), Seen::default());
    let queue = QueueConfig::default().limits();
    let mut coming: BinaryHeap<Reverse<Asked>> = asked.into_iter().map(Reverse).collect();
    let mut free_at = Duration::ZERO;
    loop {
        let next = coming.peek().map(|Reverse(asked)| asked.at);
        if line.len() > 0 && next.is_none_or(|at| free_at <= at) {
            let mut dropped = Dropped::default();
            let (now, is_wanted) = (free_at, |asked: &Asked| asked.at + PATIENCE > free_at);
            let batch = line.take(start + now, is_wanted, &mut dropped);
            // The next is taken when this one has ended.
            batch.iter().for_each(|batch| line.ended(batch.place));
            for asked in batch.into_iter().flat_map(|batch| batch.items) {
                free_at += asked.cost;
                seen.answers.push((asked, free_at - asked.at));
            }
            seen.dropped += dropped.stale.len() + dropped.unwanted.len();
            continue;
        }
        let Some(Reverse(asked)) = coming.pop() else { return seen };
        free_at = free_at.max(asked.at);
        let arrived = start + asked.at;
        let (cost, deadline) = (Some(asked.cost), Some(arrived + PATIENCE));
        let one = Candidate { model: asked.model, queue, rank: 0, arrived, cost, deadline };
        if line.check_room(&one, line.len() >= MAX_WAITING).is_ok() {
            let entry = Entry { item: asked, rows: 1, rank: 0, arrived, queue, cost: asked.cost };
            line.push(key(asked.model, 1), rules(1, 0), entry);
            continue;
        }
        seen.refused += 1;
        if asked.again > 0 {
            coming.push(Reverse(Asked { at: asked.at + AT_ONCE, again: asked.again - 1, ..asked }));
        }
    }
}

#[test]
fn answers_do_not_become_fewer_or_much_later_however_much_is_asked_for() {
    let until = SECOND * 12;
    let peak = SECOND.as_secs_f64() / RUN.as_secs_f64() * (until - SETTLED).as_secs_f64();
    let busy = play(arrivals(1, 0.9, RUN, (Duration::ZERO, until)));
    assert_eq!((busy.refused, busy.dropped), (0, 0), "nine tenths of the peak are no overload");
    for (load, least) in [(1.0, 0.95), (2.0, 0.95), (5.0, 0.95), (10.0, 0.95)] {
        let asked = arrivals(1, load, RUN, (Duration::ZERO, until));
        let sent = asked.len();
        let seen = play(asked);
        let goodput = seen.answered(SETTLED, until) as f64 / peak;
        assert!(goodput >= least, "{goodput} of the peak at {load} times as much");
        assert!(
            seen.answers.iter().all(|(_, took)| *took < PATIENCE + RUN),
            "nobody is answered who has left"
        );
        assert_eq!(seen.answers.len() + seen.refused + seen.dropped, sent, "everybody is told");
        let (slow, usual) = (seen.p99(1), busy.p99(1));
        // Just at the peak no queue runs full, and callers wait for as long as they like.
        assert!(
            load < 2.0 || slow <= usual * 2,
            "{slow:?} at {load} times as much, {usual:?} at nine tenths"
        );
    }
}

#[test]
fn a_storm_of_retries_ends_with_the_load_that_began_it() {
    let calm = SECOND * 5;
    let storm = arrivals(1, 5.0, RUN, (Duration::ZERO, calm));
    let usual = arrivals(1, 0.8, RUN, (calm, calm + SECOND * 10));
    let asked = storm.into_iter().chain(usual.iter().copied()).map(|asked| Asked { again: 3, ..asked });
    let seen = play(asked.collect());
    for second in 1..10 {
        let (from, until) = (calm + SECOND * second, calm + SECOND * (second + 1));
        let wanted = usual.iter().filter(|asked| (from..until).contains(&asked.at)).count();
        let answered = seen.answered(from, until);
        assert!(answered * 100 >= wanted * 95, "{answered} of {wanted} in second {second} after the storm");
    }
}

#[test]
fn a_model_keeps_its_share_of_the_threads_beside_one_that_is_flooded() {
    let until = SECOND * 10;
    let own = || arrivals(1, 0.25, RUN, (Duration::ZERO, until));
    // Alone on half of the thread: the same requests, each of which takes twice as long.
    let half = play(arrivals(1, 0.5, RUN * 2, (Duration::ZERO, until)));
    // Ten times its half of the thread.
    let flood = arrivals(2, 5.0, RUN, (Duration::ZERO, until));
    let beside = play(own().into_iter().chain(flood).collect());
    let answered = beside.answers.iter().filter(|(asked, _)| asked.model == 1).count();
    assert_eq!(answered, own().len(), "all of them");
    // And for the run under way.
    let (slow, usual) = (beside.p99(1), half.p99(1));
    assert!(slow <= usual + RUN, "{slow:?} beside the flood, {usual:?} alone on half of the thread");
}

#[test]
fn small_requests_wait_for_one_large_run_at_most() {
    let (small, large, until) = (Duration::from_millis(1), Duration::from_millis(100), SECOND * 10);
    let own = arrivals(1, 0.2, small, (Duration::ZERO, until));
    let sent = own.len();
    let flood = arrivals(2, 5.0, large, (Duration::ZERO, until));
    let seen = play(own.into_iter().chain(flood).collect());
    let answered = seen.answers.iter().filter(|(asked, _)| asked.model == 1).count();
    assert_eq!(answered, sent, "all of them");
    // The others that came during that run are ahead.
    assert!(seen.p99(1) <= large + large / 2, "{:?}", seen.p99(1));
}
