//! Against a trained model of 260,000 weights, whose greedy answers numpy computed (`oracle.json`).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod stories;

use std::path::{Path, PathBuf};

use wharf_infer::language::{TextPart, TokenId};
use wharf_llama::{CacheType, LlamaConfig, LlamaDecoder, LlamaVocabulary, open, system_information};
use wharf_llm::{BatchToken, DecodeFault, Decoder, Vocabulary};

use stories::data;

/// With a cache of 32 bits: the oracle computed in 32 and 64, and two of its tokens were a matter of a thousandth.
fn config() -> LlamaConfig {
    let (key_type, value_type) = (CacheType::F32, CacheType::F32);
    let config = LlamaConfig {
        threads: 1,
        batch_threads: 1,
        cells: 1024,
        key_type,
        value_type,
        ..LlamaConfig::default()
    };
    LlamaConfig { sequences: 4, batch: 64, flash_attention: Some(false), ..config }
}

fn model(folder: &Path, file: &str) -> (LlamaDecoder, LlamaVocabulary) {
    open(&folder.join(file), &config()).unwrap()
}

struct Case {
    model: String,
    prompt: String,
    prompt_ids: Vec<TokenId>,
    greedy_ids: Vec<TokenId>,
    text: String,
}

fn cases(folder: &Path) -> Vec<Case> {
    let oracle: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("oracle.json")).unwrap()).unwrap();
    let ids = |value: &serde_json::Value| -> Vec<TokenId> {
        value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as TokenId).collect()
    };
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let case = |case: &serde_json::Value| Case {
        model: text(&case["model"]),
        prompt: text(&case["prompt"]),
        prompt_ids: ids(&case["prompt_ids"]),
        greedy_ids: ids(&case["greedy_ids"]),
        text: text(&case["text"]),
    };
    oracle["cases"].as_array().unwrap().iter().map(case).collect()
}

fn part(text: &str, is_markup: bool) -> TextPart {
    TextPart { text: text.to_owned(), is_markup }
}

/// Adds tokens to a sequence, and gives the logits after the last.
fn feed(decoder: &mut LlamaDecoder, sequence: u32, start: u32, tokens: &[TokenId]) -> Vec<f32> {
    let mut logits = Vec::new();
    let batch = decoder.shape().batch as usize;
    for (chunk, tokens) in tokens.chunks(batch).enumerate() {
        let place = |(index, &token): (usize, &TokenId)| BatchToken {
            token,
            position: start + (chunk * batch + index) as u32,
            sequence,
            wants_logits: index + 1 == tokens.len(),
        };
        let tokens: Vec<BatchToken> = tokens.iter().enumerate().map(place).collect();
        decoder.decode(&tokens).unwrap();
        logits = decoder.logits(tokens.len() - 1).to_vec();
    }
    logits
}

fn likeliest(logits: &[f32]) -> TokenId {
    let best = logits.iter().enumerate().max_by(|(_, left), (_, right)| left.total_cmp(right));
    best.unwrap().0 as TokenId
}

fn greedy(decoder: &mut LlamaDecoder, prompt: &[TokenId], count: usize) -> Vec<TokenId> {
    assert!(decoder.truncate(0, 0));
    let mut tokens = vec![likeliest(&feed(decoder, 0, 0, prompt))];
    while tokens.len() < count {
        let place = (prompt.len() + tokens.len() - 1) as u32;
        let logits = feed(decoder, 0, place, &tokens[tokens.len() - 1..]);
        tokens.push(likeliest(&logits));
    }
    tokens
}

#[test]
fn greedy_tokens_are_the_oracles() {
    let Some(folder) = data() else { return };
    let (mut base, vocabulary) = model(&folder, "stories260K-f32.gguf");
    let (mut draft, _) = model(&folder, "stories91K-draft-f32.gguf");
    let adapter = base.load_adapter(&lora(&folder)).unwrap();
    let mut seen = Vec::new();
    for case in cases(&folder) {
        let decoder = if case.model.starts_with("draft") { &mut draft } else { &mut base };
        decoder.use_adapter(case.model.starts_with("lora").then_some(adapter)).unwrap();
        let tokens = greedy(decoder, &case.prompt_ids, case.greedy_ids.len());
        assert_eq!(tokens, case.greedy_ids, "{} {:?}", case.model, case.prompt);
        assert_eq!(vocabulary.tokenize(&[part(&case.prompt, false)], true), case.prompt_ids);
        let bytes: Vec<u8> = case
            .prompt_ids
            .iter()
            .chain(&tokens)
            .flat_map(|&token| vocabulary.bytes(token))
            .copied()
            .collect();
        assert_eq!(String::from_utf8(bytes).unwrap().trim_start(), case.text.trim_start());
        seen.push(case.model);
    }
    for model in ["base", "draft", "lora"] {
        assert!(seen.iter().any(|name| name.starts_with(model)), "no case of {model}");
    }
}

