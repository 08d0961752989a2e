mod overload;

use proptest::prelude::*;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::batch::{QueueLimits, Rows};
use crate::{QueueConfig, TimeoutAction};

fn key(model: usize, width: usize) -> LaneKey {
    let rows =
        Rows { signature: String::new(), outputs: Vec::new(), inputs: vec![("x".to_owned(), vec![width])] };
    LaneKey { model, rows: Some(rows) }
}

fn rules(max_rows: usize, delay_ms: u64) -> LaneRules {
    LaneRules {
        max_rows,
        max_delay: Duration::from_millis(delay_ms),
        preferred: Arc::default(),
        enough: usize::MAX,
        max_runs: None,
    }
}

fn entry(item: u32, rows: usize, rank: u32, arrived: Instant) -> Entry<u32> {
    Entry {
        item,
        rows,
        rank,
        queue: QueueConfig::default().limits(),
        arrived,
        cost: Duration::from_millis(1),
    }
}

fn take(line: &mut Line<u32>, now: Instant) -> Option<(Vec<u32>, CloseReason)> {
    let batch = line.take(now, |_| true, &mut Dropped::default())?;
    line.ended(batch.place);
    Some((batch.items, batch.reason))
}

#[test]
fn what_waits_is_taken_together_and_counted_by_its_reason() {
    let (now, mut line) = (Instant::now(), Line::new(1));
    for (item, rows, width) in [(0, 2, 1), (1, 1, 2), (2, 2, 1), (3, 1, 1)] {
        line.push(key(1, width), rules(4, 0), entry(item, rows, 0, now));
    }
    assert_eq!(take(&mut line, now), Some((vec![0, 2], CloseReason::Full)));
    assert_eq!(take(&mut line, now), Some((vec![1], CloseReason::KeyChange)));
    assert_eq!(take(&mut line, now), Some((vec![3], CloseReason::IdleWorker)));
    assert_eq!(take(&mut line, now), None);
}

#[test]
fn a_model_has_no_more_runs_at_once_than_it_may_and_others_go_on() {
    let (now, mut line) = (Instant::now(), Line::new(2));
    let mut few = rules(1, 5);
    few.max_runs = Some(1);
    for item in [0, 1] {
        line.push(key(1, 1), few.clone(), entry(item, 1, 0, now));
    }
    line.push(key(2, 1), rules(1, 0), entry(2, 1, 0, now));
    let later = now + Duration::from_millis(9);
    let take = |line: &mut Line<u32>| line.take(later, |_| true, &mut Dropped::default());
    let first = take(&mut line).unwrap();
    assert_eq!((first.items, first.place), (vec![0], RunPlace::Instance(1)));
    let other = take(&mut line).unwrap();
    assert_eq!((other.items, other.place), (vec![2], RunPlace::Thread));
    assert_eq!((take(&mut line), line.next_due()), (None, None), "nothing to wake up for");
    line.ended(first.place);
    assert_eq!(take(&mut line).unwrap().items, [1]);
    line.ended(first.place);
    assert!(line.runs.instances.is_empty());
}

#[test]
fn models_without_instances_run_on_no_more_threads_than_there_are() {
    let (now, mut line) = (Instant::now(), Line::new(1));
    for item in [0, 1] {
        line.push(key(1, 1), rules(1, 0), entry(item, 1, 0, now));
    }
    let first = line.take(now, |_| true, &mut Dropped::default()).unwrap();
    assert!(line.take(now, |_| true, &mut Dropped::default()).is_none(), "the pool has grown for another");
    line.ended(first.place);
    assert_eq!(take(&mut line, now), Some((vec![1], CloseReason::Full)));
}

#[test]
fn a_delay_lets_a_batch_fill_and_a_stop_cuts_it_short() {
    let (now, mut line) = (Instant::now(), Line::new(1));
    let later = now + Duration::from_millis(5);
    line.push(key(1, 1), rules(2, 5), entry(0, 1, 0, now));
    assert_eq!((take(&mut line, now), line.next_due()), (None, Some(later)));
    assert_eq!(take(&mut line, later), Some((vec![0], CloseReason::Delay)));
    for item in 1..=3 {
        line.push(key(1, 1), rules(2, 5), entry(item, 1, 0, now));
    }
    assert_eq!(take(&mut line, now), Some((vec![1, 2], CloseReason::Full)));
    assert_eq!(take(&mut line, now), None);
    line.hurry();
    assert_eq!(take(&mut line, now), Some((vec![3], CloseReason::Drain)));
}

