//! Texts that go on.

use serde_json::{Value, json};

use super::Language;

async fn complete(language: &Language, more: Value) -> super::Reply {
    let mut body = json!({"model": "base", "prompt": "ab"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    language.post("/v1/completions", &body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prompts_come_in_four_forms() {
    let language = Language::answering(&["x", "y"]).await;
    for (prompt, texts, tokens) in [
        (json!("ab"), vec!["xy"], 2),
        (json!(["ab", "c"]), vec!["xy", "xy"], 3),
        (json!([97, 98]), vec!["xy"], 2),
        (json!([[97], [98, 99]]), vec!["xy", "xy"], 3),
    ] {
        let reply = complete(&language, json!({"prompt": prompt})).await;
        let document = reply.json();
        assert_eq!((reply.status, &document["object"]), (200, &json!("text_completion")), "{}", reply.body);
        let found: Vec<&str> = document["choices"]
            .as_array()
            .unwrap()
            .iter()
            .map(|choice| choice["text"].as_str().unwrap())
            .collect();
        assert_eq!((found, &document["usage"]["prompt_tokens"]), (texts, &json!(tokens)), "{prompt}");
        assert_eq!(language.model.request().unwrap().max_tokens, Some(16));
    }
    let document = complete(&language, json!({"prompt": ["a", "b"], "n": 2, "echo": true})).await.json();
    let found: Vec<(u64, &str)> = document["choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|choice| (choice["index"].as_u64().unwrap(), choice["text"].as_str().unwrap()))
        .collect();
    assert_eq!(found, [(0, "axy"), (1, "axy"), (2, "bxy"), (3, "bxy")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evaluations_get_the_probabilities_of_the_prompt() {
    let language = Language::answering(&["x"]).await;
    for (prompt, most) in [(json!("abc"), 1), (json!([[97, 98, 99]]), 1), (json!("abc"), 0)] {
        let more = json!({"prompt": prompt, "max_tokens": most, "logprobs": 1, "echo": true, "temperature": 0, "seed": 1234});
        let document = complete(&language, more).await.json();
        let choice = &document["choices"][0];
        let count = 3 + most;
        assert_eq!(choice["text"], json!(&"abcx"[..count]));
        let logprobs = &choice["logprobs"];
        let offsets: Vec<usize> = (0..count).collect();
        assert_eq!(
            (&logprobs["token_logprobs"][0], &logprobs["top_logprobs"][0]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(
            (&logprobs["token_logprobs"][1], &logprobs["top_logprobs"][1]),
            (&json!(-0.5), &json!({"b": -0.5}))
        );
        assert_eq!((&logprobs["tokens"][2], &logprobs["text_offset"]), (&json!("c"), &json!(offsets)));
        assert_eq!(logprobs["tokens"].as_array().unwrap().len(), count, "{document}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_have_the_same_choices() {
    let language = Language::answering(&["x", "y"]).await;
    let more = json!({"prompt": ["a", "b"], "stream": true, "echo": true, "stream_options": {"include_usage": true}});
    let events = complete(&language, more).await.events();
    let mut texts = [String::new(), String::new()];
    for event in &events {
        if let Some(choice) = event["choices"].get(0) {
            let index = usize::try_from(choice["index"].as_u64().unwrap()).unwrap();
            texts[index].push_str(choice["text"].as_str().unwrap());
        }
    }
    assert_eq!(texts, ["axy", "bxy"]);
    assert_eq!(events.last().unwrap(), "[DONE]");
    assert_eq!(events[events.len() - 2]["usage"]["completion_tokens"], json!(4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_done_is_refused_by_its_name() {
    let language = Language::answering(&["x"]).await;
    for (more, param) in [
        (json!({"prompt": null}), "prompt"),
        (json!({"prompt": ""}), "prompt"),
        (json!({"prompt": []}), "prompt"),
        (json!({"prompt": [1, "a"]}), "prompt"),
        (json!({"prompt": [-1]}), "prompt"),
        (json!({"prompt": ["a", 1]}), "prompt"),
        (json!({"suffix": "x"}), "suffix"),
        (json!({"best_of": 2}), "best_of"),
        (json!({"logprobs": 21}), "logprobs"),
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"tools": []}), "tools"),
        (json!({"messages": []}), "messages"),
    ] {
        let reply = complete(&language, more.clone()).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["param"]),
            (400, &json!(param)),
            "{more}: {}",
            reply.body
        );
    }
}
