//! V-1, and models that come and go: changes of what is served, with clients on every wire. `make soak` runs them with
//! their full counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use prost::Message as _;
use tokio::task::JoinSet;
use wharf_api::proto::inference::model_infer_request::InferInputTensor;
use wharf_api::proto::inference::{ModelInferRequest, ModelInferResponse, ModelStreamInferResponse};
use wharf_testing::models;

use crate::grpc::Caller;
use crate::http::{self, Manner};
use crate::oracle::{Footprint, settle};
use crate::reply::Reply;
use crate::row::Port;
use crate::server::Server;

const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";
const STREAM: &str = "/inference.GRPCInferenceService/ModelStreamInfer";
/// Requests of one stream.
const STREAMED: usize = 4;

fn count(bounded: u64, full: u64) -> u64 {
    if std::env::var_os("WHARF_SOAK").is_some() { full } else { bounded }
}

/// Puts `y = x / 2 + version` into the repository: an answer shows which version computed it.
fn put(server: &Server, version: u64) {
    let mut model = models::HALF_PLUS_TWO.to_vec();
    let two = model.windows(4).position(|bytes| bytes == 2.0_f32.to_le_bytes()).unwrap();
    model[two..two + 4].copy_from_slice(&(version as f32).to_le_bytes());
    let folder = server.repository().join("m").join(version.to_string());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("model.onnx"), model).unwrap();
}

/// The bytes of a request with this body, after which the connection closes.
fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

async fn ask_over_http(address: &str, request: &[u8]) -> Result<String, String> {
    match http::exchange(address, request, Manner::default()).await {
        Reply::Http { status: 200, text, .. } => Ok(text.split_once("\r\n\r\n").unwrap().1.to_owned()),
        other => Err(format!("{other:?}")),
    }
}

/// Loads or unloads the model `m`.
async fn change(server: &Server, what: &str) {
    let request = post(&format!("/v2/repository/models/m/{what}"), "");
    ask_over_http(&server.address(Port::Oip), &request).await.unwrap();
}

/// A client of one wire.
enum Client {
    /// TensorFlow Serving's REST interface, which does not say which version answered.
    Tfs(String),
    /// The Open Inference Protocol over REST.
    Oip(String),
    Grpc(Caller),
    Stream(Caller),
}

