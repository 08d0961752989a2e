//! Encoders: texts of many callers through the batcher, over the real runtime.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use wharf_engine::OnnxEngine;
use wharf_infer::language::{
    EmbedRequest, Embeddings, LanguageLease, LanguageModels, Prompt, RankRequest, TextPart,
};
use wharf_infer::{ErrorCode, InferRequest, ModelRef, NamedTensor, ServiceError};
use wharf_tensor::{Shape, Tensor};
use wharf_testing::{assert_close, models};

use super::{Folder, one_worker, send, serve};
use crate::{BatchConfig, ModelManager, ServeLimits};

/// Rows that are filled up, against rows that are alone.
const TOLERANCE: f32 = 1e-5;

const PLAIN: &str = r#"{"model_type": "bert", "max_position_embeddings": 64}"#;
const RANKS: &str =
    r#"{"architectures": ["BertForSequenceClassification"], "num_labels": 1, "model_type": "bert"}"#;

/// A server of `minilm`, which embeds, and `cross`, which ranks; every run is joined from what waits.
async fn encoders(limits: ServeLimits) -> ModelManager {
    let folder = Folder::new();
    for (name, model, config) in [("minilm", models::ENCODER, PLAIN), ("cross", models::RANKER, RANKS)] {
        let version = folder.put_bytes(name, 1, model);
        std::fs::write(version.join("tokenizer.json"), models::ENCODER_TOKENIZER).unwrap();
        std::fs::write(version.join("config.json"), config).unwrap();
    }
    let batching = BatchConfig::default().with_only_what_pays(false);
    let config = folder.config().with_limits(limits).with_default_batching(batching);
    serve(config, Arc::new(OnnxEngine::new().unwrap())).await
}

fn goldens() -> Value {
    serde_json::from_str(include_str!("../../../wharf-encode/goldens/encoder.json")).unwrap()
}

fn text(text: &str) -> Prompt {
    let parts = vec![TextPart { text: text.to_owned(), is_markup: false }];
    Prompt::Text { parts, with_special: true }
}

async fn embed(
    lease: &LanguageLease,
    inputs: Vec<Prompt>,
    normalize: bool,
) -> Result<Embeddings, ServiceError> {
    let (sender, answer) = tokio::sync::oneshot::channel();
    let request = EmbedRequest { inputs, normalize };
    lease.model.embed(request, Box::new(move |embeddings| drop(sender.send(embeddings))));
    answer.await.unwrap()
}

