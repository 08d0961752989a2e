//! A model in a process of its own, from its file to the oracle's tokens, and after a crash again.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod stories;

use std::path::Path;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use wharf_engine::{EngineErrorKind, Replica as _, WorkerCommand};
use wharf_infer::language::{
    EmbedRequest, GenerateEvent, GenerateRequest, GenerateSink, LanguageModel as _, Prompt, TokenId,
};
use wharf_llama::open_model;
use wharf_llm::{LlmEngine, LlmOptions, LlmProcess, serve_llm_worker};
use wharf_tensor::{Shape, Tensor};

use stories::data;

const PATIENCE: Duration = Duration::from_secs(120);

#[test]
#[ignore = "is the worker process of the other tests"]
fn worker_main() {
    serve_llm_worker(open_model).unwrap();
}

/// As the oracle computed: one thread, a cache of 32 bits, attention with its matrix.
fn options() -> LlmOptions {
    let cache_type = Some("f32".to_owned());
    LlmOptions { threads: 1, cells: 2048, cache_type, flash_attention: Some(false), ..LlmOptions::default() }
}

fn engine() -> LlmEngine {
    let arguments = ["worker_main", "--exact", "--ignored", "--nocapture"];
    LlmEngine::new(WorkerCommand::new(std::env::current_exe().unwrap(), arguments), options())
}

/// The files as they lie beside each other where a model is served.
fn bundle(folder: &Path, with_draft: bool) -> tempfile::TempDir {
    let bundle = tempfile::tempdir().unwrap();
    let copy = |from: &str, to: &str| std::fs::copy(folder.join(from), bundle.path().join(to)).unwrap();
    copy("stories260K-f32.gguf", "model.gguf");
    copy("lora-shakespeare/lora-shakespeare-f32.gguf", "shakespeare.lora.gguf");
    if with_draft {
        copy("stories91K-draft-f32.gguf", "draft.gguf");
    }
    bundle
}

struct ChannelSink(Sender<GenerateEvent>);

impl GenerateSink for ChannelSink {
    fn event(&mut self, event: GenerateEvent) -> bool {
        self.0.send(event).is_ok()
    }
}

fn greedy(model: &LlmProcess, prompt: &[TokenId], count: usize, adapter: Option<&str>) -> Vec<TokenId> {
    let request = GenerateRequest::new(Prompt::Tokens(prompt.to_vec()));
    let mut request = GenerateRequest {
        max_tokens: Some(count as u32),
        ignore_end: true,
        adapter: adapter.map(str::to_owned),
        logprobs: Some(0),
        ..request
    };
    request.sampling.temperature = 0.0;
    let (sender, events) = mpsc::channel();
    let _ticket = model.generate(request, Box::new(ChannelSink(sender)));
    let mut answer = Vec::new();
    loop {
        match events.recv_timeout(PATIENCE).unwrap() {
            GenerateEvent::Text { tokens, .. } => {
                answer.extend(tokens.iter().map(|token| token.chosen.token))
            }
            GenerateEvent::Done(_) => return answer,
            GenerateEvent::Failed(error) => panic!("{error} {:?}", error.detail()),
            _ => {}
        }
    }
}

#[test]
fn served_tokens_are_the_oracles_with_and_without_a_draft() {
    let Some(folder) = data() else { return };
    let oracle: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("oracle.json")).unwrap()).unwrap();
    for with_draft in [false, true] {
        let bundle = bundle(&folder, with_draft);
        let model = engine().open(&bundle.path().join("model.gguf"), &options()).unwrap();
        assert_eq!(model.adapters(), ["shakespeare"]);
        assert_eq!((model.card().architecture.as_str(), model.card().parameters), ("llama", 292_800));
        for case in oracle["cases"].as_array().unwrap() {
            let ids = |key: &str| -> Vec<TokenId> {
                case[key].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as TokenId).collect()
            };
            let adapter = match case["model"].as_str().unwrap() {
                "base" => None,
                "lora-shakespeare" => Some("shakespeare"),
                _ => continue,
            };
            let expected = ids("greedy_ids");
            let answer = greedy(&model, &ids("prompt_ids"), expected.len(), adapter);
            assert_eq!(answer, expected, "{:?} {}, draft: {with_draft}", case["model"], case["prompt"]);
        }
    }
}

#[test]
fn text_and_vectors_come_out_of_a_model_that_was_started_again() {
    let Some(folder) = data() else { return };
    let bundle = bundle(&folder, false);
    let path = bundle.path().join("model.gguf");
    let model = engine().open(&path, &options()).unwrap();
    let shape = Shape::new(&[1]).unwrap();
    let text = Tensor::from_strings(shape, vec!["Once upon a time".into()]).unwrap();
    let run = || model.run(&[("text_input", text.clone())], &[]);
    assert_eq!(run().unwrap().len(), 1);
    let pid = rustix::process::Pid::from_raw(worker_of(&path)).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let begun = std::time::Instant::now();
    while let Err(error) = run().and_then(|_| if model.restarts() == 0 { run() } else { Ok(Vec::new()) }) {
        assert_eq!(error.kind(), EngineErrorKind::Unavailable, "{error}");
        assert!(begun.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    let (sender, receiver) = mpsc::channel();
    let inputs = vec![Prompt::Tokens(vec![1, 403]), Prompt::Tokens(vec![1])];
    let reply = Box::new(move |answer| sender.send(answer).unwrap());
    model.embed(EmbedRequest { inputs, normalize: true }, reply);
    let found = receiver.recv_timeout(PATIENCE).unwrap().unwrap();
    assert_eq!((found.vectors.len(), found.vectors[0].len(), found.prompt_tokens), (2, 64, 3));
    let length: f32 = found.vectors[0].iter().map(|number| number * number).sum();
    assert!((length - 1.0).abs() < 1e-3, "{length}");
}

/// The child of this process that has `file` mapped.
fn worker_of(file: &Path) -> i32 {
    let maps = |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let children = |entry: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(entry.unwrap().path().join("children")).unwrap_or_default()
    };
    let children: Vec<String> = std::fs::read_dir("/proc/self/task").unwrap().map(children).collect();
    let pids = children.iter().flat_map(|pids| pids.split_whitespace());
    let mut pids = pids.map(|pid| pid.parse().unwrap());
    pids.find(|&pid| maps(pid).contains(file.to_str().unwrap())).unwrap()
}

#[test]
fn what_llama_cpp_would_be_asked_in_vain_is_refused() {
    let Some(folder) = data() else { return };
    let bundle = bundle(&folder, false);
    let path = bundle.path().join("model.gguf");
    for (options, expected) in [
        (LlmOptions { cache_type: Some("q5".to_owned()), ..options() }, "cache type `q5` is unknown"),
        (LlmOptions { sequences: 1000, ..options() }, "`sequences` is 1000, expected 1 to 256"),
        (
            LlmOptions { draft: Some(bundle.path().join("shakespeare.lora.gguf")), ..options() },
            "is of type `adapter`",
        ),
    ] {
        let error = engine().open(&path, &options).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let estimate = engine().estimate(&path).unwrap();
    assert!(estimate.weights > 1_000_000 && estimate.cache == 5 * 4 * 16 * 4 * 2048, "{estimate:?}");
}
