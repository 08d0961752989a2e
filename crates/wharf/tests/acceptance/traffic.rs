//! V-2, V-5 and V-8: versions that come, share the requests, fail and go, with clients that ask all the while.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use wharf_onnx::GraphBuilder;
use wharf_tensor::{DType, TensorSpec};
use wharf_testing::models;

use crate::http::{Manner, exchange};
use crate::reply::Reply;
use crate::row::Port;
use crate::server::{Server, binary};

const USERS: usize = 8;
const CHANGING: usize = usize::MAX;
/// Longer than anything here should take.
const DEADLINE: Duration = Duration::from_secs(60);

/// `y = x / 2 + stamp`: an answer shows which file computed it.
fn stamped(stamp: f32) -> Vec<u8> {
    let mut model = models::HALF_PLUS_TWO.to_vec();
    let two = model.windows(4).position(|bytes| bytes == 2.0_f32.to_le_bytes()).unwrap();
    model[two..two + 4].copy_from_slice(&stamp.to_le_bytes());
    model
}

/// A graph that loads well and fails with every request: nobody sends so many rows.
fn failing() -> Vec<u8> {
    let mut graph = GraphBuilder::new("failing");
    let spec = |name| TensorSpec::new(name, DType::F32, &[-1]);
    let x = graph.input(&spec("x")).unwrap();
    let rows = graph.int_list(&[1_000_003]);
    let reshaped = graph.node("Reshape", &[Some(&x), Some(&rows)], Vec::new());
    graph.output(&reshaped, &spec("y")).unwrap();
    graph.build().unwrap().to_bytes()
}

/// Puts a version of `m` in one step, as publishing does.
fn put(repository: &Path, version: u64, model: &[u8]) {
    let staged = repository.with_file_name("staged");
    std::fs::create_dir_all(&staged).unwrap();
    std::fs::write(staged.join("model.onnx"), model).unwrap();
    let model = repository.join("m");
    std::fs::create_dir_all(&model).unwrap();
    std::fs::rename(staged, model.join(version.to_string())).unwrap();
}

/// The version and the stamp of an answer, or the status of a refusal.
type Answer = Result<(u64, f64), u16>;

async fn ask(address: &str, user: usize) -> Answer {
    let body = r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[0.0]}]}"#;
    match call(address, "POST", "/v2/models/m/infer", &format!("x-user: user-{user}\r\n"), body).await {
        (200, reply) => {
            let version = reply["model_version"].as_str().unwrap().parse().unwrap();
            Ok((version, reply["outputs"][0]["data"][0].as_f64().unwrap()))
        }
        (status, _) => Err(status),
    }
}

async fn call(address: &str, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n\
         {body}"
    );
    match exchange(address, request.as_bytes(), Manner::default()).await {
        Reply::Http { status, text, .. } => {
            let document = text.split_once("\r\n\r\n").unwrap().1;
            (status, serde_json::from_str(document).unwrap_or(Value::Null))
        }
        other => panic!("{method} {path}: {other:?}"),
    }
}

/// Asks how `m` is spread, or changes it.
async fn admin(server: &Server, method: &str, what: &str, body: &Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let path = format!("/admin/v1/models/m/{what}");
    let (status, document) = call(&server.address(Port::Kserve), method, &path, "", &body).await;
    assert_eq!(status, 200, "{method} {path} {body}: {document}");
    document
}

/// What is known of a version.
async fn version(server: &Server, version: u64) -> Value {
    let document = admin(server, "GET", "traffic", &Value::Null).await;
    let versions = document["versions"].as_array().unwrap();
    versions.iter().find(|entry| entry["version"] == version).cloned().unwrap_or(Value::Null)
}

/// Users who ask all the while, each for what it is answered in which phase of the test.
struct Users {
    shared: Arc<Shared>,
    tasks: JoinSet<Vec<(usize, usize, Answer)>>,
}

#[derive(Default)]
struct Shared {
    is_done: AtomicBool,
    phase: AtomicUsize,
    answers: [AtomicUsize; USERS],
}

impl Users {
    fn start(server: &Server) -> Self {
        let (shared, mut tasks) = (Arc::<Shared>::default(), JoinSet::new());
        for user in 0..USERS {
            let (address, shared) = (server.address(Port::Oip), Arc::clone(&shared));
            tasks.spawn(async move {
                let mut answers = Vec::new();
                while !shared.is_done.load(Ordering::SeqCst) {
                    let began = shared.phase.load(Ordering::SeqCst);
                    let answer = ask(&address, user).await;
                    answers.push((began, shared.phase.load(Ordering::SeqCst), answer));
                    shared.answers[user].fetch_add(1, Ordering::SeqCst);
                }
                answers
            });
        }
        Self { shared, tasks }
    }