impl Client {
    /// Asks for 0: the version that is said to have answered, where it is, and the number that it computed.
    async fn ask(&mut self) -> Result<Vec<(Option<u64>, f32)>, String> {
        match self {
            Client::Tfs(address) => {
                let body = post("/v1/models/m:predict", r#"{"instances": [0]}"#);
                let text = ask_over_http(address, &body).await?;
                let document: serde_json::Value =
                    serde_json::from_str(&text).map_err(|error| error.to_string())?;
                Ok(vec![(None, document["predictions"][0].as_f64().unwrap() as f32)])
            }
            Client::Oip(address) => {
                let body = r#"{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [0]}]}"#;
                let text = ask_over_http(address, &post("/v2/models/m/infer", body)).await?;
                let document: serde_json::Value =
                    serde_json::from_str(&text).map_err(|error| error.to_string())?;
                let version = document["model_version"].as_str().unwrap().parse().unwrap();
                Ok(vec![(Some(version), document["outputs"][0]["data"][0].as_f64().unwrap() as f32)])
            }
            Client::Grpc(caller) => {
                let answers = caller.answers(INFER, &[message()]).await?;
                Ok(answers
                    .into_iter()
                    .map(|bytes| stamp(&ModelInferResponse::decode(bytes).unwrap()))
                    .collect())
            }
            Client::Stream(caller) => {
                let answers = caller.answers(STREAM, &vec![message(); STREAMED]).await?;
                let each = answers.into_iter().map(|bytes| ModelStreamInferResponse::decode(bytes).unwrap());
                each.map(|answer| match answer.infer_response {
                    Some(stamped) if answer.error_message.is_empty() => Ok(stamp(&stamped)),
                    _ => Err(answer.error_message),
                })
                .collect()
            }
        }
    }
}

/// A request for the model of 0.
fn message() -> Vec<u8> {
    let input = InferInputTensor {
        name: "x".to_owned(),
        datatype: "FP32".to_owned(),
        shape: vec![1],
        ..InferInputTensor::default()
    };
    let (model_name, zero) = ("m".to_owned(), vec![0; 4].into());
    let request = ModelInferRequest {
        model_name,
        inputs: vec![input],
        raw_input_contents: vec![zero],
        ..Default::default()
    };
    request.encode_to_vec()
}

fn stamp(answer: &ModelInferResponse) -> (Option<u64>, f32) {
    let number: [u8; 4] = answer.raw_output_contents[0].as_ref().try_into().unwrap();
    (Some(answer.model_version.parse().unwrap()), f32::from_le_bytes(number))
}

/// What clients and the one who changes the model know of each other.
#[derive(Default)]
struct Progress {
    /// The version that has taken over.
    settled: AtomicU64,
    is_done: AtomicBool,
    answers: AtomicU64,
}

/// Asks until all is done; what was wrong.
async fn ask_all_the_while(mut client: Client, progress: Arc<Progress>) -> Vec<String> {
    let mut faults = Vec::new();
    while !progress.is_done.load(Ordering::SeqCst) && faults.len() < 3 {
        let at_least = progress.settled.load(Ordering::SeqCst);
        let answers = client.ask().await.unwrap_or_else(|error| {
            faults.push(error);
            Vec::new()
        });
        for (version, number) in answers {
            if version.is_some_and(|version| version as f32 != number) {
                faults.push(format!("version {version:?} is said to have computed {number}"));
            }
            if number < at_least as f32 {
                faults.push(format!("version {number} answered after {at_least} had taken over"));
            }
            progress.answers.fetch_add(1, Ordering::SeqCst);
        }
    }
    faults
}

#[tokio::test(flavor = "multi_thread")]
async fn soak_swaps_fail_no_request_on_any_wire_and_mix_no_answer() {
    let server = Server::start_empty("explicit");
    put(&server, 1);
    change(&server, "load").await;
    let progress = Arc::new(Progress { settled: AtomicU64::new(1), ..Progress::default() });
    let mut clients = JoinSet::new();
    for client in [
        Client::Tfs(server.address(Port::Tfs)),
        Client::Oip(server.address(Port::Oip)),
        Client::Grpc(Caller::connect(&server.address(Port::OipGrpc)).await),
        Client::Stream(Caller::connect(&server.address(Port::Grpc)).await),
    ] {
        clients.spawn(ask_all_the_while(client, Arc::clone(&progress)));
    }
    let swaps = count(50, 1000);
    for version in 2..=swaps + 1 {
        put(&server, version);
        change(&server, "load").await;
        progress.settled.store(version, Ordering::SeqCst);
        std::fs::remove_dir_all(server.repository().join("m").join((version - 1).to_string())).unwrap();
    }
    progress.is_done.store(true, Ordering::SeqCst);
    let faults = clients.join_all().await.concat();
    assert!(faults.is_empty(), "{faults:?}");
    let answers = progress.answers.load(Ordering::SeqCst);
    assert!(answers >= swaps * 2, "only {answers} answers during {swaps} swaps");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn soak_models_that_come_and_go_leave_no_memory_behind() {
    let server = Server::start_empty("explicit");
    put(&server, 1);
    let mut client = Client::Grpc(Caller::connect(&server.address(Port::OipGrpc)).await);
    let mut before = None;
    for cycle in 0..count(40, 1000) {
        change(&server, "load").await;
        assert_eq!(client.ask().await, Ok(vec![(Some(1), 1.0)]));
        change(&server, "unload").await;
        // The first ones warm what all of them touch.
        if cycle == 5 {
            before = Some(Footprint::of(&server));
        }
    }
    settle(&server, &before.unwrap()).await.unwrap();
    server.stop();
}
