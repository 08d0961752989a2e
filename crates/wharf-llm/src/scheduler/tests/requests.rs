//! What single requests get.

use std::time::Duration;

use wharf_infer::language::{Finish, GenerateEvent, GenerateRequest, Prompt, Sampling, TextPart};
use wharf_infer::{Deadline, ErrorCode};

use super::fake::{FakeDecoder, FakeVocabulary};
use super::{Bench, alone, greedy, prompt};
use crate::scheduler::SchedulerConfig;

fn bench() -> Bench {
    Bench::new(FakeDecoder::new(4096, 8, 128), SchedulerConfig::default())
}

#[test]
fn events_come_in_their_order() {
    let events = bench().run(greedy(&prompt(1, 10), 5)).all();
    assert!(matches!(events[0], GenerateEvent::Accepted { prompt_tokens: 10 }));
    assert!(events[1..6].iter().all(|event| matches!(event, GenerateEvent::Text { choice: 0, .. })));
    assert!(matches!(events[6], GenerateEvent::Finished { choice: 0, finish: Finish::Length }));
    assert!(matches!(&events[7], GenerateEvent::Done(usage) if usage.completion_tokens == 5));
    assert_eq!(events.len(), 8);
}

#[test]
fn an_answer_of_no_tokens_is_an_answer() {
    let events = bench().run(greedy(&prompt(1, 10), 0));
    assert_eq!(events.outcome(0).finish, Some(Finish::Length));
    assert_eq!(events.usage().unwrap().completion_tokens, 0);
}

#[test]
fn the_longest_request_that_fits_is_served_and_a_longer_one_refused() {
    let mut bench = Bench::new(FakeDecoder::new(100, 4, 32), SchedulerConfig::default());
    let mut request = greedy(&prompt(3, 90), 10);
    request.ignore_end = true;
    assert_eq!(bench.run(request.clone()).outcome(0).tokens.len(), 10);
    request.max_tokens = None;
    assert_eq!(bench.run(request.clone()).outcome(0).tokens.len(), 10);
    request.max_tokens = Some(11);
    let error = bench.run(request).failure().unwrap();
    assert_eq!(error.code(), ErrorCode::OutOfRange);
    assert!(
        error
            .message()
            .starts_with("This model's maximum context length is 100 tokens. However, you requested 101")
    );
}

#[test]
fn texts_that_cannot_fit_are_not_tokenised() {
    let parts = vec![TextPart { text: "x".repeat(10 << 20), is_markup: false }];
    let request = GenerateRequest::new(Prompt::Text { parts, with_special: true });
    assert_eq!(bench().run(request).failure().unwrap().code(), ErrorCode::OutOfRange);
}

#[test]
fn numbers_out_of_range_are_refused_by_name() {
    let ask = |change: &dyn Fn(&mut GenerateRequest)| {
        let mut request = greedy(&[1, 2, 3], 5);
        change(&mut request);
        bench().run(request).failure().map(|error| (error.code(), error.message().to_owned()))
    };
    type Change = &'static dyn Fn(&mut GenerateRequest);
    let cases: [(&str, Change); 14] = [
        ("choices", &|r| r.choices = 0),
        ("choices", &|r| r.choices = 1_000_000),
        ("min_tokens", &|r| r.min_tokens = 6),
        ("stop", &|r| r.stop = vec!["x".to_owned(); 1_000_000]),
        ("stop", &|r| r.stop = vec![String::new()]),
        ("stop", &|r| r.stop = vec!["x".repeat(1 << 20)]),
        ("temperature", &|r| r.sampling.temperature = f32::NAN),
        ("temperature", &|r| r.sampling.temperature = -1.0),
        ("top_p", &|r| r.sampling.top_p = 0.0),
        ("min_p", &|r| r.sampling.min_p = 1.5),
        ("typical_p", &|r| r.sampling.typical_p = f32::INFINITY),
        ("repetition_penalty", &|r| r.sampling.repetition_penalty = 0.0),
        ("presence_penalty", &|r| r.sampling.presence_penalty = f32::NEG_INFINITY),
        ("logit_bias", &|r| r.sampling.logit_bias = [(u32::MAX, 1.0)].into()),
    ];
    for (name, change) in cases {
        let (code, message) = ask(change).unwrap_or_else(|| panic!("`{name}` was accepted"));
        assert_eq!(code, ErrorCode::InvalidArgument, "{message}");
        assert!(message.contains(&format!("`{name}`")), "{message}");
    }
    assert_eq!(ask(&|r| r.prompt = Prompt::Tokens(vec![])).unwrap().0, ErrorCode::InvalidArgument);
    assert_eq!(ask(&|r| r.prompt = Prompt::Tokens(vec![300])).unwrap().0, ErrorCode::InvalidArgument);
    assert_eq!(ask(&|r| r.adapter = Some("none".to_owned())).unwrap().0, ErrorCode::NotFound);
    assert_eq!(ask(&|r| r.sampling.temperature = -0.0), None);
    assert_eq!(ask(&|r| r.sampling.temperature = f32::MAX), None);
}