#[test]
fn lower_ranks_go_first_and_those_nobody_waits_for_not_at_all() {
    let (now, mut line, mut dropped) = (Instant::now(), Line::new(1), Dropped::default());
    for (item, rank) in [(0, 2), (1, 1), (2, 2), (3, 1)] {
        line.push(key(1, 1), rules(2, 0), entry(item, 1, rank, now));
    }
    let batch = line.take(now, |item| *item != 3, &mut dropped).unwrap();
    line.ended(batch.place);
    assert_eq!((batch.items, batch.rows, dropped.unwanted), (vec![1, 0], 2, vec![3]));
    assert_eq!(line.clear(), [2]);
    assert_eq!(line.len(), 0);
}

#[test]
fn a_batch_is_cut_back_to_the_largest_preferred_size_that_it_reaches() {
    for (rows, expected) in [
        (&[1; 7][..], 4),
        (&[1; 8], 8),
        (&[1; 3], 3),
        (&[3, 1, 1], 4),
        (&[3, 2, 3], 8),
        // Three and six are no preferred sizes, and ten may not be.
        (&[3, 3, 4], 6),
    ] {
        let (now, mut line) = (Instant::now(), Line::new(1));
        let rules = LaneRules { preferred: [4, 8].into(), ..rules(9, 0) };
        for (item, rows) in (0..).zip(rows) {
            line.push(key(1, 1), rules.clone(), entry(item, *rows, 0, now));
        }
        let batch = line.take(now, |_| true, &mut Dropped::default()).unwrap();
        assert_eq!(batch.rows, expected, "{rows:?}");
    }
}

#[test]
fn what_waits_past_its_time_fails_or_lets_the_others_go_first() {
    let (start, later) = (Instant::now(), Instant::now() + Duration::from_millis(50));
    for (action, first, second, failed) in [
        (TimeoutAction::Reject, vec![1, 2], None, vec![0]),
        (TimeoutAction::Delay, vec![1, 2], Some(vec![0]), vec![]),
    ] {
        let (mut line, mut dropped) = (Line::new(1), Dropped::default());
        let queue = QueueConfig::default().with_timeout(Duration::from_millis(40), action).limits();
        for (item, arrived) in [(0, start), (1, later), (2, later)] {
            line.push(key(1, 1), rules(2, 0), Entry { queue, ..entry(item, 1, 0, arrived) });
        }
        let mut next = || {
            let batch = line.take(later, |_| true, &mut dropped)?;
            line.ended(batch.place);
            Some(batch.items)
        };
        assert_eq!((next(), next()), (Some(first), second), "{action:?}");
        assert_eq!((dropped.unwanted, line.len()), (failed, 0));
    }
}

fn candidate(model: usize, queue: QueueLimits, arrived: Instant, deadline_ms: Option<u64>) -> Candidate {
    let deadline = deadline_ms.map(|ms| arrived + Duration::from_millis(ms));
    Candidate { model, queue, rank: 0, arrived, cost: None, deadline }
}

#[test]
fn a_flooded_model_does_not_hold_up_another() {
    let (now, mut line) = (Instant::now(), Line::new(1));
    for item in 0..8 {
        line.push(key(1, 1), rules(1, 0), entry(item, 1, 0, now));
    }
    assert_eq!(take(&mut line, now).map(|(items, _)| items), Some(vec![0]));
    line.push(key(2, 1), rules(1, 0), entry(100, 1, 0, now));
    line.push(key(2, 1), rules(1, 0), entry(101, 1, 0, now));
    let order: Vec<u32> = (0..5).filter_map(|_| take(&mut line, now)).flat_map(|(items, _)| items).collect();
    assert_eq!(order, [100, 1, 101, 2, 3], "in turns while both wait");
}

#[test]
fn a_rank_counts_among_those_of_its_model_only() {
    let (now, mut line) = (Instant::now(), Line::new(1));
    for (item, model, rank) in [(0, 1, 5), (1, 2, 2), (2, 2, 1)] {
        line.push(key(model, 1), rules(1, 0), entry(item, 1, rank, now));
    }
    let order: Vec<u32> = (0..3).filter_map(|_| take(&mut line, now)).flat_map(|(items, _)| items).collect();
    assert_eq!(order, [2, 0, 1]);
}

