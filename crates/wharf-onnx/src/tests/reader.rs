//! Models that Python made.

use half::{bf16, f16};

use super::*;

#[test]
fn branches_see_the_values_around_them() {
    let model = golden("branch");
    assert_eq!(model.inputs().unwrap(), [spec("which", DType::Bool, &[]), spec("x", DType::F32, &[-1, 2])]);
    assert_eq!(model.metadata().collect::<Vec<_>>(), [("author", "a script")]);
    assert_eq!(read_model(model.to_bytes()).unwrap(), model, "nothing is lost by writing it again");
}

#[test]
fn branches_that_use_undefined_values_are_errors() {
    let mut proto = golden("branch").into_proto();
    proto.graph.as_mut().unwrap().node.remove(0);
    let message = Model::from_proto(proto).unwrap_err().to_string();
    assert!(message.contains("uses value `c`"), "{message}");
}

#[test]
fn constants_with_an_input_of_their_name_are_no_inputs() {
    let names: Vec<String> =
        golden("constants").inputs().unwrap().into_iter().map(|spec| spec.name).collect();
    assert_eq!(names, ["x"]);
}

#[test]
fn constants_of_every_form_are_read() {
    let model = golden("constants");
    let tensor = |name: &str| {
        let found = model.initializers().iter().find(|tensor| tensor.name == name).unwrap();
        found.to_tensor()
    };
    assert_eq!(tensor("float").unwrap().to_vec::<f32>().unwrap(), [1.5, -2.5]);
    assert_eq!(tensor("double").unwrap().to_vec::<f64>().unwrap(), [1.5, -2.5]);
    assert_eq!(tensor("int64").unwrap().to_vec::<i64>().unwrap(), [-(1 << 40), 3]);
    assert_eq!(tensor("int32").unwrap().to_vec::<i32>().unwrap(), [-7, 3]);
    assert_eq!(tensor("int16").unwrap().to_vec::<i16>().unwrap(), [-7, 3]);
    assert_eq!(tensor("int8").unwrap().to_vec::<i8>().unwrap(), [-7, 3]);
    assert_eq!(tensor("uint8").unwrap().to_vec::<u8>().unwrap(), [250, 3]);
    assert_eq!(tensor("uint16").unwrap().to_vec::<u16>().unwrap(), [65_000, 3]);
    assert_eq!(tensor("uint32").unwrap().to_vec::<u32>().unwrap(), [u32::MAX, 3]);
    assert_eq!(tensor("uint64").unwrap().to_vec::<u64>().unwrap(), [u64::MAX, 3]);
    assert_eq!(tensor("bool").unwrap().bytes().unwrap()[..], [1, 0]);
    assert_eq!(tensor("float16").unwrap().to_vec::<f16>().unwrap(), [1.5, -2.5].map(f16::from_f32));
    assert_eq!(tensor("bfloat16").unwrap().to_vec::<bf16>().unwrap(), [1.5, -2.5].map(bf16::from_f32));
    assert_eq!(tensor("string").unwrap().strings().unwrap()[1], b"\xff\0b"[..]);
    assert_eq!(tensor("raw").unwrap().to_vec::<f32>().unwrap(), [1.5, -2.5]);
    assert_eq!(tensor("empty").unwrap().shape().dims(), [0, 3]);
    assert_eq!(tensor("int4").unwrap_err().to_string(), "tensor `int4` has an unknown element type");
}

#[test]
fn values_that_are_no_tensors_are_named() {
    let model = golden("function");
    assert_eq!(model.inputs().unwrap(), [spec("x", DType::F32, &[-1])]);
    assert_eq!(model.outputs().unwrap_err().to_string(), "value `s` is no tensor");
    let mut proto = model.into_proto();
    proto.functions[0].node[0].input[0] = "z".to_owned();
    assert_eq!(Model::from_proto(proto).unwrap_err().kind(), OnnxErrorKind::Graph);
}
