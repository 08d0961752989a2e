use proptest::prelude::*;

use super::*;

fn key(model: usize, width: usize) -> LaneKey {
    let rows =
        Rows { signature: String::new(), outputs: Vec::new(), inputs: vec![("x".to_owned(), vec![width])] };
    LaneKey { model, rows: Some(rows) }
}

fn rules(max_rows: usize, delay_ms: u64) -> LaneRules {
    LaneRules { max_rows, max_delay: Duration::from_millis(delay_ms) }
}

fn entry(item: u32, rows: usize, rank: u32, arrived: Instant) -> Entry<u32> {
    Entry { item, rows, rank, arrived }
}

fn take(line: &mut Line<u32>, now: Instant) -> Option<(Vec<u32>, CloseReason)> {
    let batch = line.take(now, |_| true, &mut Vec::new())?;
    Some((batch.items, batch.reason))
}

#[test]
fn what_waits_is_taken_together_and_counted_by_its_reason() {
    let (now, mut line) = (Instant::now(), Line::default());
    for (item, rows, width) in [(0, 2, 1), (1, 1, 2), (2, 2, 1), (3, 1, 1)] {
        line.push(key(1, width), rules(4, 0), entry(item, rows, 0, now));
    }
    assert_eq!(take(&mut line, now), Some((vec![0, 2], CloseReason::Full)));
    assert_eq!(take(&mut line, now), Some((vec![1], CloseReason::KeyChange)));
    assert_eq!(take(&mut line, now), Some((vec![3], CloseReason::IdleWorker)));
    assert_eq!(take(&mut line, now), None);
}

#[test]
fn a_delay_lets_a_batch_fill_and_a_stop_cuts_it_short() {
    let (now, mut line) = (Instant::now(), Line::default());
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
    let (now, mut line, mut unwanted) = (Instant::now(), Line::default(), Vec::new());
    for (item, rank) in [(0, 2), (1, 1), (2, 2), (3, 1)] {
        line.push(key(1, 1), rules(2, 0), entry(item, 1, rank, now));
    }
    let batch = line.take(now, |item| *item != 3, &mut unwanted).unwrap();
    assert_eq!((batch.items, batch.rows, unwanted), (vec![1, 0], 2, vec![3]));
    assert_eq!(line.clear(), [2]);
    assert_eq!(line.len(), 0);
}

proptest! {
    #[test]
    fn loses_nothing_gives_once_and_keeps_the_budget(
        entries in prop::collection::vec((0_usize..3, 0_usize..3, 1_usize..9, 0_u32..3, any::<bool>()), 0..60),
        max_rows in 1_usize..12,
        pause in 1_usize..9,
    ) {
        let (now, mut line, mut unwanted) = (Instant::now(), Line::default(), Vec::new());
        let mut seen = Vec::new();
        for (item, (model, width, rows, rank, _)) in entries.iter().enumerate() {
            line.push(key(*model, *width), rules(max_rows, 0), entry(item as u32, *rows, *rank, now));
            let is_last = item + 1 == entries.len();
            if !is_last && item % pause != 0 {
                continue;
            }
            loop {
                let wanted = |item: &u32| entries[*item as usize].4;
                let Some(batch) = line.take(now, wanted, &mut unwanted) else { break };
                let members: Vec<_> = batch.items.iter().map(|item| entries[*item as usize]).collect();
                let rows: usize = members.iter().map(|member| member.2).sum();
                prop_assert_eq!(rows, batch.rows);
                prop_assert!(rows <= max_rows || members.len() == 1);
                prop_assert!(members.iter().all(|member| member.4 && (member.0, member.1) == (members[0].0, members[0].1)));
                seen.extend(batch.items);
            }
        }
        seen.extend(&unwanted);
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        prop_assert!(seen.len() == count && count == entries.len() && line.len() == 0);
    }
}
