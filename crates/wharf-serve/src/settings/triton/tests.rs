use std::time::Duration;

use wharf_bundle::{Method, OutputSource, Signature, SignatureInput, SignatureOutput};
use wharf_tensor::{DType, TensorSpec};

use super::*;
use crate::{
    ControlKind, FlagValues, InitialState, SequenceFlag, SequenceState, SequenceStrategy, TimeoutAction,
};

fn parsed(text: &str) -> Result<TritonConfig, String> {
    TritonConfig::parse(text, "m").map_err(|error| error.to_string())
}

#[test]
fn the_usual_fields_are_read() {
    let config = parsed(
        r#"
        name: "m"
        platform: "onnxruntime_onnx"
        backend: "onnxruntime"
        max_batch_size: 8
        input [ { name: "x", data_type: TYPE_FP32, dims: [ 3, -1 ], format: FORMAT_NCHW } ]
        output [ { name: "y" data_type: TYPE_INT64 dims: 1 label_filename: "labels.txt" } ]
        version_policy: { specific { versions: [ 1, 3 ] } }
        default_model_filename: "net.onnx"
        instance_group [ { count: 2 kind: KIND_CPU } ]
        dynamic_batching {
          max_queue_delay_microseconds: 100 priority_levels: 3 default_priority_level: 2
          preferred_batch_size: [ 4, 8 ] preserve_ordering: true
          default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 2000 max_queue_size: 9 }
          priority_queue_policy [ { key: 1 value { max_queue_size: 3 } }, { key: 3 value: { default_timeout_microseconds: 5000 } } ]
        }
        parameters { key: "intra_op_thread_count" value: { string_value: "4" } }
        parameters { key: "inter_op_thread_count" value: { string_value: "0" } }
        optimization { graph { level: 1 } }
        response_cache { enable: false }
        model_transaction_policy { decoupled: false }
        metric_tags { key: "a" value: "b" }
        "#,
    )
    .unwrap();
    assert_eq!((config.max_batch_size, config.weights.as_str()), (8, "net.onnx"));
    assert_eq!(config.policy, Some(VersionPolicy::Specific([1, 3].into())));
    assert_eq!((config.inputs[0].dtype, config.inputs[0].dims.as_slice()), (DType::F32, &[3, -1][..]));
    assert_eq!(
        (config.outputs[0].dtype, config.outputs[0].label_filename.as_str()),
        (DType::I64, "labels.txt")
    );
    assert_eq!((config.response_cache, parsed("").unwrap().response_cache), (Some(false), None));
    assert_eq!((config.intra_threads, config.inter_threads), (Some(4), None));
    let batching = config.batching(&BatchConfig::default());
    let of_level = |level: u32| {
        let limits = batching.limits(level);
        (limits.max_waiting, limits.timeout, limits.is_of_rank)
    };
    assert_eq!(of_level(1), (3, None, true));
    assert_eq!(of_level(2), (9, Some((Duration::from_millis(2), TimeoutAction::Delay)), true));
    assert_eq!(of_level(3), (usize::MAX, Some((Duration::from_millis(5), TimeoutAction::Reject)), true));
    assert_eq!((config.instances, batching.instances), (Some(2), Some(2)));
    assert_eq!((batching.max_batch_size, batching.max_queue_delay), (8, Duration::from_micros(100)));
    assert_eq!((batching.priority_levels, batching.default_priority_level), (3, 2));
    assert_eq!((batching.preferred_sizes, batching.queue.max_waiting), (vec![4, 8], 9));
    assert_eq!(batching.queue.timeout, Some((Duration::from_millis(2), TimeoutAction::Delay)));
    assert_eq!(config.load_options(&LoadOptions::default()).intra_threads, 4);
}

