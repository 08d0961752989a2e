//! What the loader promises: the same bits on any number of threads, bounded memory, errors for the consumer,
//! and an end when it is dropped.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, and say what they skip")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use wharf_data::{
    Batch, DataError, DataErrorKind, Dataset, EpochOptions, OnBadPicture, PictureOptions, Pictures,
    read_folder,
};
use wharf_transform::{CounterRng, Layout, Mode, PictureShape, Pipeline, StagedStep, Step};

const COUNT: usize = 103;

fn dataset() -> Arc<Dataset> {
    let shape = PictureShape::new(12, 10, 3).unwrap();
    let mut rng = CounterRng::new(&[9]);
    let pixels = (0..COUNT * shape.num_elements()).map(|_| rng.next_u32() as u8).collect();
    let labels = (0..COUNT).map(|index| (index % 4) as u32).collect();
    let names = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    Arc::new(Dataset::from_pixels(names, labels, shape, pixels).unwrap())
}

fn augmenting() -> Pipeline {
    let steps: Vec<StagedStep> = vec![
        Step::CentreCrop { height: 10, width: 10 }.into(),
        Step::RandomCrop { height: 8, width: 8, padding: 1 }.into(),
        Step::RandomHorizontalFlip { probability: 0.5 }.into(),
        Step::RandomRotation { degrees: 10.0 }.into(),
        Step::ToFloat.into(),
        Step::Normalise { mean: vec![0.5, 0.4, 0.3], std: vec![0.5, 0.2, 0.1] }.into(),
        Step::Resize { height: 8, width: 8 }.into(),
    ];
    Pipeline::new(steps).unwrap()
}

fn options(cache: bool) -> PictureOptions {
    let options = PictureOptions::default().with_threads(2);
    if cache { options } else { options.with_cache_limit_bytes(0) }
}

/// All numbers and labels of an epoch, as bits.
fn bits(batches: impl Iterator<Item = Result<Batch, DataError>>) -> (Vec<u32>, Vec<u32>, Vec<usize>) {
    let (mut pixels, mut labels, mut indices) = (Vec::new(), Vec::new(), Vec::new());
    for batch in batches {
        let batch = batch.unwrap();
        assert_eq!(batch.pixels().len(), batch.dims().iter().product::<usize>());
        pixels.extend(batch.pixels().iter().map(|value| value.to_bits()));
        labels.extend_from_slice(batch.labels());
        indices.extend_from_slice(batch.indices());
    }
    (pixels, labels, indices)
}

fn order() -> Vec<usize> {
    CounterRng::new(&[1, 2]).permutation(COUNT)
}

#[test]
fn any_number_of_threads_with_or_without_cache_gives_the_same_bits() {
    let expected = {
        let pictures = Pictures::new(dataset(), &augmenting(), Mode::Train, &options(true)).unwrap();
        assert_eq!(pictures.cached_bytes(), Some(COUNT * 300));
        let epoch = EpochOptions::new(10, 7, 3).with_threads(1);
        bits(Arc::new(pictures).epoch(order(), epoch).unwrap())
    };
    assert_eq!(expected.2, order());
    for cache in [true, false] {
        let pictures = Pictures::new(dataset(), &augmenting(), Mode::Train, &options(cache)).unwrap();
        assert_eq!(pictures.cached_bytes().is_some(), cache);
        let pictures = Arc::new(pictures);
        for threads in [1, 2, 3, 8] {
            let epoch = EpochOptions::new(10, 7, 3).with_threads(threads);
            assert!(bits(pictures.epoch(order(), epoch).unwrap()) == expected, "{cache} {threads}");
        }
    }
}

#[test]
fn seed_epoch_and_sample_change_the_pictures_but_the_place_in_the_batch_does_not() {
    let pictures = Arc::new(Pictures::new(dataset(), &augmenting(), Mode::Train, &options(true)).unwrap());
    let run = |order: Vec<usize>, seed, epoch| {
        bits(pictures.epoch(order, EpochOptions::new(4, seed, epoch)).unwrap()).0
    };
    let row = 8 * 8 * 3;
    let base = run(vec![5, 6, 7], 1, 1);
    assert_ne!(run(vec![5, 6, 7], 2, 1), base);
    assert_ne!(run(vec![5, 6, 7], 1, 2), base);
    assert_eq!(run(vec![7, 5], 1, 1)[row..], base[..row]);
}

