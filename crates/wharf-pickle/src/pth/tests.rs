//! State dicts that PyTorch wrote, that it reads, and hostile ones.

use std::io::Write as _;
use std::process::Command;

use bytes::Bytes;
use half::{bf16, f16};
use serde_json::{Value as Json, json};
use wharf_tensor::{DType, Shape, Tensor};

use super::archive_writer::ArchiveWriter;
use super::{read_pth, write_pth};
use crate::{PickleError, PickleErrorKind};

const NET: &[u8] = include_bytes!("../../goldens/net.pth");
const TYPES: &[u8] = include_bytes!("../../goldens/types.pth");

/// The three files, and what they hold.
const GOLDENS: [(&str, &[u8], &str); 3] = [
    ("net", NET, include_str!("../../goldens/net.json")),
    ("types", TYPES, include_str!("../../goldens/types.json")),
    (
        "checkpoint",
        include_bytes!("../../goldens/checkpoint.pth"),
        include_str!("../../goldens/checkpoint.json"),
    ),
];

fn read(content: &[u8]) -> Result<Vec<(String, Tensor)>, PickleError> {
    read_pth(&Bytes::copy_from_slice(content))
}

/// A tensor in the form of the JSON files.
fn form(tensor: &Tensor) -> Json {
    let values = match tensor.dtype() {
        DType::Bool => json!(tensor.bytes().unwrap().iter().map(|&byte| byte == 1).collect::<Vec<_>>()),
        DType::U8 => json!(tensor.to_vec::<u8>().unwrap()),
        DType::I8 => json!(tensor.to_vec::<i8>().unwrap()),
        DType::I16 => json!(tensor.to_vec::<i16>().unwrap()),
        DType::I32 => json!(tensor.to_vec::<i32>().unwrap()),
        DType::I64 => json!(tensor.to_vec::<i64>().unwrap()),
        DType::U16 => json!(tensor.to_vec::<u16>().unwrap()),
        DType::U32 => json!(tensor.to_vec::<u32>().unwrap()),
        DType::U64 => json!(tensor.to_vec::<u64>().unwrap()),
        DType::F16 => json!(tensor.to_vec::<f16>().unwrap().iter().map(|v| v.to_f64()).collect::<Vec<_>>()),
        DType::BF16 => json!(tensor.to_vec::<bf16>().unwrap().iter().map(|v| v.to_f64()).collect::<Vec<_>>()),
        DType::F32 => {
            json!(tensor.to_vec::<f32>().unwrap().iter().map(|&v| f64::from(v)).collect::<Vec<_>>())
        }
        DType::F64 => json!(tensor.to_vec::<f64>().unwrap()),
        other => panic!("no form for {other}"),
    };
    json!({ "dtype": tensor.dtype().name(), "shape": tensor.shape().to_i64(), "values": values })
}

#[test]
fn reads_what_pytorch_writes() {
    for (file, content, expected) in GOLDENS {
        let expected: serde_json::Map<String, Json> = serde_json::from_str(expected).unwrap();
        let tensors = read(content).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(tensors.len(), expected.len(), "{file}");
        for (name, tensor) in &tensors {
            assert_eq!(form(tensor), expected[name], "{file}: {name}");
        }
    }
}

#[test]
fn keeps_the_order_and_shares_the_file() {
    let content = Bytes::from_static(NET);
    let tensors = read_pth(&content).unwrap();
    let names: Vec<&str> = tensors.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "conv.weight",
        "conv.bias",
        "norm.weight",
        "norm.bias",
        "norm.running_mean",
        "norm.running_var",
        "norm.num_batches_tracked",
        "fc.weight",
        "fc.bias",
        "tied.weight",
    ];
    assert_eq!(names, expected);
    assert!(content.as_ptr_range().contains(&tensors[0].1.bytes().unwrap().as_ptr()));
    assert_eq!(tensors[7].1.bytes().unwrap().as_ptr(), tensors[9].1.bytes().unwrap().as_ptr(), "tied");
}

#[test]
fn reads_back_what_it_writes_to_the_same_bytes() {
    for (file, content, _) in GOLDENS {
        let tensors = read(content).unwrap();
        let written = write_pth(&tensors).unwrap();
        assert_eq!(read(&written).unwrap(), tensors, "{file}");
        assert_eq!(write_pth(&tensors).unwrap(), written, "{file}");
    }
    assert_eq!(read(&write_pth::<&str>(&[]).unwrap()).unwrap(), []);
}