#[test]
fn a_full_queue_refuses_until_the_wait_is_short() {
    let (now, mut line) = (Instant::now(), Line::new(2));
    let queue = QueueConfig::default().with_max_waiting(100).limits();
    let room = |line: &mut Line<u32>| line.check_room(&candidate(1, queue, now, None), false);
    for item in 0..100 {
        assert_eq!(room(&mut line), Ok(()), "callers that ask one after the other may all wait");
        line.push(key(1, 1), rules(4, 0), entry(item, 1, 0, now));
    }
    let mut waits = Vec::new();
    while let Err(NoRoom::Full(wait)) = room(&mut line) {
        waits.push(wait.as_millis());
        take(&mut line, now);
    }
    assert_eq!((waits.len(), waits[0], waits[14]), (15, 50, 22), "{waits:?}");
    assert_eq!(line.len(), 40, "two threads do forty of a millisecond in twenty");
}

#[test]
fn what_waits_for_too_long_under_overload_is_dropped_before_it_runs() {
    let (now, mut line) = (Instant::now(), Line::new(1));
    for (item, late_ms) in [(0, 0), (1, 30)] {
        let arrived = now + Duration::from_millis(late_ms);
        line.push(key(1, 1), rules(1, 0), entry(item, 1, 0, arrived));
    }
    let later = now + Duration::from_millis(50);
    let queue = QueueConfig::default().with_max_waiting(2).limits();
    assert_eq!(
        line.check_room(&candidate(1, queue, later, None), false),
        Err(NoRoom::Full(Duration::from_millis(2)))
    );
    let mut dropped = Dropped::default();
    let batch = line.take(later, |_| true, &mut dropped).unwrap();
    assert_eq!((dropped.stale, batch.items), (vec![0], vec![1]));
}

#[test]
fn whoever_would_be_late_is_refused_at_once() {
    let (now, mut line) = (Instant::now(), Line::new(1));
    let queue = QueueConfig::default().limits();
    let room = |line: &mut Line<u32>, ms| line.check_room(&candidate(1, queue, now, Some(ms)), false);
    assert_eq!(room(&mut line, 0), Ok(()), "where nobody waits, the deadline itself decides");
    for item in 0..10 {
        line.push(key(1, 1), rules(1, 0), entry(item, 1, 0, now));
    }
    assert_eq!(room(&mut line, 9), Err(NoRoom::Late(Duration::from_millis(10))));
    assert_eq!(room(&mut line, 11), Ok(()));
    assert_eq!(line.check_room(&candidate(1, queue, now, None), false), Ok(()), "which is no overload");
}

proptest! {
    #[test]
    fn loses_nothing_gives_once_and_keeps_the_budget(
        entries in prop::collection::vec((0_usize..3, 0_usize..3, 1_usize..9, 0_u32..3, any::<bool>()), 0..60),
        max_rows in 1_usize..12,
        pause in 1_usize..9,
    ) {
        let (now, mut line, mut dropped) = (Instant::now(), Line::new(1), Dropped::default());
        let mut seen = Vec::new();
        for (item, (model, width, rows, rank, _)) in entries.iter().enumerate() {
            line.push(key(*model, *width), rules(max_rows, 0), entry(item as u32, *rows, *rank, now));
            let is_last = item + 1 == entries.len();
            if !is_last && item % pause != 0 {
                continue;
            }
            loop {
                let wanted = |item: &u32| entries[*item as usize].4;
                let Some(batch) = line.take(now, wanted, &mut dropped) else { break };
                line.ended(batch.place);
                let members: Vec<_> = batch.items.iter().map(|item| entries[*item as usize]).collect();
                let rows: usize = members.iter().map(|member| member.2).sum();
                prop_assert_eq!(rows, batch.rows);
                prop_assert!(rows <= max_rows || members.len() == 1);
                prop_assert!(members.iter().all(|member| member.4 && (member.0, member.1) == (members[0].0, members[0].1)));
                seen.extend(batch.items);
            }
        }
        seen.extend(&dropped.unwanted);
        prop_assert!(dropped.stale.is_empty());
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        prop_assert!(seen.len() == count && count == entries.len() && line.len() == 0);
    }
}
