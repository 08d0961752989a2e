//! `Pipeline::apply_tensor`, as a signature of a bundle runs it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, and say what they skip")]

use bytes::Bytes;
use wharf_tensor::{DType, Shape, Tensor};
use wharf_transform::{
    Layout, Mode, PictureShape, PictureView, Pipeline, Pixels, SampleKey, Scratch, Source, Step,
};

fn shape(dims: &[usize]) -> Shape {
    Shape::new(dims).unwrap()
}

fn strings(rows: &[&[u8]]) -> Tensor {
    let rows: Vec<Bytes> = rows.iter().map(|row| Bytes::copy_from_slice(row)).collect();
    Tensor::from_strings(shape(&[rows.len()]), rows).unwrap()
}

fn encoded() -> Pipeline {
    Pipeline::always([Step::Decode, Step::Rgb, Step::Resize { height: 2, width: 2 }, Step::ToFloat]).unwrap()
}

#[test]
fn files_become_floating_point_pictures_of_one_size() {
    let input = strings(&[b"P5 2 2 255\n\x00\x33\x66\xff", b"P6 1 1 255\n\xff\x00\x33"]);
    let output = encoded().apply_tensor(&input).unwrap();
    assert_eq!(output.shape().dims(), [2, 2, 2, 3]);
    let values = output.to_vec::<f32>().unwrap();
    assert_eq!(values[..6], [0.0, 0.0, 0.0, 0.2, 0.2, 0.2]);
    assert_eq!(values[12..18], [1.0, 0.0, 0.2, 1.0, 0.0, 0.2]);
}

#[test]
fn no_rows_give_no_rows_of_the_right_size() {
    let output = encoded().apply_tensor(&strings(&[])).unwrap();
    assert_eq!((output.shape().dims(), output.dtype()), (&[0, 2, 2, 3][..], DType::F32));
    let input = Tensor::from_vec::<u8>(shape(&[0, 5, 5, 1]), vec![]).unwrap();
    let output = Pipeline::always([Step::ToFloat]).unwrap().apply_tensor(&input).unwrap();
    assert_eq!((output.shape().dims(), output.dtype()), (&[0, 5, 5, 1][..], DType::F32));
}

