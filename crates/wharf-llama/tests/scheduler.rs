//! The scheduler over llama.cpp, against a trained model whose greedy answers numpy computed (`oracle.json`): the same
//! tokens alone, under load, from the cache and with a draft.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod stories;

use std::path::Path;
use std::sync::{Arc, Mutex};

use wharf_infer::language::{
    Constraint, Finish, GenerateEvent, GenerateRequest, GenerateSink, Prompt, Sampling, Ticket, TokenId,
    Usage,
};
use wharf_llama::{CacheType, LlamaConfig, LlamaDecoder, open};
use wharf_llm::{Decoder, Scheduler, SchedulerConfig, Step};

use stories::data;

/// With a cache of 32 bits, as the oracle had.
fn config() -> LlamaConfig {
    let (key_type, value_type) = (CacheType::F32, CacheType::F32);
    let config = LlamaConfig {
        threads: 1,
        batch_threads: 2,
        cells: 2048,
        key_type,
        value_type,
        ..LlamaConfig::default()
    };
    LlamaConfig { sequences: 6, batch: 64, flash_attention: Some(false), ..config }
}

fn scheduler(folder: &Path, guesses: usize) -> Scheduler<LlamaDecoder> {
    let (decoder, vocabulary) = open(&folder.join("stories260K-f32.gguf"), &config()).unwrap();
    let mut config = SchedulerConfig::default();
    config.guesses.most = guesses;
    Scheduler::new(decoder, Arc::new(vocabulary), config)
}

/// Prompt and greedy answer of each case for the base model.
fn cases(folder: &Path, model: &str) -> Vec<(Vec<TokenId>, Vec<TokenId>)> {
    let oracle: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("oracle.json")).unwrap()).unwrap();
    let ids = |value: &serde_json::Value| -> Vec<TokenId> {
        value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as TokenId).collect()
    };
    let cases = oracle["cases"].as_array().unwrap().iter();
    cases
        .filter(|case| case["model"] == model)
        .map(|case| (ids(&case["prompt_ids"]), ids(&case["greedy_ids"])))
        .collect()
}

/// Tokens, text, why it ended and what was counted.
type Parts = (Vec<TokenId>, String, Option<Finish>, Option<Usage>);

/// What came back.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Parts>>);

impl GenerateSink for Heard {
    fn event(&mut self, event: GenerateEvent) -> bool {
        let mut heard = self.0.lock().unwrap();
        match event {
            GenerateEvent::Text { tokens, text, .. } => {
                heard.0.extend(tokens.iter().map(|token| token.chosen.token));
                heard.1 += &text;
            }
            GenerateEvent::Finished { finish, .. } => heard.2 = Some(finish),
            GenerateEvent::Done(usage) => heard.3 = Some(usage),
            GenerateEvent::Failed(error) => panic!("{error}"),
            _ => {}
        }
        true
    }
}

fn greedy(prompt: &[TokenId], tokens: usize) -> GenerateRequest {
    let mut request = GenerateRequest::new(Prompt::Tokens(prompt.to_vec()));
    request.sampling = Sampling { temperature: 0.0, ..Sampling::default() };
    request.max_tokens = Some(tokens as u32);
    request.ignore_end = true;
    request
}

fn ask<D: Decoder + 'static>(scheduler: &Scheduler<D>, request: GenerateRequest) -> (Heard, Ticket) {
    let heard = Heard::default();
    let ticket = scheduler.handle().generate(request, Box::new(heard.clone()));
    (heard, ticket)
}

fn finish<D: Decoder + 'static>(scheduler: &mut Scheduler<D>) {
    while scheduler.step().unwrap() != Step::Idle {}
}

/// Asks for every case at once beside other requests, twice, so that the second time finds the prompts in the cache.
fn check(scheduler: &mut Scheduler<LlamaDecoder>, folder: &Path) {
    for round in 0..2 {
        let mut asked = Vec::new();
        for (number, (prompt, expected)) in cases(folder, "base").into_iter().enumerate() {
            let mut noise = greedy(&prompt[..prompt.len().min(3)], 40 + number);
            noise.sampling = Sampling { seed: Some(number as u64), ..Sampling::default() };
            asked.push((ask(scheduler, noise), None));
            asked.push((ask(scheduler, greedy(&prompt, expected.len())), Some(expected)));
        }
        finish(scheduler);
        for ((heard, _ticket), expected) in asked {
            let heard = heard.0.lock().unwrap();
            assert!(heard.3.is_some(), "it came to its end");
            if let Some(expected) = expected {
                assert_eq!(heard.0, expected, "round {round}");
            }
        }
    }
    assert!(scheduler.handle().metrics().prefix_hits > 0);
}

#[test]
fn answers_under_load_and_from_the_cache_are_the_oracles() {
    let Some(folder) = data() else { return };
    check(&mut scheduler(&folder, 0), &folder);
}

#[test]
fn answers_with_guesses_from_text_and_draft_are_the_oracles() {
    let Some(folder) = data() else { return };
    let (draft, _) = open(&folder.join("stories91K-draft-f32.gguf"), &config()).unwrap();
    let mut scheduler = scheduler(&folder, 8).with_draft(Box::new(draft));
    // Alone first: guesses pay most there.
    for (prompt, expected) in cases(&folder, "base") {
        let (heard, _ticket) = ask(&scheduler, greedy(&prompt, expected.len()));
        finish(&mut scheduler);
        assert_eq!(heard.0.lock().unwrap().0, expected);
    }
    assert!(scheduler.handle().metrics().accepted_guesses > 0);
    check(&mut scheduler, &folder);
}

#[test]
fn constrained_answers_are_what_their_constraint_allows() {
    let Some(folder) = data() else { return };
    let mut scheduler = scheduler(&folder, 8);
    let schema = r#"{"type": "object", "properties": {"name": {"enum": ["Lily", "Tim"]}, "age": {"type": "integer",
        "minimum": 1, "maximum": 9}}, "required": ["name", "age"], "additionalProperties": false}"#;
    let (prompt, _) = cases(&folder, "base").remove(0);
    let mut request = greedy(&prompt, 100);
    request.constraint = Some(Constraint::JsonSchema(schema.to_owned()));
    let (heard, _ticket) = ask(&scheduler, request);
    finish(&mut scheduler);
    let heard = heard.0.lock().unwrap();
    let value: serde_json::Value = serde_json::from_str(&heard.1).unwrap();
    assert!(["Lily", "Tim"].contains(&value["name"].as_str().unwrap()), "{}", heard.1);
    assert!((1..10).contains(&value["age"].as_u64().unwrap()), "{}", heard.1);
    assert_eq!(heard.2, Some(Finish::End));
}
