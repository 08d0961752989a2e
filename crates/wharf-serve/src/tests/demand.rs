//! Models that come with their first request and go when others need their place.

use std::sync::Arc;
use std::time::Duration;

use wharf_engine::{Engine, EngineError, EngineErrorKind};
use wharf_infer::{ErrorCode, ModelRef};
use wharf_testing::{FakeEngine, models};

use super::{Folder, request, send, serve};
use crate::{ControlMode, ModelManager, OnDemand, VersionState};

/// What one model counts for.
const SIZE: u64 = models::HALF_PLUS_TWO.len() as u64;

fn folder(models: &[&str]) -> Folder {
    let folder = Folder::new();
    for model in models {
        folder.put(model, 1);
    }
    folder
}

/// Room for so many models.
fn budget(models: u64) -> OnDemand {
    OnDemand::default().with_files_only().with_memory_budget(models * SIZE)
}

async fn start(folder: &Folder, demand: OnDemand, engine: &Arc<FakeEngine>) -> ModelManager {
    serve(folder.config().with_on_demand(demand), Arc::clone(engine) as Arc<dyn Engine>).await
}

fn loaded(manager: &ModelManager) -> Vec<String> {
    let all = manager.models().into_iter();
    all.filter(|name| manager.status(name, None).unwrap()[0].state == VersionState::Available).collect()
}

#[tokio::test]
async fn a_model_is_loaded_by_its_first_request_and_listed_before() {
    let (folder, engine) = (folder(&["a", "b"]), FakeEngine::free_running());
    let manager = start(&folder, OnDemand::default(), &engine).await;
    assert_eq!((engine.loads(), manager.is_ready()), (0, true));
    assert_eq!(manager.models(), ["a", "b"]);
    assert_eq!(manager.status("a", None).unwrap()[0].state, VersionState::Start);
    assert!(
        manager.is_available("a") && manager.is_on_call("a", Some(1)) && !manager.is_on_call("a", Some(2))
    );
    let index = manager.index().await.unwrap();
    assert!(index.iter().all(|entry| entry.reason == "not loaded: its first request loads it"), "{index:?}");
    for reference in [ModelRef::latest("a"), ModelRef::specific("a", 1)] {
        let mut sent = request("a", 1.0);
        sent.model = reference;
        assert_eq!(manager.infer(sent).await.unwrap().model_version, 1);
    }
    assert_eq!((engine.loads(), loaded(&manager)), (1, vec!["a".to_owned()]));
    let unknown = manager.infer(request("c", 1.0)).await.unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::NotFound);
}

#[tokio::test]
async fn requests_that_come_together_load_it_once() {
    let (folder, engine) = (folder(&["a"]), FakeEngine::free_running());
    let manager = start(&folder, OnDemand::default(), &engine).await;
    let sent: Vec<_> = (0..32).map(|_| send(&manager, request("a", 1.0))).collect();
    for answer in sent {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(engine.loads(), 1);
}

#[tokio::test]
async fn the_one_used_longest_ago_makes_place() {
    let (folder, engine) = (folder(&["a", "b", "c"]), FakeEngine::free_running());
    let manager = start(&folder, budget(2), &engine).await;
    for (name, expected) in
        [("a", &["a"][..]), ("b", &["a", "b"]), ("a", &["a", "b"]), ("c", &["a", "c"]), ("b", &["b", "c"])]
    {
        manager.infer(request(name, 1.0)).await.unwrap();
        assert_eq!(loaded(&manager), expected, "after {name}");
        assert_eq!(engine.replicas(), expected.len(), "after {name}");
    }
}

#[tokio::test]
async fn pinned_models_are_there_from_the_start_and_stay() {
    let (folder, engine) = (folder(&["a", "b", "c"]), FakeEngine::free_running());
    let manager = start(&folder, budget(2).with_pinned("a"), &engine).await;
    assert_eq!(loaded(&manager), ["a"]);
    for name in ["b", "c", "b"] {
        manager.infer(request(name, 1.0)).await.unwrap();
        assert_eq!(loaded(&manager), ["a", name]);
    }
    let manager = start(&folder, budget(1).with_pinned("a"), &engine).await;
    let error = manager.infer(request("b", 1.0)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Overloaded);
    let text = format!("of which pinned models take {SIZE}");
    assert!(error.message().contains(&text), "{error}");
    assert_eq!(loaded(&manager), ["a"]);
}

#[tokio::test]
async fn a_model_in_use_is_waited_for_and_its_request_answered() {
    let (folder, engine) = (folder(&["a", "b"]), FakeEngine::stepped());
    let manager = start(&folder, budget(1), &engine).await;
    let first = send(&manager, request("a", 1.0));
    let run = super::next_run(&engine).await;
    let second = send(&manager, request("b", 1.0));
    while manager.gauges().in_flight != 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!((engine.loads(), loaded(&manager)), (1, vec!["a".to_owned()]));
    run.finish();
    first.await.unwrap().unwrap();
    super::next_run(&engine).await.finish();
    second.await.unwrap().unwrap();
    assert_eq!((loaded(&manager), engine.replicas()), (vec!["b".to_owned()], 1));
}

#[tokio::test]
async fn one_that_fails_to_load_says_why_and_is_not_tried_with_every_request() {
    let (folder, engine) = (folder(&["a"]), FakeEngine::free_running());
    let manager = start(&folder, OnDemand::default(), &engine).await;
    engine.fail_loads(Some(EngineError::new(EngineErrorKind::InvalidModel, "no such operator")));
    for _ in 0..10 {
        let error = manager.infer(request("a", 1.0)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unavailable);
        assert!(error.message().contains("no such operator"), "{error}");
    }
    assert_eq!(engine.loads(), 1);
}

/// Time stands still but for the test.
#[tokio::test(start_paused = true)]
async fn a_model_that_nobody_asks_for_is_unloaded_after_a_time() {
    let (folder, engine) = (folder(&["a", "b"]), FakeEngine::free_running());
    let demand = OnDemand::default().with_idle_timeout(Duration::from_secs(60)).with_pinned("b");
    let config = folder.config().with_on_demand(demand).with_control(ControlMode::None);
    let manager = serve(config, Arc::clone(&engine) as Arc<dyn Engine>).await;
    manager.infer(request("a", 1.0)).await.unwrap();
    let watcher = {
        let manager = manager.clone();
        #[expect(clippy::disallowed_methods, reason = "waited for at the end")]
        tokio::spawn(async move { manager.watch().await })
    };
    tokio::time::sleep(Duration::from_secs(50)).await;
    manager.infer(request("a", 1.0)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(loaded(&manager), ["a", "b"]);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!((loaded(&manager), engine.replicas()), (vec!["b".to_owned()], 1));
    manager.infer(request("a", 1.0)).await.unwrap();
    assert_eq!(loaded(&manager), ["a", "b"]);
    manager.shutdown(wharf_infer::Deadline::NONE).await;
    watcher.await.unwrap();
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_leave_a_model_half_loaded() {
    let folder = folder(&["a"]);
    let config = folder.config().with_control(ControlMode::Explicit);
    let manager = serve(config, FakeEngine::free_running()).await;
    for _ in 0..200 {
        // Polled once, then dropped.
        let load = manager.load("a");
        let _ = tokio::time::timeout(Duration::ZERO, load).await;
        manager.load("a").await.unwrap();
        manager.infer(request("a", 1.0)).await.unwrap();
        manager.unload("a").await.unwrap();
    }
}
