//! Graphs of models that answer like one.

use std::sync::Arc;
use std::time::Duration;

use wharf_engine::Engine;
use wharf_infer::{Deadline, ErrorCode, InferRequest, ModelRef};
use wharf_testing::FakeEngine;

use super::{Folder, next_run, request, send, serve, value};
use crate::{BatchConfig, ControlMode, ModelManager, OnDemand, ServeConfig, ServeLimits, VersionState};

/// A file of an ensemble from float32 `x` to `outputs`, both `[-1]`.
fn text(outputs: &[&str], steps: &str) -> String {
    let tensor = |name: &&str| format!("output {{ name: '{name}' data_type: TYPE_FP32 dims: -1 }}");
    let outputs: Vec<String> = outputs.iter().map(tensor).collect();
    let input = "input { name: 'x' data_type: TYPE_FP32 dims: -1 }";
    format!("platform: 'ensemble' {input} {} ensemble_scheduling {{ {steps} }}", outputs.join(" "))
}

/// A step of a model that takes `x` and gives `y`.
fn step(model: &str, input: &str, output: &str) -> String {
    format!(
        "step {{ model_name: '{model}' model_version: -1 input_map {{ key: 'x' value: '{input}' }} \
         output_map {{ key: 'y' value: '{output}' }} }}"
    )
}

fn configure(folder: &Folder, name: &str, text: &str) {
    std::fs::create_dir_all(folder.path().join(name).join("1")).unwrap();
    std::fs::write(folder.path().join(name).join("config.pbtxt"), text).unwrap();
}

/// `x` through `a`, then through `b`.
fn chain(folder: &Folder) {
    configure(folder, "chain", &text(&["y"], &[step("b", "z", "y"), step("a", "x", "z")].concat()));
}

fn with_members(names: &[&str]) -> Folder {
    let folder = Folder::new();
    names.iter().for_each(|name| drop(folder.put(name, 1)));
    folder
}

fn config(folder: &Folder, workers: usize) -> ServeConfig {
    let limits = ServeLimits::default().with_workers(workers).with_inline_below(Duration::ZERO);
    folder.config().with_limits(limits).with_default_batching(BatchConfig::off())
}

async fn stepped(folder: &Folder) -> (ModelManager, Arc<FakeEngine>) {
    let engine = FakeEngine::stepped();
    (serve(config(folder, 2), Arc::clone(&engine) as Arc<dyn Engine>).await, engine)
}

fn successes(manager: &ModelManager, model: &str) -> u64 {
    manager.statistics(Some(model), None).unwrap().iter().map(|counted| counted.success.count).sum()
}

fn failure(manager: &ModelManager, model: &str) -> String {
    let statuses = manager.status(model, None).unwrap();
    statuses[0].error.as_ref().map(|(_, message)| message.clone()).unwrap_or_default()
}

