//! From a folder of pictures to an answered call, by the commands that a person types.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod common;
mod tables;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use common::{Server, fail, pictures, succeed, wharf, workspace};
use serde_json::Value;

fn predict(folder: &Path, more: &[&str]) -> Value {
    let pictures = pictures(folder);
    let mut arguments = vec!["predict", "shades", "--json", "--top", "1"];
    arguments.extend(pictures.iter().map(|path| path.to_str().unwrap()));
    arguments.extend(more);
    serde_json::from_str(&succeed(folder, &arguments)).unwrap()
}

fn labels(answers: &Value) -> Vec<&str> {
    answers.as_array().unwrap().iter().map(|answer| answer["classes"][0]["label"].as_str().unwrap()).collect()
}

#[test]
fn pictures_become_a_model_that_answers_on_every_wire() {
    let folder = workspace();
    let folder = folder.path();
    succeed(folder, &["train", "recipe.toml"]);
    assert!(succeed(folder, &["models", "verify"]).starts_with("ok      shades/1"));
    assert!(succeed(folder, &["runs", "ls"]).contains("finished"));

    let local = predict(folder, &["--local"]);
    assert_eq!(labels(&local), ["dark", "grey", "light"]);

    let server = Server::start(folder);
    assert_eq!(predict(folder, &["--server", &server.grpc]), local);
    let over_rest = predict(folder, &["--protocol", "rest", "--server", &server.rest]);
    assert_eq!(labels(&over_rest), labels(&local));
    std::fs::write(folder.join("no-picture.png"), "nothing").unwrap();
    let good = pictures(folder).remove(0);
    let asked = ["predict", "shades", good.to_str().unwrap(), "no-picture.png"];
    let places: [&[&str]; 3] =
        [&["--local"], &["--server", &server.grpc], &["--protocol", "rest", "--server", &server.rest]];
    for place in places {
        let error = fail(folder, &[&asked, place].concat());
        assert!(error.contains("cannot classify `no-picture.png`"), "{error}");
    }
    server.stop();
}

#[test]
fn weights_that_leave_as_pth_come_back_as_the_same_model() {
    let folder = workspace();
    let folder = folder.path();
    succeed(folder, &["train", "recipe.toml"]);
    let run = succeed(folder, &["runs", "ls", "--json"]);
    let run: Value = serde_json::from_str(&run).unwrap();
    let run = run[0]["id"].as_str().unwrap();
    for file in ["weights.pth", "weights.safetensors", "model.onnx"] {
        succeed(folder, &["export", run, "--output", file]);
    }
    succeed(folder, &["import", "recipe.toml", "weights.pth"]);
    let graph = |version: &str| {
        std::fs::read(folder.join("repository/shades").join(version).join("model.onnx")).unwrap()
    };
    assert!(graph("1") == graph("2"), "the imported model differs");
    succeed(folder, &["models", "rm", "shades/1"]);
    assert!(!succeed(folder, &["models", "ls"]).contains("shades        1 "));
}

/// The run's final weights.
fn weights(runs: &Path) -> Vec<u8> {
    let run = std::fs::read_dir(runs).unwrap().next().unwrap().unwrap();
    std::fs::read(run.path().join("weights.safetensors")).unwrap()
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes_and_is_published_once() {
    let unbroken = workspace();
    succeed(unbroken.path(), &["train", "recipe.toml", "--threads", "1"]);
    let folder = workspace();
    let folder = folder.path();
    let mut child = wharf(folder, &["train", "recipe.toml", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let events = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut checkpoints = 0;
    let is_third_checkpoint = |line: String| {
        checkpoints += usize::from(line.contains("\"checkpoint\""));
        checkpoints == 3
    };
    assert!(events.map(Result::unwrap).any(is_third_checkpoint), "the run ended early");
    child.kill().unwrap();
    child.wait().unwrap();
    let published = folder.join("repository");
    assert!(!published.exists(), "an unfinished run was published");

    succeed(folder, &["train", "--resume", "--threads", "2"]);
    assert!(weights(&folder.join("runs")) == weights(&unbroken.path().join("runs")), "the weights differ");
    assert_eq!(succeed(folder, &["models", "ls"]).lines().count(), 2);
    assert!(fail(folder, &["train", "--resume"]).contains("published as shades/1"));
    assert_eq!(succeed(folder, &["models", "ls"]).lines().count(), 2, "the run was published again");
}

#[test]
fn a_run_killed_before_it_noted_its_publication_is_not_published_again() {
    let folder = workspace();
    let folder = folder.path();
    succeed(folder, &["train", "recipe.toml"]);
    let run = std::fs::read_dir(folder.join("runs")).unwrap().next().unwrap().unwrap();
    std::fs::remove_file(run.path().join("published")).unwrap();
    assert!(succeed(folder, &["train", "--resume"]).contains("published shades/1"));
    assert_eq!(succeed(folder, &["models", "ls"]).lines().count(), 2, "the run was published again");
    assert!(run.path().join("published").exists());
}

#[test]
fn mistakes_are_named_with_what_was_expected() {
    let folder = workspace();
    let folder = folder.path();
    std::fs::write(folder.join("typo.toml"), "name = \"x\"\n[training]\nepoch = 1\n").unwrap();
    std::fs::write(folder.join("no.pth"), "nothing").unwrap();
    let cases: [(&[&str], &[&str]); 10] = [
        (&["train", "none.toml"], &["`none.toml`"]),
        (&["train", "typo.toml"], &["`training.epoch`", "epochs"]),
        (&["train", "recipe.toml", "--data", "nowhere"], &["nowhere", "hint: "]),
        (&["train", "none.toml", "--threads", "0"], &["1..=1024"]),
        (&["train", "--resume"], &["run"]),
        (&["predict", "../x", "recipe.toml"], &["`..`", "letter or digit"]),
        (&["predict", "shades", "recipe.toml", "--local"], &["repository"]),
        (&["serve", "nothing.onnx"], &["`nothing.onnx` does not exist"]),
        (&["import", "recipe.toml", "no.pth"], &["no.pth"]),
        (&["data", "fetch", "imagenet"], &["`imagenet`", "fashion-mnist"]),
    ];
    for (arguments, expected) in cases {
        let error = fail(folder, arguments);
        assert!(error.starts_with("error: "), "{arguments:?}: {error}");
        for part in expected {
            assert!(error.contains(part), "{arguments:?} says: {error}");
        }
    }
    assert!(!folder.join("repository").exists(), "a failed command left a repository");
}
