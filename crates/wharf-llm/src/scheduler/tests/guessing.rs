//! Guesses change how fast an answer comes and nothing else.

use std::time::Duration;

use wharf_infer::language::{GenerateRequest, Sampling};

use super::fake::{FakeDecoder, Outcome, StepClock};
use super::{Bench, alone, greedy, prompt};
use crate::scheduler::{Clock, SchedulerConfig};

/// A decoder that takes 5 ms for a pass and 3 ms for each token, and a scheduler for it.
fn timed(
    change: impl FnOnce(FakeDecoder) -> FakeDecoder,
    draft: Option<FakeDecoder>,
    config: SchedulerConfig,
) -> Bench {
    let clock = StepClock::new();
    let decoder = FakeDecoder::new(8192, 8, 128);
    let decoder =
        change(decoder).with_times(clock.clone(), Duration::from_millis(5), Duration::from_millis(3));
    let mut bench = Bench::with_clock(decoder, config, clock.clone());
    if let Some(draft) = draft {
        let draft = draft.with_times(clock, Duration::from_micros(300), Duration::from_micros(200));
        bench.scheduler = bench.scheduler.with_draft(Box::new(draft));
    }
    bench
}

fn without_guesses() -> SchedulerConfig {
    let mut config = SchedulerConfig::default();
    config.guesses.most = 0;
    config
}

/// What a request gives, how long that takes and how many guesses were right and wrong.
fn run(bench: &mut Bench, request: &GenerateRequest) -> (Outcome, Duration, u32, u32) {
    let start = bench.clock.now();
    let events = bench.run(request.clone());
    let usage = events.usage().unwrap();
    let time = bench.clock.now().saturating_duration_since(start);
    (events.outcome(0), time, usage.accepted_guesses, usage.rejected_guesses)
}

fn request(seed: u32, temperature: f32) -> GenerateRequest {
    let mut request = greedy(&prompt(seed, 30), 200);
    request.sampling = Sampling { temperature, top_k: 40, seed: Some(7), ..Sampling::default() };
    request.ignore_end = true;
    request
}

#[test]
fn text_that_repeats_itself_comes_faster_and_is_the_same() {
    // The next token depends on the last one alone, so a greedy answer ends in a circle.
    let circling = |mut decoder: FakeDecoder| {
        decoder.period = Some(1);
        decoder
    };
    let (plain, slow, ..) = run(&mut timed(circling, None, without_guesses()), &request(1, 0.0));
    let (guessed, fast, right, _) =
        run(&mut timed(circling, None, SchedulerConfig::default()), &request(1, 0.0));
    assert_eq!(plain, guessed);
    assert!(right > 100, "{right} right guesses");
    assert!(fast.as_secs_f64() < 0.7 * slow.as_secs_f64(), "{fast:?} for {slow:?}");
}

#[test]
fn a_good_draft_helps_and_changes_nothing() {
    for temperature in [0.0, 0.8] {
        let request = request(3, temperature);
        let mut draft = FakeDecoder::new(8192, 8, 64);
        draft.errs_every = 8;
        let (plain, slow, ..) = run(&mut timed(|decoder| decoder, None, without_guesses()), &request);
        let (guessed, fast, right, wrong) =
            run(&mut timed(|decoder| decoder, Some(draft), SchedulerConfig::default()), &request);
        assert_eq!(plain, guessed);
        assert!(right > wrong, "{right} right, {wrong} wrong");
        assert!(fast.as_secs_f64() < 0.85 * slow.as_secs_f64(), "{fast:?} for {slow:?}");
    }
}

#[test]
fn a_bad_draft_is_given_up() {
    let mut draft = FakeDecoder::new(8192, 8, 64);
    draft.errs_every = 1;
    let request = request(4, 0.0);
    let (plain, slow, ..) = run(&mut timed(|decoder| decoder, None, without_guesses()), &request);
    let (guessed, time, right, wrong) =
        run(&mut timed(|decoder| decoder, Some(draft), SchedulerConfig::default()), &request);
    assert_eq!(plain, guessed);
    assert!(right <= 2 && wrong < 40, "{right} right, {wrong} wrong");
    assert!(time.as_secs_f64() < 1.15 * slow.as_secs_f64(), "{time:?} for {slow:?}");
}

#[test]
fn a_draft_that_breaks_or_is_full_is_done_without() {
    for cells in [40, 8192] {
        let draft = FakeDecoder::new(cells, 2, 16);
        draft.watch.lock().unwrap().faults = vec![
            crate::DecodeFault::Broken("gone".to_owned()),
            crate::DecodeFault::NoRoom,
            crate::DecodeFault::Aborted,
        ];
        let mut bench = timed(|decoder| decoder, Some(draft), SchedulerConfig::default());
        let requests: Vec<_> = (0..4).map(|seed| request(seed, 0.0)).collect();
        let asked: Vec<_> = requests.iter().map(|request| bench.ask(request.clone())).collect();
        bench.finish();
        for (request, (events, _)) in requests.iter().zip(&asked) {
            assert_eq!(events.outcome(0), alone(request)[0]);
        }
    }
}