    /// What was asked for has been done: from now on it holds for whoever begins to ask. Returns when each user has had
    /// some more answers.
    async fn phase(&self, phase: usize) {
        self.shared.phase.store(phase, Ordering::SeqCst);
        let until = Instant::now() + DEADLINE;
        for answers in &self.shared.answers {
            let enough = answers.load(Ordering::SeqCst) + 10;
            while answers.load(Ordering::SeqCst) < enough {
                assert!(Instant::now() < until, "no answers in phase {phase}");
                tokio::task::yield_now().await;
            }
        }
    }

    /// Something is about to change: what is answered meanwhile belongs to no phase.
    fn change(&self) {
        self.shared.phase.store(CHANGING, Ordering::SeqCst);
    }

    /// All that each was answered, with the phases in which it began and ended.
    async fn end(self) -> Vec<Vec<(usize, usize, Answer)>> {
        self.shared.is_done.store(true, Ordering::SeqCst);
        self.tasks.join_all().await
    }
}

/// Waits until `is_so`.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !is_so().await {
        assert!(Instant::now() < until, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_grows_is_promoted_and_taken_back_without_a_failure() {
    let server = Server::follow(|repository| put(repository, 1, &stamped(1.0)));
    put(&server.repository(), 2, &stamped(2.0));
    let weights =
        |canary: u32| json!({"weights": {"1": 100 - canary, "2": canary}, "sticky_header": "x-user"});
    admin(&server, "PUT", "traffic", &weights(0)).await;
    let users = Users::start(&server);
    let shares = [0, 1, 5, 10, 25, 50, 75, 100];
    for (phase, share) in shares.into_iter().enumerate() {
        admin(&server, "PUT", "traffic", &weights(share)).await;
        users.phase(phase).await;
    }
    let (grown, half, promoted, back) = (shares.len(), shares.len(), shares.len() + 1, shares.len() + 2);
    users.change();
    admin(&server, "PUT", "traffic", &weights(50)).await;
    users.phase(half).await;
    users.change();
    admin(&server, "POST", "promote", &Value::Null).await;
    users.phase(promoted).await;
    users.change();
    admin(&server, "PUT", "traffic", &weights(0)).await;
    users.phase(back).await;
    let mut at_half = [0, 0];
    for answers in users.end().await {
        let mut newest = 0;
        for (began, ended, answer) in answers {
            let (version, stamp) = answer.unwrap_or_else(|status| panic!("refused: {status}"));
            assert_eq!(version as f64, stamp, "an answer of mixed versions");
            if ended < grown {
                assert!(version >= newest, "a user lost the canary while it grew");
                newest = version;
            } else if (began, ended) == (half, half) {
                at_half[usize::try_from(version).unwrap() - 1] += 1;
            } else if (began, ended) == (promoted, promoted) || (began, ended) == (back, back) {
                assert_eq!(version, if began == promoted { 2 } else { 1 }, "in phase {began}");
            }
        }
    }
    assert!(at_half.iter().all(|answers| *answers > 0), "both versions answer somebody: {at_half:?}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_fails_or_is_slow_is_taken_back_by_itself() {
    let server = Server::follow(|repository| put(repository, 1, &stamped(1.0)));
    put(&server.repository(), 2, &failing());
    put(&server.repository(), 3, &stamped(3.0));
    for (canary, bounds, reason) in [
        ("2", json!({"max_error_rate": 0.2, "window": 20}), "of 20 requests failed, expected 20 % at most"),
        (
            "3",
            json!({"max_p99_ms": 0.001, "window": 100}),
            "of 100 requests took 1µs or longer, expected 1 % at most",
        ),
    ] {
        let traffic = json!({"weights": {"1": 50, canary: 50}, "rollback": bounds});
        let users = Users::start(&server);
        admin(&server, "PUT", "traffic", &traffic).await;
        until("the canary is not taken back", async || {
            version(&server, canary.parse().unwrap()).await["rolled_back"] == true
        })
        .await;
        users.phase(1).await;
        let answers = users.end().await.concat();
        let refused = answers.iter().filter(|(.., answer)| answer.is_err()).count();
        // Those that break the bound, and those that were under way.
        assert!(refused <= 5 + USERS, "{refused} requests were refused");
        assert!(answers.iter().filter(|(began, ..)| *began == 1).all(|(.., answer)| *answer == Ok((1, 1.0))));
        let entry = version(&server, canary.parse().unwrap()).await;
        assert!(entry["error"].as_str().unwrap().contains(reason), "{entry}");
        assert_eq!(entry["weight"], 0);
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_does_not_load_changes_nothing_until_it_is_mended() {
    let server = Server::follow(|repository| put(repository, 1, &stamped(1.0)));
    let users = Users::start(&server);
    put(&server.repository(), 2, b"no model");
    until("the failure is not seen", async || version(&server, 2).await["error"].is_string()).await;
    assert_eq!(version(&server, 1).await["state"], "AVAILABLE");
    users.phase(1).await;
    std::fs::write(server.repository().join("m/2/model.onnx"), stamped(2.0)).unwrap();
    until("the mended version is not served", async || version(&server, 2).await["state"] == "AVAILABLE")
        .await;
    users.phase(2).await;
    for (began, ended, answer) in users.end().await.concat() {
        let (version, stamp) = answer.unwrap_or_else(|status| panic!("refused: {status}"));
        assert_eq!(version as f64, stamp);
        assert!(ended >= 1 || version == 1, "answered by what does not load");
        assert!(began < 2 || version == 2, "answered by the old version after the new one had taken over");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_deleted_in_use_ends_and_comes_back_as_another() {
    let server = Server::follow(|repository| put(repository, 1, &stamped(1.0)));
    let users = Users::start(&server);
    users.phase(0).await;
    std::fs::remove_dir_all(server.repository().join("m")).unwrap();
    let address = server.address(Port::Oip);
    until("the model is still there", async || ask(&address, 0).await == Err(404)).await;
    users.phase(1).await;
    put(&server.repository(), 1, &stamped(7.0));
    until("the model does not come back", async || ask(&address, 0).await.is_ok()).await;
    users.phase(2).await;
    for (began, ended, answer) in users.end().await.concat() {
        let expected: &[Answer] = match (began, ended) {
            (0, 0) => &[Ok((1, 1.0)), Err(503), Err(404)],
            (1, 1) => &[Err(404), Err(503), Ok((1, 7.0))],
            (2, 2) => &[Ok((1, 7.0))],
            _ => &[Ok((1, 1.0)), Ok((1, 7.0)), Err(503), Err(404)],
        };
        assert!(expected.contains(&answer), "{answer:?} in phase {began} to {ended}");
    }
    server.stop();
}

/// What `wharf models` prints, or says why it does not.
fn models(server: &str, arguments: &[&str]) -> Result<String, String> {
    let output =
        Command::new(binary()).arg("models").args(arguments).args(["--server", server]).output().unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_shows_and_changes_traffic() {
    let server = Server::follow(|repository| {
        put(repository, 1, &stamped(1.0));
        put(repository, 2, &stamped(2.0));
    });
    let address = server.address(Port::Kserve);
    let shown = models(&address, &["traffic", "m"]).unwrap();
    assert!(shown.ends_with("requests that name no version go to the newest that answers\n"), "{shown}");
    let set = ["traffic", "m", "--weights", "1=90,2=10", "--max-error-rate", "0.05", "--sticky", "X-User"];
    let shown = models(&format!("http://{address}/"), &set).unwrap();
    for line in [
        "      2  AVAILABLE      10  10.0 %         0       0       -",
        "      1  AVAILABLE      90  90.0 %         0       0       -",
        "requests with the same `x-user` stay with one version",
        "rolled back where, of 100 requests, more than 5 % of them fail",
    ] {
        assert!(shown.lines().any(|found| found == line), "no `{line}` in\n{shown}");
    }
    let shown = models(&address, &["traffic", "m", "--weights", "1=50,2=50"]).unwrap();
    assert!(shown.contains("50.0 %") && shown.contains("more than 5 % of them fail"), "{shown}");
    let shown = models(&address, &["promote", "m"]).unwrap();
    assert!(shown.starts_with("version 2 has all requests of m\n"), "{shown}");
    let shown = models(&address, &["traffic", "m", "--clear", "--json"]).unwrap();
    let document: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&document["model"], &document["traffic"]), (&json!("m"), &Value::Null));
    for (server, arguments, expected) in [
        (&address[..], &["traffic", "x"][..], "error: Could not find any versions of model x (HTTP 404)"),
        (&address, &["traffic", "m/1"], "error: `m/1` names a version, expected the name of a model alone"),
        (&address, &["traffic", "m", "--weights", "1=1,9=1"], "expected one that is there: 1, 2 (HTTP 400)"),
        (&address, &["promote", "m"], "no version of it has the smaller part of the requests (HTTP 400)"),
        (&server.address(Port::Tfs), &["traffic", "m"], "hint: `--server` is the http port"),
        ("127.0.0.1:1", &["traffic", "m"], "error: cannot reach `127.0.0.1:1`"),
        ("https://127.0.0.1:1", &["promote", "m"], "TLS, which this command does not speak"),
    ] {
        let error = models(server, arguments).unwrap_err();
        assert!(error.contains(expected), "{arguments:?} says {error}");
    }
    server.stop();
}
