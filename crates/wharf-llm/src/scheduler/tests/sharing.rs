//! The prefix cache and what requests share.

use std::path::Path;

use super::fake::{FakeDecoder, Watch};
use super::{Bench, alone, by, greedy, prompt};
use crate::AdapterId;
use crate::PrefixStoreConfig;
use crate::scheduler::SchedulerConfig;
use crate::store::PrefixStore;

fn computed(watch: &Watch) -> usize {
    watch.batches.iter().map(Vec::len).sum()
}

/// Runs a test with a decoder and a count of the tokens that it computed.
fn watched(decoder: FakeDecoder) -> (Bench, impl Fn() -> usize) {
    let watch = decoder.watch.clone();
    let mut config = SchedulerConfig::default();
    config.guesses.most = 0;
    (Bench::new(decoder, config), move || computed(&watch.lock().unwrap()))
}

#[test]
fn a_known_prompt_is_not_computed_again_but_for_its_last_token() {
    let (mut bench, computed) = watched(FakeDecoder::new(4096, 8, 128));
    let request = greedy(&prompt(1, 200), 1);
    let first = bench.run(request.clone());
    assert_eq!((computed(), first.usage().unwrap().cached_tokens), (200, 0));
    let again = bench.run(request);
    assert_eq!((computed(), again.usage().unwrap().cached_tokens), (201, 199));
    assert_eq!(first.outcome(0), again.outcome(0));
    assert_eq!(bench.scheduler.handle().metrics().prefix_hits, 199);
}

#[test]
fn the_next_turn_of_a_conversation_finds_the_answer_before() {
    let (mut bench, _) = watched(FakeDecoder::new(4096, 8, 128));
    let mut request = greedy(&prompt(1, 100), 20);
    request.ignore_end = true;
    let mut text = prompt(1, 100);
    text.extend(bench.run(request).outcome(0).tokens);
    text.extend(prompt(7, 10));
    let events = bench.run(greedy(&text, 5));
    // The last token of the answer was never computed.
    assert_eq!(events.usage().unwrap().cached_tokens, 119);
    assert_eq!(events.outcome(0), alone(&greedy(&text, 5))[0]);
}

#[test]
fn callers_salts_and_adapters_share_nothing() {
    let (mut bench, _) = watched(FakeDecoder::new(4096, 8, 128));
    for (id, name) in [(0, "a"), (1, "b")] {
        bench.scheduler.handle().add_adapter(name, AdapterId(id));
    }
    let request = by("one", greedy(&prompt(1, 100), 3));
    let mut salted = request.clone();
    salted.share.cache_salt = "salt".to_owned();
    let mut adapted = request.clone();
    adapted.adapter = Some("a".to_owned());
    let other = by("two", request.clone());
    for request in [&request, &salted, &adapted, &other] {
        let events = bench.run(request.clone());
        assert_eq!(events.usage().unwrap().cached_tokens, 0);
        assert_eq!(events.outcome(0), alone(request)[0]);
    }
    assert_ne!(alone(&adapted), alone(&request));
    assert_eq!(bench.run(salted).usage().unwrap().cached_tokens, 99);
}

#[test]
fn choices_compute_their_prompt_once() {
    let (mut bench, computed) = watched(FakeDecoder::new(4096, 16, 256));
    let mut request = greedy(&prompt(1, 300), 1);
    request.choices = 8;
    let events = bench.run(request);
    assert_eq!(computed(), 300 + 7);
    let usage = events.usage().unwrap();
    assert_eq!((usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens), (300, 0, 8));
}

#[test]
fn two_with_the_same_cold_prefix_compute_it_once() {
    let (mut bench, computed) = watched(FakeDecoder::new(4096, 16, 64));
    let asked: Vec<_> = (0..4)
        .map(|seed| {
            let mut text = prompt(1, 200);
            text.extend(prompt(seed + 2, 20));
            bench.ask(greedy(&text, 1))
        })
        .collect();
    bench.finish();
    // What is left of the prefix in the last chunk is not worth waiting for.
    assert!(computed() <= 200 + 4 * 20 + 3 * 15, "{}", computed());
    assert!(asked.iter().all(|(events, _)| events.usage().is_some()));
}

#[test]
fn what_is_kept_gives_way_to_requests() {
    let (mut bench, _) = watched(FakeDecoder::new(300, 3, 64));
    for seed in 0..10 {
        let request = greedy(&prompt(seed, 200), 20);
        assert_eq!(bench.run(request.clone()).outcome(0), alone(&request)[0], "request {seed}");
    }
    assert_eq!(bench.scheduler.handle().metrics().preemptions, 0);
}

