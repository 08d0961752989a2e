//! Versions whose files somebody replaces, and what is said of those that fail.

use std::sync::Arc;
use std::time::Duration;

use wharf_engine::Engine;
use wharf_testing::FakeEngine;

use super::{Folder, request, serve};
use crate::{ControlMode, VersionState};

/// Bytes that the fake engine loads as any other, of another length.
const OTHER: &[u8] = b"another model";

#[tokio::test]
async fn a_version_made_anew_is_loaded_anew() {
    let folder = Folder::new();
    folder.put("m", 1);
    let engine = FakeEngine::free_running();
    let manager = serve(folder.config(), Arc::clone(&engine) as Arc<dyn Engine>).await;
    manager.refresh().await.unwrap();
    assert_eq!(engine.loads(), 1, "the same files are loaded once");
    folder.remove("m", 1);
    folder.put_bytes("m", 1, OTHER);
    manager.refresh().await.unwrap();
    assert_eq!((engine.loads(), engine.replicas()), (2, 1));
    assert!(manager.infer(request("m", 1.0)).await.is_ok());
}

#[tokio::test]
async fn a_version_that_does_not_load_anew_goes_on_and_says_so() {
    let folder = Folder::new();
    folder.put("m", 1);
    let manager = serve(folder.config(), FakeEngine::free_running()).await;
    std::fs::write(folder.path().join("m/1/wharf.json"), b"damaged").unwrap();
    manager.refresh().await.unwrap();
    assert!(manager.infer(request("m", 1.0)).await.is_ok());
    let status = manager.status("m", None).unwrap().remove(0);
    assert_eq!(status.state, VersionState::Available);
    assert!(status.error.unwrap().1.starts_with("the model's files are damaged"));
    std::fs::remove_file(folder.path().join("m/1/wharf.json")).unwrap();
    manager.refresh().await.unwrap();
    assert_eq!(manager.status("m", None).unwrap()[0].error, None);
}

#[tokio::test]
async fn polling_says_when_it_tries_again() {
    let folder = Folder::new();
    folder.put("m", 1);
    std::fs::write(folder.path().join("m/1/wharf.json"), b"damaged").unwrap();
    let config = folder.config().with_control(ControlMode::Poll(Duration::from_secs(10)));
    let manager = serve(config, FakeEngine::free_running()).await;
    for attempt in 1..=2 {
        let error = manager.status("m", None).unwrap().remove(0).error.unwrap().1;
        assert!(error.contains(&format!("(attempt {attempt} failed, the next is in ")), "{error}");
        manager.refresh().await.unwrap();
    }
    std::fs::write(folder.path().join("m/1/wharf.json"), b"damaged otherwise").unwrap();
    manager.refresh().await.unwrap();
    let error = manager.status("m", None).unwrap().remove(0).error.unwrap().1;
    assert!(error.contains("(attempt 1 failed"), "other files start anew: {error}");
}
