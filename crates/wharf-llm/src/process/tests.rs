//! Against real processes: this test program, called with the one test that is a worker.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use wharf_engine::{EngineErrorKind, Replica as _, StopSignal, WorkerCommand};
use wharf_infer::language::{
    EmbedRequest, GenerateEvent, GenerateRequest, GenerateSink, LanguageCard, LanguageModel, Prompt,
    TextPart, Ticket, TokenId,
};
use wharf_infer::{ErrorCode, ServiceError};
use wharf_tensor::{Shape, Tensor};

use super::*;
use crate::scheduler::tests::fake::{FakeDecoder, FakeVocabulary};
use crate::{
    AdapterId, BatchToken, DecodeFault, Decoder, DecoderShape, ModelParts, SchedulerConfig, SequenceId,
    start_model,
};

const PATIENCE: Duration = Duration::from_secs(60);
const ABORT: TokenId = 290;
const SEGFAULT: TokenId = 291;
const HANG: TokenId = 292;
const BREAK: TokenId = 293;

/// A decoder that has tokens which end the process or keep it busy.
struct Troubled(FakeDecoder);

impl Decoder for Troubled {
    fn shape(&self) -> DecoderShape {
        self.0.shape()
    }

    fn decode(&mut self, batch: &[BatchToken]) -> Result<(), DecodeFault> {
        // Those of a prompt: the model may come upon them by itself later.
        for token in batch.iter().filter(|token| token.position == 0) {
            match token.token {
                ABORT => std::process::abort(),
                // The first is caught by Rust's own handler, which takes itself away and waits for the fault to come again.
                SEGFAULT => loop {
                    let signal = rustix::process::Signal::SEGV;
                    rustix::process::kill_process(rustix::process::getpid(), signal).unwrap();
                },
                HANG => loop {
                    thread::park();
                },
                BREAK => return Err(DecodeFault::Broken("a test".to_owned())),
                _ => {}
            }
        }
        self.0.decode(batch)
    }

    fn logits(&self, index: usize) -> &[f32] {
        self.0.logits(index)
    }

    fn share(&mut self, from: SequenceId, to: SequenceId, end: u32) {
        self.0.share(from, to, end);
    }

    fn truncate(&mut self, sequence: SequenceId, position: u32) -> bool {
        self.0.truncate(sequence, position)
    }

    fn save(&self, sequence: SequenceId) -> Vec<u8> {
        self.0.save(sequence)
    }

    fn restore(&mut self, sequence: SequenceId, state: &[u8]) -> bool {
        self.0.restore(sequence, state)
    }

    fn use_adapter(&mut self, adapter: Option<AdapterId>) -> Result<(), DecodeFault> {
        self.0.use_adapter(adapter)
    }

    fn load_adapter(&mut self, file: &Path) -> Result<AdapterId, DecodeFault> {
        match file.to_str() {
            Some("/good") => Ok(AdapterId(7)),
            _ => Err(DecodeFault::Unsupported("no adapter".to_owned())),
        }
    }

    fn embed(&mut self, inputs: &[Vec<TokenId>]) -> Result<Vec<Vec<f32>>, DecodeFault> {
        Ok(inputs.iter().map(|input| vec![input.len() as f32, f32::NAN]).collect())
    }
}

fn open(request: &OpenRequest) -> Result<Arc<dyn LanguageModel>, ServiceError> {
    match request.file.to_str() {
        Some("/abort") => std::process::abort(),
        Some("/refuse") => return Err(ServiceError::new(ErrorCode::DataLoss, "no model").with_detail("why")),
        Some(path) if Path::new(path).is_file() => std::process::abort(),
        _ => {}
    }
    let card = LanguageCard {
        architecture: "fake".to_owned(),
        context_tokens: request.options.context,
        ..LanguageCard::default()
    };
    let mut decoder = FakeDecoder::new(1 << 20, 16, 64);
    decoder.ends = false;
    let parts = ModelParts {
        decoder: Troubled(decoder),
        draft: None,
        vocabulary: FakeVocabulary::shared(),
        card,
        prefixes: None,
    };
    start_model(parts, SchedulerConfig::default())
}

#[test]
#[ignore = "is the worker process of the other tests"]
fn worker_main() {
    serve_llm_worker(open).unwrap();
}

/// One test at a time: they count descriptors and processes.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn config() -> ProcessConfig {
    let arguments = ["process::tests::worker_main", "--exact", "--ignored", "--nocapture"];
    ProcessConfig::new(WorkerCommand::new(std::env::current_exe().unwrap(), arguments))
}