#[test]
fn evaluation_draws_nothing_and_shares_the_cache() {
    let train = Pictures::new(dataset(), &augmenting(), Mode::Train, &options(true)).unwrap();
    let steps = [
        Step::CentreCrop { height: 10, width: 10 },
        Step::RandomHorizontalFlip { probability: 1.0 },
        Step::ToFloat,
    ];
    let pipeline = Pipeline::new(steps.map(StagedStep::from).to_vec()).unwrap();
    let evaluate = Arc::new(train.with_pipeline(&pipeline, Mode::Evaluate, &options(true)).unwrap());
    assert_eq!(evaluate.cached_bytes(), train.cached_bytes());
    let run = |epoch| bits(evaluate.epoch(order(), EpochOptions::new(10, 1, epoch)).unwrap());
    assert!(run(0) == run(1));
}

#[test]
fn layouts_hold_the_same_numbers_in_another_order() {
    let pictures = Arc::new(Pictures::new(dataset(), &augmenting(), Mode::Train, &options(true)).unwrap());
    let batch = |layout| {
        let epoch = EpochOptions::new(2, 7, 3).with_layout(layout);
        pictures.epoch(vec![3, 4], epoch).unwrap().next().unwrap().unwrap()
    };
    let (planes, pixels) = (batch(Layout::Chw), batch(Layout::Hwc));
    assert_eq!((planes.dims(), pixels.dims()), ([2, 3, 8, 8], [2, 8, 8, 3]));
    for (n, c, yx) in (0..2).flat_map(|n| (0..3).flat_map(move |c| (0..64).map(move |yx| (n, c, yx)))) {
        assert_eq!(planes.pixels()[n * 192 + c * 64 + yx], pixels.pixels()[n * 192 + yx * 3 + c]);
    }
}

#[test]
fn an_epoch_may_start_at_a_later_batch() {
    let pictures = Arc::new(Pictures::new(dataset(), &augmenting(), Mode::Train, &options(true)).unwrap());
    let run =
        |first| bits(pictures.epoch(order(), EpochOptions::new(10, 7, 3).with_first_batch(first)).unwrap());
    let (whole, later) = (run(0), run(4));
    assert_eq!(later.2, whole.2[40..]);
    assert!(whole.0.ends_with(&later.0));
    assert!(run(99).0.is_empty());
}

#[test]
fn no_more_than_two_batches_per_thread_are_alive() {
    let pictures = Arc::new(Pictures::new(dataset(), &augmenting(), Mode::Train, &options(true)).unwrap());
    for threads in [1, 3] {
        let mut loader = pictures.epoch(order(), EpochOptions::new(1, 7, 3).with_threads(threads)).unwrap();
        assert_eq!(loader.num_batches(), COUNT);
        assert_eq!(loader.by_ref().map(|batch| batch.unwrap().num_pictures()).sum::<usize>(), COUNT);
        assert!(loader.most_batches_alive() <= 2 * threads, "{}", loader.most_batches_alive());
    }
}

#[test]
fn dropping_it_midway_stops_its_threads() {
    let pictures = Arc::new(Pictures::new(dataset(), &augmenting(), Mode::Train, &options(true)).unwrap());
    for taken in [0, 1, 5] {
        let mut loader = pictures.epoch(order(), EpochOptions::new(1, 7, 3).with_threads(3)).unwrap();
        let batches: Vec<_> = loader.by_ref().take(taken).collect();
        drop(loader);
        drop(batches);
        // Every thread held a share of the pictures.
        assert_eq!(Arc::strong_count(&pictures), 1);
    }
}

