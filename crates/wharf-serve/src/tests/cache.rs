//! Answers that are given again.

use std::sync::Arc;

use wharf_engine::Engine;
use wharf_infer::{ErrorCode, InferRequest};
use wharf_testing::FakeEngine;

use super::{Folder, next_run, one_worker, request, send, serve, value};
use crate::{BatchConfig, CacheConfig, ModelManager, ModelStatistics, VersionPolicy};

fn statistics(manager: &ModelManager) -> ModelStatistics {
    manager.statistics(Some("m"), None).unwrap().pop().unwrap()
}

async fn cached(folder: &Folder, engine: &Arc<FakeEngine>) -> ModelManager {
    let config = folder.config().with_cache(CacheConfig::new(1 << 20).with_model("m"));
    let config = config.with_limits(one_worker()).with_default_batching(BatchConfig::off());
    serve(config, Arc::clone(engine) as Arc<dyn Engine>).await
}

#[tokio::test]
async fn an_equal_request_is_answered_without_a_run_and_counted() {
    let (folder, engine) = (Folder::new(), FakeEngine::free_running());
    folder.put("m", 1);
    folder.put("other", 1);
    let manager = cached(&folder, &engine).await;
    for sent in [1.0, 1.0, 2.0, 1.0] {
        assert_eq!(value(&manager.infer(request("m", sent)).await.unwrap()), sent);
    }
    assert_eq!(engine.started(), 2);
    let counted = statistics(&manager);
    assert_eq!((counted.cache_hit.count, counted.cache_miss.count), (2, 2));
    assert_eq!((counted.success.count, counted.queue.count), (4, 4));
    assert_eq!((counted.inference_count, counted.execution_count), (2, 2));
    for _ in 0..2 {
        manager.infer(request("other", 1.0)).await.unwrap();
    }
    assert_eq!(engine.started(), 4, "the cache is for `m` alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_are_not_remembered() {
    let (folder, engine) = (Folder::new(), FakeEngine::stepped());
    folder.put("m", 1);
    let manager = cached(&folder, &engine).await;
    let first = send(&manager, request("m", 1.0));
    next_run(&engine).await.fail("out of order");
    assert_eq!(first.await.unwrap().unwrap_err().code(), ErrorCode::Internal);
    let second = send(&manager, request("m", 1.0));
    next_run(&engine).await.finish();
    assert_eq!(value(&second.await.unwrap().unwrap()), 1.0);
    assert_eq!(value(&manager.infer(request("m", 1.0)).await.unwrap()), 1.0);
    let counted = statistics(&manager);
    assert_eq!((counted.cache_hit.count, counted.cache_miss.count, engine.started()), (1, 2, 2));
}

#[tokio::test]
async fn no_version_is_given_the_answer_of_another_nor_of_itself_before_it_was_reloaded() {
    let (folder, engine) = (Folder::new(), FakeEngine::free_running());
    folder.put("m", 1);
    folder.put("m", 2);
    let config = folder.config().with_cache(CacheConfig::new(1 << 20).with_all_models());
    let config = config.with_policy("m", VersionPolicy::All);
    let manager = serve(config, Arc::clone(&engine) as Arc<dyn Engine>).await;
    let of_version = |version| {
        let mut request: InferRequest = request("m", 1.0);
        request.model = wharf_infer::ModelRef::specific("m", version);
        request
    };
    for version in [1, 2, 1, 2] {
        let answer = manager.infer(of_version(version)).await.unwrap();
        assert_eq!(i64::try_from(answer.model_version), Ok(version));
    }
    assert_eq!(engine.started(), 2);
    let entries = |manager: &ModelManager| manager.0.cache.as_ref().unwrap().fill().entries;
    assert_eq!(entries(&manager), 2);
    folder.remove("m", 1);
    manager.refresh().await.unwrap();
    assert_eq!(entries(&manager), 1, "those of a version that is gone go with it");
    folder.put("m", 1);
    manager.refresh().await.unwrap();
    manager.infer(of_version(1)).await.unwrap();
    assert_eq!(engine.started(), 3);
}

#[tokio::test]
async fn the_models_own_configuration_decides() {
    for (text, runs) in [
        ("response_cache { enable: true }", [1, 1]),
        ("response_cache { enable: false }", [2, 2]),
        ("", [2, 1]),
    ] {
        for (is_for_all, runs) in [false, true].into_iter().zip(runs) {
            let (folder, engine) = (Folder::new(), FakeEngine::free_running());
            folder.put("m", 1);
            std::fs::write(folder.path().join("m/config.pbtxt"), text).unwrap();
            let cache = CacheConfig::new(1 << 20);
            let cache = if is_for_all { cache.with_all_models() } else { cache };
            let config = folder.config().with_cache(cache);
            let manager = serve(config, Arc::clone(&engine) as Arc<dyn Engine>).await;
            for _ in 0..2 {
                manager.infer(request("m", 1.0)).await.unwrap();
            }
            assert_eq!(engine.started(), runs, "{text}, for all: {is_for_all}");
            assert_eq!(manager.signatures(&request("m", 1.0).model).unwrap().is_cached, runs == 1);
        }
    }
}