#[test]
fn elements_are_aligned_in_the_file() {
    let written = Bytes::from(write_pth(&read(TYPES).unwrap()).unwrap());
    for (name, tensor) in read_pth(&written).unwrap() {
        let bytes = tensor.bytes().unwrap();
        if !bytes.is_empty() {
            assert_eq!((bytes.as_ptr() as usize - written.as_ptr() as usize) % 64, 0, "{name}");
        }
    }
}

#[test]
fn pytorch_reads_what_is_written() {
    let Ok(python) = std::env::var("WHARF_TORCH_PYTHON") else {
        // Past the capture of the test runner, which hides what passing tests print.
        let _closed_pipe =
            writeln!(std::io::stderr(), "skipped: WHARF_TORCH_PYTHON names no Python with torch");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (file, content, expected) in GOLDENS {
        let tensors = read(content).unwrap();
        std::fs::write(path("written.pth"), write_pth(&tensors).unwrap()).unwrap();
        std::fs::write(path("expected.json"), expected).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/goldens/check_pth.py");
        let paths = ["written.pth", "expected.json", "again.pth"].map(path);
        let output = Command::new(&python).arg(script).args(&paths).output().unwrap();
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(read(&std::fs::read(&paths[2]).unwrap()).unwrap(), tensors, "{file}");
    }
}

#[test]
fn refuses_to_write_what_pytorch_cannot_hold() {
    let one = Tensor::from_vec(Shape::scalar(), vec![1.0_f32]).unwrap();
    let error = write_pth(&[("a", one.clone()), ("a", one)]).unwrap_err();
    assert_eq!(error.to_string(), "tensor `a`: is there twice");
    let strings = Tensor::from_strings(Shape::scalar(), vec![Bytes::new()]).unwrap();
    assert_eq!(write_pth(&[("s", strings)]).unwrap_err().kind(), PickleErrorKind::Tensor);
}

#[test]
fn other_forms_of_pytorch_are_refused_clearly() {
    let legacy = read(include_bytes!("../../goldens/legacy.pth")).unwrap_err();
    assert!(legacy.to_string().contains("since version 1.6"), "{legacy}");
    // A whole module is a program, not data.
    let module = read(include_bytes!("../../goldens/module.pth")).unwrap_err();
    assert_eq!(
        module.to_string(),
        "pickle refers to `__main__.Net`, which is not on the list of what is read"
    );
}

#[test]
fn every_truncation_is_an_error() {
    for (file, content, _) in GOLDENS {
        let content = Bytes::from_static(content);
        for length in 0..content.len() {
            assert!(read_pth(&content.slice(..length)).is_err(), "{file} cut to {length}");
        }
    }
}

/// An archive with this pickle and one storage of eight bytes.
fn archive(pickle: &[u8]) -> Vec<u8> {
    let mut archive = ArchiveWriter::default();
    archive.add("x/data.pkl", pickle).unwrap();
    archive.add("x/data/0", &[1; 8]).unwrap();
    archive.finish().unwrap()
}

/// A state dict of one tensor `a`, made of these parts.
fn tensor(class: &str, key: &str, count: &[u8], offset: &[u8], size: &[u8], stride: &[u8]) -> Vec<u8> {
    let mut pickle = b"\x80\x02}U\x01actorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\n".to_vec();
    pickle.extend([class.as_bytes(), b"\nU", &[u8::try_from(key.len()).unwrap()], key.as_bytes()].concat());
    pickle.extend([b"U\x03cpu", count, b"tQ", offset, size, stride, b"\x89}tRs."].concat());
    pickle
}

#[test]
fn tensors_that_lead_out_of_their_storage_are_errors() {
    let good = tensor("FloatStorage", "0", b"K\x02", b"K\x00", b"K\x02\x85", b"K\x01\x85");
    assert_eq!(read(&archive(&good)).unwrap()[0].1.shape().dims(), [2]);
    let big = b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
    let huge_dims = [&big[..], big, b"\x86"].concat();
    let huge_stride = [&big[..], b"\x85"].concat();
    for (parts, expected) in [
        (
            ("FloatStorage", "0", &b"K\x02"[..], &b"K\x01"[..], &b"K\x02\x85"[..], &b"K\x01\x85"[..]),
            "leads out",
        ),
        (("FloatStorage", "0", b"K\x02", b"K\x00", b"K\x03\x85", b"K\x01\x85"), "leads out"),
        (("FloatStorage", "0", b"K\x02", b"K\x00", b"K\x02\x85", b"K\x02\x85"), "leads out"),
        (("FloatStorage", "0", b"K\x02", b"K\x00", b"K\x02\x85", b")"), "leads out"),
        (("FloatStorage", "0", b"K\x02", b"K\x00", b"K\x02\x85", b"J\xff\xff\xff\xff\x85"), "leads out"),
        (("FloatStorage", "0", b"K\x02", b"J\xff\xff\xff\xff", b"K\x02\x85", b"K\x01\x85"), "leads out"),
        (("FloatStorage", "0", b"K\x02", big, b"K\x02\x85", b"K\x01\x85"), "leads out"),
        (("FloatStorage", "0", b"K\x02", b"K\x00", b"K\x02\x85", &huge_stride), "leads out"),
        (("FloatStorage", "0", b"K\x02", b"K\x00", &huge_dims, b"K\x00K\x00\x86"), "overflows"),
        (
            ("FloatStorage", "0", b"K\x02", b"K\x00", b"J\xff\xff\xff\xff\x85", b"K\x01\x85"),
            "dimension 0 is -1",
        ),
        (("FloatStorage", "0", b"K\x03", b"K\x00", b"K\x02\x85", b"K\x01\x85"), "another size"),
        (("FloatStorage", "0", big, b"K\x00", b"K\x02\x85", b"K\x01\x85"), "another size"),
        (("DoubleStorage", "0", b"K\x02", b"K\x00", b"K\x02\x85", b"K\x01\x85"), "another size"),
        (("FloatStorage", "1", b"K\x02", b"K\x00", b"K\x02\x85", b"K\x01\x85"), "no entry `data/1`"),
        (("FloatStorage", "../data.pkl", b"K\x02", b"K\x00", b"K\x02\x85", b"K\x01\x85"), "no entry"),
        (("QInt8Storage", "0", b"K\x02", b"K\x00", b"K\x02\x85", b"K\x01\x85"), "`torch.QInt8Storage`"),
        (("uint16", "0", b"K\x04", b"K\x00", b"K\x02\x85", b"K\x01\x85"), "not supported"),
        (("FloatStorage", "0", b"N", b"K\x00", b"K\x02\x85", b"K\x01\x85"), "expected an integer"),
    ] {
        let (class, key, count, offset, size, stride) = parts;
        let message =
            read(&archive(&tensor(class, key, count, offset, size, stride))).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}, expected {expected}");
    }
}