fn request(file: &str) -> OpenRequest {
    let options = LlmOptions { context: 77, ..LlmOptions::default() };
    OpenRequest { file: PathBuf::from(file), options, adapters: [].into(), turns: None }
}

fn start() -> LlmProcess {
    LlmProcess::start(config(), request("/model")).unwrap()
}

struct ChannelSink(Sender<GenerateEvent>);

impl GenerateSink for ChannelSink {
    fn event(&mut self, event: GenerateEvent) -> bool {
        self.0.send(event).is_ok()
    }
}

fn tokens(tokens: &[TokenId], max_tokens: u32) -> GenerateRequest {
    let request = GenerateRequest::new(Prompt::Tokens(tokens.to_vec()));
    let mut request = GenerateRequest { max_tokens: Some(max_tokens), ignore_end: true, ..request };
    request.sampling.temperature = 0.0;
    request
}

fn generate(model: &LlmProcess, request: GenerateRequest) -> (Ticket, Receiver<GenerateEvent>) {
    let (sender, receiver) = mpsc::channel();
    (model.generate(request, Box::new(ChannelSink(sender))), receiver)
}

/// The text of an answer, or why there is none.
fn answer(events: &Receiver<GenerateEvent>) -> Result<String, ServiceError> {
    let mut answer = String::new();
    loop {
        match events.recv_timeout(PATIENCE).unwrap() {
            GenerateEvent::Text { text, .. } => answer.push_str(&text),
            GenerateEvent::Done(_) => return Ok(answer),
            GenerateEvent::Failed(error) => return Err(error),
            _ => {}
        }
    }
}

/// Until the model has begun to answer.
fn wait_for_text(events: &Receiver<GenerateEvent>) {
    loop {
        match events.recv_timeout(PATIENCE).unwrap() {
            GenerateEvent::Text { .. } => return,
            GenerateEvent::Failed(error) => panic!("{error} {:?}", error.detail()),
            _ => {}
        }
    }
}

fn ask(model: &LlmProcess, prompt: &[TokenId]) -> Result<String, ServiceError> {
    let (_ticket, events) = generate(model, tokens(prompt, 5));
    answer(&events)
}

/// Asks until the process is there again.
fn ask_again(model: &LlmProcess, prompt: &[TokenId]) -> String {
    let begun = Instant::now();
    loop {
        match ask(model, prompt) {
            Ok(answer) => return answer,
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::Unavailable, "{error}");
                assert!(begun.elapsed() < PATIENCE, "the process was not started again: {error}");
                thread::yield_now();
            }
        }
    }
}

fn replied<T: Send + 'static>(ask: impl FnOnce(wharf_infer::language::Reply<T>)) -> Result<T, ServiceError> {
    let (sender, receiver) = mpsc::channel();
    ask(Box::new(move |answer| sender.send(answer).unwrap()));
    receiver.recv_timeout(PATIENCE).unwrap()
}

#[test]
fn worker_answers_as_the_model_would() {
    let _alone = alone();
    let model = start();
    let here = open(&request("/model")).unwrap();
    assert_eq!((model.card().architecture.as_str(), model.card().context_tokens), ("fake", 77));
    let (sender, events) = mpsc::channel();
    let _ticket = here.generate(tokens(&[1, 2, 3], 5), Box::new(ChannelSink(sender)));
    assert_eq!(ask(&model, &[1, 2, 3]).unwrap(), answer(&events).unwrap());
    let parts = || vec![TextPart { text: "abc".to_owned(), is_markup: false }];
    let found = replied(|reply| model.tokenize(parts(), false, reply)).unwrap();
    assert_eq!(found, replied(|reply| here.tokenize(parts(), false, reply)).unwrap());
    assert_eq!(replied(|reply| model.detokenize(vec![97, 98], false, reply)).unwrap(), [b"a", b"b"]);
    let error = replied(|reply| model.detokenize(vec![9999], false, reply)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    let inputs = vec![Prompt::Tokens(vec![1, 2]), Prompt::Tokens(vec![1])];
    let found = replied(|reply| model.embed(EmbedRequest { inputs, normalize: false }, reply)).unwrap();
    assert_eq!((found.prompt_tokens, found.vectors.len()), (3, 2));
    assert!(found.vectors[0][0] == 2.0 && found.vectors[1][0] == 1.0 && found.vectors[0][1].is_nan());
    let error = ask(&model, &[]).unwrap_err();
    assert_eq!(error.message(), "the prompt has no tokens, expected at least 1");
    assert_eq!(model.restarts(), 0);
}

#[test]
fn text_goes_in_and_comes_out_of_the_replica() {
    let _alone = alone();
    let model = start();
    let text = |text: &str| {
        let shape = Shape::new(&[1]).unwrap();
        Tensor::from_strings(shape, vec![bytes::Bytes::copy_from_slice(text.as_bytes())]).unwrap()
    };
    let error = model.run(&[("text_input", text("x"))], &["logits"]).unwrap_err();
    assert_eq!(error.message(), "output `logits` is unknown, expected `text_output`");
    let stop = StopSignal::new();
    stop.stop();
    let error = model.run_until(&[("text_input", text("x"))], &["text_output"], &stop).unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::Stopped);
    assert!(model.language_model().unwrap().card().architecture == "fake");
}

