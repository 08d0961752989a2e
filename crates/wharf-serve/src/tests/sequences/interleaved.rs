//! Many sequences at once are answered as each alone.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tokio::runtime::Builder;

use super::*;

/// The numbers of a sequence.
type Numbers = Vec<i16>;

/// What each sequence is answered when nobody else asks.
async fn alone(folder: &Folder, sequences: &[Numbers]) -> Vec<Vec<f32>> {
    let manager = start(folder).await;
    let mut answers = Vec::new();
    for (id, numbers) in (1..).zip(sequences) {
        let mut own = Vec::new();
        for (place, x) in numbers.iter().enumerate() {
            own.push(y(&manager.infer(part(id, edges(place, numbers.len()), f32::from(*x))).await));
        }
        answers.push(own);
    }
    answers
}

fn edges(place: usize, length: usize) -> &'static str {
    match (place == 0, place + 1 == length) {
        (true, true) => "<>",
        (true, false) => "<",
        (false, true) => ">",
        (false, false) => "",
    }
}

/// What they are answered in an `order` of ids, which takes requests of each in its own order.
async fn together(folder: &Folder, sequences: &[Numbers], order: &[usize]) -> Vec<Vec<f32>> {
    // Through the queue, so that they meet.
    let limits = ServeLimits::default().with_inline_below(Duration::ZERO);
    let manager = serve(folder.config().with_limits(limits), engine()).await;
    let (mut next, mut sent) = (vec![0; sequences.len()], BTreeMap::<usize, Vec<_>>::new());
    let rest = (0..sequences.len()).flat_map(|id| std::iter::repeat_n(id, sequences[id].len()));
    for id in order.iter().map(|pick| pick % sequences.len()).chain(rest) {
        let Some(x) = sequences[id].get(next[id]) else { continue };
        let request = part(id as u64 + 1, edges(next[id], sequences[id].len()), f32::from(*x));
        sent.entry(id).or_default().push(send(&manager, request));
        next[id] += 1;
    }
    let mut answers = Vec::new();
    for tasks in sent.into_values() {
        let mut own = Vec::new();
        for task in tasks {
            own.push(y(&task.await.unwrap()));
        }
        answers.push(own);
    }
    assert_eq!(manager.0.sequences.open("m", 1), (0, 0));
    answers
}

fn check(folder: &Folder, sequences: &[Numbers], order: &[usize]) {
    // One thread for requests: they come in the order in which they are sent.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        assert_eq!(together(folder, sequences, order).await, alone(folder, sequences).await);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn interleaved_sequences_are_answered_as_each_alone(
        sequences in prop::collection::vec(prop::collection::vec(-100..100_i16, 1..8), 1..24),
        order in prop::collection::vec(0..1000_usize, 0..100),
    ) {
        check(&accumulator(PATIENT), &sequences, &order);
        check(&accumulator(&format!("{PATIENT} oldest {{ preferred_batch_size: [ 2, 5 ] }}")), &sequences, &order);
        check(&recaller(PATIENT), &sequences, &order);
    }
}