#[test]
fn a_flood_of_one_caller_leaves_the_others_what_they_keep() {
    let (mut bench, _) = watched(FakeDecoder::new(1000, 16, 64));
    let victim = by("quiet", greedy(&prompt(1, 100), 1));
    bench.run(victim.clone());
    for seed in 10..40 {
        bench.run(by("loud", greedy(&prompt(seed, 200), 1)));
    }
    assert_eq!(bench.run(victim).usage().unwrap().cached_tokens, 99);
}

#[test]
fn models_whose_sequences_cannot_be_cut_share_whole_ones() {
    let (mut bench, _) = watched(FakeDecoder::new(2000, 4, 64).whole_sequences_only());
    let mut request = greedy(&prompt(1, 100), 10);
    request.ignore_end = true;
    let mut text = prompt(1, 100);
    text.extend(bench.run(request.clone()).outcome(0).tokens);
    assert_eq!(bench.run(request.clone()).outcome(0), alone(&request)[0]);
    text.extend(prompt(5, 5));
    let events = bench.run(greedy(&text, 5));
    assert_eq!(events.usage().unwrap().cached_tokens, 109);
    assert_eq!(events.outcome(0), alone(&greedy(&text, 5))[0]);
}

#[test]
fn an_adapter_goes_when_nobody_uses_it() {
    let (mut bench, _) = watched(FakeDecoder::new(1000, 4, 64));
    let handle = bench.scheduler.handle();
    handle.add_adapter("a", AdapterId(0));
    let mut request = greedy(&prompt(1, 50), 10);
    request.adapter = Some("a".to_owned());
    let (events, _ticket) = bench.ask(request.clone());
    bench.scheduler.step().unwrap();
    let gone = std::sync::Arc::new(std::sync::Mutex::new(false));
    let told = gone.clone();
    assert!(handle.remove_adapter("a", move |_, _| *told.lock().unwrap() = true));
    bench.scheduler.step().unwrap();
    assert!(!*gone.lock().unwrap(), "it is still in use");
    assert!(bench.ask(request).0.failure().is_some());
    bench.finish();
    assert!(*gone.lock().unwrap() && events.usage().is_some());
    assert_eq!(handle.load().cells_used, 0);
}

/// A server that keeps prefixes in a folder, as it is after a start.
fn started(folder: &Path) -> Bench {
    let (mut bench, _) = watched(FakeDecoder::new(4096, 8, 128));
    let config = PrefixStoreConfig { folder: folder.to_owned(), size_bytes: 1 << 20 };
    bench.scheduler = bench.scheduler.with_store(PrefixStore::open(config).unwrap());
    bench
}

#[test]
fn prefixes_survive_a_restart_for_their_own_caller() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = by("one", greedy(&prompt(1, 200), 5));
    first.ignore_end = true;
    let mut text = prompt(1, 200);
    text.extend(started(folder.path()).run(first).outcome(0).tokens);
    text.extend(prompt(7, 10));
    let next = greedy(&text, 5);
    let expected = alone(&next);
    let events = started(folder.path()).run(by("one", next.clone()));
    assert_eq!(events.usage().unwrap().cached_tokens, 204);
    assert_eq!(events.outcome(0), expected[0]);
    let events = started(folder.path()).run(by("two", next.clone()));
    assert_eq!((events.usage().unwrap().cached_tokens, &events.outcome(0)), (0, &expected[0]));
    // What is kept in memory already is not read again.
    let mut bench = started(folder.path());
    for cached in [214, 214] {
        let events = bench.run(by("one", next.clone()));
        assert!(events.usage().unwrap().cached_tokens >= cached - 1, "{:?}", events.usage());
        assert_eq!(events.outcome(0), expected[0]);
    }
}

#[test]
fn a_stored_prefix_that_has_no_room_is_computed_again() {
    let folder = tempfile::tempdir().unwrap();
    started(folder.path()).run(greedy(&prompt(1, 200), 1));
    let (mut bench, _) = watched(FakeDecoder::new(250, 1, 128));
    let config = PrefixStoreConfig { folder: folder.path().to_owned(), size_bytes: 1 << 20 };
    bench.scheduler = bench.scheduler.with_store(PrefixStore::open(config).unwrap());
    let request = greedy(&prompt(1, 210), 3);
    assert_eq!(bench.run(request.clone()).outcome(0), alone(&request)[0]);
}
