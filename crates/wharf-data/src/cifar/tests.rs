use std::fs;

use super::*;

/// A record whose red plane is all 1, green all 2, blue all 3, except the first pixel.
fn record(label: u8) -> Vec<u8> {
    let mut record = vec![label];
    for value in 1..=3 {
        record.extend([value; PLANE]);
    }
    record[1] = 9;
    record
}

fn folder(batches: &[(&str, Vec<u8>)], meta: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("cifar-10-batches-bin");
    fs::create_dir(&inner).unwrap();
    for (name, content) in batches {
        fs::write(inner.join(name), content).unwrap();
    }
    fs::write(inner.join("batches.meta.txt"), meta).unwrap();
    folder
}

#[test]
fn binary_records_become_pixels_channels_last() {
    let folder = folder(&[("test_batch.bin", [record(0), record(1)].concat())], b"cat\ndog\n\n");
    let dataset = read_cifar10_binary(folder.path(), Part::Test).unwrap();
    assert_eq!(dataset.class_names(), ["cat", "dog"]);
    assert_eq!(dataset.labels(), [0, 1]);
    let mut buffer = Vec::new();
    let wharf_transform::Source::Picture(picture) = dataset.picture(1, &mut buffer).unwrap() else {
        panic!("encoded")
    };
    let wharf_transform::Pixels::U8(pixels) = picture.pixels() else { panic!("floats") };
    assert_eq!(pixels[..6], [9, 2, 3, 1, 2, 3]);
}

#[test]
fn binary_files_that_lie_are_errors() {
    let good = record(0);
    for (content, meta, expected) in [
        (good[..3072].to_vec(), &b"cat\n"[..], "has 3072 bytes, expected a multiple of 3073"),
        (vec![], b"cat\n", "has 0 bytes"),
        (good.clone(), b"", "has class 0, expected less than 0"),
        (record(7), b"cat\n", "has class 7, expected less than 1"),
        (good, b"\xff", "is not UTF-8"),
    ] {
        let folder = folder(&[("test_batch.bin", content)], meta);
        let error = read_cifar10_binary(folder.path(), Part::Test).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let folder = folder(&[], b"cat\n");
    let error = read_cifar10_binary(folder.path(), Part::Train).unwrap_err().to_string();
    assert!(error.ends_with("found no file `data_batch_1.bin`"), "{error}");
}

/// Protocol 2 pickles made by `goldens/make.py` in the shape of the authors' files: two pictures and two names.
#[test]
fn python_batches_are_read_without_running_them() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("test_batch"), include_bytes!("../../goldens/test_batch")).unwrap();
    fs::write(folder.path().join("batches.meta"), include_bytes!("../../goldens/batches.meta")).unwrap();
    let dataset = read_cifar10_python(folder.path(), Part::Test).unwrap();
    assert_eq!(dataset.class_names(), ["airplane", "automobile"]);
    assert_eq!(dataset.labels(), [1, 0]);
    let mut buffer = Vec::new();
    let wharf_transform::Source::Picture(picture) = dataset.picture(0, &mut buffer).unwrap() else {
        panic!("encoded")
    };
    let wharf_transform::Pixels::U8(pixels) = picture.pixels() else { panic!("floats") };
    let expected = |index: usize| (index * 7 % 251) as u8;
    assert_eq!(pixels[..3], [expected(0), expected(1024), expected(2048)]);
}

#[test]
fn python_batches_that_would_run_code_are_errors() {
    let evil = b"cos\nsystem\n(S'true'\ntR.";
    for content in [&evil[..], &include_bytes!("../../goldens/test_batch")[..1000], b""] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("test_batch"), content).unwrap();
        fs::write(folder.path().join("batches.meta"), include_bytes!("../../goldens/batches.meta")).unwrap();
        assert!(read_cifar10_python(folder.path(), Part::Test).is_err());
    }
}
