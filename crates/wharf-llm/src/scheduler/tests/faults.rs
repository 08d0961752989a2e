//! A decoder that fails, and cells that run out.

use wharf_infer::ErrorCode;

use super::fake::FakeDecoder;
use super::{Bench, alone, greedy, prompt};
use crate::DecodeFault;
use crate::scheduler::{SchedulerConfig, Step};

#[test]
fn passes_that_kept_nothing_are_made_again() {
    let decoder = FakeDecoder::new(1000, 4, 64);
    decoder.watch.lock().unwrap().faults =
        vec![DecodeFault::Aborted, DecodeFault::NoRoom, DecodeFault::Aborted];
    let mut bench = Bench::new(decoder, SchedulerConfig::default());
    let requests: Vec<_> = (0..3).map(|seed| greedy(&prompt(seed, 50), 20)).collect();
    let asked: Vec<_> = requests.iter().map(|request| bench.ask(request.clone())).collect();
    bench.finish();
    for (request, (events, _)) in requests.iter().zip(&asked) {
        assert_eq!(events.outcome(0), alone(request)[0]);
    }
}

#[test]
fn a_broken_decoder_fails_everyone_and_ends_the_run() {
    let decoder = FakeDecoder::new(1000, 1, 64);
    let watch = decoder.watch.clone();
    let mut bench = Bench::new(decoder, SchedulerConfig::default());
    let asked: Vec<_> = (0..3).map(|seed| bench.ask(greedy(&prompt(seed, 50), 200))).collect();
    bench.scheduler.step().unwrap();
    watch.lock().unwrap().faults = vec![DecodeFault::Broken("gone".to_owned())];
    assert!(bench.scheduler.run().is_err());
    for (events, _) in &asked {
        let error = events.failure().unwrap();
        assert_eq!(
            (error.code(), error.detail()),
            (ErrorCode::Unavailable, Some("the decoder failed: gone"))
        );
    }
    let (late, _ticket) = bench.ask(greedy(&[1], 1));
    assert_eq!(late.failure().unwrap().code(), ErrorCode::Unavailable);
}

#[test]
fn closing_answers_everyone() {
    let mut bench = Bench::new(FakeDecoder::new(1000, 1, 64), SchedulerConfig::default());
    let asked: Vec<_> = (0..3).map(|seed| bench.ask(greedy(&prompt(seed, 50), 200))).collect();
    bench.scheduler.step().unwrap();
    bench.scheduler.handle().close();
    assert_eq!(bench.scheduler.step(), Ok(Step::Closed));
    assert!(asked.iter().all(|(events, _)| events.failure().unwrap().code() == ErrorCode::Unavailable));
    assert_eq!(bench.scheduler.handle().load().waiting, 0);
}

#[test]
fn who_makes_way_loses_nothing() {
    for saved_bytes in [0, 1 << 20] {
        let config = SchedulerConfig { saved_bytes, ..SchedulerConfig::default() };
        let mut bench = Bench::new(FakeDecoder::new(300, 8, 64), config);
        let requests: Vec<_> = (0..6)
            .map(|seed| {
                let mut request = greedy(&prompt(seed, 40), 150);
                request.ignore_end = true;
                request
            })
            .collect();
        let asked: Vec<_> = requests.iter().map(|request| bench.ask(request.clone())).collect();
        bench.finish();
        for (request, (events, _)) in requests.iter().zip(&asked) {
            assert_eq!(events.outcome(0), alone(request)[0]);
        }
        assert!(bench.scheduler.handle().metrics().preemptions > 0);
        assert_eq!(bench.scheduler.saved_bytes, 0);
    }
}

#[test]
fn calls_reach_the_decoder_between_two_passes() {
    let mut bench = Bench::new(FakeDecoder::new(1000, 4, 64), SchedulerConfig::default());
    bench.scheduler.handle().call(|decoder| decoder.ends = false);
    let outcome = bench.run(greedy(&prompt(1, 5), 900)).outcome(0);
    assert_eq!(outcome.tokens.len(), 900);
}
