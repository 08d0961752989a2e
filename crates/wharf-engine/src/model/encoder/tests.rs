//! Encoders over the real runtime, against onnxruntime and tokenizers of Python.

use std::fs;

use bytes::Bytes;
use serde_json::{Value, json};
use wharf_bundle::Bundle;
use wharf_infer::{ErrorCode, NamedTensor, ServiceError};
use wharf_tensor::{Shape, Tensor};
use wharf_testing::{assert_close, models};

use super::*;
use crate::{EngineError, LoadOptions, LoadedModel, OnnxEngine, StopSignal};

/// Two runtimes of one kind, of which one fills rows up.
const TOLERANCE: f32 = 1e-5;

fn goldens() -> Value {
    serde_json::from_str(include_str!("../../../../wharf-encode/goldens/encoder.json")).unwrap()
}

/// A folder of a small encoder, with these files beside it.
fn folder(model: &[u8], files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("model.onnx"), model).unwrap();
    fs::write(folder.path().join("tokenizer.json"), models::ENCODER_TOKENIZER).unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn load(folder: &tempfile::TempDir) -> Result<LoadedModel, EngineError> {
    let bundle = Bundle::open(folder.path()).unwrap();
    LoadedModel::load(&bundle, &OnnxEngine::new().unwrap(), &LoadOptions::default())
}

/// What sentence-transformers writes of a model that pools in this way and scales to length 1.
fn sentence(pooling: &str) -> Vec<(&'static str, String)> {
    let module = |kind: &str, path: &str| json!({"type": format!("sentence_transformers.models.{kind}"), "path": path});
    let modules = json!([
        module("Transformer", ""),
        module("Pooling", "1_Pooling"),
        module("Normalize", "2_Normalize")
    ]);
    let transformer = json!({"max_seq_length": 32});
    vec![
        ("modules.json", modules.to_string()),
        ("1_Pooling/config.json", json!({"pooling_mode": pooling}).to_string()),
        ("sentence_bert_config.json", transformer.to_string()),
    ]
}

fn encoder(pooling: &str) -> LoadedModel {
    let files = sentence(pooling);
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    load(&folder(models::ENCODER, &files)).unwrap()
}

fn ranker() -> LoadedModel {
    let config = json!({"architectures": ["BertForSequenceClassification"], "num_labels": 1}).to_string();
    load(&folder(models::RANKER, &[("config.json", &config)])).unwrap()
}

fn texts(name: &str, texts: &[&str]) -> NamedTensor {
    let strings = texts.iter().map(|text| Bytes::copy_from_slice(text.as_bytes())).collect();
    NamedTensor::new(name, Tensor::from_strings(Shape::new(&[texts.len()]).unwrap(), strings).unwrap())
}

fn ask(model: &LoadedModel, inputs: &[NamedTensor]) -> Result<Vec<f32>, ServiceError> {
    model.check(TEXT_SIGNATURE, inputs, &[])?;
    let outputs = model.run(TEXT_SIGNATURE, inputs, &[], &StopSignal::never())?;
    Ok(outputs[0].tensor.to_vec::<f32>()?)
}

fn golden_texts(goldens: &Value, way: &str) -> (Vec<String>, Vec<f32>) {
    let each = goldens["texts"].as_array().unwrap();
    let texts = each.iter().map(|golden| golden["text"].as_str().unwrap().to_owned()).collect();
    let vectors = each.iter().flat_map(|golden| golden["embeddings"][way].as_array().unwrap());
    (texts, vectors.map(|number| number.as_f64().unwrap() as f32).collect())
}

#[test]
fn texts_together_and_alone_have_the_vectors_of_the_reference() {
    let goldens = goldens();
    for (pooling, way) in [
        ("mean", "mean"),
        ("mean_sqrt_len_tokens", "mean_sqrt_len"),
        ("cls", "cls"),
        ("lasttoken", "last"),
        ("max", "max"),
    ] {
        let (all, expected) = golden_texts(&goldens, way);
        let model = encoder(pooling);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_close(&ask(&model, &[texts("text", &all)]).unwrap(), &expected, TOLERANCE, TOLERANCE);
        for (text, expected) in all.iter().zip(expected.chunks(16)) {
            assert_close(&ask(&model, &[texts("text", &[text])]).unwrap(), expected, TOLERANCE, TOLERANCE);
        }
    }
}

#[test]
fn pairs_are_ranked_as_by_the_reference() {
    let (model, goldens) = (ranker(), goldens());
    assert!(model.encoder().unwrap().is_ranker());
    let pairs = goldens["pairs"].as_array().unwrap();
    let of = |name: &str| pairs.iter().map(|pair| pair[name].as_str().unwrap()).collect::<Vec<_>>();
    let expected: Vec<f32> = pairs.iter().map(|pair| pair["score"].as_f64().unwrap() as f32).collect();
    let inputs = [texts("text", &of("first")), texts("text_pair", &of("second"))];
    assert_close(&ask(&model, &inputs).unwrap(), &expected, TOLERANCE, TOLERANCE);
    let uneven = [texts("text", &["a", "b"]), texts("text_pair", &["a"])];
    let error = ask(&model, &uneven).unwrap_err();
    assert!(error.message().contains("`text` has 2 texts, `text_pair` has 1"), "{error}");
}