#[tokio::test]
async fn tensors_flow_through_the_steps_and_everybody_counts() {
    let folder = with_members(&["a", "b"]);
    chain(&folder);
    let manager = serve(config(&folder, 1), FakeEngine::free_running()).await;
    let answer = manager.infer(request("chain", 3.0)).await.unwrap();
    assert_eq!((value(&answer), answer.outputs[0].name.as_str()), (3.0, "y"));
    assert_eq!(["chain", "a", "b"].map(|model| successes(&manager, model)), [1, 1, 1]);
    let counted = manager.statistics(Some("chain"), None).unwrap().remove(0);
    assert_eq!((counted.inference_count, counted.execution_count, counted.compute.count), (1, 1, 1));
    let mut wrong = request("chain", 1.0);
    wrong.inputs[0].name = "z".to_owned();
    assert_eq!(manager.infer(wrong).await.unwrap_err().code(), ErrorCode::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_that_are_ready_run_together_and_those_that_nobody_wants_not_at_all() {
    let folder = with_members(&["a", "b"]);
    let steps = [step("a", "x", "one"), step("b", "x", "other")].concat();
    configure(&folder, "fan", &text(&["one", "other"], &steps));
    let (manager, engine) = stepped(&folder).await;
    let sent = send(&manager, request("fan", 7.0));
    let (first, second) = (next_run(&engine).await, next_run(&engine).await);
    first.finish();
    second.finish();
    let answer = sent.await.unwrap().unwrap();
    assert_eq!(
        answer.outputs.iter().map(|output| output.name.as_str()).collect::<Vec<_>>(),
        ["one", "other"]
    );
    let mut one = request("fan", 7.0);
    one.outputs = vec!["other".to_owned()];
    let sent = send(&manager, one);
    next_run(&engine).await.finish();
    assert_eq!(sent.await.unwrap().unwrap().outputs.len(), 1);
    assert_eq!((successes(&manager, "a"), successes(&manager, "b")), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_step_that_fails_is_named_and_later_ones_do_not_run() {
    let folder = with_members(&["a", "b"]);
    chain(&folder);
    let (manager, engine) = stepped(&folder).await;
    let sent = send(&manager, request("chain", 1.0));
    next_run(&engine).await.fail("out of order");
    let error = sent.await.unwrap().unwrap_err();
    assert_eq!(error.code(), ErrorCode::Internal);
    assert!(error.message().starts_with("in ensemble 'chain', step 2 (`a`): "), "{error}");
    assert_eq!((engine.started(), manager.gauges().in_flight), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deadlines_and_callers_who_leave_end_the_step_that_runs() {
    let folder = with_members(&["a", "b"]);
    chain(&folder);
    let (manager, engine) = stepped(&folder).await;
    let mut late = request("chain", 1.0);
    late.deadline = Deadline::after(Duration::from_millis(5));
    let sent = send(&manager, late);
    let run = next_run(&engine).await;
    assert_eq!(sent.await.unwrap().unwrap_err().code(), ErrorCode::DeadlineExceeded);
    engine.wait_until_stopped(1);
    drop(run);
    let leaver = send(&manager, request("chain", 1.0));
    let run = next_run(&engine).await;
    leaver.abort();
    assert!(leaver.await.unwrap_err().is_cancelled());
    engine.wait_until_stopped(2);
    drop(run);
    assert_eq!(engine.started(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_drains_finishes_all_steps() {
    let folder = with_members(&["a", "b"]);
    chain(&folder);
    let (manager, engine) = stepped(&folder).await;
    let sent = send(&manager, request("chain", 4.0));
    let first = next_run(&engine).await;
    let stopping = manager.clone();
    let stopped = async move { stopping.shutdown(Deadline::NONE).await };
    let steps = async {
        first.finish();
        next_run(&engine).await.finish();
    };
    let (is_finished, ()) = tokio::join!(stopped, steps);
    assert!(is_finished);
    assert_eq!(value(&sent.await.unwrap().unwrap()), 4.0);
}

#[tokio::test]
async fn members_that_are_reloaded_are_followed_and_one_that_is_gone_is_named() {
    let folder = with_members(&["a", "b"]);
    chain(&folder);
    let manager = serve(config(&folder, 1), FakeEngine::free_running()).await;
    folder.put("a", 2);
    manager.refresh().await.unwrap();
    manager.infer(request("chain", 1.0)).await.unwrap();
    assert_eq!(manager.statistics(Some("a"), Some(2)).unwrap()[0].success.count, 1);
    folder.remove("a", 1);
    folder.remove("a", 2);
    manager.refresh().await.unwrap();
    let error = manager.infer(request("chain", 1.0)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    assert!(error.message().contains("step 2 (`a`): Servable not found"), "{error}");
}

#[tokio::test]
async fn ensembles_are_loaded_after_their_members_also_where_those_are_ensembles() {
    let folder = with_members(&["a", "b"]);
    chain(&folder);
    // By name it comes first.
    configure(&folder, "all", &text(&["w"], &[step("chain", "x", "v"), step("a", "v", "w")].concat()));
    let manager = serve(config(&folder, 1), FakeEngine::free_running()).await;
    assert_eq!(value(&manager.infer(request("all", 2.0)).await.unwrap()), 2.0);
    assert_eq!((successes(&manager, "chain"), successes(&manager, "a")), (1, 2));
}

#[tokio::test]
async fn what_does_not_fit_the_members_keeps_an_ensemble_from_being_served_and_says_where() {
    let bad_input =
        "step { model_name: 'a' input_map { key: 'q' value: 'x' } output_map { key: 'y' value: 'y' } }";
    let bad_output = bad_input.replace("'q'", "'x'").replace("key: 'y'", "key: 'q'");
    for (text, expected) in [
        (
            text(&["y"], &step("none", "x", "y")),
            "step `none`: the model is not available: Servable not found",
        ),
        (text(&["y"], bad_input), "`q` is no input of `a`, expected `x`"),
        (text(&["y"], &bad_output), "`q` is no output of `a`, expected `y`"),
        (
            text(&["y"], &step("a", "x", "y"))
                .replace("TYPE_FP32 dims: -1 } output", "TYPE_INT64 dims: -1 } output"),
            "tensor `x` is int64 [*] from the ensemble, `a` takes float32 [*] as `x`",
        ),
        (
            text(&["y"], &step("a", "x", "y")).replace(
                "name: 'y' data_type: TYPE_FP32 dims: -1",
                "name: 'y' data_type: TYPE_FP32 dims: [ -1, 2 ]",
            ),
            "config.pbtxt: output `y` is float32 [*] from `a`, the ensemble declares float32 [*, 2]",
        ),
        (
            format!(
                "max_batch_size: 8 {}",
                text(&["y"], &step("small", "x", "y")).replace("dims: -1", "dims: 1")
            ),
            "model `small` takes 2 rows at most, the ensemble's `max_batch_size` is 8",
        ),
        // These two wait for each other.
        (text(&["y"], &step("f", "x", "y")), "step `f`: "),
    ] {
        let folder = with_members(&["a", "b", "small"]);
        std::fs::write(folder.path().join("small/config.pbtxt"), "max_batch_size: 2").unwrap();
        configure(&folder, "e", &text);
        configure(&folder, "f", &self::text(&["y"], &step("e", "x", "y")));
        let manager = serve(config(&folder, 1), FakeEngine::free_running()).await;
        let message = failure(&manager, "e");
        assert!(message.starts_with("config.pbtxt:") && message.contains(expected), "{text}: {message}");
        assert!(manager.is_available("a") && !manager.is_available("f"));
    }
}

#[tokio::test]
async fn no_reload_closes_a_circle() {
    let folder = with_members(&["a"]);
    configure(&folder, "e", &text(&["y"], &step("a", "x", "y")));
    configure(&folder, "f", &text(&["y"], &step("e", "x", "y")));
    let manager = serve(config(&folder, 1), FakeEngine::free_running()).await;
    assert!(manager.is_available("f"));
    configure(&folder, "e", &(text(&["y"], &step("f", "x", "y")) + " # another length"));
    manager.refresh().await.unwrap();
    assert!(failure(&manager, "e").contains("it has ensemble `e` as a step, be it by way of others"));
    assert_eq!(value(&manager.infer(request("f", 1.0)).await.unwrap()), 1.0, "what was served still is");
}

#[tokio::test]
async fn rows_that_are_scalars_may_be_declared_as_one_element() {
    let folder = with_members(&["a", "b"]);
    let steps = [step("a", "x", "z"), step("b", "z", "y")].concat();
    configure(
        &folder,
        "e",
        &format!("max_batch_size: 4 {}", text(&["y"], &steps).replace("dims: -1", "dims: 1")),
    );
    let manager = serve(config(&folder, 1), FakeEngine::free_running()).await;
    assert_eq!(value(&manager.infer(request("e", 5.0)).await.unwrap()), 5.0);
}

#[tokio::test]
async fn who_asks_for_an_ensemble_asks_for_its_members() {
    let folder = with_members(&["a", "b", "other"]);
    chain(&folder);
    let states = |manager: &ModelManager| ["a", "b", "chain", "other"].map(|name| manager.is_available(name));
    let explicit = || config(&folder, 1).with_control(ControlMode::Explicit);
    let manager = serve(explicit().with_load_at_start("chain"), FakeEngine::free_running()).await;
    assert_eq!(states(&manager), [true, true, true, false]);
    let manager = serve(explicit(), FakeEngine::free_running()).await;
    manager.load("chain").await.unwrap();
    assert_eq!(states(&manager), [true, true, true, false]);
    manager.unload_with_members("chain").await.unwrap();
    assert_eq!(states(&manager), [false; 4]);
    let by_demand = config(&folder, 1).with_on_demand(OnDemand::default());
    let manager = serve(by_demand, FakeEngine::free_running()).await;
    let state = |name: &str| manager.status(name, None).unwrap()[0].state;
    assert_eq!(state("chain"), VersionState::Start);
    assert_eq!(value(&manager.infer(request("chain", 6.0)).await.unwrap()), 6.0);
    assert_eq!(
        ["a", "chain", "other"].map(state),
        [VersionState::Available, VersionState::Available, VersionState::Start]
    );
}

#[tokio::test]
async fn a_version_may_be_named_by_a_step() {
    let folder = with_members(&["a"]);
    folder.put("a", 2);
    configure(
        &folder,
        "e",
        &text(&["y"], &step("a", "x", "y")).replace("model_version: -1", "model_version: 1"),
    );
    let config = config(&folder, 1).with_policy("a", crate::VersionPolicy::All);
    let manager = serve(config, FakeEngine::free_running()).await;
    manager.infer(InferRequest { model: ModelRef::specific("e", 1), ..request("e", 1.0) }).await.unwrap();
    assert_eq!(manager.statistics(Some("a"), Some(1)).unwrap()[0].success.count, 1);
}
