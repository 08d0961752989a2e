//! Loading, unloading and reconfiguring a server that runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wharf_engine::{Engine, EngineError, EngineErrorKind};
use wharf_infer::{ErrorCode, ModelRef};
use wharf_testing::FakeEngine;

use super::{Folder, request, serve};
use crate::{ControlMode, ModelConfig, ModelManager, VersionPolicy, VersionState};

fn free() -> Arc<dyn Engine> {
    FakeEngine::free_running()
}

fn index(entries: Vec<crate::IndexEntry>) -> Vec<(String, Option<u64>, VersionState, String)> {
    entries.into_iter().map(|entry| (entry.name, entry.version, entry.state, entry.reason)).collect()
}

fn line(
    name: &str,
    version: Option<u64>,
    state: VersionState,
    reason: &str,
) -> (String, Option<u64>, VersionState, String) {
    (name.to_owned(), version, state, reason.to_owned())
}

fn broken() -> EngineError {
    EngineError::new(EngineErrorKind::InvalidModel, "the model's graph is invalid")
}

async fn answers(manager: &ModelManager, name: &str) -> bool {
    manager.infer(request(name, 1.0)).await.is_ok()
}

#[tokio::test]
async fn explicit_control_loads_what_is_asked_for_and_nothing_else() {
    let folder = Folder::new();
    for name in ["a", "b", "c"] {
        folder.put(name, 1);
    }
    let config = folder.config().with_control(ControlMode::Explicit).with_load_at_start("a");
    let manager = serve(config, free()).await;
    assert!(answers(&manager, "a").await && !answers(&manager, "b").await);
    manager.load("b").await.unwrap();
    manager.refresh().await.unwrap();
    assert!(answers(&manager, "a").await && answers(&manager, "b").await && !answers(&manager, "c").await);
    manager.unload("a").await.unwrap();
    manager.refresh().await.unwrap();
    assert!(!answers(&manager, "a").await, "a refresh does not undo an unload");
    let (end, available) = (VersionState::End, VersionState::Available);
    assert_eq!(
        index(manager.index().await.unwrap()),
        [line("a", Some(1), end, "unloaded"), line("b", Some(1), available, ""), line("c", None, end, "")]
    );
    manager.load("a").await.unwrap();
    assert!(answers(&manager, "a").await);
}

#[tokio::test]
async fn explicit_control_says_why_a_model_does_not_load() {
    let folder = Folder::new();
    folder.put("m", 1);
    let engine = FakeEngine::free_running();
    let config = folder.config().with_control(ControlMode::Explicit);
    let manager = serve(config, Arc::clone(&engine) as Arc<dyn Engine>).await;
    let error = manager.load("x").await.unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (ErrorCode::NotFound, "failed to load 'x', there is no such model")
    );
    let error = manager.unload("m").await.unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (ErrorCode::NotFound, "failed to unload 'm', it is not loaded")
    );
    engine.fail_loads(Some(broken()));
    let error = manager.load("m").await.unwrap_err();
    assert_eq!(error.message(), "failed to load 'm', the model's graph is invalid");
    let entries = index(manager.index().await.unwrap());
    assert_eq!(entries, [line("m", Some(1), VersionState::End, "the model's graph is invalid")]);
    engine.fail_loads(None);
    manager.load("m").await.unwrap();
    assert!(answers(&manager, "m").await);
}

#[tokio::test]
async fn other_controls_load_nothing_on_request() {
    let folder = Folder::new();
    folder.put("m", 1);
    for control in [ControlMode::None, ControlMode::Poll(Duration::from_secs(1))] {
        let manager = serve(folder.config().with_control(control), free()).await;
        for error in [manager.load("m").await.unwrap_err(), manager.unload("m").await.unwrap_err()] {
            let text = "explicit model load / unload is not allowed if polling is enabled";
            assert_eq!((error.code(), error.message()), (ErrorCode::Unavailable, text));
        }
    }
}

#[tokio::test]
async fn a_damaged_newest_version_does_not_hide_an_older_one() {
    let folder = Folder::new();
    for version in [1, 2, 3] {
        folder.put("m", version);
    }
    for version in [2, 3] {
        std::fs::write(folder.path().join(format!("m/{version}/wharf.json")), b"damaged").unwrap();
    }
    let manager = serve(folder.config(), free()).await;
    assert_eq!(manager.infer(request("m", 1.0)).await.unwrap().model_version, 1);
    assert!(manager.is_ready());
    let failed = manager.status("m", Some(3)).unwrap().remove(0);
    assert!(failed.error.is_some());
    std::fs::remove_file(folder.path().join("m/3/wharf.json")).unwrap();
    manager.refresh().await.unwrap();
    assert_eq!(manager.infer(request("m", 1.0)).await.unwrap().model_version, 3);
    assert_eq!(manager.status("m", Some(1)).unwrap()[0].state, VersionState::End);
}

