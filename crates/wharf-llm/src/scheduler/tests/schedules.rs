//! Random schedules: whatever happens around it, every request gives what it gives alone.

use std::time::Duration;

use proptest::prelude::*;
use wharf_infer::language::{GenerateRequest, Sampling, Ticket};

use super::fake::{Events, FakeDecoder, StepClock};
use super::{Bench, alone, by, greedy};
use crate::AdapterId;
use crate::scheduler::{SchedulerConfig, Step};

/// One request of a schedule.
#[derive(Clone, Debug)]
struct Arrival {
    step: usize,
    request: GenerateRequest,
    /// Steps after which its caller leaves.
    leaves: Option<usize>,
}

fn arrival() -> impl Strategy<Value = Arrival> {
    let prompt = (0u32..3, 1usize..60, 0u32..4, 0usize..30);
    let who = (0usize..3, 0usize..3, -1i32..2, prop::option::weighted(0.2, 0usize..30));
    let how = (0u32..25, 1u32..4, prop::bool::ANY, prop::bool::ANY);
    (0usize..40, prompt, who, how).prop_map(
        |(step, (head, shared, tail, own), (caller, adapter, priority, leaves), how)| {
            // Prompts of few families, so that many have prefixes in common.
            let mut text: Vec<u32> = (0..shared as u32).map(|place| (head * 50 + place * 7) % 250).collect();
            text.extend((0..own as u32).map(|place| (tail * 31 + place * 3) % 250));
            let (max_tokens, choices, is_greedy, ignore_end) = how;
            let mut request = by(["a", "b", "c"][caller], greedy(&text, max_tokens));
            request.adapter = [None, Some("a"), Some("b")][adapter].map(str::to_owned);
            request.share.priority = priority;
            (request.choices, request.ignore_end) = (choices, ignore_end);
            if !is_greedy {
                request.sampling = Sampling {
                    temperature: 0.9,
                    top_k: 20,
                    seed: Some(u64::from(tail)),
                    ..Sampling::default()
                };
            }
            Arrival { step, request, leaves }
        },
    )
}

/// Runs a schedule and checks everything that came to an end.
fn check(decoder: FakeDecoder, arrivals: &[Arrival], config: SchedulerConfig, draft: Option<FakeDecoder>) {
    let clock = StepClock::new();
    let decoder = decoder.with_times(clock.clone(), Duration::from_millis(5), Duration::from_millis(3));
    let mut bench = Bench::with_clock(decoder, config, clock);
    if let Some(draft) = draft {
        bench.scheduler = bench.scheduler.with_draft(Box::new(draft));
    }
    for (id, name) in [(0, "a"), (1, "b")] {
        bench.scheduler.handle().add_adapter(name, AdapterId(id));
    }
    let mut asked: Vec<(usize, Events, Option<Ticket>)> = Vec::new();
    for step in 0..100_000 {
        for (index, arrival) in arrivals.iter().enumerate() {
            if arrival.step == step {
                let (events, ticket) = bench.ask(arrival.request.clone());
                asked.push((index, events, Some(ticket)));
            }
        }
        for (index, _, ticket) in &mut asked {
            let arrival = &arrivals[*index];
            if arrival.leaves.is_some_and(|after| arrival.step + after <= step) {
                *ticket = None;
            }
        }
        if bench.scheduler.step().unwrap() == Step::Idle && asked.len() == arrivals.len() {
            break;
        }
    }
    for (index, events, ticket) in &asked {
        let request = &arrivals[*index].request;
        if ticket.is_none() && events.usage().is_none() {
            continue;
        }
        let usage = events
            .usage()
            .unwrap_or_else(|| panic!("request {index} has no end after {} events", events.all().len()));
        let expected = alone(request);
        for choice in 0..request.choices {
            assert_eq!(
                events.outcome(choice),
                expected[choice as usize],
                "choice {choice} of request {index}"
            );
        }
        assert!(usage.cached_tokens < usage.prompt_tokens);
    }
    let load = bench.scheduler.handle().load();
    assert_eq!((load.running, load.waiting, bench.scheduler.saved_bytes), (0, 0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_request_gives_what_it_gives_alone(
        arrivals in prop::collection::vec(arrival(), 1..14),
        cells in 120u32..600, sequences in 1u32..6, batch in 1u32..40, prefix_cache in prop::bool::weighted(0.8),
        saved in prop::bool::ANY, draft in prop::option::of(1u64..6),
    ) {
        let saved_bytes = if saved { 1 << 20 } else { 0 };
        let draft = draft.map(|errs_every| {
            let mut draft = FakeDecoder::new(300, 3, 32);
            draft.errs_every = errs_every;
            draft
        });
        let config = SchedulerConfig { prefix_cache, saved_bytes, ..SchedulerConfig::default() };
        check(FakeDecoder::new(cells, sequences, batch), &arrivals, config, draft);
    }

    #[test]
    fn the_same_where_sequences_cannot_be_cut(
        arrivals in prop::collection::vec(arrival(), 1..10), cells in 120u32..400, sequences in 1u32..6,
    ) {
        let decoder = FakeDecoder::new(cells, sequences, 32).whole_sequences_only();
        check(decoder, &arrivals, SchedulerConfig::default(), None);
    }
}
