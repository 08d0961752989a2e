//! Our pixels against those of Pillow and torchvision; `goldens/make.py` made the file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::picture::{PictureShape, PictureView, Pixels, Source};
use crate::rotate::rotate;
use crate::{Mode, Pipeline, SampleKey, Scratch, Step};

#[derive(Deserialize)]
struct Goldens {
    rotations: Vec<Rotation>,
    resizes: Vec<Resized>,
    short_sides: Vec<ShortSide>,
    centre_crops: Vec<CentreCrop>,
    greys: Vec<Grey>,
    files: Vec<File>,
}

#[derive(Deserialize)]
struct Rotation {
    shape: [usize; 3],
    angle: f64,
    pixels: String,
}

#[derive(Deserialize)]
struct Resized {
    make: String,
    shape: [usize; 3],
    size: [usize; 2],
    pixels: String,
}

#[derive(Deserialize)]
struct ShortSide {
    shape: [usize; 3],
    size: usize,
    result: [usize; 2],
    pixels: String,
}

#[derive(Deserialize)]
struct CentreCrop {
    shape: [usize; 3],
    size: [usize; 2],
    pixels: String,
}

#[derive(Deserialize)]
struct Grey {
    shape: [usize; 3],
    pixels: String,
}

#[derive(Deserialize)]
struct File {
    name: String,
    file: String,
    shape: [usize; 3],
    pixels: String,
}

fn goldens() -> Goldens {
    serde_json::from_str(include_str!("../goldens/goldens.json")).unwrap()
}

fn bytes(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

/// As `picture` of the script.
fn picture([height, width, channels]: [usize; 3], key: u64) -> Vec<u8> {
    let count = (height * width * channels) as u64;
    (0..count).map(|index| (((index + key) * 2_654_435_761 % (1 << 32)) >> 13) as u8).collect()
}

/// As `smooth` of the script.
fn smooth([height, width, channels]: [usize; 3], key: usize) -> Vec<u8> {
    let at = |y: usize, x: usize, c: usize| ((x * 7 + y * 5 + c * 40 + x * y / 3 + key) % 256) as u8;
    (0..height * width * channels)
        .map(|i| at(i / channels / width, i / channels % width, i % channels))
        .collect()
}

fn shape([height, width, channels]: [usize; 3]) -> PictureShape {
    PictureShape::new(height, width, channels).unwrap()
}

fn run(step: Step, source: Source<'_>) -> (PictureShape, Vec<u8>) {
    let pipeline = Pipeline::always([step]).unwrap();
    let mut scratch = Scratch::default();
    let result = pipeline.program(Mode::Evaluate).run(source, SampleKey::default(), &mut scratch).unwrap();
    let Pixels::U8(pixels) = result.pixels() else { panic!("floats") };
    (result.shape(), pixels.to_vec())
}

fn run_on(step: Step, dims: [usize; 3], pixels: &[u8]) -> (PictureShape, Vec<u8>) {
    run(step, Source::Picture(PictureView::new(shape(dims), Pixels::U8(pixels)).unwrap()))
}

fn largest_difference(ours: &[u8], theirs: &[u8]) -> u8 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

#[test]
fn rotations_are_those_of_torchvision_pixel_for_pixel() {
    for golden in goldens().rotations {
        let input = picture(golden.shape, 7);
        let mut output = Vec::new();
        rotate(&input, shape(golden.shape), golden.angle, &mut output);
        assert!(output == bytes(&golden.pixels), "{:?} by {}", golden.shape, golden.angle);
        let floats: Vec<f32> = input.iter().map(|value| f32::from(*value)).collect();
        let mut turned = Vec::new();
        rotate(&floats, shape(golden.shape), golden.angle, &mut turned);
        assert!(turned.iter().zip(&output).all(|(float, byte)| *float == f32::from(*byte)));
    }
}

#[test]
fn resizes_are_within_one_level_of_pillow() {
    for golden in goldens().resizes {
        let input = if golden.make == "smooth" { smooth(golden.shape, 3) } else { picture(golden.shape, 3) };
        let [height, width] = golden.size;
        let (_, ours) = run_on(Step::Resize { height, width }, golden.shape, &input);
        let difference = largest_difference(&ours, &bytes(&golden.pixels));
        assert!(difference <= 1, "{} {:?} to {:?}: {difference}", golden.make, golden.shape, golden.size);
    }
}

#[test]
fn short_sides_come_out_as_in_torchvision() {
    for golden in goldens().short_sides {
        let input = smooth(golden.shape, 3);
        let (shape, ours) = run_on(Step::ResizeShortSide { size: golden.size }, golden.shape, &input);
        assert_eq!([shape.height(), shape.width()], golden.result);
        assert!(largest_difference(&ours, &bytes(&golden.pixels)) <= 1, "{:?}", golden.shape);
    }
}

#[test]
fn centre_crops_are_those_of_torchvision() {
    for golden in goldens().centre_crops {
        let [height, width] = golden.size;
        let (_, ours) = run_on(Step::CentreCrop { height, width }, golden.shape, &picture(golden.shape, 5));
        assert!(ours == bytes(&golden.pixels), "{:?} to {:?}", golden.shape, golden.size);
    }
}

#[test]
fn greys_are_those_of_pillow() {
    for golden in goldens().greys {
        let (shape, ours) = run_on(Step::Grayscale, golden.shape, &picture(golden.shape, 11));
        assert_eq!(shape.channels(), 1);
        assert!(ours == bytes(&golden.pixels));
    }
}

/// Lossless formats agree to the bit. JPEG leaves the inverse transform and the upsampling of colour to the
/// decoder: with full-size colour ours stays within 3 levels of libjpeg-turbo, with halved colour edges differ
/// by more, so there the mean is held.
#[test]
fn files_decode_as_in_pillow() {
    for golden in goldens().files {
        let (shape, ours) = run(Step::Decode, Source::Encoded(&bytes(&golden.file)));
        assert_eq!([shape.height(), shape.width(), shape.channels()], golden.shape, "{}", golden.name);
        let theirs = bytes(&golden.pixels);
        if golden.name.starts_with("jpg") {
            let sum: u32 = ours.iter().zip(&theirs).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
            let mean = f64::from(sum) / ours.len() as f64;
            let largest = largest_difference(&ours, &theirs);
            eprintln!("{}: mean {mean:.3}, largest {largest}", golden.name);
            assert!(mean < 1.0, "{}: {mean}", golden.name);
        } else {
            assert!(ours == theirs, "{}", golden.name);
        }
    }
}