/// The texts of the goldens, and their vectors by the mean, of length 1.
fn golden_texts() -> Vec<(String, Vec<f32>)> {
    let goldens = goldens();
    let each = goldens["texts"].as_array().unwrap().iter();
    let one = |golden: &Value| {
        let numbers = golden["embeddings"]["mean"].as_array().unwrap().iter();
        let vector = numbers.map(|number| number.as_f64().unwrap() as f32).collect();
        (golden["text"].as_str().unwrap().to_owned(), vector)
    };
    each.map(one).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_texts_are_rows_of_shared_runs_and_come_back_in_order() {
    let manager = encoders(one_worker().with_inline_below(std::time::Duration::ZERO)).await;
    let lease = manager.find("minilm").await.unwrap();
    let goldens = golden_texts();
    let prompts = (0..210).map(|index| text(&goldens[index % goldens.len()].0)).collect();
    let embeddings = embed(&lease, prompts, true).await.unwrap();
    assert_eq!(embeddings.vectors.len(), 210);
    for (index, vector) in embeddings.vectors.iter().enumerate() {
        assert_close(vector, &goldens[index % goldens.len()].1, TOLERANCE, TOLERANCE);
    }
    let tokens = |text: &Value| text["ids"].as_array().unwrap().len();
    let of_all: usize = self::goldens()["texts"].as_array().unwrap().iter().map(tokens).sum();
    assert_eq!(embeddings.prompt_tokens as usize, of_all * 30);
    let batches = manager.batches(&ModelRef::latest("minilm")).unwrap();
    assert_eq!((batches.requests, batches.split), (210, 0));
    let runs = batches.full + batches.idle_worker + batches.key_change + batches.delay;
    assert!(runs < 60, "{batches:?}");
    assert_eq!(lease.model.metrics().prompt_tokens, u64::from(embeddings.prompt_tokens));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_share_runs_whichever_interface_they_use() {
    let manager = encoders(one_worker().with_inline_below(std::time::Duration::ZERO)).await;
    let goldens = golden_texts();
    let (lease, mut sent) = (manager.find("minilm").await.unwrap(), Vec::new());
    for (text, _) in goldens.iter().cycle().take(70) {
        sent.push(send(&manager, of_texts("minilm", &[("text", &[text])])));
    }
    let embeddings = embed(&lease, goldens.iter().map(|(each, _)| text(each)).collect(), true).await.unwrap();
    for (vector, (_, expected)) in embeddings.vectors.iter().zip(&goldens) {
        assert_close(vector, expected, TOLERANCE, TOLERANCE);
    }
    for (answer, (_, expected)) in sent.into_iter().zip(goldens.iter().cycle()) {
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(
            (answer.outputs[0].name.as_str(), answer.outputs[0].tensor.shape().dims()),
            ("embedding", &[1, 16][..])
        );
        // The folder does not say that vectors are of length 1.
        let vector = answer.outputs[0].tensor.to_vec::<f32>().unwrap();
        let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
        let unit: Vec<f32> = vector.iter().map(|number| number / length).collect();
        assert_close(&unit, expected, TOLERANCE, TOLERANCE);
    }
    let batches = manager.batches(&ModelRef::latest("minilm")).unwrap();
    assert_eq!((batches.requests, batches.split), (77, 0));
}

#[tokio::test]
async fn documents_are_ranked_in_their_order() {
    let manager = encoders(ServeLimits::default()).await;
    let lease = manager.find("cross").await.unwrap();
    let (card, goldens) = (lease.model.card(), goldens());
    assert!(card.ranks && !card.embeds && !card.generates);
    for pair in goldens["pairs"].as_array().unwrap() {
        let of = |name: &str| pair[name].as_str().unwrap().to_owned();
        let request = RankRequest { query: of("first"), documents: vec![of("second"), "a dog".to_owned()] };
        let (sender, answer) = tokio::sync::oneshot::channel();
        lease.model.rank(request, Box::new(move |scores| drop(sender.send(scores))));
        let scores = answer.await.unwrap().unwrap();
        let expected = pair["score"].as_f64().unwrap() as f32;
        assert_close(&scores.vectors[0], &[expected], TOLERANCE, TOLERANCE);
        assert!(scores.vectors[1].len() == 1 && scores.vectors[1] != scores.vectors[0]);
    }
    let pair = [("text", &["a dog"][..]), ("text_pair", &["a cat"][..])];
    let answer = manager.infer(of_texts("cross", &pair)).await.unwrap();
    assert_eq!(
        (answer.outputs[0].name.as_str(), answer.outputs[0].tensor.shape().dims()),
        ("score", &[1, 1][..])
    );
}

#[tokio::test]
async fn tokens_are_taken_as_they_are_and_texts_give_theirs() {
    let manager = encoders(ServeLimits::default()).await;
    let lease = manager.find("minilm").await.unwrap();
    let (sender, answer) = tokio::sync::oneshot::channel();
    let parts = vec![TextPart { text: "The cat sits.".to_owned(), is_markup: false }];
    lease.model.tokenize(parts, true, Box::new(move |tokens| drop(sender.send(tokens))));
    let tokens = answer.await.unwrap().unwrap();
    let both =
        embed(&lease, vec![Prompt::Tokens(tokens.clone()), text("The cat sits.")], true).await.unwrap();
    assert_close(&both.vectors[0], &both.vectors[1], TOLERANCE, TOLERANCE);
    let (sender, answer) = tokio::sync::oneshot::channel();
    lease.model.detokenize(tokens, false, Box::new(move |pieces| drop(sender.send(pieces))));
    assert_eq!(answer.await.unwrap().unwrap().concat(), b"the cat sits .");
}

#[tokio::test]
async fn what_an_encoder_cannot_take_is_refused_and_said() {
    let manager = encoders(ServeLimits::default()).await;
    let lease = manager.find("minilm").await.unwrap();
    let long = text(&"cat ".repeat(63));
    for (input, code, expected) in [
        (long, ErrorCode::OutOfRange, "a text has 65 tokens, expected at most 64"),
        (Prompt::Tokens(vec![9999]), ErrorCode::InvalidArgument, "token 9999 is not in the vocabulary"),
    ] {
        let error = embed(&lease, vec![text("cat"), input], true).await.unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.message().contains(expected), "{error}");
    }
    let names: Vec<_> = LanguageModels::list(&manager).into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["cross", "minilm"]);
    let card = lease.model.card();
    assert_eq!((card.embedding_size, card.context_tokens, card.architecture.as_str()), (16, 64, "bert"));
}

#[tokio::test]
async fn the_graph_itself_answers_as_any_other_and_is_not_filled_up() {
    let manager = encoders(ServeLimits::default()).await;
    let row = |values: Vec<i64>| Tensor::from_vec(Shape::new(&[1, values.len()]).unwrap(), values).unwrap();
    let mut request = InferRequest::new(ModelRef::latest("minilm"));
    for (name, values) in
        [("input_ids", vec![2, 5, 6, 3]), ("attention_mask", vec![1; 4]), ("token_type_ids", vec![0; 4])]
    {
        request.inputs.push(NamedTensor::new(name, row(values)));
    }
    let sent: Vec<_> = (0..8).map(|_| send(&manager, request.clone())).collect();
    for answer in sent {
        assert_eq!(answer.await.unwrap().unwrap().outputs[0].tensor.shape().dims(), [1, 4, 16]);
    }
}

#[tokio::test]
async fn a_server_that_stops_finishes_the_texts_of_a_request() {
    let manager = encoders(one_worker().with_inline_below(std::time::Duration::ZERO)).await;
    let lease = manager.find("minilm").await.unwrap();
    let (sender, answer) = tokio::sync::oneshot::channel();
    let request = EmbedRequest { inputs: (0..300).map(|_| text("the cat")).collect(), normalize: true };
    lease.model.embed(request, Box::new(move |embeddings| drop(sender.send(embeddings))));
    while manager.gauges().in_flight == 0 {
        tokio::task::yield_now().await;
    }
    assert!(manager.shutdown(wharf_infer::Deadline::NONE).await);
    assert_eq!(answer.await.unwrap().unwrap().vectors.len(), 300);
    assert_eq!(embed(&lease, vec![text("a")], true).await.unwrap_err().code(), ErrorCode::Unavailable);
}

fn of_texts(model: &str, inputs: &[(&str, &[&str])]) -> InferRequest {
    let mut request = InferRequest::new(ModelRef::latest(model));
    request.signature = Some("text".to_owned());
    for (name, texts) in inputs {
        let strings = texts.iter().map(|text| Bytes::copy_from_slice(text.as_bytes())).collect();
        let tensor = Tensor::from_strings(Shape::new(&[texts.len()]).unwrap(), strings).unwrap();
        request.inputs.push(NamedTensor::new(*name, tensor));
    }
    request
}