#[test]
fn settings_that_cannot_be_are_errors() {
    let pictures = Arc::new(Pictures::new(dataset(), &augmenting(), Mode::Train, &options(true)).unwrap());
    assert!(pictures.epoch(order(), EpochOptions::new(0, 7, 3)).is_err());
    assert!(pictures.epoch(vec![COUNT], EpochOptions::new(1, 7, 3)).is_err());
    assert_eq!(pictures.epoch(vec![], EpochOptions::new(1, 7, 3)).unwrap().count(), 0);
    let without_float = Pipeline::new(vec![]).unwrap();
    let error = Pictures::new(dataset(), &without_float, Mode::Train, &options(true)).unwrap_err();
    assert!(error.to_string().contains("`to_float`"), "{error}");
}

/// Three classes of PGM pictures of 2x2, of which some are damaged as `damage` says.
fn folder(damage: &[(usize, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..30 {
        let class = folder.path().join(["x", "y", "z"][index / 10]);
        fs::create_dir_all(&class).unwrap();
        let good = [b"P5 2 2 255\n", &[index as u8; 4][..]].concat();
        let content = damage.iter().find(|(bad, _)| *bad == index).map_or(&good[..], |(_, bytes)| bytes);
        fs::write(class.join(format!("{index:02}.pgm")), content).unwrap();
    }
    folder
}

fn load(folder: &Path, on_bad: OnBadPicture, cache: bool) -> Result<(Vec<usize>, Vec<String>), DataError> {
    let pipeline = Pipeline::new(vec![Step::ToFloat.into()]).unwrap();
    let dataset = Arc::new(read_folder(folder)?);
    let options = options(cache).with_on_bad_picture(on_bad);
    let pictures = Arc::new(Pictures::new(dataset, &pipeline, Mode::Train, &options)?);
    let (mut indices, mut bad) = (Vec::new(), Vec::new());
    for batch in pictures.epoch((0..30).collect(), EpochOptions::new(4, 0, 0).with_threads(2))? {
        let batch = batch?;
        indices.extend_from_slice(batch.indices());
        bad.extend(batch.bad_pictures().iter().map(ToString::to_string));
        for (row, index) in batch.pixels().chunks(4).zip(batch.indices()) {
            assert_eq!(row[0], *index as f32 / 255.0);
        }
    }
    Ok((indices, bad))
}

#[test]
fn bad_pictures_are_skipped_by_name_or_fatal() {
    let folder = folder(&[(0, b""), (7, b"P5 2 2 255\n\0"), (8, b"GIF89a"), (25, b"P5 3 2 255\n123456")]);
    for cache in [true, false] {
        let (indices, bad) = load(folder.path(), OnBadPicture::Skip, cache).unwrap();
        assert_eq!(indices.len(), 26);
        assert_eq!(bad[0], "bad picture `x/00.pgm`: picture is empty");
        assert!(bad[1].starts_with("bad picture `x/07.pgm`: picture is damaged"), "{}", bad[1]);
        assert!(bad[2].contains("`x/08.pgm`: picture is none of PNG"), "{}", bad[2]);
        assert!(bad[3].contains("`z/25.pgm`"), "{}", bad[3]);
        let error = load(folder.path(), OnBadPicture::Fail, cache).unwrap_err();
        assert_eq!(error.kind(), DataErrorKind::BadPicture);
        assert!(error.to_string().contains("`x/00.pgm`"), "{error}");
    }
}

#[test]
fn a_file_that_vanishes_is_a_bad_picture() {
    let folder = folder(&[]);
    let dataset = Arc::new(read_folder(folder.path()).unwrap());
    fs::remove_file(folder.path().join("y/15.pgm")).unwrap();
    let pipeline = Pipeline::new(vec![Step::ToFloat.into()]).unwrap();
    let error = Pictures::new(dataset, &pipeline, Mode::Train, &options(true)).unwrap_err();
    assert!(error.to_string().contains("bad picture `y/15.pgm`: cannot open"), "{error}");
}

#[test]
fn a_folder_of_nothing_but_bad_pictures_is_an_error() {
    let damage: Vec<(usize, &[u8])> = (0..30).map(|index| (index, &b"x"[..])).collect();
    let folder = folder(&damage);
    for cache in [true, false] {
        let error = load(folder.path(), OnBadPicture::Skip, cache).unwrap_err();
        assert!(error.to_string().starts_with("no picture can be used: bad picture"), "{error}");
    }
}
