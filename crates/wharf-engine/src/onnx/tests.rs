//! The engine over the real runtime.

use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use half::{bf16, f16};
use wharf_tensor::{DType, Shape, Tensor};
use wharf_testing::models;

use crate::{Engine, EngineErrorKind, LoadOptions, ModelSource, OnnxConfig, OnnxEngine, Replica, StopSignal};

fn load(model: &[u8]) -> Arc<dyn Replica> {
    let engine = OnnxEngine::new().unwrap();
    engine.load(ModelSource::Bytes(model), &LoadOptions::default()).unwrap()
}

fn shape(dims: &[usize]) -> Shape {
    Shape::new(dims).unwrap()
}

fn floats(values: &[f32]) -> Tensor {
    Tensor::from_vec(shape(&[values.len()]), values.to_vec()).unwrap()
}

/// A `[2, 3]` tensor of each type, with the values that are easiest to get wrong.
fn awkward(dtype: DType) -> Tensor {
    let dims = shape(&[2, 3]);
    match dtype {
        DType::Bool => Tensor::from_bools(dims, vec![true, false, true, true, false, false]),
        DType::U8 => Tensor::from_vec(dims, vec![0_u8, 1, 127, 128, 254, 255]),
        DType::U16 => Tensor::from_vec(dims, vec![0_u16, 1, 255, 256, 32768, u16::MAX]),
        DType::U32 => Tensor::from_vec(dims, vec![0_u32, 1, 255, 256, 1 << 31, u32::MAX]),
        DType::U64 => Tensor::from_vec(dims, vec![0_u64, 1, (1 << 53) + 1, 256, 1 << 63, u64::MAX]),
        DType::I8 => Tensor::from_vec(dims, vec![0_i8, 1, -1, 42, i8::MIN, i8::MAX]),
        DType::I16 => Tensor::from_vec(dims, vec![0_i16, 1, -1, 42, i16::MIN, i16::MAX]),
        DType::I32 => Tensor::from_vec(dims, vec![0_i32, 1, -1, 42, i32::MIN, i32::MAX]),
        DType::I64 => Tensor::from_vec(dims, vec![0_i64, 1, -1, (1 << 53) + 1, i64::MIN, i64::MAX]),
        DType::F16 => Tensor::from_vec(
            dims,
            [0.0, -0.0, 1.5, f32::INFINITY, f32::NAN, 6e-8].map(f16::from_f32).to_vec(),
        ),
        DType::BF16 => Tensor::from_vec(
            dims,
            [0.0, -0.0, 1.5, f32::INFINITY, f32::NAN, 1e38].map(bf16::from_f32).to_vec(),
        ),
        DType::F32 => Tensor::from_vec(
            dims,
            vec![0.0_f32, -0.0, f32::MIN_POSITIVE / 2.0, f32::INFINITY, f32::NAN, f32::MAX],
        ),
        DType::F64 => Tensor::from_vec(
            dims,
            vec![0.0_f64, -0.0, f64::MIN_POSITIVE / 2.0, f64::NEG_INFINITY, f64::NAN, f64::MAX],
        ),
        DType::String => {
            let strings: [&[u8]; 6] = [b"", b"plain", b"\0", b"a\0b\0", b"\xff\xfe", "ж".as_bytes()];
            Tensor::from_strings(dims, strings.map(Bytes::from_static).to_vec())
        }
    }
    .unwrap()
}

/// The same tensor with its bytes off by one in memory.
fn misaligned(tensor: &Tensor) -> Tensor {
    let Some(bytes) = tensor.bytes() else { return tensor.clone() };
    let shifted = Bytes::from([&[0_u8][..], bytes].concat()).slice(1..);
    Tensor::from_bytes(tensor.dtype(), tensor.shape().clone(), shifted).unwrap()
}

#[test]
fn every_type_passes_through_bit_for_bit() {
    for dtype in DType::ALL {
        let replica = load(models::identity(dtype));
        assert_eq!(replica.inputs()[0].dtype, dtype);
        assert_eq!(replica.outputs()[0].shape.to_string(), "[*, *]");
        let input = awkward(dtype);
        for sent in [input.clone(), misaligned(&input)] {
            let output = replica.run(&[("x", sent)], &["y"]).unwrap().remove(0);
            assert_eq!((output.dtype(), output.shape()), (dtype, input.shape()));
            assert_eq!(output.bytes(), input.bytes(), "{dtype}");
            assert_eq!(output.strings(), input.strings(), "{dtype}");
        }
    }
}