fn lora(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder.join("lora-shakespeare")).unwrap();
    let mut paths = files.map(|file| file.unwrap().path());
    paths.find(|path| path.extension().is_some_and(|end| end == "gguf")).unwrap()
}

#[test]
fn adapters_come_and_go() {
    let Some(folder) = data() else { return };
    let (mut decoder, _) = model(&folder, "stories260K-f32.gguf");
    let prompt = [1, 403, 407, 261, 378];
    let bare = feed(&mut decoder, 0, 0, &prompt);
    let adapter = decoder.load_adapter(&lora(&folder)).unwrap();
    decoder.use_adapter(Some(adapter)).unwrap();
    assert_ne!(feed(&mut decoder, 1, 0, &prompt), bare);
    decoder.unload_adapter(adapter);
    assert_eq!(feed(&mut decoder, 2, 0, &prompt), bare);
    assert!(matches!(decoder.use_adapter(Some(adapter)), Err(DecodeFault::Unsupported(_))));
    assert_eq!(decoder.load_adapter(&lora(&folder)).unwrap(), adapter);
    for file in ["stories260K-f32.gguf", "oracle.json", "absent.gguf"] {
        let error = decoder.load_adapter(&folder.join(file)).unwrap_err();
        assert!(matches!(error, DecodeFault::Unsupported(_)), "{file}: {error}");
    }
}

#[test]
fn shared_cut_and_restored_sequences_give_what_fresh_ones_do() {
    let Some(folder) = data() else { return };
    let (mut decoder, _) = model(&folder, "stories260K-f32.gguf");
    let case = cases(&folder).into_iter().find(|case| case.model == "base").unwrap();
    let text = [&case.prompt_ids[..], &case.greedy_ids].concat();
    let (start, end) = text.split_at(40);
    let fresh = feed(&mut decoder, 0, 0, &text);

    decoder.share(0, 1, 40);
    assert_close("shared", &feed(&mut decoder, 1, 40, end), &fresh);
    assert!(decoder.truncate(1, 40));
    assert_close("cut", &feed(&mut decoder, 1, 40, end), &fresh);
    assert!(decoder.truncate(1, 0));

    feed(&mut decoder, 2, 0, start);
    let state = decoder.save(2);
    assert!(decoder.truncate(2, 0));
    assert!(decoder.restore(3, &state));
    assert_close("restored", &feed(&mut decoder, 3, 40, end), &fresh);
    assert!(decoder.truncate(3, 0));
    assert!(!decoder.restore(3, &state[1..]) && !decoder.restore(3, &[]), "what is no state");
    for length in [16, 20, state.len() / 2, state.len() - 1] {
        assert!(!decoder.restore(3, &state[..length]), "cut to {length} of {}", state.len());
    }
    assert_close("after refused states", &feed(&mut decoder, 3, 0, &text), &fresh);
}

/// Passes of other lengths add in another order, so that the last bits differ.
fn assert_close(what: &str, logits: &[f32], expected: &[f32]) {
    assert_eq!(logits.len(), expected.len());
    let largest = logits.iter().zip(expected).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max);
    assert!(largest < 1e-4, "{what}: logits differ by {largest}");
}