/// Time stands still but for the test.
#[tokio::test(start_paused = true)]
async fn polling_finds_what_comes_and_waits_longer_for_what_fails() {
    let folder = Folder::new();
    folder.put("m", 1);
    let engine = FakeEngine::free_running();
    let config = folder.config().with_control(ControlMode::Poll(Duration::from_secs(10)));
    let manager = serve(config, Arc::clone(&engine) as Arc<dyn Engine>).await;
    let watcher = {
        let manager = manager.clone();
        #[expect(clippy::disallowed_methods, reason = "waited for at the end")]
        tokio::spawn(async move { manager.watch().await })
    };
    folder.put("m", 2);
    while manager.signatures(&ModelRef::latest("m")).unwrap().version != 2 {
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    manager.shutdown(wharf_infer::Deadline::NONE).await;
    watcher.await.unwrap();
}

fn listed(folder: &Folder, name: &str, labels: &[(&str, u64)]) -> ModelConfig {
    ModelConfig {
        name: name.to_owned(),
        base_path: folder.path().join(name),
        policy: VersionPolicy::All,
        labels: labels
            .iter()
            .map(|(label, version)| ((*label).to_owned(), *version))
            .collect::<BTreeMap<_, _>>(),
    }
}

#[tokio::test]
async fn a_new_configuration_replaces_the_old_one_whole() {
    let folder = Folder::new();
    for (name, version) in [("a", 1), ("a", 2), ("b", 1), ("c", 1)] {
        folder.put(name, version);
    }
    let manager = crate::ServeConfig::default().with_reload_root(folder.path()).build(free()).unwrap();
    manager.reconfigure(vec![listed(&folder, "a", &[]), listed(&folder, "b", &[])]).await.unwrap();
    assert!(answers(&manager, "a").await && answers(&manager, "b").await && !answers(&manager, "c").await);
    let labelled = listed(&folder, "a", &[("stable", 1)]);
    manager.reconfigure(vec![labelled.clone(), listed(&folder, "c", &[])]).await.unwrap();
    assert!(!answers(&manager, "b").await && answers(&manager, "c").await);
    let stable = ModelRef::labelled("a", "stable");
    assert_eq!(manager.signatures(&stable).unwrap().version, 1);
    let absent = folder.path().join("absent");
    let absent = format!("Could not find base path {} for servable absent", absent.display());
    for (models, code, message) in [
        (
            vec![listed(&folder, "a", &[("stable", 9)])],
            ErrorCode::FailedPrecondition,
            "Request to assign label to version 9 of model a, which is not currently available for inference",
        ),
        (
            vec![labelled.clone(), labelled.clone()],
            ErrorCode::InvalidArgument,
            "Illegal to list model a multiple times in config list",
        ),
        (vec![listed(&folder, "absent", &[])], ErrorCode::NotFound, absent.as_str()),
    ] {
        let error = manager.reconfigure(models).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (code, message));
        assert_eq!(manager.signatures(&stable).unwrap().version, 1, "nothing changed");
        assert!(answers(&manager, "c").await, "nothing changed");
    }
}

#[tokio::test]
async fn a_configuration_names_the_model_that_does_not_load() {
    let folder = Folder::new();
    folder.put("good", 1);
    folder.put("bad", 1);
    std::fs::write(folder.path().join("bad/1/wharf.json"), b"damaged").unwrap();
    let manager = crate::ServeConfig::default().with_reload_root(folder.path()).build(free()).unwrap();
    let models = vec![listed(&folder, "bad", &[]), listed(&folder, "good", &[])];
    let error = manager.reconfigure(models).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::DataLoss, "{error}");
    assert!(answers(&manager, "good").await);
}

#[tokio::test]
async fn models_come_from_where_the_server_was_told_they_may() {
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    folder.put("a", 1);
    elsewhere.put("b", 1);
    std::os::unix::fs::symlink(elsewhere.path().join("b"), folder.path().join("link")).unwrap();
    let manager = serve(folder.config(), free()).await;
    let mut dotted = listed(&elsewhere, "b", &[]);
    dotted.base_path = folder.path().join("..").join(elsewhere.path().file_name().unwrap()).join("b");
    for model in [listed(&elsewhere, "b", &[]), listed(&folder, "link", &[]), dotted] {
        let error = manager.reconfigure(vec![model]).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::PermissionDenied);
        assert!(answers(&manager, "a").await, "nothing changed");
    }
    manager.reconfigure(vec![listed(&folder, "a", &[])]).await.unwrap();
}

#[tokio::test]
async fn labels_at_the_start_are_of_versions_that_answer() {
    let folder = Folder::new();
    folder.put("m", 1);
    folder.put("m", 2);
    let config = || folder.config().with_label("m", "stable", 1);
    let text =
        "Request to assign label to version 1 of model m, which is not currently available for inference";
    let mut allowed = config();
    allowed.allow_labels_for_unavailable = true;
    for (config, expected) in [
        (config(), Err(text)),
        (config().with_policy("m", VersionPolicy::All), Ok(())),
        (config().with_control(ControlMode::Explicit), Ok(())),
        (config().with_control(ControlMode::Explicit).with_load_at_start("m"), Err(text)),
        (allowed, Ok(())),
    ] {
        let manager = serve(config, free()).await;
        let checked = manager.check_labels_at_start().map_err(|error| error.message().to_owned());
        assert_eq!(checked, expected.map_err(str::to_owned));
    }
}

/// The clock's next tick is an hour away: what is seen is seen by events.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn file_events_bring_new_versions_at_once() {
    let folder = Folder::new();
    folder.put("m", 1);
    let control = ControlMode::Poll(Duration::from_secs(3600));
    let config = folder.config().with_control(control).with_file_events(true);
    let manager = serve(config, free()).await;
    let watcher = {
        let manager = manager.clone();
        #[expect(clippy::disallowed_methods, reason = "waited for at the end")]
        tokio::spawn(async move { manager.watch().await })
    };
    let reached = async |wanted: &[(&str, u64)]| {
        let until = std::time::Instant::now() + Duration::from_secs(20);
        for (name, version) in wanted {
            while manager.signatures(&ModelRef::latest(*name)).map(|info| info.version).ok() != Some(*version)
            {
                assert!(std::time::Instant::now() < until, "{name}/{version} was not seen");
                tokio::task::yield_now().await;
            }
        }
    };
    for version in 2..5 {
        folder.put("m", version);
        folder.put(&format!("new-{version}"), 1);
        reached(&[("m", version), (&format!("new-{version}"), 1)]).await;
    }
    manager.shutdown(wharf_infer::Deadline::NONE).await;
    watcher.await.unwrap();
}
