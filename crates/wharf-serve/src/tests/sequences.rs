//! Models that keep a state from request to request of a sequence.

mod interleaved;
mod versions;

use std::sync::Arc;
use std::time::Duration;

use wharf_engine::OnnxEngine;
use wharf_infer::{
    Caller, Deadline, ErrorCode, InferRequest, InferResponse, ModelRef, NamedTensor, SequenceId,
    SequencePart, ServiceError,
};
use wharf_tensor::{DType, Element, Shape, Tensor};
use wharf_testing::models;

use super::{Folder, send, serve};
use crate::{ModelManager, ServeLimits};

/// Everything that a model can be told, and one state.
const CONTROLS: &str = "
    control_input [
        { name: 'start' control { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] } },
        { name: 'end' control { kind: CONTROL_SEQUENCE_END int32_false_true: [ 0, 1 ] } },
        { name: 'ready' control { kind: CONTROL_SEQUENCE_READY bool_false_true: [ false, true ] } },
        { name: 'id' control { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_UINT64 } } ]
    state { input_name: 'total' output_name: 'total_out' data_type: TYPE_FP32 dims: 1 }";

/// An hour: nothing ends by itself.
const PATIENT: &str = "max_sequence_idle_microseconds: 3600000000";

fn engine() -> Arc<OnnxEngine> {
    Arc::new(OnnxEngine::new().unwrap())
}

/// A folder of the model `m`, with `batching` in its configuration.
fn folder(model: &[u8], batching: &str) -> Folder {
    let folder = Folder::new();
    folder.put_bytes("m", 1, model);
    let text = format!("max_batch_size: 8 sequence_batching {{ {batching} }}");
    std::fs::write(folder.path().join("m/config.pbtxt"), text).unwrap();
    folder
}

fn accumulator(strategy: &str) -> Folder {
    folder(models::ACCUMULATE, &format!("{CONTROLS} {strategy}"))
}

fn recaller(strategy: &str) -> Folder {
    let state = "state { input_name: 'seen' output_name: 'seen_out' data_type: TYPE_FP32 dims: -1 }";
    folder(models::RECALL, &format!("{state} {strategy}"))
}

async fn start(folder: &Folder) -> ModelManager {
    serve(folder.config(), engine()).await
}

/// A request of sequence `id`; `edges` has `<` where it starts and `>` where it ends it.
fn part(id: u64, edges: &str, x: f32) -> InferRequest {
    let mut request = InferRequest::new(ModelRef::latest("m"));
    let (starts, ends) = (edges.contains('<'), edges.contains('>'));
    request.sequence = Some(SequencePart { id: Some(SequenceId::Number(id)), starts, ends });
    request.inputs = vec![NamedTensor::new("x", floats(&[1, 1], &[x]))];
    request
}

fn floats(dims: &[usize], values: &[f32]) -> Tensor {
    Tensor::from_vec(Shape::new(dims).unwrap(), values.to_vec()).unwrap()
}

fn number<T: Element>(answer: &InferResponse, output: &str) -> T {
    let output = answer.outputs.iter().find(|found| found.name == output).unwrap();
    output.tensor.to_vec::<T>().unwrap()[0]
}

fn y(answer: &Result<InferResponse, ServiceError>) -> f32 {
    number(answer.as_ref().unwrap(), "y")
}

fn message(answer: Result<InferResponse, ServiceError>) -> String {
    answer.unwrap_err().message().to_owned()
}

#[tokio::test]
async fn a_sequence_adds_up_and_the_model_is_told_where_it_is() {
    let manager = start(&accumulator(PATIENT)).await;
    for (id, edges, x, expected, flags) in [
        (7, "<", 1.0, 1.0, 5),
        (u64::MAX, "<", 10.0, 10.0, 5),
        (7, "", 2.0, 3.0, 4),
        (u64::MAX, ">", 20.0, 30.0, 6),
        (7, ">", 3.0, 6.0, 6),
        (7, "<>", 4.0, 4.0, 7),
    ] {
        let answer = manager.infer(part(id, edges, x)).await.unwrap();
        assert_eq!(number::<f32>(&answer, "y"), expected, "{id} {edges}");
        assert_eq!((number::<i32>(&answer, "flags"), number::<u64>(&answer, "said")), (flags, id));
        assert_eq!(answer.outputs.len(), 3, "the state is no answer");
    }
    assert_eq!(manager.0.sequences.open("m", 1), (0, 0));
}

