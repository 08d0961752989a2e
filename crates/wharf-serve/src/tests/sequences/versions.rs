//! Sequences that are open when versions change.

use super::*;
use crate::{ControlMode, VersionPolicy, VersionState};

fn state(manager: &ModelManager, version: i64) -> VersionState {
    manager.status("m", Some(version)).unwrap().remove(0).state
}

#[tokio::test]
async fn a_sequence_stays_on_the_version_on_which_it_began_until_it_ends() {
    let folder = accumulator(PATIENT);
    let manager = start(&folder).await;
    assert_eq!(y(&manager.infer(part(1, "<", 1.0)).await), 1.0);
    folder.put_bytes("m", 2, models::ACCUMULATE);
    manager.refresh().await.unwrap();
    assert_eq!((state(&manager, 1), state(&manager, 2)), (VersionState::Unloading, VersionState::Available));
    let version = |answer: &Result<InferResponse, ServiceError>| answer.as_ref().unwrap().model_version;
    let answer = manager.infer(part(1, "", 2.0)).await;
    assert_eq!((version(&answer), y(&answer)), (1, 3.0));
    let answer = manager.infer(part(2, "<", 5.0)).await;
    assert_eq!((version(&answer), y(&answer)), (2, 5.0));
    // Also as the wires ask: first for the version, then of it.
    let found = manager.signatures(&ModelRef::latest("m")).unwrap();
    assert_eq!(found.version, 2);
    let answer = manager.infer_by(&found, part(1, "", 3.0)).await;
    assert_eq!((version(&answer), y(&answer)), (1, 6.0));
    // Whoever names a version means that.
    let named = InferRequest { model: ModelRef::specific("m", 2), ..part(1, "", 1.0) };
    assert!(message(manager.infer(named).await).contains("START flag"));
    drop(found);
    assert_eq!(y(&manager.infer(part(1, ">", 1.0)).await), 7.0);
    assert_eq!(state(&manager, 1), VersionState::End);
}

/// Time stands still but for the test.
#[tokio::test(start_paused = true)]
async fn a_version_whose_sequences_nobody_asks_for_is_unloaded() {
    let folder = accumulator("");
    let manager = start(&folder).await;
    manager.infer(part(1, "<", 1.0)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    folder.put_bytes("m", 2, models::ACCUMULATE);
    manager.refresh().await.unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(state(&manager, 1), VersionState::End);
}

#[tokio::test]
async fn versions_side_by_side_have_sequences_of_their_own() {
    let folder = accumulator(PATIENT);
    folder.put_bytes("m", 2, models::ACCUMULATE);
    let both = folder.config().with_policy("m", VersionPolicy::All);
    let manager = serve(both, engine()).await;
    let of =
        |version, edges, x| InferRequest { model: ModelRef::specific("m", version), ..part(1, edges, x) };
    assert_eq!(y(&manager.infer(of(1, "<", 1.0)).await), 1.0);
    assert!(message(manager.infer(of(2, "", 1.0)).await).contains("START flag"));
    assert_eq!(y(&manager.infer(of(2, "<", 10.0)).await), 10.0);
    assert_eq!(y(&manager.infer(of(1, ">", 1.0)).await), 2.0);
    assert_eq!(y(&manager.infer(part(1, ">", 1.0)).await), 11.0);
}

#[tokio::test]
async fn a_model_that_is_unloaded_ends_its_sequences() {
    let folder = accumulator(PATIENT);
    let manager = serve(folder.config().with_control(ControlMode::Explicit), engine()).await;
    manager.load("m").await.unwrap();
    manager.infer(part(1, "<", 1.0)).await.unwrap();
    manager.unload("m").await.unwrap();
    assert_eq!(state(&manager, 1), VersionState::End);
    manager.load("m").await.unwrap();
    assert!(message(manager.infer(part(1, "", 1.0)).await).contains("START flag"));
}