#[test]
fn the_graph_is_still_asked_as_it_is() {
    let model = encoder("mean");
    let names: Vec<_> = model.signatures().keys().map(String::as_str).collect();
    assert_eq!(names, ["serving_default", "text", "tokens"]);
    let encoder = model.encoder().unwrap();
    assert_eq!((encoder.size(), encoder.max_tokens()), (16, 32));
    let inputs = encoder.inputs(&[encoder.row("the cat", true).unwrap()]).unwrap();
    let run = |signature: &str| model.run(signature, &inputs, &[], &StopSignal::never()).unwrap().remove(0);
    assert_eq!(run("serving_default").tensor.shape().dims(), [1, 4, 16]);
    assert_eq!(run("tokens").tensor.shape().dims(), [1, 16]);
    assert!(model.can_batch("tokens"));
}

#[test]
fn texts_that_cannot_be_are_the_callers_mistake() {
    let model = encoder("mean");
    let (long, huge) = ("cat ".repeat(31), "c".repeat(1 << 17));
    for (text, code, expected) in [
        (
            huge.as_str(),
            ErrorCode::OutOfRange,
            "a text has 131072 bytes, expected at most 65536, for 32 tokens",
        ),
        (long.as_str(), ErrorCode::OutOfRange, "a text has 33 tokens, expected at most 32"),
        ("\u{1}", ErrorCode::InvalidArgument, ""),
    ] {
        match ask(&model, &[texts("text", &["cat", text])]) {
            Err(error) => assert!(error.code() == code && error.message().contains(expected), "{error}"),
            // A control character is nothing, and what is put around nothing is a text.
            Ok(vectors) => assert_eq!((vectors.len(), code), (32, ErrorCode::InvalidArgument)),
        }
    }
    let error = ask(&model, &[texts("text", &["a"; 2049])]).unwrap_err();
    assert!(error.message().contains("input `text` has 2049 texts, expected at most 2048"), "{error}");
    let bytes = Tensor::from_strings(Shape::new(&[1]).unwrap(), vec![Bytes::from_static(b"\xff")]).unwrap();
    let error = ask(&model, &[NamedTensor::new("text", bytes)]).unwrap_err();
    assert!(error.message().contains("no UTF-8 at 0"), "{error}");
    let encoder = model.encoder().unwrap();
    let error = encoder.tokens(vec![5, 100_000]).unwrap_err();
    assert!(error.message().contains("token 100000 is not in the vocabulary"), "{error}");
    assert!(encoder.tokens(vec![]).is_err());
}

#[test]
fn a_tokenizer_that_does_not_fit_is_an_error_that_names_the_file() {
    let mut larger: Value = serde_json::from_slice(models::ENCODER_TOKENIZER).unwrap();
    larger["model"]["vocab"]["elephant"] = json!(5000);
    for (tokenizer, expected) in [
        ("{", "file `tokenizer.json` is no tokenizer"),
        (&larger.to_string(), "does not take token 5000, which `tokenizer.json` has"),
    ] {
        let error = load(&folder(models::ENCODER, &[("tokenizer.json", tokenizer)])).err().unwrap();
        assert!(error.message().contains(expected), "{error}");
    }
}

#[test]
fn a_folder_whose_graph_is_no_encoder_is_served_as_it_is() {
    let model = load(&folder(models::HALF_PLUS_TWO, &[])).unwrap();
    assert!(model.encoder().is_none() && model.signatures().len() == 1);
    let classes = json!({"architectures": ["BertForSequenceClassification"], "num_labels": 3}).to_string();
    let model = load(&folder(models::ENCODER, &[("config.json", &classes)])).unwrap();
    assert!(model.encoder().is_none());
}

/// What `make minilm` brings, or the folder that `MINILM` names.
fn minilm() -> Option<std::path::PathBuf> {
    let beside = || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/all-minilm-l6-v2");
    let folder = std::env::var_os("MINILM").map_or_else(beside, std::path::PathBuf::from);
    let found = Some(folder).filter(|folder| folder.join("model.onnx").exists());
    if found.is_none() {
        wharf_testing::say_skipped(
            "there is no MiniLM (`make minilm` brings it, MINILM names another folder)",
        );
    }
    found
}

#[test]
fn a_real_encoder_has_the_vectors_of_the_reference_and_they_make_sense() {
    let Some(folder) = minilm() else { return };
    let goldens: Value =
        serde_json::from_str(include_str!("../../../../wharf-encode/goldens/minilm.json")).unwrap();
    let goldens = goldens.as_array().unwrap();
    let bundle = Bundle::open(&folder).unwrap();
    let model = LoadedModel::load(&bundle, &OnnxEngine::new().unwrap(), &LoadOptions::default()).unwrap();
    assert_eq!((model.encoder().unwrap().size(), model.encoder().unwrap().max_tokens()), (384, 256));
    let all: Vec<&str> = goldens.iter().map(|golden| golden["text"].as_str().unwrap()).collect();
    let numbers = ask(&model, &[texts("text", &all)]).unwrap();
    let vectors: Vec<&[f32]> = numbers.chunks(384).collect();
    for (vector, golden) in vectors.iter().zip(goldens) {
        let expected = golden["vector"].as_array().unwrap().iter();
        let expected: Vec<f32> = expected.map(|number| number.as_f64().unwrap() as f32).collect();
        assert_close(vector, &expected, TOLERANCE, TOLERANCE);
    }
    let near = |one: usize, other: usize| -> f32 {
        vectors[one].iter().zip(vectors[other]).map(|(one, other)| one * other).sum()
    };
    // Two that eat, two beasts that hunt; and others.
    assert!(near(0, 1) > 0.7 && near(3, 4) > 0.35);
    assert!([near(0, 2), near(0, 3), near(1, 4), near(2, 3)].iter().all(|cosine| *cosine < 0.2));
}