#[test]
fn ragged_inputs_are_padded_with_a_declared_value() {
    let config = parsed(
        r#"max_batch_size: 8
        input [ { name: "ids" data_type: TYPE_INT64 dims: -1 allow_ragged_batch: true },
                { name: "mask" data_type: TYPE_INT64 dims: -1 allow_ragged_batch: true },
                { name: "z" data_type: TYPE_FP32 dims: 3 } ]
        parameters { key: "pad_value.ids" value { string_value: "1" } }
        parameters { key: "pad_value" value { string_value: "0" } }
        parameters { key: "pad_buckets" value { string_value: "32, 16" } }"#,
    )
    .unwrap();
    let expected = Padding::with_number(0.0).with_value_of("ids", 1.0).with_inputs(["ids", "mask"]);
    let batching = config.batching(&BatchConfig::default());
    assert_eq!(batching.padding, Some(expected.with_buckets([16, 32])));
    assert!(batching.needs_queue());
}

#[test]
fn instances_of_all_groups_count_and_a_group_without_a_count_is_one() {
    for (text, expected) in [
        ("", None),
        ("instance_group { kind: KIND_AUTO }", Some(1)),
        ("instance_group { count: 0 }", Some(1)),
        ("instance_group [ { count: 2 kind: KIND_CPU }, { name: 'more' count: 3 } ]", Some(5)),
    ] {
        assert_eq!(parsed(text).unwrap().instances, expected, "{text}");
    }
}

#[test]
fn an_empty_file_leaves_everything_to_the_model_and_joins_nothing() {
    let config = parsed("").unwrap();
    assert_eq!((config.max_batch_size, config.weights.as_str()), (0, "model.onnx"));
    // Without `max_batch_size` the first dimension is no batch.
    assert_eq!(config.batching(&BatchConfig::default()).max_batch_size, 1);
}

