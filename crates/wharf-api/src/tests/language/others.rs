//! Models, tokens, vectors.

use base64::Engine as _;
use serde_json::{Value, json};

use super::Language;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_listed_for_every_client() {
    let language = Language::answering(&[]).await;
    let list = language.call("GET", "/v1/models", "", "").await.json();
    assert_eq!((&list["object"], &list["models"]), (&json!("list"), &json!(["base", "base:poet", "m"])));
    let data = list["data"].as_array().unwrap();
    assert_eq!(
        (&data[0]["id"], &data[0]["object"], &data[0]["max_model_len"]),
        (&json!("base"), &json!("model"), &json!(4096))
    );
    assert_eq!(
        (&data[1]["id"], &data[1]["parent"], &data[1]["root"]),
        (&json!("base:poet"), &json!("base"), &json!("base"))
    );
    let one = language.call("GET", "/v1/models/base%3Apoet", "", "").await;
    assert_eq!((one.status, &one.json()["id"]), (200, &json!("base:poet")));
    let kserve = language.call("GET", "/v1/models/m", "", "").await.json();
    assert_eq!(kserve, json!({"name": "m", "ready": true}));
    let predicted = language.call("POST", "/v1/models/m:predict", "", r#"{"instances":[1.0]}"#).await;
    assert_eq!(predicted.status, 200, "{}", predicted.body);
    let deleted = language.call("DELETE", "/v1/models/base:poet", "", "").await;
    assert_eq!(
        (deleted.status, deleted.json()),
        (200, json!({"id": "base:poet", "object": "model", "deleted": true}))
    );
    let none = language.call("DELETE", "/v1/models/org/none", "", "").await;
    assert_eq!((none.status, &none.json()["error"]["code"]), (404, &json!("model_not_found")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_become_tokens_and_come_back() {
    let language = Language::answering(&[]).await;
    let tokens =
        language.post("/tokenize", &json!({"prompt": "ab", "add_special_tokens": false})).await.json();
    assert_eq!(tokens, json!({"count": 2, "max_model_len": 4096, "tokens": [97, 98], "token_strs": null}));
    let tokens = language
        .post("/tokenize", &json!({"model": "base", "prompt": "a", "return_token_strs": true}))
        .await
        .json();
    assert_eq!((&tokens["tokens"], &tokens["token_strs"]), (&json!([1, 97]), &json!(["\u{1}", "a"])));
    let text = language.post("/detokenize", &json!({"tokens": [104, 105]})).await.json();
    assert_eq!(text, json!({"prompt": "hi"}));
    let info = language.call("GET", "/tokenizer_info", "", "").await.json();
    assert_eq!(
        (&info["bos_token"], &info["eos_token"], &info["pad_token"]),
        (&json!("<s>"), &json!("</s>"), &json!("</s>"))
    );
    for (path, body, param) in [
        ("/tokenize", json!({"text": "a"}), "prompt"),
        ("/detokenize", json!({"tokens": ["a"]}), "tokens"),
        ("/tokenize", json!({"prompt": "a", "model": "none"}), "model"),
    ] {
        assert_eq!(language.post(path, &body).await.json()["error"]["param"], json!(param), "{path} {body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vectors_come_as_numbers_or_as_bytes() {
    let language = Language::answering(&[]).await;
    let embed = async |more: Value| {
        let mut body = json!({"model": "base", "input": ["abc", "d"]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        language.post("/v1/embeddings", &body).await
    };
    let document = embed(json!({"encoding_format": "base64"})).await.json();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(document["data"][0]["embedding"].as_str().unwrap())
        .unwrap();
    let numbers: Vec<f32> =
        bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!(numbers, [0.6, 0.8, 0.0, 3.0]);
    assert_eq!(document["usage"], json!({"prompt_tokens": 4, "total_tokens": 4}));
    let document = embed(json!({"input": "abc", "dimensions": 2})).await.json();
    let vector: Vec<f64> = serde_json::from_value(document["data"][0]["embedding"].clone()).unwrap();
    assert!((vector[0].hypot(vector[1]) - 1.0).abs() < 1e-6 && vector.len() == 2, "{vector:?}");
    for (more, param) in [
        (json!({"dimensions": 5}), "dimensions"),
        (json!({"dimensions": 0}), "dimensions"),
        (json!({"encoding_format": "hex"}), "encoding_format"),
        (json!({"input": []}), "input"),
        (json!({"input": vec!["a"; 2049]}), "input"),
        (json!({"normalize": true}), "normalize"),
    ] {
        let reply = embed(more.clone()).await;
        assert_eq!((reply.status, &reply.json()["error"]["param"]), (400, &json!(param)), "{more}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_ranked_best_first() {
    let language = Language::answering(&[]).await;
    let body = json!({"model": "base", "query": "q", "documents": ["a", {"text": "b"}, "c"], "top_n": 2});
    let document = language.post("/v1/rerank", &body).await.json();
    let results = document["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    assert_eq!((&results[0]["index"], &results[1]["document"]), (&json!(0), &json!({"text": "b"})));
    let reply = language.post("/v1/rerank", &json!({"model": "base", "query": "q", "documents": []})).await;
    assert_eq!((reply.status, &reply.json()["error"]["param"]), (400, &json!("documents")));
}
