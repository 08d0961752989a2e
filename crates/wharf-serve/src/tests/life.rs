//! Versions that come, fail, and go.

use std::sync::Arc;

use wharf_engine::{Engine, EngineError, EngineErrorKind};
use wharf_infer::language::LanguageModels;
use wharf_infer::{ErrorCode, ModelRef};
use wharf_testing::FakeEngine;

use super::{Folder, next_run, one_worker, request, send, serve, value};
use crate::{ModelLocation, ModelManager, ServeConfig, VersionPolicy, VersionState};

fn free() -> Arc<dyn Engine> {
    FakeEngine::free_running()
}

fn states(manager: &ModelManager, name: &str) -> Vec<(u64, VersionState)> {
    let statuses = manager.status(name, None).unwrap();
    statuses.into_iter().map(|status| (status.version, status.state)).collect()
}

/// The version that a reference leads to, or the refusal.
type Led = Result<u64, (ErrorCode, &'static str)>;

#[tokio::test]
async fn references_lead_to_versions() {
    let folder = Folder::new();
    for version in [1, 2, 10] {
        folder.put("m", version);
    }
    let config = folder
        .config()
        .with_policy("m", VersionPolicy::Latest(2))
        .with_label("m", "stable", 2)
        .with_label("m", "old", 1);
    let manager = serve(config, free()).await;
    let not_found = ErrorCode::NotFound;
    let cases: Vec<(ModelRef, Led)> = vec![
        (ModelRef::latest("m"), Ok(10)),
        (ModelRef::specific("m", 2), Ok(2)),
        (ModelRef::labelled("m", "stable"), Ok(2)),
        (ModelRef::specific("m", 1), Err((not_found, "Servable not found for request: Specific(m, 1)"))),
        (ModelRef::specific("m", -1), Err((not_found, "Servable not found for request: Specific(m, -1)"))),
        (ModelRef::labelled("m", "old"), Err((not_found, "Servable not found for request: Specific(m, 1)"))),
        (ModelRef::latest("x"), Err((not_found, "Servable not found for request: Latest(x)"))),
        (ModelRef::specific("x", 5), Err((not_found, "Servable not found for request: Specific(x, 5)"))),
        (
            ModelRef::labelled("m", "canary"),
            Err((ErrorCode::InvalidArgument, "Unrecognized servable version label: canary")),
        ),
        (ModelRef::latest(""), Err((ErrorCode::InvalidArgument, "ModelSpec has no name specified."))),
    ];
    for (reference, expected) in cases {
        let found = manager.signatures(&reference).map(|info| info.version);
        let found = found.as_ref().map_err(|error| (error.code(), error.message()));
        assert_eq!(found, expected.as_ref().map_err(|error| *error), "{reference}");
        let mut sent = request("m", 1.0);
        sent.model = reference;
        let answered = manager.infer(sent).await.map(|answer| answer.model_version);
        assert_eq!(answered.as_ref().map_err(|error| (error.code(), error.message())), found);
    }
}

#[tokio::test]
async fn status_lists_versions_newest_first() {
    let folder = Folder::new();
    folder.put("m", 1);
    folder.put("m", 2);
    let manager = serve(folder.config().with_policy("m", VersionPolicy::All), free()).await;
    assert_eq!(states(&manager, "m"), [(2, VersionState::Available), (1, VersionState::Available)]);
    assert_eq!(manager.status("m", Some(1)).unwrap().len(), 1);
    for (name, version, message) in [
        ("x", None, "Could not find any versions of model x"),
        ("x", Some(1), "Could not find version 1 of model x"),
        ("m", Some(3), "Could not find version 3 of model m"),
        ("m", Some(-1), "Could not find version -1 of model m"),
    ] {
        let error = manager.status(name, version).unwrap_err();
        assert_eq!((error.code(), error.message()), (ErrorCode::NotFound, message));
    }
}

#[tokio::test]
async fn a_model_that_does_not_load_takes_nobody_with_it() {
    let folder = Folder::new();
    folder.put("good", 1);
    let engine = FakeEngine::free_running();
    let manager = serve(folder.config(), Arc::clone(&engine) as Arc<dyn Engine>).await;
    folder.put("bad", 1);
    let failure = EngineError::new(EngineErrorKind::InvalidModel, "the model's graph is invalid");
    engine.fail_loads(Some(failure.with_detail("/secret/path")));
    manager.refresh().await.unwrap();
    let status = manager.status("bad", None).unwrap().remove(0);
    assert_eq!(status.state, VersionState::End);
    assert_eq!(status.error, Some((ErrorCode::DataLoss, "the model's graph is invalid".to_owned())));
    let error = manager.infer(request("bad", 1.0)).await.unwrap_err();
    assert_eq!(error.message(), "Servable not found for request: Latest(bad)");
    for (name, code, message) in [
        ("bad", ErrorCode::Unavailable, "the model `bad` did not load: the model's graph is invalid"),
        ("x:adapter", ErrorCode::NotFound, "the model `x` does not exist"),
    ] {
        let error = LanguageModels::find(&manager, name).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (code, message));
    }
    assert!(manager.infer(request("good", 1.0)).await.is_ok());
    assert!(!manager.is_ready());
    assert_eq!(manager.models(), ["bad", "good"]);
    engine.fail_loads(None);
    manager.refresh().await.unwrap();
    assert!(manager.infer(request("bad", 1.0)).await.is_ok(), "tried again");
    assert!(manager.is_ready());
}

