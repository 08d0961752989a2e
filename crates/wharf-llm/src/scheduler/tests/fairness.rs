//! Who waits for whom, in virtual time: a pass takes 5 ms and every token of it 3 ms more.

use std::time::{Duration, Instant};

use super::fake::{Events, FakeDecoder, StepClock};
use super::{Bench, by, greedy, prompt};
use crate::scheduler::{Clock, SchedulerConfig};

fn bench(config: SchedulerConfig) -> Bench {
    let clock = StepClock::new();
    let decoder = FakeDecoder::new(60_000, 8, 512).with_times(
        clock.clone(),
        Duration::from_millis(5),
        Duration::from_millis(3),
    );
    Bench::with_clock(decoder, config, clock)
}

/// The longest time to the first token of light requests, which a third of the time would do for, beside a heavy caller, who always
/// has `heavy` long prompts under way.
fn light_beside(heavy: usize, light_tokens: usize) -> Duration {
    let mut bench = bench(SchedulerConfig::default());
    let start = bench.clock.now();
    let period = Duration::from_millis(10 * light_tokens as u64 + 1000);
    let mut heavies: Vec<(Events, _)> = Vec::new();
    let mut lights: Vec<(Instant, Events, _)> = Vec::new();
    for step in 0..100_000u32 {
        heavies.retain(|(events, _): &(Events, _)| events.usage().is_none());
        while heavies.len() < heavy {
            let mut request = by("heavy", greedy(&prompt(1000 + step * 10 + heavies.len() as u32, 2000), 40));
            request.ignore_end = true;
            heavies.push(bench.ask(request));
        }
        let due = bench.clock.now().saturating_duration_since(start).as_millis() / period.as_millis();
        if lights.len() >= 25 {
            break;
        }
        if lights.len() as u128 <= due {
            let seed = 7 + lights.len() as u32;
            // It was due while the last pass was under way, and counts from then.
            let asked = start + period * lights.len() as u32;
            let mut request = by("light", greedy(&prompt(seed, light_tokens), 8));
            request.ignore_end = true;
            let (events, ticket) = bench.ask(request);
            lights.push((asked, events, ticket));
        }
        if bench.scheduler.step().unwrap() == crate::Step::Idle {
            bench.clock.advance(Duration::from_millis(3));
        }
    }
    bench.finish();
    assert!(lights.len() >= 20, "{} lights", lights.len());
    let times = lights
        .iter()
        .map(|(asked, events, _)| events.first_token().unwrap().saturating_duration_since(*asked));
    // The first ones come before anything is known of either caller.
    times.skip(2).max().unwrap()
}

#[test]
fn a_heavy_neighbour_makes_a_light_caller_wait_half_as_long_again_at_most() {
    for light_tokens in [30, 60, 200, 800] {
        let alone = light_beside(0, light_tokens);
        for heavy in [1, 4, 20] {
            let beside = light_beside(heavy, light_tokens);
            let ratio = beside.as_secs_f64() / alone.as_secs_f64();
            assert!(ratio <= 1.5, "{light_tokens} tokens beside {heavy}: {beside:?}, alone {alone:?}");
        }
    }
}

/// Answers after prompts of callers with these names, all of 40 tokens, and how many passes they took.
fn passes_of(callers: &[&str]) -> (usize, usize) {
    let mut bench = bench(SchedulerConfig::default());
    let mut talk = by("talker", greedy(&prompt(1, 400), 200));
    talk.ignore_end = true;
    let (talking, _ticket) = bench.ask(talk);
    while talking.outcome(0).tokens.len() < 3 {
        bench.scheduler.step().unwrap();
    }
    let before = talking.outcome(0).tokens.len();
    let asked: Vec<_> = (callers.iter().zip(10..))
        .map(|(caller, seed)| bench.ask(by(caller, greedy(&prompt(seed, 40), 1))))
        .collect();
    let mut passes = 0;
    while asked.iter().any(|(events, _)| events.usage().is_none()) {
        bench.scheduler.step().unwrap();
        passes += 1;
    }
    (passes, talking.outcome(0).tokens.len() - before)
}

#[test]
fn a_short_prompt_has_a_pass_for_itself_and_answers_have_every_other_one() {
    assert_eq!(passes_of(&["light"]), (1, 0));
    let (passes, grown) = passes_of(&["one", "two", "three", "four"]);
    assert!(grown >= passes / 2, "{grown} tokens in {passes} passes");
    // Not beside an answer of its own caller, which would only wait for it.
    let (passes, grown) = passes_of(&["talker"]);
    assert!(grown >= passes, "{grown} tokens in {passes} passes");
}

#[test]
fn answers_go_on_while_a_long_prompt_is_computed() {
    let mut bench = bench(SchedulerConfig::default());
    let mut talk = greedy(&prompt(1, 400), 200);
    talk.ignore_end = true;
    let (talking, _ticket) = bench.ask(talk);
    while talking.outcome(0).tokens.len() < 3 {
        bench.scheduler.step().unwrap();
    }
    let _long = bench.ask(by("other", greedy(&prompt(2, 3000), 1)));
    let mut last = bench.clock.now();
    let mut longest = Duration::ZERO;
    for count in 4..100 {
        while talking.outcome(0).tokens.len() < count {
            bench.scheduler.step().unwrap();
        }
        longest = longest.max(bench.clock.now().saturating_duration_since(last));
        last = bench.clock.now();
    }
    assert!(longest <= Duration::from_millis(220), "{longest:?} between two tokens, aimed at 200 ms");
    assert!(longest >= Duration::from_millis(150), "{longest:?}: the pass could hold more");
}

#[test]
fn equal_callers_get_equal_shares_and_weights_count() {
    let weights = [("gold".to_owned(), 3.0)].into();
    let mut bench = bench(SchedulerConfig { weights, burst_tokens: 0, ..SchedulerConfig::default() });
    let callers = ["gold", "one", "two"];
    let mut asked: Vec<(usize, Events, _)> = Vec::new();
    for seed in 0..300u32 {
        let caller = seed as usize % 3;
        let (events, ticket) = bench.ask(by(callers[caller], greedy(&prompt(seed, 300), 1)));
        asked.push((caller, events, ticket));
    }
    let done = |caller: usize| {
        asked.iter().filter(|(who, events, _)| *who == caller && events.usage().is_some()).count()
    };
    while done(0) < 60 {
        bench.scheduler.step().unwrap();
    }
    let (gold, one, two) = (done(0), done(1), done(2));
    assert!(one.abs_diff(two) <= 1, "{one} and {two}");
    assert!(gold.abs_diff(3 * one) <= 6, "{gold} for {one}");
}

#[test]
fn the_urgent_go_first() {
    let mut bench = bench(SchedulerConfig::default());
    let ordinary: Vec<_> = (0..12).map(|seed| bench.ask(greedy(&prompt(seed, 400), 30))).collect();
    for _ in 0..3 {
        bench.scheduler.step().unwrap();
    }
    let mut request = greedy(&prompt(99, 400), 1);
    request.share.priority = -1;
    let (urgent, _ticket) = bench.ask(request);
    while urgent.usage().is_none() {
        bench.scheduler.step().unwrap();
    }
    assert!(ordinary.iter().filter(|(events, _)| events.usage().is_some()).count() <= 1);
}