#[test]
fn pixels_of_either_type_run_through() {
    let bytes = Tensor::from_vec(shape(&[2, 1, 2, 1]), vec![0_u8, 255, 51, 102]).unwrap();
    let normalise = Step::Normalise { mean: vec![0.5], std: vec![0.5] };
    let pipeline = Pipeline::always([Step::ToFloat, normalise.clone()]).unwrap();
    let output = pipeline.apply_tensor(&bytes).unwrap().to_vec::<f32>().unwrap();
    assert_eq!(output, [-1.0, 1.0, (0.2 - 0.5) / 0.5, (0.4 - 0.5) / 0.5]);

    let floats = Tensor::from_vec(shape(&[1, 1, 2, 1]), vec![0.0_f32, 1.0]).unwrap();
    let output = Pipeline::always([normalise]).unwrap().apply_tensor(&floats).unwrap();
    assert_eq!(output.to_vec::<f32>().unwrap(), [-1.0, 1.0]);

    let rgb = Pipeline::always([Step::Rgb]).unwrap();
    assert_eq!(rgb.apply_tensor(&bytes).unwrap().dtype(), DType::U8);
    assert_eq!(rgb.apply_tensor(&floats).unwrap().to_vec::<f32>().unwrap(), [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    assert_eq!(Pipeline::always([]).unwrap().apply_tensor(&bytes).unwrap(), bytes);
}

#[test]
fn one_hot_sets_one_entry_and_refuses_other_classes() {
    let pipeline = Pipeline::always([Step::OneHot { classes: 3 }]).unwrap();
    let input = Tensor::from_vec(shape(&[2]), vec![2_i64, 0]).unwrap();
    let output = pipeline.apply_tensor(&input).unwrap();
    assert_eq!(output.shape().dims(), [2, 3]);
    assert_eq!(output.to_vec::<f32>().unwrap(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    for (class, expected) in
        [(3_i64, "row 0: class is 3, expected 0 to 2"), (-1, "row 0: class is -1, expected 0 to 2")]
    {
        let input = Tensor::from_vec(shape(&[1]), vec![class]).unwrap();
        assert_eq!(pipeline.apply_tensor(&input).unwrap_err().to_string(), expected);
    }
}

#[test]
fn inputs_of_another_kind_are_errors() {
    let pixels = Tensor::from_vec(shape(&[1, 1, 1, 1]), vec![0_u8]).unwrap();
    let flat = Tensor::from_vec(shape(&[1]), vec![0_u8]).unwrap();
    let wide = Tensor::from_vec(shape(&[1, 1, 1, 9]), vec![0_u8; 9]).unwrap();
    let doubles = Tensor::from_vec(shape(&[1, 1, 1, 1]), vec![0_f64]).unwrap();
    let square = Tensor::from_strings(shape(&[1, 1]), vec![Bytes::new()]).unwrap();
    let to_float = || Pipeline::always([Step::ToFloat]).unwrap();
    for (pipeline, input, expected) in [
        (encoded(), &pixels, "row 0: input is 8-bit pixels, expected an encoded picture"),
        (to_float(), &flat, "input has shape [1], expected [N, H, W, C]"),
        (to_float(), &wide, "picture has 9 channels, expected at most 4"),
        (to_float(), &doubles, "input is float64, expected 8-bit pixels"),
        (to_float(), &strings(&[b"x"]), "row 0: input is an encoded picture, expected 8-bit pixels"),
        (encoded(), &square, "input has shape [1, 1], expected [N]"),
        (encoded(), &strings(&[b"P5 1 1 255\n\0", b""]), "row 1: picture is empty"),
    ] {
        assert_eq!(pipeline.apply_tensor(input).unwrap_err().to_string(), expected);
    }
    let decode = Pipeline::always([Step::Decode]).unwrap();
    let rows = strings(&[b"P5 1 1 255\n\0", b"P5 2 1 255\n\0\0"]);
    let error = decode.apply_tensor(&rows).unwrap_err().to_string();
    assert_eq!(error, "row 1: pictures come out in different sizes");
    let random = Pipeline::always([Step::RandomRotation { degrees: 1.0 }]).unwrap();
    assert!(random.apply_tensor(&pixels).unwrap_err().to_string().contains("draws random numbers"));
}

/// The table at the end of a program holds what the steps give one after the other; both parts of a program
/// cut in two give what the whole gives.
#[test]
fn shortcuts_give_the_same_bits() {
    let steps = || {
        vec![
            Step::Pad { top: 1, bottom: 0, left: 2, right: 0, fill: 9.0 },
            Step::RandomHorizontalFlip { probability: 0.5 },
            Step::RandomRotation { degrees: 30.0 },
            Step::ToFloat,
            Step::Normalise { mean: vec![0.1, 0.2, 0.3], std: vec![0.7, 0.8, 0.9] },
        ]
    };
    let whole = Pipeline::always(steps()).unwrap();
    // Padding by nothing keeps the table from being used.
    let zero = Step::Pad { top: 0, bottom: 0, left: 0, right: 0, fill: 0.0 };
    let slow = Pipeline::always(steps().into_iter().chain([zero])).unwrap();
    let pixels: Vec<u8> = (0..7 * 6 * 3).map(|index| (index * 37) as u8).collect();
    let picture = PictureView::new(PictureShape::new(7, 6, 3).unwrap(), Pixels::U8(&pixels)).unwrap();
    let [mut scratch, mut other] = [(); 2].map(|()| Scratch::default());
    let (prefix, rest) = whole.program(Mode::Train).split_prefix();
    assert_eq!(prefix.steps().count(), 1);
    for sample in 0..20 {
        let key = SampleKey { seed: 1, epoch: 2, sample };
        for layout in [Layout::Hwc, Layout::Chw] {
            let [mut a, mut b, mut c] = [(); 3].map(|()| vec![0.0; 8 * 8 * 3]);
            let source = Source::Picture(picture);
            whole.program(Mode::Train).run_into(source, key, &mut scratch, layout, &mut a).unwrap();
            slow.program(Mode::Train).run_into(source, key, &mut scratch, layout, &mut b).unwrap();
            let middle = prefix.run(source, SampleKey::default(), &mut other).unwrap();
            rest.run_into(Source::Picture(middle), key, &mut scratch, layout, &mut c).unwrap();
            assert!(a == b && a == c, "{sample} {layout:?}");
        }
    }
}

#[test]
fn output_of_another_length_is_an_error() {
    let pipeline = Pipeline::always([Step::ToFloat]).unwrap();
    let picture = PictureView::new(PictureShape::new(1, 2, 1).unwrap(), Pixels::U8(&[0, 1])).unwrap();
    let mut output = vec![0.0; 3];
    let run = pipeline.program(Mode::Train).run_into(
        Source::Picture(picture),
        SampleKey::default(),
        &mut Scratch::default(),
        Layout::Hwc,
        &mut output,
    );
    assert_eq!(run.unwrap_err().to_string(), "picture is 1x2x1 in the end, expected 3 numbers");
}

/// Angles are spread evenly over the whole range and probabilities are kept.
#[test]
fn random_steps_follow_their_law() {
    let flip = Pipeline::always([Step::RandomHorizontalFlip { probability: 0.3 }, Step::ToFloat]).unwrap();
    let picture = PictureView::new(PictureShape::new(1, 2, 1).unwrap(), Pixels::U8(&[0, 255])).unwrap();
    let mut scratch = Scratch::default();
    let flipped = (0..10_000).filter(|sample| {
        let key = SampleKey { seed: 3, epoch: 0, sample: *sample };
        let mut output = [0.0; 2];
        let program = flip.program(Mode::Train);
        program.run_into(Source::Picture(picture), key, &mut scratch, Layout::Hwc, &mut output).unwrap();
        output[0] == 1.0
    });
    let count = flipped.count();
    assert!((2850..3150).contains(&count), "{count}");
}

#[test]
fn many_short_rows_do_not_decide_how_much_memory_is_taken() {
    let empty: Vec<&[u8]> = vec![b""; 2_000_000];
    let steps = [Step::Decode, Step::Grayscale, Step::Resize { height: 28, width: 28 }, Step::ToFloat];
    let error = Pipeline::always(steps).unwrap().apply_tensor(&strings(&empty)).unwrap_err().to_string();
    assert!(error.contains("2000000 rows") && error.contains("1024 MiB"), "{error}");
}