#[test]
fn a_stop_string_ends_the_answer_before_it() {
    let mut request = greedy(&prompt(5, 8), 60);
    request.ignore_end = true;
    let whole = alone(&request).remove(0).text;
    let place = whole.char_indices().nth(whole.chars().count() / 2).unwrap().0;
    let stop: String = whole[place..].chars().take(3).collect();
    request.stop = vec!["never".to_owned(), stop.clone()];
    let outcome = bench().run(request).outcome(0);
    let first = whole.find(&stop).unwrap();
    assert_eq!((outcome.text.as_str(), outcome.finish), (&whole[..first], Some(Finish::StopString(stop))));
}

#[test]
fn min_tokens_and_ignore_end_hold_the_end_off() {
    let mut bench = bench();
    let biased = |min_tokens: u32, ignore_end: bool| {
        let mut request = greedy(&prompt(2, 4), 20);
        request.sampling.logit_bias = [(super::fake::END, 100.0)].into();
        (request.min_tokens, request.ignore_end) = (min_tokens, ignore_end);
        request
    };
    let events = bench.run(biased(0, false));
    assert_eq!((events.outcome(0).tokens.len(), events.usage().unwrap().completion_tokens), (0, 1));
    assert_eq!(events.outcome(0).finish, Some(Finish::End));
    assert_eq!(bench.run(biased(7, false)).outcome(0).tokens.len(), 7);
    assert_eq!(bench.run(biased(0, true)).outcome(0).tokens, vec![super::fake::END; 20]);
}

#[test]
fn probabilities_are_those_of_the_whole_distribution() {
    let mut request = greedy(&prompt(2, 9), 6);
    request.logprobs = Some(20);
    request.prompt_logprobs = Some(1);
    request.sampling = Sampling { temperature: 0.7, top_k: 5, seed: Some(4), ..Sampling::default() };
    request.ignore_end = true;
    let events = bench().run(request).all();
    let mut seen = 0;
    for event in &events {
        let GenerateEvent::Text { tokens, .. } = event else { continue };
        for token in tokens {
            seen += 1;
            assert_eq!(token.top.len(), 20);
            assert!(token.top.windows(2).all(|pair| pair[0].logprob >= pair[1].logprob));
            let of_chosen =
                token.top.iter().find(|top| top.token == token.chosen.token).expect("one of the top 5");
            assert_eq!(of_chosen, &token.chosen);
            assert!(token.top.iter().map(|top| f64::from(top.logprob).exp()).sum::<f64>() < 1.0);
        }
    }
    assert_eq!(seen, 6);
    let prompt_tokens = events.iter().find_map(|event| match event {
        GenerateEvent::Prompt(tokens) => Some(tokens.clone()),
        _ => None,
    });
    let prompt_tokens = prompt_tokens.unwrap();
    assert_eq!(prompt_tokens.iter().map(|token| token.chosen.token).collect::<Vec<_>>(), prompt(2, 9));
    assert!(prompt_tokens[0].chosen.logprob.is_nan() && prompt_tokens[0].top.is_empty());
    assert!(prompt_tokens[1..].iter().all(|token| token.chosen.logprob <= token.top[0].logprob));
}