#[test]
fn repeating_elements_is_limited() {
    // Four billion floats out of one.
    let dims = b"M\xff\xffM\xff\xff\x86";
    let repeated = tensor("FloatStorage", "0", b"K\x02", b"K\x00", dims, b"K\x00K\x00\x86");
    let message = read(&archive(&repeated)).unwrap_err().to_string();
    assert!(message.contains("repeats its elements too many times"), "{message}");
    let few = tensor("BoolStorage", "0", b"K\x08", b"K\x00", b"M\x00\x10\x85", b"K\x00\x85");
    assert_eq!(read(&archive(&few)).unwrap()[0].1.num_elements(), 4096);
}

#[test]
fn pickles_that_are_no_state_dicts_are_errors() {
    for (pickle, expected) in [
        (&b"\x80\x02N."[..], "expected a dictionary"),
        (b"\x80\x02}U\x01aK\x01s.", "tensor `a`: is no tensor but the integer 1"),
        (b"\x80\x02}K\x01K\x01s.", "expected a text"),
        (b"\x80\x02}U\x01a}s.", "is no tensor but a dictionary"),
        (b"\x80\x02}U\x01actorch\nuint16\n)Rs.", "is no tensor but a call of `torch.uint16`"),
        (b"\x80\x02}U\x01actorch._utils\n_rebuild_tensor_v2\n)Rs.", "too few arguments"),
        (b"\x80\x02}U\x01actorch._utils\n_rebuild_parameter\nN\x85Rs.", "holds no tensor"),
        (b"\x80\x02}U\x01actorch._utils\n_rebuild_tensor_v2\n(NK\x00))tRs.", "has no storage"),
        (b"\x80\x02}U\x01acposix\nsystem\n)Rs.", "`posix.system`"),
        (b"\x80\x02}U\x01aNQs.", "is no tensor but a reference"),
    ] {
        let message = read(&archive(pickle)).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}, expected {expected}");
    }
    // Parameters of parameters of parameters ...
    let mut pickle = b"\x80\x02}U\x01a".to_vec();
    pickle.extend(b"ctorch._utils\n_rebuild_parameter\n".repeat(60));
    pickle.push(b'N');
    pickle.extend(b"\x85R".repeat(60));
    pickle.extend(b"s.");
    assert!(read(&archive(&pickle)).is_err());
}

#[test]
fn truth_values_other_than_0_and_1_are_errors() {
    let mut archive = ArchiveWriter::default();
    archive
        .add("data.pkl", &tensor("BoolStorage", "0", b"K\x02", b"K\x00", b"K\x02\x85", b"K\x01\x85"))
        .unwrap();
    archive.add("data/0", &[1, 2]).unwrap();
    let message = read(&archive.finish().unwrap()).unwrap_err().to_string();
    assert!(message.contains("neither 0 nor 1"), "{message}");
}

