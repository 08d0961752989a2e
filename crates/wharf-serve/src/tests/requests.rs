//! Requests that wait, fail, leave, or are refused.

use std::time::Duration;

use wharf_infer::{Deadline, ErrorCode, ModelRef};

use super::{next_run, one_worker, request, send, stepped, stepped_batches, until_waiting, value};
use crate::{BatchConfig, QueueConfig};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_go_to_those_who_asked() {
    let (manager, engine) = stepped(one_worker()).await;
    let sent: Vec<_> = (0..8_u8).map(|number| send(&manager, request("m", f32::from(number)))).collect();
    for _ in 0..8 {
        next_run(&engine).await.finish();
    }
    for (number, answer) in (0..8_u8).zip(sent) {
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(value(&answer), f32::from(number));
        assert_eq!((answer.model_name.as_str(), answer.model_version), ("m", 1));
        assert_eq!((answer.signature.as_str(), answer.outputs[0].name.as_str()), ("serving_default", "y"));
    }
    assert_eq!(manager.gauges().in_flight, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_at_once() {
    let (manager, engine) = stepped(one_worker().with_max_waiting(1)).await;
    let running = send(&manager, request("m", 1.0));
    let run = next_run(&engine).await;
    let waiting = send(&manager, request("m", 2.0));
    until_waiting(&manager, 1).await;
    let error = manager.infer(request("m", 3.0)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Overloaded);
    run.finish();
    next_run(&engine).await.finish();
    assert!(running.await.unwrap().is_ok() && waiting.await.unwrap().is_ok());
    assert_eq!(engine.started(), 2, "the refused one never began");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_may_be_under_way_are_refused() {
    let (manager, engine) = stepped(one_worker().with_max_in_flight(1)).await;
    let running = send(&manager, request("m", 1.0));
    let run = next_run(&engine).await;
    assert_eq!(manager.infer(request("m", 2.0)).await.unwrap_err().code(), ErrorCode::Overloaded);
    run.finish();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_that_has_passed_never_starts_a_run() {
    let (manager, engine) = stepped(one_worker()).await;
    let mut late = request("m", 1.0);
    late.deadline = Deadline::after(Duration::ZERO);
    let error = manager.infer(late).await.unwrap_err();
    assert_eq!((error.code(), engine.started()), (ErrorCode::DeadlineExceeded, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_that_passes_in_the_queue_never_starts_a_run() {
    let (manager, engine) = stepped(one_worker()).await;
    let running = send(&manager, request("m", 1.0));
    let run = next_run(&engine).await;
    let mut late = request("m", 2.0);
    late.deadline = Deadline::after(Duration::from_millis(5));
    let error = manager.infer(late).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::DeadlineExceeded);
    run.finish();
    running.await.unwrap().unwrap();
    let next = send(&manager, request("m", 3.0));
    next_run(&engine).await.finish();
    assert_eq!(value(&next.await.unwrap().unwrap()), 3.0);
    assert_eq!(engine.started(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_that_passes_in_the_run_stops_it() {
    let (manager, engine) = stepped(one_worker()).await;
    let mut timeout = Duration::from_millis(20);
    let mut next = std::pin::pin!(next_run(&engine));
    // On a busy machine the deadline may pass before the run begins: then the next one is longer.
    let (run, late) = loop {
        let mut late = request("m", 1.0);
        late.deadline = Deadline::after(timeout);
        let mut late = send(&manager, late);
        tokio::select! {
            run = &mut next => break (run, late),
            answer = &mut late => assert_eq!(answer.unwrap().unwrap_err().code(), ErrorCode::DeadlineExceeded),
        }
        timeout *= 2;
    };
    assert_eq!(late.await.unwrap().unwrap_err().code(), ErrorCode::DeadlineExceeded);
    engine.wait_until_stopped(1);
    assert!(run.is_stopped());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_left_are_skipped_or_stopped() {
    let (manager, engine) = stepped(one_worker()).await;
    let running = send(&manager, request("m", 1.0));
    let run = next_run(&engine).await;
    let waiting = send(&manager, request("m", 2.0));
    until_waiting(&manager, 1).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    engine.wait_until_stopped(1);
    drop(run);
    let next = send(&manager, request("m", 3.0));
    let run = next_run(&engine).await;
    assert_eq!(run.input.to_vec::<f32>().unwrap(), [3.0], "the one that waited was skipped");
    run.finish();
    next.await.unwrap().unwrap();
    assert_eq!((engine.started(), manager.gauges().in_flight), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_fails_that_request_only() {
    let (manager, engine) = stepped(one_worker()).await;
    let (first, second) = (send(&manager, request("m", 1.0)), send(&manager, request("m", 1.0)));
    next_run(&engine).await.panic();
    next_run(&engine).await.finish();
    let answers = [first.await.unwrap(), second.await.unwrap()];
    let failed: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].code(), failed[0].message()), (ErrorCode::Internal, "the engine failed"));
    assert!(failed[0].detail().unwrap().contains("told to panic"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_of_the_engine_is_internal() {
    let (manager, engine) = stepped(one_worker()).await;
    let sent = send(&manager, request("m", 1.0));
    next_run(&engine).await.fail("out of order");
    assert_eq!(sent.await.unwrap().unwrap_err().code(), ErrorCode::Internal);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_with_a_full_queue_says_so_before_a_request_is_read_and_leaves_room_for_others() {
    let batching = BatchConfig::off().with_queue(QueueConfig::default().with_max_waiting(1));
    let (manager, engine) = stepped_batches(one_worker(), batching).await;
    let room = |name| manager.check_room(name, None, Deadline::NONE);
    let running = send(&manager, request("m", 1.0));
    let run = next_run(&engine).await;
    room("m").unwrap();
    let waiting = send(&manager, request("m", 2.0));
    until_waiting(&manager, 1).await;
    for error in [manager.infer(request("m", 3.0)).await.unwrap_err(), room("m").unwrap_err()] {
        assert_eq!(error.code(), ErrorCode::Overloaded, "{error}");
        assert!(error.retry_after().is_some());
    }
    room("another").unwrap();
    assert_eq!(manager.check_room("m", Some(9), Deadline::NONE).map_err(|error| error.code()), Ok(()));
    assert_eq!(manager.batches(&ModelRef::latest("m")).unwrap().refused, 2);
    run.finish();
    next_run(&engine).await.finish();
    assert!(running.await.unwrap().is_ok() && waiting.await.unwrap().is_ok());
    assert_eq!(engine.started(), 2, "the refused ones never began");
}