#[test]
fn what_is_wrong_or_cannot_be_done_is_named_with_its_place() {
    for (text, expected) in [
        ("name: 'other'", "1:1: the name is `other`, expected `m`, that of the folder"),
        ("backend: 'python'", "1:1: `backend` is `python`, expected `onnxruntime`"),
        ("platform: 'tensorflow_savedmodel'", "expected `onnxruntime_onnx`"),
        ("max_batch_size: -1", "`max_batch_size` is -1, expected at least 0"),
        ("max_batchsize: 1", "did you mean `max_batch_size`?"),
        ("input { name: 'x' data_type: TYPE_FP31 }", "`data_type` of `x` is `TYPE_FP31`"),
        ("input { name: 'x' }", "a tensor has no `data_type`"),
        ("input { name: 'x' data_type: TYPE_FP32 dims: -2 }", "`dims` of `x` has -2"),
        (
            "input { name: 'x' data_type: TYPE_FP32 optional: true }",
            "`optional` of a tensor is not supported",
        ),
        (
            "input { name: 'x' data_type: TYPE_FP32 reshape { shape: 1 } }",
            "`reshape` of `x` is not supported",
        ),
        (
            "output { name: 'y' data_type: TYPE_FP32 label_filename: '../x' }",
            "`label_filename` is no plain name",
        ),
        (
            "max_batch_size: 4 input { name: 'x' data_type: TYPE_FP32 dims: -1 allow_ragged_batch: true }",
            "expected parameter `pad_value` or `pad_value.x` with it",
        ),
        (
            "input { name: 'x' data_type: TYPE_FP32 dims: -1 allow_ragged_batch: true }",
            "input `x` has `allow_ragged_batch`, expected `max_batch_size`",
        ),
        ("parameters { key: 'pad_value' value { string_value: '0' } }", "without `allow_ragged_batch`"),
        (
            "parameters { key: 'pad_buckets' value { string_value: '8,0' } }",
            "`pad_buckets` is `8,0`, expected lengths such as",
        ),
        ("default_model_filename: '../m.onnx'", "`default_model_filename` is no plain name"),
        ("ensemble_scheduling { }", "expected `platform: \"ensemble\"` with it"),
        ("response_cache { enabled: true }", "did you mean `enable`?"),
        ("model_transaction_policy { decoupled: true }", "`decoupled` is not supported"),
        ("instance_group { kind: KIND_GPU }", "`KIND_GPU`, expected KIND_CPU or KIND_AUTO"),
        (
            "dynamic_batching { priority_levels: 1 default_priority_level: 1 priority_queue_policy { key: 2 } }",
            "`priority_queue_policy` is for level 2, expected 1 to 1",
        ),
        (
            "dynamic_batching { priority_queue_policy { key: 1 } priority_queue_policy { key: 1 } }",
            "level 1 twice",
        ),
        ("instance_group { kind: KIND_GPU }", "KIND_AUTO: models run on the processor"),
        ("instance_group { count: 600 } instance_group { count: 600 }", "asks for 1200 instances"),
        ("instance_group { gpus: 0 }", "unknown field `gpus`"),
        ("dynamic_batching { priority_levels: 2 }", "`default_priority_level` is 0, expected 1 to 2"),
        (
            "dynamic_batching { preferred_batch_size: 2 }",
            "preferred batch size 2 is larger than `max_batch_size`",
        ),
        ("dynamic_batching { default_queue_policy { timeout_action: DROP } }", "expected REJECT or DELAY"),
        ("parameters { key: 'arena' value { string_value: '1' } }", "parameter `arena` is not known"),
        (
            "parameters { key: 'intra_op_thread_count' value { string_value: 'x' } }",
            "parameter `intra_op_thread_count` is `x`, expected 0 to 1024",
        ),
        ("model_warmup { name: 'w' batch_size: 1 }", "`batch_size` of warm-up `w` is 1, expected 0"),
        (
            "model_warmup { inputs { key: 'x' value { data_type: TYPE_FP32 dims: 1 } } }",
            "one of `zero_data`, `random_data` and `input_data_file`",
        ),
        (
            "model_warmup { inputs { key: 'x' value { data_type: TYPE_FP32 dims: 99999999 zero_data: true } } }",
            "no shape of at most 64 MiB",
        ),
    ] {
        let error = parsed(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn sequences_are_read_with_the_defaults_of_triton() {
    let read = |text: &str| parsed(text).unwrap().sequence_batching.unwrap();
    let plain = read("sequence_batching { }");
    assert_eq!((plain.max_idle, plain.controls.len(), plain.states.len()), (Duration::from_secs(1), 0, 0));
    let direct = |delay, utilization| SequenceStrategy::Direct {
        max_queue_delay: Duration::from_micros(delay),
        minimum_slot_utilization: utilization,
    };
    assert_eq!(plain.strategy, direct(0, 0.0));
    let full = read(
        r#"max_batch_size: 8
        sequence_batching {
          max_sequence_idle_microseconds: 5000
          oldest { max_candidate_sequences: 3 preferred_batch_size: [ 4, 8 ] max_queue_delay_microseconds: 7 preserve_ordering: true }
          control_input [
            { name: "s" control [ { kind: CONTROL_SEQUENCE_START fp32_false_true: [ 0, 1.5 ] } ] },
            { name: "e" control { kind: CONTROL_SEQUENCE_END int32_false_true: [ -1, 1 ] } },
            { name: "r" control { kind: CONTROL_SEQUENCE_READY bool_false_true: [ false, true ] } },
            { name: "c" control { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_STRING } } ]
          state { input_name: "in" output_name: "out" data_type: TYPE_FP16 dims: [ 2, -1 ]
            initial_state { name: "i" data_type: TYPE_FP16 dims: [ 2, 5 ] data_file: "f" } }
        }"#,
    );
    assert_eq!(full.max_idle, Duration::from_millis(5));
    assert_eq!((full.candidates(1), full.candidates(2), plain.candidates(1)), (Some(3), Some(6), None));
    let kinds: Vec<_> = full.controls.iter().map(|control| (control.input.as_str(), &control.says)).collect();
    assert_eq!(
        kinds,
        [
            ("s", &ControlKind::Flag(SequenceFlag::Start, FlagValues::Fp32([0.0, 1.5]))),
            ("e", &ControlKind::Flag(SequenceFlag::End, FlagValues::Int32([-1, 1]))),
            ("r", &ControlKind::Flag(SequenceFlag::Ready, FlagValues::Bool([false, true]))),
            ("c", &ControlKind::Id(DType::String)),
        ]
    );
    let initial = InitialState { name: "i".to_owned(), dims: vec![2, 5], file: Some("f".to_owned()) };
    let (input, output) = ("in".to_owned(), "out".to_owned());
    let state = SequenceState { input, output, dtype: DType::F16, dims: vec![2, -1], initial: Some(initial) };
    assert_eq!(full.states, [state]);
    let batching =
        |text: &str| parsed(&format!("max_batch_size: 8 {text}")).unwrap().batching(&BatchConfig::default());
    let oldest =
        batching("sequence_batching { oldest { preferred_batch_size: 4 max_queue_delay_microseconds: 7 } }");
    assert_eq!((oldest.preferred_sizes, oldest.max_queue_delay), (vec![4], Duration::from_micros(7)));
    let waits =
        "sequence_batching { direct { max_queue_delay_microseconds: 9 minimum_slot_utilization: 0.3 } }";
    let waits = batching(waits);
    assert_eq!((waits.enough_rows, waits.max_queue_delay), (Some(3), Duration::from_micros(9)));
    // Without a utilization the delay means nothing.
    let hurries = batching("sequence_batching { direct { max_queue_delay_microseconds: 9 } }");
    assert_eq!((hurries.enough_rows, hurries.max_queue_delay), (None, Duration::ZERO));
}

#[test]
fn sequences_that_cannot_be_are_named_with_their_place() {
    let control =
        |text: &str| format!("sequence_batching {{ control_input {{ name: 'c' control {{ {text} }} }} }}");
    let state = |text: &str| {
        let state = "input_name: 'i' output_name: 'o' data_type: TYPE_FP32";
        format!("sequence_batching {{ state {{ {state} {text} }} }}")
    };
    let start = "control { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] }";
    for (text, expected) in [
        ("sequence_batching { } dynamic_batching { }".to_owned(), "expected one of them"),
        (
            "sequence_batching { } response_cache { enable: true }".to_owned(),
            "`response_cache` of a model with",
        ),
        (
            "sequence_batching { iterative_sequence: true }".to_owned(),
            "`iterative_sequence` is not supported",
        ),
        ("sequence_batching { direct { } oldest { } }".to_owned(), "`direct` and `oldest` are both there"),
        ("sequence_batching { max_idle: 1 }".to_owned(), "unknown field `max_idle`"),
        (
            "sequence_batching { direct { minimum_slot_utilization: 1.5 } }".to_owned(),
            "1:30: `minimum_slot_utilization` is 1.5, expected 0 to 1",
        ),
        (
            "max_batch_size: 4 sequence_batching { oldest { preferred_batch_size: 5 } }".to_owned(),
            "`preferred_batch_size` is 5, expected 1 to 4",
        ),
        ("sequence_batching { control_input { name: 'c' } }".to_owned(), "`c` has 0 controls, expected 1"),
        (
            format!("sequence_batching {{ control_input {{ {start} }} }}"),
            "`name` is missing in `sequence_batching`",
        ),
        (
            format!(
                "sequence_batching {{ control_input [ {{ name: 'a' {start} }}, {{ name: 'b' {start} }} ] }}"
            ),
            "sequence batching specifies multiple CONTROL_SEQUENCE_START tensors",
        ),
        (
            format!(
                "sequence_batching {{ control_input {{ name: 'x' {start} }} }} input {{ name: 'x' data_type: TYPE_INT32 dims: 1 }}"
            ),
            "input `x` of `sequence_batching` is declared twice",
        ),
        (control("kind: CONTROL_SEQUENCE_BEGIN"), "`kind` is `CONTROL_SEQUENCE_BEGIN`"),
        (control("kind: CONTROL_SEQUENCE_END"), "needs two values in one of"),
        (control("kind: CONTROL_SEQUENCE_END int32_false_true: 1"), "needs two values in one of"),
        (
            control("kind: CONTROL_SEQUENCE_END int32_false_true: [ 0, 1 ] bool_false_true: [ false, true ]"),
            "needs two values in one of",
        ),
        (control("int32_false_true: [ 0, 4294967296 ]"), "expected a number of 32 bits"),
        (
            control("kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_FP32"),
            "is `TYPE_FP32`, expected TYPE_UINT64",
        ),
        (control("kind: CONTROL_SEQUENCE_CORRID"), "`data_type` of control input `c` is ``"),
        (state("use_growable_memory: true"), "`use_growable_memory` of state `i` is not supported"),
        (state("use_same_buffer_for_input_output: true"), "`use_same_buffer_for_input_output` of state `i`"),
        (state("dims: 0"), "`dims` of state `i` has 0"),
        (
            state("dims: 2 initial_state { name: 'z' data_type: TYPE_FP32 dims: 3 zero_data: true }"),
            "are [3], expected [2]",
        ),
        (
            state("dims: -1 initial_state { name: 'z' data_type: TYPE_FP32 dims: -1 zero_data: true }"),
            "`dims` of state `i` has -1, expected at least 1",
        ),
        (
            state("dims: 2 initial_state { name: 'z' data_type: TYPE_FP16 dims: 2 zero_data: true }"),
            "is not that of the state",
        ),
        (
            state("dims: 2 initial_state { name: 'z' data_type: TYPE_FP32 dims: 2 }"),
            "one of `zero_data` and `data_file`",
        ),
        (
            state("dims: 2 initial_state { name: 'z' data_type: TYPE_FP32 dims: 2 data_file: '../f' }"),
            "`data_file` is no plain name",
        ),
    ] {
        let error = parsed(&text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

/// An ensemble of a step of `a` and one of `b`, with `text` beside them.
fn ensemble(text: &str) -> String {
    format!(
        "platform: 'ensemble' {text}
input {{ name: 'x' data_type: TYPE_FP32 dims: -1 }} output {{ name: 'y' data_type: TYPE_FP32 dims: -1 }}
ensemble_scheduling {{
step {{ model_name: 'a' model_version: -1 input_map {{ key: 'x' value: 'x' }} output_map {{ key: 'y' value: 'z' }} }}
step {{ model_name: 'b' input_map {{ key: 'x' value: 'z' }} output_map {{ key: 'y' value: 'y' }} }}
}}"
    )
}

#[test]
fn ensembles_are_graphs() {
    let config = parsed(&ensemble("max_batch_size: 4")).unwrap();
    let steps = config.ensemble.unwrap();
    assert_eq!((steps[0].model.as_str(), steps[0].version, steps.len()), ("a", None, 2));
    let mapping = &steps[1].inputs[0];
    assert_eq!((mapping.model_tensor.as_str(), mapping.ensemble_tensor.as_str()), ("x", "z"));
    assert_eq!(parsed("").unwrap().ensemble, None);
}

#[test]
fn what_is_no_graph_is_named_with_its_place() {
    let good = ensemble("");
    for (from, to, expected) in [
        (
            "value: 'z' } }\nstep",
            "value: 'w' } }\nstep",
            "5:36: tensor `z` comes from no step and is no input",
        ),
        ("key: 'y' value: 'z'", "key: 'y' value: 'x'", "tensor `x` comes from the ensemble and a step"),
        ("key: 'y' value: 'z'", "key: 'y' value: 'y'", "tensor `y` comes from two steps"),
        ("key: 'x' value: 'x'", "key: 'x' value: 'y'", "4:8: steps wait for each other: `a`, `b`"),
        (
            "key: 'x' value: 'x' }",
            "key: 'x' value: 'x' } input_map { key: 'x' value: 'x' }",
            "`input_map` has `x` twice",
        ),
        ("output { name: 'y'", "output { name: 'w'", "output `w` comes from no step"),
        ("output { name: 'y'", "output { name: 'x'", "output `x` is an input too"),
        ("output_map { key: 'y' value: 'z' }", "", "the step of `a` has no `output_map`"),
        ("model_name: 'a'", "", "a step of an ensemble has no `model_name`"),
        ("model_name: 'a'", "model_name: 'm'", "ensemble `m` has itself as a step"),
        ("model_version: -1", "model_version: 0", "`model_version` is 0, expected -1"),
        ("'ensemble' ", "'ensemble' backend: 'onnxruntime' ", "`backend` of an ensemble is not supported"),
        ("'ensemble' ", "'ensemble' instance_group { count: 1 } ", "`instance_group` of an ensemble"),
        ("'ensemble' ", "'ensemble' dynamic_batching { } ", "its members join requests themselves"),
        ("'ensemble' ", "'ensemble' response_cache { enable: true } ", "`response_cache` of an ensemble"),
        ("platform: 'ensemble'", "", "expected `platform: \"ensemble\"` with it"),
    ] {
        assert!(good.contains(from), "{from}");
        let error = parsed(&good.replacen(from, to, 1)).unwrap_err();
        assert!(error.contains(expected), "{to}: {error}");
    }
    let error = parsed("platform: 'ensemble'").unwrap_err();
    assert!(error.contains("1:1: an ensemble has no `ensemble_scheduling`"), "{error}");
}

fn spec(name: &str, dtype: DType, dims: &[i64]) -> TensorSpec {
    TensorSpec::new(name, dtype, dims)
}

#[test]
fn declarations_are_held_against_the_model() {
    let (x, y) = (spec("x", DType::F32, &[-1, 3, -1]), spec("y", DType::I64, &[-1]));
    let signature = Signature {
        method: Method::Predict,
        inputs: vec![SignatureInput { graph_input: "x".to_owned(), spec: x, transform: vec![] }],
        outputs: vec![SignatureOutput { source: OutputSource::Graph { output: "y".to_owned() }, spec: y }],
        columns: None,
    };
    for (text, expected) in [
        ("max_batch_size: 4 input { name: 'x' data_type: TYPE_FP32 dims: [ 3, -1 ] }", None),
        ("max_batch_size: 4 input { name: 'x' data_type: TYPE_FP32 dims: [ 3, 7 ] }", None),
        ("input { name: 'x' data_type: TYPE_FP32 dims: [ -1, 3, -1 ] }", None),
        ("max_batch_size: 4 output { name: 'y' data_type: TYPE_INT64 dims: 1 }", None),
        ("input { name: 'z' data_type: TYPE_FP32 }", Some("input `z` is not there, expected `x`")),
        (
            "input { name: 'x' data_type: TYPE_FP16 }",
            Some("input `x` is declared as TYPE_FP16, the model has TYPE_FP32"),
        ),
        (
            "max_batch_size: 4 input { name: 'x' data_type: TYPE_FP32 dims: [ 4, -1 ] }",
            Some("input `x` is declared with dims [4, -1], the model has"),
        ),
        ("input { name: 'x' data_type: TYPE_FP32 dims: [ 3, -1 ] }", Some("declared with dims [3, -1]")),
    ] {
        let config = parsed(text).unwrap();
        let declared = (config.inputs.as_slice(), config.outputs.as_slice());
        let problem = tensors::check(declared, &signature, config.max_batch_size > 0).err();
        match expected {
            None => assert_eq!(problem, None, "{text}"),
            Some(expected) => {
                assert!(problem.as_deref().unwrap_or("none").contains(expected), "{text}: {problem:?}")
            }
        }
    }
}

#[test]
fn warm_up_requests_are_made_of_zeros_random_numbers_and_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("warmup")).unwrap();
    std::fs::write(folder.path().join("warmup/text"), b"\x02\0\0\0ab\0\0\0\0").unwrap();
    let text = "max_batch_size: 8 model_warmup { name: 'w' batch_size: 2 count: 3
        inputs { key: 'f' value { data_type: TYPE_FP32 dims: 3 random_data: true } }
        inputs { key: 'i' value { data_type: TYPE_INT64 zero_data: true } }
        inputs { key: 's' value { data_type: TYPE_STRING input_data_file: 'text' } } }";
    let config = parsed(text).unwrap();
    let requests = config.warm_up[0].requests(folder.path()).unwrap();
    assert_eq!(requests.len(), 3);
    let tensor =
        |name: &str| requests[0].inputs.iter().find(|input| input.name == name).unwrap().tensor.clone();
    let floats = tensor("f").to_vec::<f32>().unwrap();
    assert_eq!(tensor("f").shape().dims(), [2, 3]);
    assert!(floats.iter().all(|value| (0.0..1.0).contains(value)) && floats[0] != floats[1], "{floats:?}");
    assert_eq!(tensor("i").to_vec::<i64>().unwrap(), [0, 0]);
    assert_eq!(tensor("s").strings().unwrap(), [&b"ab"[..], b""]);
    std::fs::write(folder.path().join("warmup/text"), b"\x03\0\0\0ab").unwrap();
    let error = config.warm_up[0].requests(folder.path()).unwrap_err();
    assert!(error.message().contains("warm-up `w`, input `s`"), "{error}");
}
