//! Copies of requests that another version answers too.

use std::sync::Arc;
use std::time::Duration;

use wharf_engine::{Engine, OnnxEngine};
use wharf_infer::ErrorCode;
use wharf_testing::FakeEngine;

use super::soak::stamped;
use super::{Folder, next_run, one_worker, request, send, serve, value};
use crate::{ModelManager, Shadow, ShadowReport, Traffic};

fn shadowed(shadow: Shadow) -> Traffic {
    Traffic::default().with_weight(1, 1).with_shadow(shadow)
}

async fn two_versions(traffic: Traffic, engine: Arc<dyn Engine>) -> (Folder, ModelManager) {
    let folder = Folder::new();
    folder.put_bytes("m", 1, &stamped(1));
    folder.put_bytes("m", 2, &stamped(2));
    let limits = one_worker().with_inline_below(Duration::ZERO);
    let config = folder.config().with_limits(limits).with_traffic("m", traffic);
    (folder, serve(config, engine).await)
}

/// Waits until so many copies have come to something.
async fn settled(manager: &ModelManager, copies: u64) -> ShadowReport {
    loop {
        let report = manager.traffic_report("m").unwrap().shadow.unwrap();
        let all = report.same + report.close + report.different + report.failed + report.dropped;
        if all == copies {
            return report;
        }
        assert!(all < copies, "{report:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn answers_are_compared_within_the_tolerance() {
    let engine = Arc::new(OnnxEngine::new().unwrap());
    let (_folder, manager) = two_versions(shadowed(Shadow::new(2)), engine).await;
    for _ in 0..5 {
        assert_eq!(value(&manager.infer(request("m", 1.0)).await.unwrap()), 1.5, "version 1 answers");
    }
    let report = settled(&manager, 5).await;
    let words = "output `y` is 2.5 at 0, expected 1.5".to_owned();
    assert_eq!((report.different, report.widest_difference, report.last_difference), (5, 1.0, Some(words)));
    let tolerant = shadowed(Shadow::new(2).with_tolerance(1.0, 0.0));
    manager.set_traffic("m", Some(tolerant)).await.unwrap();
    manager.infer(request("m", 1.0)).await.unwrap();
    let report = settled(&manager, 6).await;
    assert_eq!((report.close, report.different), (1, 5), "counted on for the same version");
    let half = shadowed(Shadow::new(2).with_share(0.5));
    manager.set_traffic("m", Some(half)).await.unwrap();
    for _ in 0..20 {
        manager.infer(request("m", 1.0)).await.unwrap();
    }
    assert_eq!(settled(&manager, 16).await.different, 15);
    let report = manager.traffic_report("m").unwrap();
    assert_eq!(report.versions[0].requests, 0, "copies are not requests of the shadow");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shadow_that_hangs_or_fails_holds_up_nobody() {
    let engine = FakeEngine::stepped();
    let (_folder, manager) =
        two_versions(shadowed(Shadow::new(2)), Arc::clone(&engine) as Arc<dyn Engine>).await;
    let ask = async || {
        let sent = send(&manager, request("m", 7.0));
        next_run(&engine).await.finish();
        assert_eq!(value(&sent.await.unwrap().unwrap()), 7.0);
    };
    ask().await;
    let hanging = next_run(&engine).await;
    for _ in 0..64 + 3 {
        ask().await;
    }
    assert_eq!(settled(&manager, 3).await.dropped, 3, "64 wait");
    hanging.fail("the device is gone");
    for _ in 0..64 {
        next_run(&engine).await.finish();
    }
    let report = settled(&manager, 68).await;
    assert_eq!((report.failed, report.same, report.dropped), (1, 64, 3), "{report:?}");
    manager.shutdown(wharf_infer::Deadline::NONE).await;
}

#[tokio::test]
async fn shadows_that_make_no_sense_are_refused() {
    let (_folder, manager) = two_versions(shadowed(Shadow::new(2)), FakeEngine::free_running()).await;
    for (traffic, text) in [
        (shadowed(Shadow::new(1)), "`shadow.version` is 1, which has all requests itself"),
        (shadowed(Shadow::new(9)), "`shadow` names version 9 of model `m`, expected one that is there: 1, 2"),
        (shadowed(Shadow::new(2).with_share(1.5)), "`shadow.share` is 1.5, expected 0 to 1"),
        (
            shadowed(Shadow::new(2).with_tolerance(0.0, f64::NAN)),
            "`shadow.relative_tolerance` is NaN, expected a number from 0",
        ),
        (
            shadowed(Shadow::new(2)).with_sticky_header("X-User"),
            "`sticky_header` is `X-User`, expected the name of a header in small letters",
        ),
    ] {
        let error = manager.set_traffic("m", Some(traffic)).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (ErrorCode::InvalidArgument, text));
    }
}