#[tokio::test]
async fn a_new_version_takes_over_and_a_broken_one_does_not() {
    let folder = Folder::new();
    folder.put("m", 1);
    let engine = FakeEngine::free_running();
    let manager = serve(folder.config(), Arc::clone(&engine) as Arc<dyn Engine>).await;
    folder.put("m", 2);
    manager.refresh().await.unwrap();
    assert_eq!(manager.infer(request("m", 1.0)).await.unwrap().model_version, 2);
    assert_eq!(states(&manager, "m"), [(2, VersionState::Available), (1, VersionState::End)]);
    assert_eq!(engine.replicas(), 1);
    folder.put("m", 3);
    engine.fail_loads(Some(EngineError::new(EngineErrorKind::InvalidModel, "broken")));
    manager.refresh().await.unwrap();
    assert_eq!(manager.infer(request("m", 1.0)).await.unwrap().model_version, 2, "goes on");
    assert_eq!(engine.replicas(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_unloaded_when_its_last_request_is_done() {
    let (folder, engine) = (Folder::new(), FakeEngine::stepped());
    folder.put("m", 1);
    let config = folder.config().with_limits(one_worker());
    let manager = serve(config, Arc::clone(&engine) as Arc<dyn Engine>).await;
    let sent = send(&manager, request("m", 7.0));
    let run = next_run(&engine).await;
    folder.remove("m", 1);
    manager.refresh().await.unwrap();
    assert_eq!(states(&manager, "m"), [(1, VersionState::Unloading)]);
    let error = manager.infer(request("m", 1.0)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    assert!(error.message().contains("Servable") && error.message().contains("UNLOADING"), "{error}");
    run.finish();
    assert_eq!(value(&sent.await.unwrap().unwrap()), 7.0);
    while engine.replicas() > 0 || states(&manager, "m") != [(1, VersionState::End)] {
        tokio::task::yield_now().await;
    }
    assert_eq!(manager.infer(request("m", 1.0)).await.unwrap_err().code(), ErrorCode::NotFound);
    assert!(manager.models().is_empty());
}

#[tokio::test]
async fn a_model_that_comes_back_is_served_again() {
    let folder = Folder::new();
    folder.put("m", 1);
    let manager = serve(folder.config(), free()).await;
    for _ in 0..3 {
        folder.remove("m", 1);
        manager.refresh().await.unwrap();
        assert_eq!(states(&manager, "m"), [(1, VersionState::End)]);
        folder.put("m", 1);
        manager.refresh().await.unwrap();
        assert_eq!(states(&manager, "m"), [(1, VersionState::Available)]);
    }
}

#[tokio::test]
async fn places_that_contradict_each_other_change_nothing() {
    let folder = Folder::new();
    let version = folder.put("m", 1);
    let config = folder.config().with_location(ModelLocation::named_model("m", version));
    let manager = config.build(free()).unwrap();
    let error = manager.refresh().await.unwrap_err();
    assert_eq!(error.message(), "model `m` comes from two places, expected one");
    assert!(manager.models().is_empty());
    let absent =
        ServeConfig::default().with_location(ModelLocation::repository(folder.path().join("absent")));
    assert_eq!(absent.build(free()).unwrap().refresh().await.unwrap_err().code(), ErrorCode::DataLoss);
}

#[tokio::test]
async fn refreshes_take_turns() {
    let folder = Folder::new();
    for number in 0..6 {
        folder.put(&format!("m{number}"), 1);
    }
    let engine = FakeEngine::free_running();
    let manager = folder.config().build(Arc::clone(&engine) as Arc<dyn Engine>).unwrap();
    let (first, second, third) = tokio::join!(manager.refresh(), manager.refresh(), manager.refresh());
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert_eq!((engine.replicas(), manager.models().len()), (6, 6), "each is loaded once");
    for name in manager.models() {
        assert_eq!(states(&manager, &name), [(1, VersionState::Available)]);
    }
}