#[test]
fn archives_that_differ_between_readers_are_errors() {
    let sound = write_pth(&read(NET).unwrap()).unwrap();
    let end = sound.len() - 22;
    let directory = sound.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    // Where a byte is changed, and what is said of it.
    for (at, expected) in [
        (end, "no complete zip"),
        (end + 4, "several parts"),
        (end + 8, "several parts"),
        (end + 20, "several parts"),
        (end + 12, "directory is longer"),
        (end + 16, "no complete zip"),
        (directory + 8, "encrypted"),
        (directory + 10, "compressed"),
        (directory + 16, "checksum"),
        (directory + 20, "two sizes"),
        (directory + 46, "two names"),
        (26, "two names"),
        (64, "checksum"),
    ] {
        let mut changed = sound.clone();
        changed[at] ^= 1;
        let message = read(&changed).unwrap_err().to_string();
        assert!(message.contains(expected), "{at}: {message}, expected {expected}");
    }
    let twice = |names: [&str; 2]| {
        let mut archive = ArchiveWriter::default();
        names.iter().for_each(|name| archive.add(name, b"\x80\x02}.").unwrap());
        read(&archive.finish().unwrap()).unwrap_err().to_string()
    };
    assert!(twice(["a/data.pkl", "a/data.pkl"]).contains("is there twice"));
    assert!(twice(["a/data.pkl", "b/data.pkl"]).contains("just one `data.pkl`"));
    assert!(twice(["a/data.pk", "b/adata.pkl"]).contains("just one `data.pkl`"));
    let mut big_endian = ArchiveWriter::default();
    big_endian.add("data.pkl", b"\x80\x02}.").unwrap();
    big_endian.add("byteorder", b"big").unwrap();
    assert!(read(&big_endian.finish().unwrap()).unwrap_err().to_string().contains("little-endian"));
}

#[test]
fn overlapping_entries_are_errors() {
    // A thousand directory records of one entry.
    let mut archive = ArchiveWriter::default();
    archive.add("data.pkl", &[b'N'; 500]).unwrap();
    let sound = archive.finish().unwrap();
    let start = sound.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let record = &sound[start..sound.len() - 22];
    let mut bomb = sound[..start].to_vec();
    bomb.extend(record.repeat(1000));
    let mut end = sound[sound.len() - 22..].to_vec();
    end[8..10].copy_from_slice(&1000_u16.to_le_bytes());
    end[10..12].copy_from_slice(&1000_u16.to_le_bytes());
    end[12..16].copy_from_slice(&u32::try_from(record.len() * 1000).unwrap().to_le_bytes());
    bomb.extend(end);
    assert_eq!(read(&bomb).unwrap_err().kind(), PickleErrorKind::Archive);
}

proptest::proptest! {
    #[test]
    fn changed_files_are_errors_or_whole(which in 0..3_usize, at in 0..100_000_usize, flip in 1..=255_u8) {
        let mut content = GOLDENS[which].1.to_vec();
        let at = at % content.len();
        content[at] ^= flip;
        if let Ok(tensors) = read(&content) {
            // What is not covered by a checksum (times, padding, flags) does not change what is read.
            proptest::prop_assert_eq!(tensors, read(GOLDENS[which].1).unwrap());
        }
    }

    #[test]
    fn changed_pickles_never_panic(at in 0..10_000_usize, flip in 1..=255_u8) {
        let mut pickle = tensor("FloatStorage", "0", b"K\x02", b"K\x00", b"K\x02\x85", b"K\x01\x85");
        let at = at % pickle.len();
        pickle[at] ^= flip;
        let _ = read(&archive(&pickle));
    }

    #[test]
    fn any_tensors_round_trip(
        sizes in proptest::collection::vec(proptest::collection::vec(0..4_usize, 0..4), 0..5),
        seed in 0_u8..,
    ) {
        let make = |(index, dims): (usize, &Vec<usize>)| {
            let shape = Shape::new(dims).unwrap();
            let dtype = DType::ALL[(index + usize::from(seed)) % 13];
            let bytes = vec![seed % 2; shape.size_bytes(dtype).unwrap()];
            (format!("layer {index}.\u{e9}"), Tensor::from_bytes(dtype, shape, Bytes::from(bytes)).unwrap())
        };
        let tensors: Vec<(String, Tensor)> = sizes.iter().enumerate().map(make).collect();
        proptest::prop_assert_eq!(read(&write_pth(&tensors).unwrap()).unwrap(), tensors);
    }
}
