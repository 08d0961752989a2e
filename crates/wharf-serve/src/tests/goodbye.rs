//! The end of the server.

use std::time::Duration;

use wharf_infer::{Deadline, ErrorCode};

use super::{next_run, one_worker, request, send, stepped, until_waiting};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_is_finished() {
    let (manager, engine) = stepped(one_worker()).await;
    let sent = [send(&manager, request("m", 1.0)), send(&manager, request("m", 2.0))];
    let run = next_run(&engine).await;
    until_waiting(&manager, 1).await;
    let closing = manager.clone();
    #[expect(clippy::disallowed_methods, reason = "awaited below")]
    let shutdown = tokio::spawn(async move { closing.shutdown(Deadline::NONE).await });
    while manager.infer(request("x", 1.0)).await.unwrap_err().code() != ErrorCode::Unavailable {
        tokio::task::yield_now().await;
    }
    run.finish();
    next_run(&engine).await.finish();
    assert!(shutdown.await.unwrap(), "everything was finished");
    for answer in sent {
        assert!(answer.await.unwrap().is_ok());
    }
    let error = manager.infer(request("m", 1.0)).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (ErrorCode::Unavailable, "the server is shutting down"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_answered_when_the_deadline_passes() {
    let (manager, engine) = stepped(one_worker()).await;
    let running = send(&manager, request("m", 1.0));
    let _run = next_run(&engine).await;
    let waiting: Vec<_> = (0..5).map(|_| send(&manager, request("m", 2.0))).collect();
    until_waiting(&manager, 5).await;
    assert!(!manager.shutdown(Deadline::after(Duration::from_millis(5))).await, "one hangs");
    for sent in waiting.into_iter().chain([running]) {
        assert_eq!(sent.await.unwrap().unwrap_err().code(), ErrorCode::Unavailable);
    }
    engine.wait_until_stopped(1);
    assert_eq!(engine.started(), 1);
}

#[tokio::test]
async fn an_idle_server_stops_at_once() {
    let (manager, _) = stepped(one_worker()).await;
    assert!(manager.shutdown(Deadline::NONE).await);
    assert!(manager.shutdown(Deadline::NONE).await, "twice is as good as once");
}
