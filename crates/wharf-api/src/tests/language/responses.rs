//! Responses, which the server remembers.

use serde_json::{Value, json};
use wharf_infer::language::{Constraint, Finish, Prompt};

use super::Language;

async fn ask(language: &Language, more: Value) -> super::Reply {
    let mut body = json!({"model": "base", "input": "hello"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    language.post("/v1/responses", &body).await
}

fn prompt(language: &Language) -> String {
    let Prompt::Text { parts, .. } = language.model.request().unwrap().prompt else { panic!("tokens") };
    parts.into_iter().map(|part| part.text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_is_remembered_and_gone_on_from() {
    let language = Language::answering(&["Hel", "lo"]).await;
    let reply = ask(&language, json!({"instructions": "be brief", "metadata": {"a": "b"}})).await;
    let first = reply.json();
    assert_eq!(
        (reply.status, &first["object"], &first["status"]),
        (200, &json!("response"), &json!("completed")),
        "{}",
        reply.body
    );
    assert_eq!(first["output"][0]["content"][0]["text"], "Hello");
    assert_eq!((&first["metadata"], &first["usage"]["output_tokens"]), (&json!({"a": "b"}), &json!(2)));
    assert!(prompt(&language).starts_with("<|im_start|>system\nbe brief"));
    let id = first["id"].as_str().unwrap();
    let path = format!("/v1/responses/{id}");
    assert_eq!(language.call("GET", &path, "", "").await.json(), first);
    let items = language.call("GET", &format!("{path}/input_items"), "", "").await.json();
    assert_eq!(items["data"][0]["content"], json!([{"type": "input_text", "text": "hello"}]));
    let second = ask(&language, json!({"input": "again", "previous_response_id": id})).await.json();
    assert_eq!(second["previous_response_id"], id);
    assert_eq!(
        prompt(&language),
        "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\nagain<|im_end|>\n<|im_start|>assistant\n",
        "instructions are for their own turn alone"
    );
    assert_eq!(language.call("DELETE", &path, "", "").await.json()["deleted"], true);
    assert_eq!(language.call("GET", &path, "", "").await.status, 404);
    assert_eq!(ask(&language, json!({"previous_response_id": id})).await.status, 404);
    let unkept = ask(&language, json!({"store": false})).await.json();
    let path = format!("/v1/responses/{}", unkept["id"].as_str().unwrap());
    assert_eq!(language.call("GET", &path, "", "").await.status, 404);
    let count =
        language.post("/v1/responses/input_tokens", &json!({"model": "base", "input": "hello"})).await.json();
    assert!(count["input_tokens"].as_u64().unwrap() > 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_in_their_order() {
    let call = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call>";
    let language = Language::answering(&["look", " here", call]).await;
    let tools = json!([{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": true}]);
    let reply = ask(&language, json!({"stream": true, "tools": tools})).await;
    let events = reply.events();
    let names: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let named: Vec<&str> = reply.body.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(named, names);
    assert!(events.iter().enumerate().all(|(number, event)| event["sequence_number"] == json!(number)));
    assert_eq!((&events[9]["output_index"], &events[11]["arguments"]), (&json!(1), &json!("{\"a\": 1}")));
    let response = &events.last().unwrap()["response"];
    assert_eq!(
        (&response["output"][0]["content"][0]["text"], &response["output"][1]["name"]),
        (&json!("look here"), &json!("f"))
    );
    assert!(matches!(language.model.request().unwrap().constraint, Some(Constraint::Triggered(_))));
    let id = response["id"].as_str().unwrap();
    let answered =
        json!([{"type": "function_call_output", "call_id": response["output"][1]["call_id"], "output": "7"}]);
    let _ = ask(&language, json!({"input": answered, "previous_response_id": id, "tools": tools})).await;
    assert!(prompt(&language).contains("<tool_response>\n7\n</tool_response>"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_cut_is_incomplete() {
    let language = Language::answering(&[]).await;
    language.model.answer(&["a"], Finish::Length);
    let document = ask(&language, json!({"max_output_tokens": 1})).await.json();
    assert_eq!(
        (&document["status"], &document["incomplete_details"]["reason"]),
        (&json!("incomplete"), &json!("max_output_tokens"))
    );
    language.model.answer(&[], Finish::End);
    let document = ask(&language, json!({})).await.json();
    assert_eq!(document["output"][0]["content"][0]["text"], "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_done_is_refused_by_its_name() {
    let language = Language::answering(&["a"]).await;
    for (more, param) in [
        (json!({"input": null}), "input"),
        (json!({"input": []}), "input"),
        (json!({"input": [{"type": "item_reference", "id": "x"}]}), "input[0].type"),
        (
            json!({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}),
            "input[0].content[0].type",
        ),
        (json!({"background": true}), "background"),
        (json!({"truncation": "auto"}), "truncation"),
        (json!({"reasoning": {"effort": "high"}}), "reasoning"),
        (json!({"tools": [{"type": "web_search"}]}), "tools[0].type"),
        (json!({"text": {"format": {"type": "xml"}}}), "text.format.type"),
        (json!({"metadata": {"a": 1}}), "metadata"),
        (json!({"max_tool_calls": 1}), "max_tool_calls"),
        (json!({"frobnicate": 1}), "frobnicate"),
    ] {
        let reply = ask(&language, more.clone()).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["param"]),
            (400, &json!(param)),
            "{more}: {}",
            reply.body
        );
    }
}
