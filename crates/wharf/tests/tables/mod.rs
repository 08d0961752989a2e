//! From a table to an answered call, by the commands that a person types.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use serde_json::{Value, json};

use crate::common::{Server, fail, succeed};

const RECIPE: &str = r#"
name = "people"
[data]
path = "people.csv"
target = "rich"
[validation]
folds = 3
[search]
trials = 3
[[candidates]]
kind = "gradient_boosting"
trees = 20
[[candidates]]
kind = "perceptron"
hidden = [16]
epochs = 5
"#;

/// People who are rich where they are old or a baker; some ages are missing.
fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "age,job,hours,rich\n".to_owned();
    for row in 0..500 {
        let age = 18 + row * 37 % 60;
        let job = ["baker", "cook", "smith"][row * 13 % 3];
        let is_rich = age > 50 || job == "baker";
        let age = if row % 11 == 5 { String::new() } else { age.to_string() };
        writeln!(text, "{age},{job},{},{}", 20 + row * 31 % 40, if is_rich { "yes" } else { "no" }).unwrap();
    }
    std::fs::write(folder.path().join("people.csv"), text).unwrap();
    std::fs::write(folder.path().join("recipe.toml"), RECIPE).unwrap();
    folder
}

/// Sends a body to a path and gives status and answer.
fn post(address: &str, path: &str, body: &Value) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    let body = body.to_string();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

fn trained(folder: &Path) {
    let told = succeed(folder, &["train", "recipe.toml"]);
    assert!(told.contains("gradient_boosting") && told.contains("rows that no trial has seen"), "{told}");
    assert!(told.contains("published people/1"), "{told}");
}

#[test]
fn a_table_becomes_a_model_that_takes_its_columns() {
    let folder = workspace();
    let folder = folder.path();
    trained(folder);
    assert!(succeed(folder, &["models", "verify"]).starts_with("ok      people/1"));
    assert!(succeed(folder, &["runs", "show"]).contains("3 trials"));

    let server = Server::start(folder);
    let rows = json!({"instances": [
        {"age": 60, "job": "cook", "hours": 30},
        {"age": 20, "job": "smith", "hours": 30},
        {"age": 20, "job": "baker", "hours": 30},
        {"age": 20, "job": "an unknown one", "hours": 30},
    ]});
    let (status, answer) = post(&server.rest, "/v1/models/people:predict", &rows);
    assert_eq!(status, 200, "{answer}");
    let labels: Vec<&str> = answer["predictions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|prediction| prediction["labels"].as_str().unwrap())
        .collect();
    assert_eq!(labels, ["yes", "no", "yes", "no"]);
    let columns = json!({"inputs": {"age": [61.0, 19.0], "job": ["cook", ""], "hours": [30.0, 30.0]}});
    let (status, answer) = post(&server.rest, "/v1/models/people:predict", &columns);
    assert_eq!((status, &answer["outputs"]["classes"]), (200, &json!([1, 0])), "{answer}");

    for (bad, expected) in [
        (json!({"instances": [{"age": 60, "job": "cook"}]}), "hours"),
        (json!({"instances": [{"age": "old", "job": "cook", "hours": 1}]}), "age"),
        (json!({"instances": [{"age": 60, "job": 7, "hours": 1}]}), "job"),
    ] {
        let (status, answer) = post(&server.rest, "/v1/models/people:predict", &bad);
        assert!(status == 400 && answer["error"].as_str().unwrap().contains(expected), "{status} {answer}");
    }
    server.stop();
}

#[test]
fn without_a_recipe_one_is_written_and_the_table_can_be_looked_at() {
    let folder = workspace();
    let folder = folder.path();
    let told = succeed(folder, &["data", "inspect", "people.csv", "--target", "rich", "--html", "page.html"]);
    assert!(told.contains("age") && told.contains("job"), "{told}");
    assert!(std::fs::read_to_string(folder.join("page.html")).unwrap().contains("<svg"));
    let arguments =
        ["train", "--auto", "--target", "rich", "people.csv", "--budget", "2s", "--json", "--no-publish"];
    let told = succeed(folder, &arguments);
    let events: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["event"], "started");
    assert_eq!(events.last().unwrap()["event"], "finished");
    let run = events[0]["folder"].as_str().unwrap();
    assert!(
        std::fs::read_to_string(folder.join(run).join("recipe.toml")).unwrap().contains("target = \"rich\"")
    );
    let error = fail(folder, &["train", "--auto", "--target", "rch", "people.csv"]);
    assert!(error.contains("did you mean `rich`"), "{error}");
}

#[test]
fn a_model_becomes_smaller_within_a_budget_and_knows_its_parent() {
    let folder = workspace();
    let folder = folder.path();
    let (head, _) = RECIPE.split_once("[[candidates]]").unwrap();
    let recipe = format!(
        "{head}[[candidates]]\nkind = \"perceptron\"\nhidden = [256, 256]\nepochs = 5\nsearch = {{}}\n"
    );
    std::fs::write(folder.join("recipe.toml"), recipe).unwrap();
    succeed(folder, &["train", "recipe.toml"]);
    let told = succeed(folder, &["optimize", "people", "--objective", "size", "--max-loss", "5%"]);
    assert!(told.contains("published people/2"), "{told}");
    let size = |version: &str| {
        std::fs::metadata(folder.join("repository/people").join(version).join("model.onnx")).unwrap().len()
    };
    assert!(size("2") * 2 < size("1"), "{} {}", size("2"), size("1"));
    let manifest = |version: &str| -> Value {
        let path = folder.join("repository/people").join(version).join("wharf.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    assert_eq!(manifest("2")["lineage"]["parent"], manifest("1")["manifest_sha256"]);
    let error = fail(folder, &["optimize", "people/1", "--max-size", "10B", "--no-publish"]);
    assert!(error.contains("no candidate fits the budget"), "{error}");
}

/// Publishing replays the goldens, rows with missing values among them, in the engine that serves.
#[test]
fn every_kind_of_model_answers_in_the_engine_as_in_training() {
    let folder = workspace();
    let folder = folder.path();
    let classes = [
        "logistic",
        "decision_tree",
        "nearest_neighbours",
        "random_forest",
        "gradient_boosting",
        "perceptron",
    ];
    let numbers =
        ["ridge", "decision_tree", "nearest_neighbours", "random_forest", "gradient_boosting", "perceptron"];
    let jobs = classes.map(|kind| ("rich", kind)).into_iter().chain(numbers.map(|kind| ("hours", kind)));
    for (number, (target, kind)) in jobs.enumerate() {
        let recipe = format!(
            "name = \"people\"\n[data]\npath = \"people.csv\"\ntarget = \"{target}\"\n[validation]\nfolds = 2\n[search]\n\
             trials = 1\n[[candidates]]\nkind = \"{kind}\"\nsearch = {{}}\n"
        );
        std::fs::write(folder.join("recipe.toml"), recipe).unwrap();
        let told = succeed(folder, &["train", "recipe.toml"]);
        assert!(told.contains(&format!("published people/{}", number + 1)), "{target}, {kind}: {told}");
    }
    assert_eq!(
        succeed(folder, &["models", "verify"]).lines().filter(|line| line.starts_with("ok ")).count(),
        12
    );
}
