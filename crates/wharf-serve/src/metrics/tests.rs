use std::sync::Arc;
use std::time::Duration;

use wharf_engine::Engine;
use wharf_infer::{Deadline, ErrorCode};
use wharf_metrics::{Registry, text};
use wharf_testing::FakeEngine;

use crate::tests::{Folder, next_run, one_worker, request, send, serve, until_waiting};
use crate::{BatchConfig, ModelManager};

/// A server of version 1 of `m` over a stepped engine, and where its numbers are read.
async fn stepped() -> (ModelManager, Arc<FakeEngine>, Registry) {
    let (folder, engine, registry) = (Folder::new(), FakeEngine::stepped(), Registry::default());
    folder.put("m", 1);
    // A run in place could not be left before its end.
    let limits = one_worker().with_inline_below(Duration::ZERO);
    // Nor is any run to be compared with another.
    let batching = BatchConfig::default().with_row_check(false);
    let config = folder.config().with_limits(limits).with_default_batching(batching);
    let config = config.with_metrics(registry.clone());
    (serve(config, Arc::clone(&engine) as Arc<dyn Engine>).await, engine, registry)
}

fn scrape(registry: &Registry) -> String {
    text::encode(&registry.gather())
}

#[track_caller]
fn assert_has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|found| found == *line), "no line `{line}` in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_count_by_how_they_ended() {
    let (manager, engine, registry) = stepped().await;
    let sent = send(&manager, request("m", 1.0));
    next_run(&engine).await.finish();
    sent.await.unwrap().unwrap();
    let sent = send(&manager, request("m", 1.0));
    next_run(&engine).await.fail("on purpose");
    sent.await.unwrap().unwrap_err();
    let mut late = request("m", 1.0);
    late.deadline = Deadline::after(Duration::ZERO);
    manager.infer(late).await.unwrap_err();
    let left = send(&manager, request("m", 1.0));
    let run = next_run(&engine).await;
    left.abort();
    assert!(left.await.unwrap_err().is_cancelled());
    drop(run);
    // The place is given back where the run ends, on a thread of its own.
    while manager.gauges().in_flight > 0 {
        tokio::task::yield_now().await;
    }
    assert_has(
        &scrape(&registry),
        &[
            "wharf_requests_total{model=\"m\",version=\"1\",status=\"OK\"} 1",
            "wharf_requests_total{model=\"m\",version=\"1\",status=\"INTERNAL\"} 1",
            "wharf_requests_total{model=\"m\",version=\"1\",status=\"DEADLINE_EXCEEDED\"} 1",
            "wharf_requests_total{model=\"m\",version=\"1\",status=\"CANCELLED\"} 1",
            "wharf_request_duration_seconds_count{model=\"m\",version=\"1\"} 1",
            "wharf_compute_duration_seconds_count{model=\"m\",version=\"1\"} 1",
            "nv_inference_request_success{model=\"m\",version=\"1\"} 1",
            "nv_inference_request_failure{model=\"m\",version=\"1\",reason=\"BACKEND\"} 1",
            "nv_inference_request_failure{model=\"m\",version=\"1\",reason=\"CANCELED\"} 2",
            "nv_inference_request_failure{model=\"m\",version=\"1\",reason=\"REJECTED\"} 0",
            "nv_inference_count{model=\"m\",version=\"1\"} 1",
            "nv_inference_exec_count{model=\"m\",version=\"1\"} 1",
            "wharf_model_version_state{model=\"m\",version=\"1\",state=\"AVAILABLE\"} 1",
            "wharf_requests_in_flight 0",
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_clients_make_no_series() {
    let (manager, _engine, registry) = stepped().await;
    let before = scrape(&registry).lines().count();
    for number in 0..100 {
        manager.infer(request(&format!("made-up-{number}\n"), 1.0)).await.unwrap_err();
    }
    let text = scrape(&registry);
    assert_has(&text, &["wharf_requests_total{model=\"_unknown\",version=\"\",status=\"NOT_FOUND\"} 100"]);
    assert_eq!(text.lines().count(), before + 1);
    assert!(!text.contains("made-up"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_that_wait_are_seen_waiting() {
    let (manager, engine, registry) = stepped().await;
    let first = send(&manager, request("m", 1.0));
    let run = next_run(&engine).await;
    let second = send(&manager, request("m", 2.0));
    until_waiting(&manager, 1).await;
    let lines =
        ["nv_inference_pending_request_count{model=\"m\",version=\"1\"} 1", "wharf_requests_queued 1"];
    assert_has(&scrape(&registry), &lines);
    run.finish();
    next_run(&engine).await.finish();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_has(&scrape(&registry), &["wharf_requests_waiting{model=\"m\",version=\"1\"} 0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joined_requests_are_one_run() {
    let (manager, engine, registry) = stepped().await;
    let first = send(&manager, request("m", 1.0));
    let run = next_run(&engine).await;
    let others = [2.0, 3.0].map(|value| send(&manager, request("m", value)));
    until_waiting(&manager, 2).await;
    run.finish();
    next_run(&engine).await.finish();
    for sent in others.into_iter().chain([first]) {
        sent.await.unwrap().unwrap();
    }
    assert_has(
        &scrape(&registry),
        &[
            "nv_inference_exec_count{model=\"m\",version=\"1\"} 2",
            "nv_inference_count{model=\"m\",version=\"1\"} 3",
            "wharf_queue_duration_seconds_count{model=\"m\",version=\"1\"} 3",
            "wharf_batch_wait_seconds_count{model=\"m\",version=\"1\"} 3",
            "wharf_compute_duration_seconds_count{model=\"m\",version=\"1\"} 2",
            "wharf_batches_total{model=\"m\",version=\"1\",reason=\"idle_worker\"} 2",
            "wharf_batches_total{model=\"m\",version=\"1\",reason=\"full\"} 0",
            "wharf_batched_requests_total{model=\"m\",version=\"1\"} 3",
            "wharf_batched_rows_total{model=\"m\",version=\"1\"} 3",
            "wharf_batches_split_total{model=\"m\",version=\"1\"} 0",
        ],
    );
    let of_m = manager.statistics(Some("m"), None).unwrap().remove(0);
    assert_eq!((of_m.inference_count, of_m.execution_count, of_m.compute.count), (3, 2, 3));
    let sizes: Vec<_> = of_m.batches.iter().map(|batch| (batch.rows, batch.compute.count)).collect();
    assert_eq!(sizes, [(1, 1), (2, 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_requests_count_by_reason_and_model() {
    let (folder, registry) = (Folder::new(), Registry::default());
    folder.put("m", 1);
    let config = folder.config().with_limits(one_worker().with_max_in_flight(0));
    let manager = serve(config.with_metrics(registry.clone()), FakeEngine::free_running()).await;
    manager.infer(request("m", 1.0)).await.unwrap_err();
    manager.shutdown(Deadline::NONE).await;
    manager.infer(request("m", 1.0)).await.unwrap_err();
    assert_has(
        &scrape(&registry),
        &[
            "wharf_requests_total{model=\"m\",version=\"1\",status=\"OVERLOADED\"} 1",
            "wharf_requests_total{model=\"m\",version=\"1\",status=\"UNAVAILABLE\"} 1",
            "nv_inference_request_failure{model=\"m\",version=\"1\",reason=\"REJECTED\"} 2",
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loads_failures_and_unloads_are_counted() {
    let (folder, registry) = (Folder::new(), Registry::default());
    folder.put("m", 1);
    let broken = folder.put("broken", 1);
    std::fs::write(broken.join("wharf.json"), b"damaged").unwrap();
    let config = folder.config().with_metrics(registry.clone());
    let manager = serve(config, FakeEngine::free_running()).await;
    folder.remove("m", 1);
    manager.refresh().await.unwrap();
    let text = scrape(&registry);
    assert_has(
        &text,
        &[
            "wharf_model_loads_total{model=\"m\"} 1",
            "wharf_model_unloads_total{model=\"m\"} 1",
            "wharf_model_loads_total{model=\"broken\"} 0",
            "wharf_model_load_failures_total{model=\"broken\"} 2",
            "wharf_model_version_state{model=\"broken\",version=\"1\",state=\"END\"} 1",
            "wharf_model_version_state{model=\"m\",version=\"1\",state=\"END\"} 1",
        ],
    );
    assert!(!text.contains("wharf_requests_total{model=\"m\""), "its numbers end with it\n{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_are_of_loaded_versions() {
    let (manager, engine, _) = stepped().await;
    let sent = send(&manager, request("m", 1.0));
    next_run(&engine).await.finish();
    sent.await.unwrap().unwrap();
    let all = manager.statistics(None, None).unwrap();
    assert_eq!(all.len(), 1);
    let of_m = &all[0];
    assert_eq!((of_m.name.as_str(), of_m.version), ("m", 1));
    assert_eq!((of_m.inference_count, of_m.execution_count, of_m.success.count), (1, 1, 1));
    assert_eq!((of_m.queue.count, of_m.fail.count), (1, 0));
    assert!(of_m.last_inference_millis > 1_600_000_000_000);
    assert!(of_m.success.nanos >= of_m.queue.nanos + of_m.compute.nanos);
    assert_eq!(
        of_m.batches.iter().map(|batch| (batch.rows, batch.compute.count)).collect::<Vec<_>>(),
        [(1, 1)]
    );
    assert_eq!(manager.statistics(Some("m"), Some(1)).unwrap(), all);
    for (name, version) in [("other", None), ("m", Some(2)), ("m", Some(-1))] {
        let error = manager.statistics(Some(name), version).unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotFound, "{name} {version:?}");
    }
}
