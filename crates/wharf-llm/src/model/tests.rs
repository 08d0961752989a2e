use std::sync::mpsc::{Receiver, channel};

use wharf_infer::language::GenerateEvent;

use super::*;
use crate::scheduler::tests::fake::{FakeDecoder, FakeVocabulary};
use crate::scheduler::tests::{alone, greedy, prompt};

fn model() -> Arc<dyn LanguageModel> {
    let parts = ModelParts {
        decoder: FakeDecoder::new(4096, 8, 128),
        draft: None,
        vocabulary: FakeVocabulary::shared(),
        card: LanguageCard::default(),
        prefixes: None,
    };
    start_model(parts, SchedulerConfig::default()).unwrap()
}

/// A reply, and where it arrives.
fn reply<T: Send + 'static>() -> (Reply<T>, Receiver<Result<T, ServiceError>>) {
    let (sender, receiver) = channel();
    (Box::new(move |answer| drop(sender.send(answer))), receiver)
}

struct Passing(std::sync::mpsc::Sender<GenerateEvent>);

impl GenerateSink for Passing {
    fn event(&mut self, event: GenerateEvent) -> bool {
        self.0.send(event).is_ok()
    }
}

#[test]
fn requests_are_answered_from_the_engines_thread() {
    let model = model();
    let (sender, events) = channel();
    let request = greedy(&prompt(1, 50), 20);
    let _ticket = model.generate(request.clone(), Box::new(Passing(sender)));
    let tokens: Vec<TokenId> = events
        .iter()
        .filter_map(|event| match event {
            GenerateEvent::Text { tokens, .. } => Some(tokens),
            _ => None,
        })
        .flatten()
        .map(|token| token.chosen.token)
        .collect();
    assert_eq!(tokens, alone(&request)[0].tokens);
    assert!(model.load().steps > 0 && model.metrics().passes > 0);
}

#[test]
fn a_model_that_goes_answers_everyone() {
    let model = model();
    let (sender, events) = channel();
    let mut request = greedy(&prompt(1, 50), 4000);
    request.ignore_end = true;
    let ticket = model.generate(request, Box::new(Passing(sender)));
    assert!(matches!(events.recv(), Ok(GenerateEvent::Accepted { .. })));
    drop(model);
    assert!(matches!(events.iter().last(), Some(GenerateEvent::Failed(_))));
    drop(ticket);
}

#[test]
fn who_leaves_ends_the_work() {
    let model = model();
    let (sender, events) = channel();
    let mut request = greedy(&prompt(1, 50), 4000);
    request.ignore_end = true;
    drop(model.generate(request, Box::new(Passing(sender))));
    assert!(!events.iter().any(|event| event.is_last()));
}

#[test]
fn what_a_model_cannot_do_is_refused() {
    let model = model();
    let (give, answer) = reply();
    model.embed(EmbedRequest { inputs: vec![Prompt::Tokens(vec![1])], normalize: true }, give);
    assert_eq!(answer.recv().unwrap().unwrap_err().code(), ErrorCode::FailedPrecondition);
    let (give, answer) = reply();
    model.embed(EmbedRequest { inputs: vec![Prompt::Tokens(vec![])], normalize: true }, give);
    assert_eq!(answer.recv().unwrap().unwrap_err().code(), ErrorCode::InvalidArgument);
    let (give, answer) = reply();
    model.load_adapter("a".to_owned(), PathBuf::from("a.gguf"), give);
    assert_eq!(answer.recv().unwrap().unwrap_err().code(), ErrorCode::FailedPrecondition);
    let (give, answer) = reply();
    model.unload_adapter("a".to_owned(), give);
    assert_eq!(answer.recv().unwrap().unwrap_err().code(), ErrorCode::NotFound);
}

#[test]
fn tokens_and_their_bytes_are_asked_for() {
    let model = model();
    let (give, answer) = reply();
    model.tokenize(vec![TextPart { text: "ab".to_owned(), is_markup: false }], false, give);
    assert_eq!(answer.recv().unwrap().unwrap(), [97, 98]);
    let (give, answer) = reply();
    model.detokenize(vec![97, 256], true, give);
    assert_eq!(answer.recv().unwrap().unwrap(), [b"a".to_vec(), b"<end>".to_vec()]);
    let (give, answer) = reply();
    model.detokenize(vec![300], true, give);
    assert_eq!(answer.recv().unwrap().unwrap_err().code(), ErrorCode::InvalidArgument);
}

#[test]
fn texts_longer_than_any_prompt_are_not_tokenised() {
    let model = model();
    let text = || TextPart { text: " ".repeat((1 << 20) + 1), is_markup: false };
    let (give, answer) = reply();
    model.tokenize(vec![text()], false, give);
    let error = answer.recv().unwrap().unwrap_err();
    assert_eq!(error.code(), ErrorCode::OutOfRange);
    assert_eq!(error.message(), "the text has 1048577 bytes, expected at most 1048576");
    let (give, answer) = reply();
    let inputs = vec![Prompt::Text { parts: vec![text()], with_special: true }];
    model.embed(EmbedRequest { inputs, normalize: true }, give);
    assert_eq!(answer.recv().unwrap().unwrap_err().code(), ErrorCode::OutOfRange);
    let (give, answer) = reply();
    model.tokenize(vec![TextPart { text: "a".repeat(LONG_TEXT), is_markup: false }], false, give);
    assert_eq!(answer.recv().unwrap().unwrap().len(), LONG_TEXT);
}
