//! Requests that are spread over versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use wharf_engine::Engine;
use wharf_infer::{ErrorCode, ModelRef};
use wharf_testing::FakeEngine;

use super::{Folder, next_run, one_worker, request, send, serve};
use crate::{ModelManager, RollbackBounds, ServeConfig, Traffic};

fn tenth() -> Traffic {
    Traffic::default().with_weight(1, 90).with_weight(2, 10)
}

fn two_versions() -> (Folder, ServeConfig) {
    let folder = Folder::new();
    folder.put("m", 1);
    folder.put("m", 2);
    let config = folder.config().with_traffic("m", tenth());
    (folder, config)
}

/// How often each version answered.
async fn answers(manager: &ModelManager, count: usize) -> BTreeMap<u64, usize> {
    let mut answers = BTreeMap::new();
    for _ in 0..count {
        let version = manager.infer(request("m", 1.0)).await.unwrap().model_version;
        *answers.entry(version).or_default() += 1;
    }
    answers
}

#[tokio::test]
async fn requests_are_spread_by_weight_until_one_is_promoted() {
    let (folder, config) = two_versions();
    let manager = serve(config, FakeEngine::free_running()).await;
    let spread = answers(&manager, 100).await;
    assert!((9..=11).contains(&spread[&2]), "{spread:?}");
    manager.set_traffic("m", Some(tenth().with_weight(2, 90))).await.unwrap();
    let spread = answers(&manager, 100).await;
    assert!((49..=51).contains(&spread[&2]), "{spread:?}");
    manager.promote("m", 1).await.unwrap();
    folder.put("m", 3);
    manager.refresh().await.unwrap();
    assert_eq!(answers(&manager, 10).await, [(1, 10)].into(), "newer ones change nothing");
    manager.set_traffic("m", None).await.unwrap();
    assert_eq!(answers(&manager, 10).await, [(3, 10)].into());
    let error = manager.promote("m", 9).await.unwrap_err();
    let text = "failed to promote 'm', version 9 is not available";
    assert_eq!((error.code(), error.message()), (ErrorCode::FailedPrecondition, text));
    let error = manager.set_traffic("m", Some(Traffic::default())).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn a_key_sticks_to_its_version() {
    let (_folder, config) = two_versions();
    let traffic = tenth().with_sticky_header("x-user");
    let manager = serve(config.with_traffic("m", traffic.clone()), FakeEngine::free_running()).await;
    let version = |key: &str| {
        let keys = manager.sticky_keys(|header| (header == "x-user").then_some(key.as_bytes()));
        manager.signatures_for(&ModelRef::latest("m"), &keys).unwrap().version
    };
    let keys: Vec<String> = (0..1000).map(|number| format!("user-{number}")).collect();
    let mut before: Vec<&String> = Vec::new();
    for (weight, expected) in [(10, 60..140), (90, 400..600), (810, 860..940)] {
        manager.set_traffic("m", Some(traffic.clone().with_weight(2, weight))).await.unwrap();
        let canary: Vec<&String> = keys.iter().filter(|key| version(key) == 2).collect();
        assert!(expected.contains(&canary.len()), "{} at {weight}", canary.len());
        assert!(keys.iter().all(|key| version(key) == version(key)));
        assert!(before.iter().all(|key| canary.contains(key)), "whoever has the canary keeps it at {weight}");
        before = canary;
    }
    let other = manager.sticky_keys(|header| (header == "x-other").then_some(&b"a"[..]));
    assert!(other.is_empty(), "a header that no traffic goes by");
}

#[tokio::test]
async fn a_version_that_does_not_answer_leaves_its_part_to_the_others() {
    let (folder, config) = two_versions();
    let manager = serve(config, FakeEngine::free_running()).await;
    folder.remove("m", 2);
    manager.refresh().await.unwrap();
    assert_eq!(answers(&manager, 20).await, [(1, 20)].into());
    folder.remove("m", 1);
    folder.put("m", 7);
    manager.refresh().await.unwrap();
    assert_eq!(answers(&manager, 5).await, [(7, 5)].into(), "without any of them the newest answers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_breaks_its_bounds_loses_its_part() {
    let (_folder, config) = two_versions();
    let engine = FakeEngine::stepped();
    let traffic = tenth().with_rollback(RollbackBounds::new(10, 0.1));
    let config = config.with_limits(one_worker()).with_traffic("m", traffic);
    let manager = serve(config, Arc::clone(&engine) as Arc<dyn Engine>).await;
    let ask = |version| {
        let mut sent = request("m", 1.0);
        sent.model = ModelRef::specific("m", version);
        send(&manager, sent)
    };
    for (version, failures) in [(1, 5), (2, 1)] {
        for _ in 0..failures {
            let sent = ask(version);
            next_run(&engine).await.panic();
            assert_eq!(sent.await.unwrap().unwrap_err().code(), ErrorCode::Internal);
            assert_eq!(manager.traffic("m"), [(1, 90), (2, 10)].into(), "within the bounds");
        }
    }
    let sent = ask(2);
    next_run(&engine).await.panic();
    assert!(sent.await.unwrap().is_err());
    assert_eq!(manager.traffic("m"), [(1, 90), (2, 0)].into());
    let error = manager.status("m", Some(2)).unwrap().remove(0).error.unwrap();
    let reason = "rolled back: 2 of 10 requests failed, expected 10 % at most";
    assert_eq!(error, (ErrorCode::Aborted, reason.to_owned()));
    manager.refresh().await.unwrap();
    assert_eq!(manager.traffic("m")[&2], 0, "a refresh does not bring it back");
    assert_eq!(manager.signatures(&ModelRef::latest("m")).unwrap().version, 1);
}