#[tokio::test]
async fn clients_see_neither_what_the_server_fills_in_nor_what_it_keeps() {
    let manager = start(&accumulator("")).await;
    let info = manager.signatures(&ModelRef::latest("m")).unwrap();
    let signature = &info.signatures["serving_default"];
    let inputs: Vec<_> = signature.inputs.iter().map(|input| input.spec.name.as_str()).collect();
    let outputs: Vec<_> = signature.outputs.iter().map(|output| output.spec.name.as_str()).collect();
    assert_eq!((inputs, outputs), (vec!["x"], vec!["y", "flags", "said"]));
    let mut nosy = part(1, "<", 1.0);
    nosy.outputs = vec!["total_out".to_owned()];
    assert_eq!(message(manager.infer(nosy).await), "unexpected inference output 'total_out' for model 'm'");
    let mut forger = part(1, "<", 1.0);
    forger.inputs.push(NamedTensor::new("total", floats(&[1, 1], &[5.0])));
    assert_eq!(message(manager.infer(forger).await), "unexpected inference input 'total' for model 'm'");
    let mut some = part(1, "<", 1.0);
    some.outputs = vec!["flags".to_owned()];
    assert_eq!(manager.infer(some).await.unwrap().outputs.len(), 1);
    // Unless the owner says that it is an output as well.
    let folder = accumulator("");
    let text = format!(
        "max_batch_size: 8 sequence_batching {{ {CONTROLS} }}
         output {{ name: 'total_out' data_type: TYPE_FP32 dims: 1 }}"
    );
    std::fs::write(folder.path().join("m/config.pbtxt"), text).unwrap();
    let manager = start(&folder).await;
    for x in [2.0, 3.0] {
        let answer = manager.infer(part(1, if x == 2.0 { "<" } else { "" }, x)).await.unwrap();
        assert_eq!(number::<f32>(&answer, "total_out"), number::<f32>(&answer, "y"));
    }
}

#[tokio::test]
async fn what_is_no_request_of_a_sequence_is_refused_in_tritons_words() {
    let manager = start(&accumulator(PATIENT)).await;
    let id = |id| Some(SequencePart { id, starts: true, ends: false });
    let with = |sequence| InferRequest { sequence, ..part(1, "", 1.0) };
    let no_id = "inference request to model 'm' must specify a non-zero or non-empty correlation ID";
    let mut two = part(1, "<", 1.0);
    two.inputs[0].tensor = floats(&[2, 1], &[1.0, 2.0]);
    let mut wide = part(9, "<", 1.0);
    wide.inputs[0].tensor = floats(&[1, 2], &[1.0, 2.0]);
    for (request, expected) in [
        (with(None), no_id),
        (with(id(None)), no_id),
        (with(id(Some(SequenceId::Number(0)))), no_id),
        (with(id(Some(SequenceId::Text("".into())))), no_id),
        (
            with(id(Some(SequenceId::Text("a".into())))),
            "sequence batching control 'id' data-type is 'BYTES', but model 'm' expects 'UINT64'",
        ),
        (
            with(id(Some(SequenceId::Text("a".repeat(129).into())))),
            "string correlation ID cannot be longer than 128 characters",
        ),
        (
            part(5, "", 1.0),
            "inference request for sequence 5 to model 'm' must specify the START flag on the first request of the sequence",
        ),
        (
            two,
            "inference request to model 'm' must specify batch-size 1 due to requirements of sequence batcher",
        ),
        (wide, "input"),
    ] {
        let error = manager.infer(request).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        assert!(error.message().starts_with(expected), "{error}");
    }
    assert_eq!(manager.0.sequences.open("m", 1), (0, 0), "none of them opened one");
}

#[tokio::test]
async fn a_model_without_states_refuses_sequences_as_before() {
    let folder = Folder::new();
    folder.put("m", 1);
    let manager = start(&folder).await;
    let mut request = super::request("m", 1.0);
    request.sequence = part(1, "<", 1.0).sequence;
    let error = manager.infer(request).await.unwrap_err();
    assert_eq!(error.message(), "the request belongs to a sequence, but the model keeps no state");
}

