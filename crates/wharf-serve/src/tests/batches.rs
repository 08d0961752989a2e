//! Requests that run together.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use wharf_engine::{Engine, EngineError, LoadOptions, ModelSource, OnnxEngine, Replica, StopSignal};
use wharf_infer::{Deadline, ErrorCode, InferRequest, ModelRef, NamedTensor};
use wharf_tensor::{DType, Shape, Tensor, TensorSpec};
use wharf_testing::{FakeEngine, FakeRun, models};

use super::{
    Answer, Folder, next_run, one_worker, request, send, serve, stepped_batches, until_waiting, value,
};
use crate::{BatchConfig, ModelManager, QueueConfig, ServeLimits};

/// A server whose only thread is busy, with requests 1, 2, ... waiting in this order.
async fn with_waiting(
    batching: BatchConfig,
    count: u8,
) -> (ModelManager, Arc<FakeEngine>, FakeRun, Vec<JoinHandle<Answer>>) {
    let (manager, engine) = stepped_batches(one_worker(), batching).await;
    let mut sent = vec![send(&manager, request("m", 0.0))];
    let run = next_run(&engine).await;
    for number in 1..=count {
        sent.push(send(&manager, request("m", f32::from(number))));
        until_waiting(&manager, usize::from(number)).await;
    }
    (manager, engine, run, sent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_runs_together_within_the_row_budget() {
    let (manager, engine, run, sent) = with_waiting(BatchConfig::default().with_max_batch_size(4), 6).await;
    run.finish();
    for expected in [&[1.0, 2.0, 3.0, 4.0][..], &[5.0, 6.0]] {
        let run = next_run(&engine).await;
        assert_eq!(run.input.to_vec::<f32>().unwrap(), expected);
        run.finish();
    }
    for (number, answer) in (0..7_u8).zip(sent) {
        assert_eq!(value(&answer.await.unwrap().unwrap()), f32::from(number));
    }
    let batches = manager.batches(&ModelRef::latest("m")).unwrap();
    assert_eq!((batches.requests, batches.rows, batches.full, batches.idle_worker), (7, 7, 1, 2));
    assert_eq!((engine.started(), manager.gauges().in_flight), (3, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_left_or_are_late_take_no_place_in_a_batch() {
    let (manager, engine, run, mut sent) = with_waiting(BatchConfig::default(), 3).await;
    let leaver = sent.remove(2);
    leaver.abort();
    assert!(leaver.await.unwrap_err().is_cancelled());
    let mut late = request("m", 9.0);
    late.deadline = Deadline::after(Duration::from_millis(5));
    assert_eq!(manager.infer(late).await.unwrap_err().code(), ErrorCode::DeadlineExceeded);
    run.finish();
    let run = next_run(&engine).await;
    assert_eq!(run.input.to_vec::<f32>().unwrap(), [1.0, 3.0]);
    run.finish();
    for answer in sent {
        answer.await.unwrap().unwrap();
    }
    assert_eq!((engine.started(), manager.gauges().in_flight), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_stopped_when_its_last_caller_leaves() {
    let (_manager, engine, run, mut sent) = with_waiting(BatchConfig::default(), 2).await;
    run.finish();
    let run = next_run(&engine).await;
    let last = sent.pop().unwrap();
    let middle = sent.pop().unwrap();
    middle.abort();
    assert!(middle.await.unwrap_err().is_cancelled());
    assert!(!run.is_stopped(), "one still waits");
    last.abort();
    assert!(last.await.unwrap_err().is_cancelled());
    engine.wait_until_stopped(1);
    drop(run);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_fails_or_panics_runs_one_by_one() {
    for is_panic in [false, true] {
        let (manager, engine, run, sent) = with_waiting(BatchConfig::default(), 3).await;
        run.finish();
        let run = next_run(&engine).await;
        if is_panic {
            run.panic()
        } else {
            run.fail("out of order")
        }
        next_run(&engine).await.finish();
        next_run(&engine).await.fail("this one is bad");
        next_run(&engine).await.finish();
        let mut failed = Vec::new();
        for answer in sent {
            failed.push(answer.await.unwrap().is_err());
        }
        assert_eq!(failed, [false, false, true, false]);
        assert_eq!(manager.batches(&ModelRef::latest("m")).unwrap().split, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_allowed_sizes_run_and_nobody_sees_what_filled_them_up() {
    let batching = BatchConfig::default().with_max_batch_size(8).with_allowed_sizes([2, 4, 8]);
    let (manager, engine, run, sent) = with_waiting(batching, 3).await;
    assert_eq!(run.input.to_vec::<f32>().unwrap(), [0.0, 0.0]);
    run.finish();
    let run = next_run(&engine).await;
    assert_eq!(run.input.to_vec::<f32>().unwrap(), [1.0, 2.0, 3.0, 1.0]);
    run.finish();
    for (number, answer) in (0..4_u8).zip(sent) {
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(answer.outputs[0].tensor.to_vec::<f32>().unwrap(), [f32::from(number)]);
    }
    let batches = manager.batches(&ModelRef::latest("m")).unwrap();
    assert_eq!((batches.rows, batches.split), (4, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_highest_priority_goes_first() {
    let batching = BatchConfig::off().with_priority_levels(2, 0);
    let (manager, engine, run, mut sent) = with_waiting(batching, 2).await;
    let mut urgent = request("m", 9.0);
    urgent.priority = 1;
    sent.push(send(&manager, urgent));
    until_waiting(&manager, 3).await;
    run.finish();
    for expected in [9.0, 1.0, 2.0] {
        let run = next_run(&engine).await;
        assert_eq!(run.input.to_vec::<f32>().unwrap(), [expected]);
        run.finish();
    }
    for answer in sent {
        answer.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_level_of_priority_has_a_queue_of_its_own() {
    let two = QueueConfig::default().with_max_waiting(2);
    let batching = BatchConfig::off().with_priority_levels(2, 2).with_queue(two);
    let batching = batching.with_priority_queue(1, QueueConfig::default().with_max_waiting(1));
    let (manager, engine, run, mut sent) = with_waiting(batching, 2).await;
    assert_eq!(manager.infer(request("m", 3.0)).await.unwrap_err().code(), ErrorCode::Overloaded);
    let urgent = |value| InferRequest { priority: 1, ..request("m", value) };
    sent.push(send(&manager, urgent(4.0)));
    until_waiting(&manager, 3).await;
    assert_eq!(manager.infer(urgent(5.0)).await.unwrap_err().code(), ErrorCode::Overloaded);
    run.finish();
    for _ in 0..3 {
        next_run(&engine).await.finish();
    }
    for answer in sent {
        answer.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_runs_at_once_as_there_are_instances_whatever_the_threads() {
    for (workers, instances) in [(1, 3), (3, 1), (2, 2)] {
        let limits = ServeLimits::default().with_workers(workers).with_inline_below(Duration::ZERO);
        let batching = BatchConfig::off().with_instances(instances);
        let (manager, engine) = stepped_batches(limits, batching).await;
        let sent: Vec<_> = (0..5_u8).map(|number| send(&manager, request("m", f32::from(number)))).collect();
        let mut runs = Vec::new();
        for _ in 0..instances {
            runs.push(next_run(&engine).await);
        }
        until_waiting(&manager, 5 - instances).await;
        assert_eq!(engine.started(), instances, "{workers} threads");
        drop(runs);
        for _ in instances..5 {
            next_run(&engine).await.finish();
        }
        for answer in sent {
            answer.await.unwrap().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_requests_are_cut_and_their_parts_join_others() {
    let batching = BatchConfig::default().with_max_batch_size(2).with_cuts(5);
    let (manager, engine, run, sent) = with_waiting(batching, 1).await;
    let rows = |values: &[f32]| {
        let mut request = request("m", 0.0);
        let shape = Shape::new(&[values.len()]).unwrap();
        request.inputs[0].tensor = Tensor::from_vec(shape, values.to_vec()).unwrap();
        request
    };
    let large = send(&manager, rows(&[10.0, 11.0, 12.0, 13.0, 14.0]));
    until_waiting(&manager, 4).await;
    assert_eq!(manager.gauges().in_flight, 3, "it is one request");
    run.finish();
    let mut total = 0;
    while total < 6 {
        let run = next_run(&engine).await;
        let size = run.input.rows().unwrap();
        assert!(size <= 2, "{:?}", run.input);
        total += size;
        run.finish();
    }
    let answer = large.await.unwrap().unwrap();
    assert_eq!(answer.outputs[0].tensor.to_vec::<f32>().unwrap(), [10.0, 11.0, 12.0, 13.0, 14.0]);
    for answer in sent {
        answer.await.unwrap().unwrap();
    }
    let error = manager.infer(rows(&[0.0; 6])).await.unwrap_err();
    assert_eq!(error.message(), "the request has a batch of 6, expected at most 5");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_part_that_fails_is_the_failure_of_the_request() {
    let batching = BatchConfig::default().with_max_batch_size(1).with_cuts(2);
    let (manager, engine) = stepped_batches(one_worker(), batching).await;
    let mut request = request("m", 0.0);
    request.inputs[0].tensor = Tensor::from_vec(Shape::new(&[2]).unwrap(), vec![1.0_f32, 2.0]).unwrap();
    let sent = send(&manager, request);
    let run = next_run(&engine).await;
    assert_eq!(run.input.rows(), Some(1));
    run.fail("out of order");
    assert!(sent.await.unwrap().is_err());
}

/// Row T-14: a request that only the run finds bad, among good ones, over the real runtime.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_request_fails_alone_among_good_ones() {
    let folder = Folder::new();
    folder.put_bytes("gather", 1, models::GATHER);
    let limits = ServeLimits::default().with_workers(1).with_inline_below(Duration::ZERO);
    // Long enough for all of them to meet, and never waited for: the batch is full by then.
    let batching =
        BatchConfig::default().with_max_batch_size(32).with_max_queue_delay(Duration::from_secs(600));
    let config = folder.config().with_limits(limits).with_default_batching(batching);
    let manager = serve(config, Arc::new(OnnxEngine::new().unwrap())).await;
    let index = |index: i64| {
        let mut request = InferRequest::new(ModelRef::latest("gather"));
        let tensor = Tensor::from_vec(Shape::new(&[1]).unwrap(), vec![index]).unwrap();
        request.inputs.push(NamedTensor::new("index", tensor));
        request
    };
    let of = |number: u8| if number == 13 { 99 } else { i64::from(number % 3) };
    let sent: Vec<_> = (0..32_u8).map(|number| send(&manager, index(of(number)))).collect();
    for (number, answer) in (0..32_u8).zip(sent) {
        match answer.await.unwrap() {
            Ok(answer) => assert_eq!(value(&answer), f32::from(number % 3 + 1) * 10.0),
            Err(error) => assert_eq!((number, error.code()), (13, ErrorCode::InvalidArgument)),
        }
    }
    let batches = manager.batches(&ModelRef::latest("gather")).unwrap();
    assert_eq!((batches.full, batches.requests, batches.split), (1, 32, 1));
}

/// Loads any model as one that divides its input by the sum over all rows.
struct Mixing;

struct MixingReplica {
    inputs: [TensorSpec; 1],
    outputs: [TensorSpec; 1],
}

impl Engine for Mixing {
    fn load(&self, _: ModelSource<'_>, _: &LoadOptions) -> Result<Arc<dyn Replica>, EngineError> {
        let spec = |name| [TensorSpec::new(name, DType::F32, &[-1])];
        Ok(Arc::new(MixingReplica { inputs: spec("x"), outputs: spec("y") }))
    }
}

impl Replica for MixingReplica {
    fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }

    fn run_until(
        &self,
        inputs: &[(&str, Tensor)],
        _: &[&str],
        _: &StopSignal,
    ) -> Result<Vec<Tensor>, EngineError> {
        let values = inputs[0].1.to_vec::<f32>().unwrap();
        let sum: f32 = values.iter().sum();
        let shares = values.iter().map(|value| value / sum).collect();
        Ok(vec![Tensor::from_vec(inputs[0].1.shape().clone(), shares).unwrap()])
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_whose_rows_depend_on_each_other_is_never_joined() {
    let folder = Folder::new();
    folder.put("m", 1);
    // The first request waits for the second, however long that takes.
    let batching =
        BatchConfig::default().with_max_batch_size(2).with_max_queue_delay(Duration::from_secs(3600));
    let limits = one_worker().with_inline_below(Duration::ZERO);
    let config = folder.config().with_limits(limits).with_default_batching(batching);
    let manager = serve(config, Arc::new(Mixing)).await;
    let sent = [1.0, 3.0].map(|value_sent| send(&manager, request("m", value_sent)));
    for answer in sent {
        assert_eq!(value(&answer.await.unwrap().unwrap()), 1.0, "as it is alone");
    }
    let batches = manager.batches(&ModelRef::latest("m")).unwrap();
    assert_eq!((batches.full, batches.split), (1, 1));
    // Nobody waits for company any more.
    assert_eq!(value(&manager.infer(request("m", 5.0)).await.unwrap()), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_requests_are_compared_a_few_times_and_different_ones_until_they_agree() {
    let (folder, engine) = (Folder::new(), FakeEngine::free_running());
    folder.put("m", 1);
    let batching =
        BatchConfig::default().with_max_batch_size(2).with_max_queue_delay(Duration::from_secs(3600));
    let limits = one_worker().with_inline_below(Duration::ZERO);
    let config =
        folder.config().with_limits(limits).with_default_batching(batching.with_only_what_pays(false));
    let manager = serve(config, Arc::clone(&engine) as Arc<dyn Engine>).await;
    let pair = async |one: f32, other: f32| {
        let before = engine.started();
        for answer in [one, other].map(|value| send(&manager, request("m", value))) {
            answer.await.unwrap().unwrap();
        }
        engine.started() - before
    };
    for (one, other, runs) in [
        // A joined run, and a lone one beside it.
        (1.0, 1.0, 2),
        (1.0, 1.0, 2),
        (1.0, 1.0, 2),
        (1.0, 1.0, 2),
        (1.0, 1.0, 1),
        (1.0, 2.0, 2),
        (1.0, 3.0, 1),
        (1.0, 1.0, 1),
    ] {
        assert_eq!(pair(one, other).await, runs, "{one} and {other}");
    }
}