#[test]
fn truth_values_of_a_client_become_0_or_1() {
    let sent = Tensor::from_bytes(DType::Bool, shape(&[1, 4]), Bytes::from_static(&[0, 1, 2, 255])).unwrap();
    let output = load(models::identity(DType::Bool)).run(&[("x", sent)], &[]).unwrap().remove(0);
    assert_eq!(output.bytes().unwrap()[..], [0, 1, 1, 1]);
}

#[test]
fn no_rows_in_no_rows_out() {
    for dtype in DType::ALL {
        let dims = shape(&[0, 3]);
        let sent = match dtype {
            DType::String => Tensor::from_strings(dims.clone(), Vec::new()),
            _ => Tensor::from_bytes(dtype, dims.clone(), Bytes::new()),
        };
        let output = load(models::identity(dtype)).run(&[("x", sent.unwrap())], &[]).unwrap().remove(0);
        assert_eq!(output.shape(), &dims, "{dtype}");
    }
}

#[test]
fn outputs_outlive_inputs_and_replica() {
    let replica = load(models::identity(DType::F32));
    let input = Tensor::from_vec(shape(&[1000, 3]), (0..3000_u16).map(f32::from).collect()).unwrap();
    let range = input.bytes().unwrap().as_ptr_range();
    let output = replica.run(&[("x", input.clone())], &[]).unwrap().remove(0);
    assert!(!range.contains(&output.bytes().unwrap().as_ptr()), "the output lies in the input");
    let expected = input.to_vec::<f32>().unwrap();
    drop((replica, input));
    assert_eq!(thread::spawn(move || output.to_vec::<f32>().unwrap()).join().unwrap(), expected);
}

#[test]
fn outputs_come_in_the_order_asked_for() {
    let replica = load(models::ADD);
    let tensor = |values: [f32; 2]| Tensor::from_vec(shape(&[1, 2]), values.to_vec()).unwrap();
    let inputs = [("b", tensor([1.0, 2.0])), ("a", tensor([5.0, 5.0]))];
    let (sum, difference) = (tensor([6.0, 7.0]), tensor([4.0, 3.0]));
    for (names, expected) in [
        (vec!["difference", "sum"], vec![difference.clone(), sum.clone()]),
        (vec!["difference"], vec![difference.clone()]),
        (vec![], vec![sum, difference]),
    ] {
        assert_eq!(replica.run(&inputs, &names).unwrap(), expected, "{names:?}");
    }
    let error = replica.run(&inputs, &["sum", "sum"]).unwrap_err();
    assert_eq!(error.to_string(), "output `sum` is asked for twice");
}

#[test]
fn one_session_gives_eight_threads_equal_results() {
    for threads in [1, 2] {
        let options = LoadOptions::default().with_intra_threads(threads);
        let replica = OnnxEngine::new().unwrap().load(ModelSource::Bytes(models::LENET), &options).unwrap();
        let picture = |seed: usize| {
            let values =
                (0..2 * 3072).map(|index| (index * 31 + seed * 7) % 256).map(|value| value as f32 / 255.0);
            Tensor::from_vec(shape(&[2, 32, 32, 3]), values.collect()).unwrap()
        };
        let run = |seed| replica.run(&[("image", picture(seed))], &["logits"]).unwrap();
        let expected: Vec<Vec<Tensor>> = (0..8).map(run).collect();
        assert_ne!(expected[0], expected[1]);
        thread::scope(|scope| {
            for worker in 0..8 {
                let (run, expected) = (&run, &expected);
                scope.spawn(move || {
                    for round in 0..50 {
                        let seed = (worker + round) % 8;
                        assert_eq!(run(seed), expected[seed], "bit for bit");
                    }
                });
            }
        });
    }
}

#[test]
fn failures_within_a_run_are_the_inputs_and_name_nothing_private() {
    let cases = [
        (models::GATHER, "index", Tensor::from_vec(shape(&[1]), vec![3_i64]).unwrap()),
        (models::GATHER, "index", Tensor::from_vec(shape(&[1]), vec![i64::MIN]).unwrap()),
        (models::GROW, "size", Tensor::from_vec(shape(&[1]), vec![-1_i64]).unwrap()),
    ];
    for (model, name, tensor) in cases {
        let error = load(model).run(&[(name, tensor)], &[]).unwrap_err();
        assert_eq!(error.kind(), EngineErrorKind::InvalidInput);
        assert_eq!(error.to_string(), "the model cannot run on these inputs");
        assert!(error.detail().is_some());
    }
}

#[test]
fn outputs_too_large_for_the_memory_are_errors() {
    for size in [1_i64 << 44, 1 << 60, i64::MAX] {
        let sent = Tensor::from_vec(shape(&[1]), vec![size]).unwrap();
        let error = load(models::GROW).run(&[("size", sent)], &[]).unwrap_err();
        let kinds = [EngineErrorKind::OutOfMemory, EngineErrorKind::InvalidInput];
        assert!(kinds.contains(&error.kind()), "{error:?}");
    }
}