#[tokio::test]
async fn a_start_begins_anew_and_callers_do_not_meet() {
    let manager = start(&accumulator(PATIENT)).await;
    let of = |name: &str, edges, x| InferRequest { caller: Caller::Named(name.into()), ..part(1, edges, x) };
    assert_eq!(y(&manager.infer(part(1, "<", 1.0)).await), 1.0);
    assert_eq!(y(&manager.infer(of("a", "<", 10.0)).await), 10.0);
    assert!(message(manager.infer(of("b", "", 1.0)).await).contains("START flag"));
    assert_eq!(y(&manager.infer(part(1, "", 1.0)).await), 2.0);
    assert_eq!(y(&manager.infer(part(1, "<", 5.0)).await), 5.0);
    assert_eq!(y(&manager.infer(part(1, ">", 1.0)).await), 6.0);
    assert_eq!(y(&manager.infer(of("a", ">", 1.0)).await), 11.0);
}

#[tokio::test]
async fn a_request_that_fails_leaves_the_state_as_it_was() {
    // Room for one number more than a sequence begins with, and for those of no second sequence.
    let limits = ServeLimits::default().with_max_sequence_bytes(12);
    let folder = recaller(PATIENT);
    let manager = serve(folder.config().with_limits(limits), engine()).await;
    assert_eq!(y(&manager.infer(part(1, "<", 1.0)).await), 1.0);
    assert_eq!(y(&manager.infer(part(1, "", 2.0)).await), 3.0);
    for _ in 0..3 {
        let error = manager.infer(part(1, "", 4.0)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Overloaded, "{error}");
    }
    let late = InferRequest { deadline: Deadline::after(Duration::ZERO), ..part(1, "", 4.0) };
    assert_eq!(manager.infer(late).await.unwrap_err().code(), ErrorCode::DeadlineExceeded);
    let mut wrong = part(1, "", 4.0);
    wrong.inputs[0].name = "z".to_owned();
    assert_eq!(manager.infer(wrong).await.unwrap_err().code(), ErrorCode::InvalidArgument);
    assert_eq!(manager.infer(part(2, "<", 1.0)).await.unwrap_err().code(), ErrorCode::Overloaded);
    // The last one of a sequence leaves nothing behind.
    assert_eq!(y(&manager.infer(part(1, ">", 8.0)).await), 11.0);
    assert_eq!(y(&manager.infer(part(2, "<", 1.0)).await), 1.0);
}

#[tokio::test]
async fn too_many_sequences_are_refused_by_the_quota_of_the_caller_and_the_bound_of_all() {
    let folder = accumulator(PATIENT);
    let limits = ServeLimits::default().with_max_sequences(3, 2);
    let manager = serve(folder.config().with_limits(limits), engine()).await;
    let of = |name: &str, id| InferRequest { caller: Caller::Named(name.into()), ..part(id, "<", 1.0) };
    for (request, expected) in [
        (of("a", 1), None),
        (of("a", 2), None),
        (of("a", 3), Some(ErrorCode::QuotaExceeded)),
        (of("b", 1), None),
        (of("b", 2), Some(ErrorCode::Overloaded)),
        // One that begins anew is not one more.
        (of("a", 2), None),
    ] {
        let answer = manager.infer(request).await;
        if let Err(error) = &answer {
            assert!(error.retry_after().is_some(), "{error}");
        }
        assert_eq!(answer.err().map(|error| error.code()), expected);
    }
    assert_eq!(manager.0.sequences.open("m", 1).0, 3);
}

