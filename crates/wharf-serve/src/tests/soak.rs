//! Many changes under load. `make soak` runs them with their full counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::task::JoinSet;
use wharf_engine::{Engine, OnnxEngine};
use wharf_testing::{FakeEngine, models};

use super::{Folder, request, serve, value};
use crate::{ControlMode, ModelManager, VersionState};

fn count(bounded: u64, full: u64) -> u64 {
    if std::env::var_os("WHARF_SOAK").is_some() { full } else { bounded }
}

/// `y = x / 2 + version`: an answer shows which version computed it.
pub(super) fn stamped(version: u64) -> Vec<u8> {
    let mut model = models::HALF_PLUS_TWO.to_vec();
    let two = model.windows(4).position(|bytes| bytes == 2.0_f32.to_le_bytes()).unwrap();
    model[two..two + 4].copy_from_slice(&(version as f32).to_le_bytes());
    model
}

/// Asks until it is told to stop; says how often it was answered.
async fn ask(manager: ModelManager, is_done: Arc<AtomicBool>, settled: Arc<AtomicU64>) -> u64 {
    let mut answers = 0;
    while !is_done.load(Ordering::SeqCst) {
        let at_least = settled.load(Ordering::SeqCst);
        let answer = manager.infer(request("m", 1.0)).await.unwrap();
        let version = answer.model_version;
        assert_eq!(value(&answer), 0.5 + version as f32, "the stamp of version {version}");
        assert!(version >= at_least, "version {version} answered after {at_least} had taken over");
        answers += 1;
        tokio::task::yield_now().await;
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soak_swaps_fail_no_request_and_mix_no_answer() {
    let folder = Folder::new();
    folder.put_bytes("m", 1, &stamped(1));
    let manager = serve(folder.config(), Arc::new(OnnxEngine::new().unwrap())).await;
    let (is_done, settled) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(1)));
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        clients.spawn(ask(manager.clone(), Arc::clone(&is_done), Arc::clone(&settled)));
    }
    let swaps = count(100, 1000);
    for version in 2..=swaps + 1 {
        folder.put_bytes("m", version, &stamped(version));
        manager.refresh().await.unwrap();
        settled.store(version, Ordering::SeqCst);
        folder.remove("m", version - 1);
    }
    is_done.store(true, Ordering::SeqCst);
    let answers: u64 = clients.join_all().await.into_iter().sum();
    assert!(answers >= swaps, "only {answers} answers during {swaps} swaps");
}

/// Loads, unloads, asks, and leaves before the answer, in an order of its own.
async fn disturb(manager: ModelManager, seed: u64, rounds: u64) {
    let mut state = seed;
    for _ in 0..rounds {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        match state >> 62 {
            0 => manager.load("m").await.unwrap(),
            // Fails where another was faster.
            1 => drop(manager.unload("m").await),
            // Fails while it is unloaded; an answer is right.
            2 => match manager.infer(request("m", 3.0)).await {
                Ok(answer) => assert_eq!(value(&answer), 3.0),
                Err(error) => assert!(error.message().contains("Servable"), "{error}"),
            },
            _ => tokio::select! {
                biased;
                _ = manager.infer(request("m", 4.0)) => {}
                () = std::future::ready(()) => {}
            },
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soak_loads_unloads_and_requests_at_once_end_as_last_said() {
    let folder = Folder::new();
    folder.put("m", 1);
    let engine = FakeEngine::free_running();
    let config = folder.config().with_control(ControlMode::Explicit);
    let manager = serve(config, Arc::clone(&engine) as Arc<dyn Engine>).await;
    let mut tasks = JoinSet::new();
    for seed in 0..32 {
        tasks.spawn(disturb(manager.clone(), seed, count(32, 1024)));
    }
    tasks.join_all().await;
    manager.load("m").await.unwrap();
    assert_eq!(manager.infer(request("m", 5.0)).await.unwrap().model_version, 1);
    manager.unload("m").await.unwrap();
    while engine.replicas() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(manager.status("m", None).unwrap()[0].state, VersionState::End);
    assert_eq!(manager.gauges().in_flight, 0);
}