#[test]
fn a_run_without_end_can_be_stopped() {
    let replica = load(models::SLOW);
    let stop = StopSignal::new();
    let times = Tensor::from_vec(Shape::scalar(), vec![i64::MAX]).unwrap();
    let error = thread::scope(|scope| {
        let run = scope.spawn(|| replica.run_until(&[("times", times.clone())], &[], &stop));
        while !stop.has_listener() {
            thread::yield_now();
        }
        stop.stop();
        run.join().unwrap().unwrap_err()
    });
    assert_eq!(error.kind(), EngineErrorKind::Stopped);
    let once = Tensor::from_vec(Shape::scalar(), vec![1_i64]).unwrap();
    assert!(replica.run_until(&[("times", once)], &[], &StopSignal::new()).is_ok(), "the next run is free");
}

#[test]
fn truncated_models_are_errors() {
    let engine = OnnxEngine::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    for model in [models::LENET, models::SLOW, models::HALF_PLUS_TWO] {
        for percent in 0..100 {
            let part = &model[..model.len() * percent / 100];
            std::fs::write(&path, part).unwrap();
            for source in [ModelSource::Bytes(part), ModelSource::File(&path)] {
                let outcome = engine.load(source, &LoadOptions::default());
                let error = outcome.err().unwrap_or_else(|| panic!("{percent} % of a model loads"));
                assert_eq!(error.kind(), EngineErrorKind::InvalidModel);
                assert!(!error.to_string().contains('/'), "{error}");
            }
        }
    }
}

#[test]
fn changed_bytes_do_not_bring_the_process_down() {
    let engine = OnnxEngine::new().unwrap();
    let model = models::CLASSIFIER_UINT8;
    for index in 0..model.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut changed = model.to_vec();
            changed[index] ^= flip;
            // Whether it still loads depends on what the byte was for.
            let _ = engine.load(ModelSource::Bytes(&changed), &LoadOptions::default());
        }
    }
}

#[test]
fn what_is_no_model_file_is_an_error() {
    let engine = OnnxEngine::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let load = |path: &std::path::Path| engine.load(ModelSource::File(path), &LoadOptions::default());
    for path in [folder.path().to_owned(), folder.path().join("absent.onnx"), "/dev/zero".into()] {
        let error = load(&path).err().unwrap();
        assert_eq!(error.to_string(), "the model file is missing", "{path:?}");
    }
}

#[test]
fn weights_outside_of_the_folder_are_refused() {
    let engine = OnnxEngine::new().unwrap();
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("model/model.onnx");
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    std::fs::write(&path, models::ESCAPING).unwrap();
    std::fs::write(root.path().join("outside.bin"), [0_u8; 16]).unwrap();
    let outcome = engine.load(ModelSource::File(&path), &LoadOptions::default());
    assert_eq!(outcome.err().unwrap().kind(), EngineErrorKind::InvalidModel);
}

#[test]
fn an_input_without_a_rank_is_refused_and_a_scalar_is_not() {
    let engine = OnnxEngine::new().unwrap();
    let load = |model| engine.load(ModelSource::Bytes(model), &LoadOptions::default());
    let error = load(models::UNRANKED).err().unwrap();
    assert_eq!(error.to_string(), "input `x` has no shape, expected a number of dimensions");
    assert_eq!(load(models::SLOW).unwrap().inputs()[0].shape.rank(), 0);
}

#[test]
fn a_second_library_is_refused() {
    OnnxEngine::new().unwrap();
    let error = OnnxConfig::default().with_library("/elsewhere/libonnxruntime.so").build().unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::LibraryMissing);
    assert!(OnnxEngine::new().is_ok(), "the first goes on");
}

#[test]
fn half_plus_two_gives_what_its_name_says() {
    let replica = load(models::HALF_PLUS_TWO);
    let output = replica.run(&[("x", floats(&[1.0, 2.0, 5.0]))], &["y"]).unwrap();
    assert_eq!(output[0].to_vec::<f32>().unwrap(), [2.5, 3.0, 4.5]);
}

#[test]
fn the_library_tells_its_version() {
    let engine = OnnxEngine::new().unwrap();
    assert!(engine.library_path().is_file());
    let version: Vec<u32> =
        engine.library_version().split('.').map(|number| number.parse().unwrap()).collect();
    assert!(version.len() == 3 && version >= vec![1, ort::MINOR_VERSION, 0], "{version:?}");
}