/// Time stands still but for the test.
#[tokio::test(start_paused = true)]
async fn a_sequence_that_nobody_asks_for_ends() {
    let manager = start(&accumulator("")).await;
    manager.infer(part(1, "<", 1.0)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(manager.0.sequences.open("m", 1), (0, 0));
    assert!(message(manager.infer(part(1, "", 1.0)).await).contains("START flag"));
    manager.infer(part(1, "<", 1.0)).await.unwrap();
    let text = wharf_metrics::text::encode(&manager.0.config.metrics.gather());
    assert!(text.contains("wharf_sequences_expired_total{model=\"m\",version=\"1\"} 1"), "{text}");
    assert!(text.contains("wharf_sequences_open{model=\"m\",version=\"1\"} 1"), "{text}");
    assert!(text.contains("wharf_sequence_state_bytes{model=\"m\",version=\"1\"} 4"), "{text}");
}

#[tokio::test]
async fn requests_of_different_sequences_share_a_batch() {
    let strategy = "direct { max_queue_delay_microseconds: 60000000 minimum_slot_utilization: 0.5 }";
    let folder = accumulator(&format!("{PATIENT} {strategy}"));
    let limits = ServeLimits::default().with_inline_below(Duration::ZERO);
    let manager = serve(folder.config().with_limits(limits), engine()).await;
    // Four of eight slots are enough: nobody waits for the minute.
    for (edges, expected) in [("<", 1.0), ("", 2.0), (">", 3.0)] {
        let sent: Vec<_> = (1..=4).map(|id| send(&manager, part(id, edges, id as f32))).collect();
        for (id, answer) in (1..=4_u64).zip(sent) {
            let answer = answer.await.unwrap().unwrap();
            assert_eq!(number::<f32>(&answer, "y"), id as f32 * expected);
            assert_eq!(number::<u64>(&answer, "said"), id);
        }
    }
    let batches = manager.batches(&ModelRef::latest("m")).unwrap();
    assert_eq!((batches.requests, batches.full, batches.delay, batches.split), (12, 3, 0, 0));
}

#[tokio::test]
async fn states_of_different_sizes_do_not_meet_in_a_run() {
    let manager = start(&recaller(PATIENT)).await;
    for round in 0..4 {
        let edges = |id| if round == id { "<" } else { "" };
        let sent: Vec<_> = (0..=round).map(|id| send(&manager, part(id + 1, edges(id), 1.0))).collect();
        for (id, answer) in (0..).zip(sent) {
            assert_eq!(number::<f32>(&answer.await.unwrap().unwrap(), "y"), (round - id + 1) as f32);
        }
    }
}

#[tokio::test]
async fn requests_of_one_sequence_run_one_after_the_other_as_they_came() {
    let manager = start(&accumulator(PATIENT)).await;
    let mut sent = vec![send(&manager, part(1, "<", 1.0))];
    sent.extend((0..50).map(|_| send(&manager, part(1, "", 1.0))));
    sent.push(send(&manager, part(1, ">", 1.0)));
    sent.push(send(&manager, part(1, "<>", 1.0)));
    for (place, answer) in sent.into_iter().enumerate() {
        let expected = if place < 52 { place as f32 + 1.0 } else { 1.0 };
        assert_eq!(number::<f32>(&answer.await.unwrap().unwrap(), "y"), expected);
    }
}

#[tokio::test]
async fn no_more_sequences_than_candidates_are_under_way() {
    let oldest = "oldest { max_candidate_sequences: 2 }";
    let manager = start(&accumulator(&format!("{PATIENT} {oldest}"))).await;
    for id in [1, 2] {
        manager.infer(part(id, "<", 1.0)).await.unwrap();
    }
    let third = send(&manager, part(3, "<", 9.0));
    let impatient =
        InferRequest { deadline: Deadline::after(Duration::from_millis(20)), ..part(4, "<", 1.0) };
    assert_eq!(manager.infer(impatient).await.unwrap_err().code(), ErrorCode::DeadlineExceeded);
    assert!(!third.is_finished());
    assert_eq!(y(&manager.infer(part(1, "", 1.0)).await), 2.0);
    assert!(!third.is_finished());
    manager.infer(part(1, ">", 1.0)).await.unwrap();
    assert_eq!(y(&third.await.unwrap()), 9.0);
}

/// Time stands still but for the test, and goes on where everybody waits.
#[tokio::test(start_paused = true)]
async fn a_candidate_that_nobody_asks_for_makes_room() {
    let manager = start(&accumulator("oldest { max_candidate_sequences: 1 }")).await;
    manager.infer(part(1, "<", 1.0)).await.unwrap();
    assert_eq!(y(&manager.infer(part(2, "<", 5.0)).await), 5.0);
    assert!(message(manager.infer(part(1, "", 1.0)).await).contains("START flag"));
}

#[tokio::test]
async fn an_ensemble_tells_its_steps_of_the_sequence() {
    let folder = accumulator(PATIENT);
    let step = "step { model_name: 'm' model_version: -1 input_map { key: 'x' value: 'x' } output_map { key: 'y' value: 'y' } }";
    let text = format!(
        "platform: 'ensemble' max_batch_size: 8 input {{ name: 'x' data_type: TYPE_FP32 dims: 1 }}
         output {{ name: 'y' data_type: TYPE_FP32 dims: 1 }} ensemble_scheduling {{ {step} }}"
    );
    std::fs::create_dir_all(folder.path().join("e/1")).unwrap();
    std::fs::write(folder.path().join("e/config.pbtxt"), text).unwrap();
    let manager = start(&folder).await;
    let of = |edges, x| InferRequest { model: ModelRef::latest("e"), ..part(1, edges, x) };
    assert_eq!(y(&manager.infer(of("<", 1.0)).await), 1.0);
    assert_eq!(y(&manager.infer(of("", 2.0)).await), 3.0);
    // It is the sequence of the model itself.
    assert_eq!(y(&manager.infer(part(1, ">", 3.0)).await), 6.0);
    assert!(message(manager.infer(of("", 1.0)).await).contains("START flag"));
}

#[tokio::test]
async fn a_sequence_begins_with_what_a_file_holds() {
    let initial = "initial_state { name: 'init' data_type: TYPE_FP32 dims: 1 data_file: 'total' }";
    let state = format!("data_type: TYPE_FP32 dims: 1 {initial}");
    let folder = accumulator("");
    let text = format!("max_batch_size: 8 sequence_batching {{ {CONTROLS} }}");
    // Without the control `start` the graph does not forget what it is given.
    let start_input = "{ name: 'start' control { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] } }";
    let never = "{ name: 'start' control { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 0 ] } }";
    let text = text.replace("data_type: TYPE_FP32 dims: 1", &state).replace(start_input, never);
    std::fs::write(folder.path().join("m/config.pbtxt"), text).unwrap();
    let failure = |manager: &ModelManager| manager.status("m", None).unwrap().remove(0).error.unwrap().1;
    assert!(failure(&start(&folder).await).contains("`initial_state/total` cannot be read"));
    std::fs::create_dir(folder.path().join("m/initial_state")).unwrap();
    let file = folder.path().join("m/initial_state/total");
    std::fs::write(&file, 100.0_f32.to_le_bytes()).unwrap();
    let manager = start(&folder).await;
    assert_eq!(y(&manager.infer(part(1, "<", 1.0)).await), 101.0);
    assert_eq!(y(&manager.infer(part(1, "<", 2.0)).await), 102.0);
    assert_eq!(y(&manager.infer(part(1, ">", 1.0)).await), 103.0);
    std::fs::write(&file, [0; 3]).unwrap();
    assert!(failure(&start(&folder).await).contains("initial state of `total`"));
}

#[tokio::test]
async fn a_configuration_that_does_not_fit_the_graph_is_refused_by_name() {
    let control = |text: &str| format!("control_input {{ name: {text} }}");
    let state = |text: &str| format!("state {{ {text} }}");
    for (batching, expected) in [
        (
            control("'begin' control { kind: CONTROL_SEQUENCE_START int32_false_true: [0, 1] }"),
            "control input `begin` is not there, expected `x`",
        ),
        (
            control("'start' control { kind: CONTROL_SEQUENCE_START fp32_false_true: [0, 1] }"),
            "control input `start` is declared as float32, the model has int32",
        ),
        (
            state("input_name: 'total' output_name: 'y2' data_type: TYPE_FP32 dims: 1"),
            "state: output `y2` is not there",
        ),
        (
            state("input_name: 'total' output_name: 'flags' data_type: TYPE_FP32 dims: 1"),
            "state: output `flags` is declared as TYPE_FP32",
        ),
        (
            state("input_name: 'total' output_name: 'y' data_type: TYPE_FP32 dims: 2"),
            "state: input `total` is declared with dims [2]",
        ),
        (
            state("input_name: 'total' output_name: 'y' data_type: TYPE_FP32 dims: [ 1, 1 ]"),
            "state: input `total` is declared with dims [1, 1]",
        ),
    ] {
        let manager = start(&folder(models::ACCUMULATE, &batching)).await;
        let error = manager.status("m", None).unwrap().remove(0).error.unwrap().1;
        assert!(error.contains(expected), "{batching}: {error}");
    }
    assert_eq!(DType::F32.to_string(), "float32");
}