#[test]
fn crash_fails_its_eight_streams_cleanly_and_no_others() {
    let _alone = alone();
    let (model, other) = (start(), start());
    let descriptors = count_descriptors();
    for (round, (token, expected)) in [
        (ABORT, "the model's process ended by signal 6 (SIGABRT) during the request"),
        (SEGFAULT, "the model's process ended by signal 11 (SIGSEGV) during the request"),
    ]
    .into_iter()
    .enumerate()
    {
        let streams: Vec<_> = (0..8).map(|stream| generate(&model, tokens(&[stream], 1_000_000))).collect();
        for (_, events) in &streams {
            wait_for_text(events);
        }
        let (_ticket, other_events) = generate(&other, tokens(&[9], 500));
        assert_eq!(ask(&model, &[token]).unwrap_err().message(), expected);
        for (_, events) in &streams {
            let error = answer(events).unwrap_err();
            assert_eq!((error.code(), error.message()), (ErrorCode::Unavailable, expected));
        }
        assert!(!answer(&other_events).unwrap().is_empty());
        drop(streams);
        ask_again(&model, &[1]);
        assert_eq!(model.restarts(), round as u64 + 1);
    }
    assert_eq!(other.restarts(), 0);
    settles("descriptors", || count_descriptors() <= descriptors);
}

#[test]
fn killed_worker_is_reaped_and_started_again() {
    let _alone = alone();
    let model = start();
    let (_ticket, events) = generate(&model, tokens(&[1], 1_000_000));
    wait_for_text(&events);
    let [pid] = workers()[..] else { panic!("one worker, not {:?}", workers()) };
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let error = answer(&events).unwrap_err();
    assert_eq!(error.message(), "the model's process ended by signal 9 (SIGKILL) during the request");
    ask_again(&model, &[1]);
    assert_eq!(workers().len(), 1);
}

#[test]
fn worker_that_hangs_or_whose_decoder_broke_is_replaced() {
    let _alone = alone();
    let config = ProcessConfig { hang_after: Duration::from_millis(300), ..config() };
    let model = LlmProcess::start(config, request("/model")).unwrap();
    for (round, (token, expected)) in
        [(HANG, "the model's process hung and was ended"), (BREAK, "the model broke down")]
            .into_iter()
            .enumerate()
    {
        let error = ask(&model, &[token]).unwrap_err();
        assert_eq!((error.code(), error.message()), (ErrorCode::Unavailable, expected));
        ask_again(&model, &[1]);
        settles("restarts", || model.restarts() == round as u64 + 1);
    }
}

#[test]
fn cancelled_request_frees_its_place() {
    let _alone = alone();
    let model = start();
    for by_ticket in [true, false] {
        let (ticket, events) = generate(&model, tokens(&[1], 1_000_000));
        wait_for_text(&events);
        settles("running", || model.load().running == 1);
        if by_ticket {
            drop(ticket);
        } else {
            drop(events);
            std::mem::forget(ticket);
        }
        settles("idle", || model.load().running == 0 && model.load().steps > 0);
    }
    assert!(model.metrics().cancelled >= 1);
}

