//! The readers on real data sets, where they are at hand.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests fail by panicking, and say what they skip"
)]

use std::path::PathBuf;
use std::sync::Arc;

use wharf_data::fetch::{FetchFrom, KnownDataset, fetch};
use wharf_data::{EpochOptions, OpenOptions, Part, PictureOptions, Pictures, open_dataset};
use wharf_transform::{Mode, Pipeline, Step};

/// The folder of a data set, or nothing and a line that says so.
fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("WHARF_SHARED_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = root.join(name);
    let found = path.exists();
    if !found {
        eprintln!("skipped: there is no `{}`", path.display());
    }
    found.then_some(path)
}

/// Decodes everything and counts the pictures of each class that came through the loader.
fn decode_all(dataset: wharf_data::Dataset, expected: [usize; 3]) -> Vec<usize> {
    let dataset = Arc::new(dataset);
    let pipeline = Pipeline::new(vec![Step::ToFloat.into()]).unwrap();
    let pictures =
        Pictures::new(Arc::clone(&dataset), &pipeline, Mode::Train, &PictureOptions::default()).unwrap();
    let shape = pictures.shape();
    assert_eq!([shape.height(), shape.width(), shape.channels()], expected);
    let mut counts = vec![0; dataset.class_names().len()];
    let order = (0..dataset.num_pictures()).collect();
    for batch in Arc::new(pictures).epoch(order, EpochOptions::new(100, 0, 0)).unwrap() {
        for label in batch.unwrap().labels() {
            counts[*label as usize] += 1;
        }
    }
    counts
}

#[test]
fn cifar10_tar_files_decode_whole() {
    let Some(path) = shared("cifar10") else { return };
    for (part, count) in [(Part::Train, 5000), (Part::Test, 1000)] {
        let dataset = open_dataset(&path, part, &OpenOptions::default()).unwrap();
        assert_eq!(dataset.class_names()[..2], ["airplane", "automobile"]);
        assert_eq!(decode_all(dataset, [32, 32, 3]), [count; 10]);
    }
}

#[test]
fn faces_of_40_people_decode_whole() {
    let Some(path) = shared("orl-faces/data_faces") else { return };
    let dataset = open_dataset(&path, Part::Train, &OpenOptions::default()).unwrap();
    assert_eq!(dataset.num_pictures(), 400);
    let counts = decode_all(dataset, [112, 92, 1]);
    assert_eq!(counts, [10; 40]);
}

#[test]
fn fashion_mnist_of_the_distribution_passes_its_pins() {
    if !PathBuf::from("/usr/share/datasets/fashion-mnist").exists() {
        eprintln!("skipped: package `dataset-fashion-mnist` is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("fashion-mnist");
    let paths = fetch(KnownDataset::FashionMnist, &FetchFrom::Official, &into, &mut |_| {}).unwrap();
    assert_eq!(paths.len(), 4);
    for (part, count) in [(Part::Train, 6000), (Part::Test, 1000)] {
        let dataset = open_dataset(&into, part, &OpenOptions::default()).unwrap();
        assert_eq!(dataset.class_names()[9], "ankle boot");
        assert_eq!(decode_all(dataset, [28, 28, 1]), [count; 10]);
    }
}