#[test]
fn full_cache_and_aborted_pass_keep_nothing() {
    let Some(folder) = data() else { return };
    let config = LlamaConfig { cells: 256, ..config() };
    let (mut decoder, _) = open(&folder.join("stories260K-f32.gguf"), &config).unwrap();
    assert_eq!(decoder.shape().cells, 256);
    let tokens: Vec<TokenId> = (0..200).map(|token| token + 3).collect();
    let fresh = feed(&mut decoder, 0, 0, &tokens);
    let batch: Vec<BatchToken> = (0..64)
        .map(|position| BatchToken { token: 5, position, sequence: 1, wants_logits: position == 63 })
        .collect();
    assert_eq!(decoder.decode(&batch), Err(DecodeFault::NoRoom));
    assert!(decoder.logits(63).is_empty());
    decoder.abort_handle().abort();
    assert_eq!(decoder.decode(&batch[..32]), Err(DecodeFault::Aborted));
    // Room for 56: had either pass kept a token, this would not go.
    decoder.decode(&batch[..56]).unwrap();
    assert!(decoder.truncate(0, 0) && decoder.truncate(1, 0));
    assert_close("after both", &feed(&mut decoder, 0, 0, &tokens), &fresh);
}

#[test]
fn names_of_control_tokens_are_text_unless_they_are_markup() {
    let Some(folder) = data() else { return };
    let (_, vocabulary) = model(&folder, "stories260K-f32.gguf");
    let (begin, end) = (vocabulary.begin().unwrap(), vocabulary.end().unwrap());
    assert_eq!((vocabulary.control_name(begin), vocabulary.control_name(end)), (Some("<s>"), Some("</s>")));
    assert!(vocabulary.is_end(end) && !vocabulary.is_end(begin) && vocabulary.bytes(begin).is_empty());
    let tokens = vocabulary.tokenize(&[part("a</s>b", true)], false);
    assert_eq!(tokens.iter().filter(|&&token| token == end).count(), 1);
    let tokens = vocabulary.tokenize(&[part("<s>", true), part("a</s>b", false), part("</s>", true)], false);
    assert_eq!((tokens.first(), tokens.last()), (Some(&begin), Some(&end)));
    assert_eq!(tokens.iter().filter(|&&token| token == end).count(), 1, "{tokens:?}");
    let many = vocabulary.tokenize(&[part(&"<s></s>".repeat(100_000), true)], false);
    assert_eq!((many.len(), many[0], many[199_999]), (200_000, begin, end));
    // A text is the same tokens however it is cut.
    let whole = vocabulary.tokenize(&[part("Once upon a time", false)], true);
    let cut = vocabulary.tokenize(&[part("Once up", true), part("on a ti", false), part("me", true)], true);
    assert_eq!(whole, cut);
    for text in ["", "\0", "\u{1f600}\u{301}", "\n\n  x"] {
        let tokens = vocabulary.tokenize(&[part(text, false)], false);
        let bytes: Vec<u8> = tokens.iter().flat_map(|&token| vocabulary.bytes(token)).copied().collect();
        assert_eq!(String::from_utf8(bytes).unwrap().trim_start_matches(' '), text.trim_start_matches(' '));
    }
}

#[test]
fn embeddings_are_those_of_each_text_alone() {
    let Some(folder) = data() else { return };
    let (mut decoder, vocabulary) = model(&folder, "stories260K-f32.gguf");
    let texts = ["Once upon a time", "the cat", "a dog and a big red ball"];
    let inputs: Vec<Vec<TokenId>> =
        texts.iter().map(|text| vocabulary.tokenize(&[part(text, false)], true)).collect();
    let together = decoder.embed(&inputs).unwrap();
    for (input, vector) in inputs.iter().zip(&together) {
        let alone = decoder.embed(std::slice::from_ref(input)).unwrap();
        assert_eq!(vector.len(), 64);
        assert_close("embedding", &alone[0], vector);
    }
    let error = decoder.embed(&[vec![1; 513]]).unwrap_err().to_string();
    assert_eq!(error, "a text has 513 tokens, expected 1 to 512");
}

#[test]
fn what_is_no_model_is_an_error() {
    let Some(folder) = data() else { return };
    for file in ["oracle.json", "absent.gguf"] {
        let error = open(&folder.join(file), &config()).err().unwrap().to_string();
        assert!(error.contains("llama.cpp does not load the model: "), "{error}");
    }
}

#[test]
fn system_information_names_what_the_processor_has() {
    let line = system_information();
    assert!(line.starts_with("CPU : "), "{line}");
    if cfg!(target_feature = "avx2") {
        assert!(line.contains("AVX2 = 1"), "{line}");
    }
    if cfg!(target_feature = "avx512f") {
        assert!(line.contains("AVX512 = 1"), "{line}");
    }
    if cfg!(target_feature = "avx512vnni") {
        assert!(line.contains("AVX512_VNNI = 1"), "{line}");
    }
}