#[test]
fn probabilities_of_a_prompt_are_the_same_in_chunks_and_beside_a_cache() {
    let measured = |bench: &mut Bench| {
        let mut request = greedy(&prompt(8, 200), 1);
        request.prompt_logprobs = Some(3);
        let all = bench.run(request).all();
        all.into_iter()
            .find_map(|event| if let GenerateEvent::Prompt(tokens) = event { Some(tokens) } else { None })
    };
    let mut whole = Bench::new(FakeDecoder::new(4096, 8, 512), SchedulerConfig::default());
    let config = SchedulerConfig { logit_rows: 16, ..SchedulerConfig::default() };
    let mut chunked = Bench::new(FakeDecoder::new(4096, 8, 16), config);
    chunked.run(greedy(&prompt(8, 200), 3));
    let (whole, chunked) = (measured(&mut whole).unwrap(), measured(&mut chunked).unwrap());
    assert_eq!(whole.len(), 200);
    assert_eq!(whole[1..], chunked[1..]);
}

#[test]
fn a_seed_alone_decides_what_is_drawn() {
    let mut request = greedy(&prompt(4, 12), 30);
    request.sampling = Sampling { seed: Some(42), ..Sampling::default() };
    request.choices = 3;
    let expected = alone(&request);
    assert_ne!(expected[0], expected[1]);
    let mut bench = bench();
    for seed in 0..20 {
        let mut other = greedy(&prompt(seed, 20 + seed as usize), 40);
        other.sampling = Sampling::default();
        let _forgotten = bench.ask(other);
    }
    let events = bench.run(request);
    assert_eq!((0..3).map(|choice| events.outcome(choice)).collect::<Vec<_>>(), expected);
}

#[test]
fn what_nobody_waits_for_is_dropped_within_a_step() {
    let mut bench = bench();
    let mut request = greedy(&prompt(1, 300), 1000);
    request.ignore_end = true;
    let (_, ticket) = bench.ask(request.clone());
    let (leaver, _ticket) = bench.ask_for(request.clone(), 3);
    request.deadline = Deadline::after(Duration::from_secs(3600));
    let (late, _late_ticket) = bench.ask(request);
    for _ in 0..30 {
        bench.scheduler.step().unwrap();
    }
    drop(ticket);
    bench.scheduler.step().unwrap();
    assert_eq!(bench.scheduler.handle().load().running, 1);
    assert_eq!(leaver.all().len(), 3);
    bench.clock.advance(Duration::from_secs(7200));
    bench.finish();
    assert_eq!(late.failure().unwrap().code(), ErrorCode::DeadlineExceeded);
    assert_eq!(bench.scheduler.handle().load().running, 0);
    assert_eq!(bench.scheduler.handle().metrics().cancelled, 3);
}

#[test]
fn a_full_queue_says_when_to_come_back() {
    let config = SchedulerConfig { queue: 3, ..SchedulerConfig::default() };
    let bench = Bench::new(FakeDecoder::new(100, 1, 16), config);
    let kept: Vec<_> = (0..3).map(|seed| bench.ask(greedy(&prompt(seed, 4), 4))).collect();
    let (refused, _ticket) = bench.ask(greedy(&prompt(9, 4), 4));
    let error = refused.failure().unwrap();
    assert_eq!((error.code(), kept.len()), (ErrorCode::Overloaded, 3));
    assert!(error.retry_after().is_some());
}

#[test]
fn the_handle_may_be_used_from_any_thread() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<crate::SchedulerHandle<FakeDecoder>>();
    // Even where the decoder may not leave its own.
    struct Bound(#[expect(dead_code, reason = "it makes the type stay on its thread")] *const u8);
    is_shared::<crate::SchedulerHandle<Bound>>();
    assert!(FakeVocabulary::shared().size() > 0);
}