#[test]
fn adapters_outlive_the_process_that_loaded_them() {
    let _alone = alone();
    let model = start();
    let load = |name: &str, file: &str| {
        replied(|reply| model.load_adapter(name.to_owned(), PathBuf::from(file), reply))
    };
    load("a", "/good").unwrap();
    assert_eq!(load("b", "/bad").unwrap_err().message(), "no adapter");
    assert_eq!(model.adapters(), ["a"]);
    ask(&model, &[ABORT]).unwrap_err();
    ask_again(&model, &[1]);
    let with_adapter = GenerateRequest { adapter: Some("a".to_owned()), ..tokens(&[1], 3) };
    let (_ticket, events) = generate(&model, with_adapter);
    answer(&events).unwrap();
    replied(|reply| model.unload_adapter("a".to_owned(), reply)).unwrap();
    assert!(model.adapters().is_empty());
    let mut opened = request("/model");
    opened.adapters = [("c".to_owned(), PathBuf::from("/good"))].into();
    let other = LlmProcess::start(config(), opened).unwrap();
    assert_eq!(other.adapters(), ["c"]);
}

#[test]
fn failure_to_open_is_the_workers_own_or_says_that_it_ended() {
    let _alone = alone();
    let refused = LlmProcess::start(config(), request("/refuse")).err().unwrap();
    assert_eq!(
        (refused.code(), refused.message(), refused.detail()),
        (ErrorCode::DataLoss, "no model", Some("why"))
    );
    let aborted = LlmProcess::start(config(), request("/abort")).err().unwrap();
    let expected = "the model's process ended by signal 6 (SIGABRT) while it loaded the model";
    assert_eq!((aborted.code(), aborted.message()), (ErrorCode::Unavailable, expected));
    let missing = ProcessConfig::new(WorkerCommand::new("/no/such/program", [""; 0]));
    let missing = LlmProcess::start(missing, request("/model")).err().unwrap();
    assert_eq!(missing.message(), "the model's process could not be started");
    settles("workers", || workers().is_empty());
}

#[test]
fn process_and_descriptors_are_gone_with_the_model() {
    let _alone = alone();
    let descriptors = count_descriptors();
    let model = start();
    let (ticket, events) = generate(&model, tokens(&[1], 1_000_000));
    wait_for_text(&events);
    assert_eq!(workers().len(), 1);
    drop(model);
    assert_eq!(workers().len(), 0);
    assert_eq!(answer(&events).unwrap_err().message(), "the model is being unloaded");
    drop(ticket);
    settles("descriptors", || count_descriptors() <= descriptors);
}

#[test]
fn model_that_cannot_be_opened_again_is_unavailable_until_it_is_dropped() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let model = LlmProcess::start(config(), request(path.to_str().unwrap())).unwrap();
    // The worker of these tests ends where there is a file.
    std::fs::write(&path, "").unwrap();
    ask(&model, &[ABORT]).unwrap_err();
    for _ in 0..100 {
        assert_eq!(ask(&model, &[1]).unwrap_err().code(), ErrorCode::Unavailable);
    }
    assert_eq!(model.restarts(), 0);
    drop(model);
    assert!(workers().is_empty());
}

#[test]
fn companions_lie_beside_a_model() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["model.gguf", "draft.gguf", "pirate.lora.gguf", ".lora.gguf", "other.gguf"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let (draft, adapters) = companions(&folder.path().join("model.gguf"));
    assert_eq!(draft, Some(folder.path().join("draft.gguf")));
    assert_eq!(adapters, [("pirate".to_owned(), folder.path().join("pirate.lora.gguf"))].into());
    assert_eq!(companions(&folder.path().join("draft.gguf")).0, None);
}

#[test]
fn engine_refuses_what_is_no_model_before_it_starts_a_process() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, b"GGUF\x03\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0").unwrap();
    let engine = LlmEngine::new(WorkerCommand::new("/no/such/program", [""; 0]), LlmOptions::default());
    let error = engine.open(&path, &LlmOptions::default()).err().unwrap();
    assert_eq!(error.kind(), EngineErrorKind::InvalidModel);
    assert_eq!(error.message(), "18446744073709551615 tensors, the file has room for 0 at most");
    assert_eq!(engine.estimate(&path).unwrap_err().kind(), EngineErrorKind::InvalidModel);
}

/// Waits for what comes about without an event.
fn settles(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        // Whoever asks without a pause keeps the answer from being noted.
        thread::park_timeout(Duration::from_millis(5));
    }
}

fn count_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The numbers of this process's workers.
fn workers() -> Vec<i32> {
    let children = |entry: std::io::Result<std::fs::DirEntry>| {
        let children = entry.unwrap().path().join("children");
        std::fs::read_to_string(children).unwrap_or_default()
    };
    let children: Vec<String> = std::fs::read_dir("/proc/self/task").unwrap().map(children).collect();
    children.iter().flat_map(|pids| pids.split_whitespace()).map(|pid| pid.parse().unwrap()).collect()
}
