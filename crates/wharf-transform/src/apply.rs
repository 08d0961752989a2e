//! One step on one picture.

use fast_image_resize::Resizer;

use crate::geometry::{self, Borders};
use crate::picture::PictureShape;
use crate::resize::{self, Resizable};
use crate::rotate::rotate;
use crate::scratch::{Current, Place, Scratch};
use crate::{CounterRng, Step, TransformError, colour};

/// A number that pixels are made of.
trait Number: Resizable {
    fn luma(pixel: [Self; 3]) -> Self;
    fn from_fill(fill: f32) -> Self;
}

impl Number for u8 {
    fn luma(pixel: [u8; 3]) -> u8 {
        colour::luma_u8(pixel)
    }

    fn from_fill(fill: f32) -> u8 {
        fill as u8
    }
}

impl Number for f32 {
    fn luma(pixel: [f32; 3]) -> f32 {
        colour::luma_f32(pixel)
    }

    fn from_fill(fill: f32) -> f32 {
        fill
    }
}

/// Runs `step`; random ones draw from `rng`.
pub(crate) fn apply<'a>(
    step: &Step,
    current: Current<'a>,
    scratch: &mut Scratch,
    rng: impl FnOnce() -> CounterRng,
) -> Result<Current<'a>, TransformError> {
    let Current { shape, place } = current;
    match step {
        Step::ToFloat => {
            let (bytes, _) = scratch.bytes.sides(place.borrowed_bytes());
            scratch.floats.front.clear();
            scratch.floats.front.extend(bytes.iter().map(|value| to_float(*value)));
            Ok(Current { shape, place: Place::Floats })
        }
        Step::Normalise { mean, std } => {
            check_channels(mean.len(), shape)?;
            let (input, output) = scratch.floats.sides(place.borrowed_floats());
            normalise(input, shape.channels(), mean, std, output);
            scratch.floats.swap();
            Ok(Current { shape, place: Place::Floats })
        }
        _ if place.is_float() => {
            let (input, output) = scratch.floats.sides(place.borrowed_floats());
            let moved = move_pixels(step, input, shape, output, &mut scratch.resizer, rng)?;
            let Some(shape) = moved else { return Ok(current) };
            scratch.floats.swap();
            Ok(Current { shape, place: Place::Floats })
        }
        _ => {
            let (input, output) = scratch.bytes.sides(place.borrowed_bytes());
            let moved = move_pixels(step, input, shape, output, &mut scratch.resizer, rng)?;
            let Some(shape) = moved else { return Ok(current) };
            scratch.bytes.swap();
            Ok(Current { shape, place: Place::Bytes })
        }
    }
}

/// As `ToTensor` scales.
pub(crate) fn to_float(value: u8) -> f32 {
    f32::from(value) / 255.0
}

/// One number for all channels, or one for each.
pub(crate) fn check_channels(numbers: usize, shape: PictureShape) -> Result<(), TransformError> {
    if numbers == 1 || numbers == shape.channels() {
        return Ok(());
    }
    let channels = shape.channels();
    Err(TransformError::input(format!("picture has {channels} channels, `normalise` expects {numbers}")))
}

fn normalise(input: &[f32], channels: usize, mean: &[f32], std: &[f32], output: &mut Vec<f32>) {
    output.clear();
    for pixel in input.chunks_exact(channels) {
        let settings = mean.iter().cycle().zip(std.iter().cycle());
        output.extend(pixel.iter().zip(settings).map(|(value, (mean, std))| (value - mean) / std));
    }
}

/// The steps that are the same on bytes and floats; `None` where the picture stays as it is.
fn move_pixels<T: Number>(
    step: &Step,
    input: &[T],
    shape: PictureShape,
    output: &mut Vec<T>,
    resizer: &mut Resizer,
    rng: impl FnOnce() -> CounterRng,
) -> Result<Option<PictureShape>, TransformError> {
    match step {
        Step::Resize { .. } | Step::ResizeShortSide { .. } => {
            let resized = resized_shape(step, shape)?;
            if resized == shape {
                return Ok(None);
            }
            resize::resize(resizer, input, shape, resized, output)?;
            Ok(Some(resized))
        }
        Step::Pad { top, bottom, left, right, fill } => {
            let borders = Borders { top: *top, bottom: *bottom, left: *left, right: *right };
            geometry::pad(input, shape, borders, T::from_fill(*fill), output).map(Some)
        }
        Step::CentreCrop { height, width } => centre_crop(input, shape, *height, *width, output),
        Step::RandomCrop { height, width, padding } => {
            random_crop(input, shape, (*height, *width), *padding, output, rng())
        }
        Step::RandomHorizontalFlip { probability } => {
            if rng().uniform_f64() >= *probability {
                return Ok(None);
            }
            geometry::flip(input, shape, output);
            Ok(Some(shape))
        }
        Step::RandomRotation { degrees } => {
            rotate(input, shape, rng().uniform_in(-degrees, *degrees), output);
            Ok(Some(shape))
        }
        Step::Grayscale if shape.channels() == 1 => Ok(None),
        Step::Rgb if shape.channels() == 3 => Ok(None),
        Step::Grayscale | Step::Rgb => change_colour(step, input, shape, output),
        Step::Decode | Step::ToFloat | Step::Normalise { .. } | Step::OneHot { .. } => Ok(None),
    }
}

pub(crate) fn resized_shape(step: &Step, shape: PictureShape) -> Result<PictureShape, TransformError> {
    match step {
        Step::Resize { height, width } => PictureShape::new(*height, *width, shape.channels()),
        Step::ResizeShortSide { size } => resize::short_side_shape(shape, *size),
        _ => Ok(shape),
    }
}

fn centre_crop<T: Number>(
    input: &[T],
    shape: PictureShape,
    height: usize,
    width: usize,
    output: &mut Vec<T>,
) -> Result<Option<PictureShape>, TransformError> {
    let cropped = PictureShape::new(height, width, shape.channels())?;
    if cropped == shape {
        return Ok(None);
    }
    let borders = geometry::centre_borders(shape, height, width);
    if borders == Borders::default() {
        crop_centre(input, shape, cropped, output);
    } else {
        let mut padded = Vec::new();
        let padded_shape = geometry::pad(input, shape, borders, T::default(), &mut padded)?;
        crop_centre(&padded, padded_shape, cropped, output);
    }
    Ok(Some(cropped))
}

fn crop_centre<T: Copy>(input: &[T], shape: PictureShape, cropped: PictureShape, output: &mut Vec<T>) {
    let top = geometry::centre_start(shape.height(), cropped.height());
    let left = geometry::centre_start(shape.width(), cropped.width());
    geometry::crop(input, shape, (top, left), cropped, output);
}

fn random_crop<T: Number>(
    input: &[T],
    shape: PictureShape,
    (height, width): (usize, usize),
    padding: usize,
    output: &mut Vec<T>,
    mut rng: CounterRng,
) -> Result<Option<PictureShape>, TransformError> {
    let cropped = PictureShape::new(height, width, shape.channels())?;
    let borders = Borders { top: padding, bottom: padding, left: padding, right: padding };
    let padded = geometry::padded_shape(shape, borders)?;
    let (Some(rows), Some(columns)) =
        (padded.height().checked_sub(height), padded.width().checked_sub(width))
    else {
        let (from_height, from_width) = (padded.height(), padded.width());
        return Err(TransformError::input(format!(
            "picture is {from_height}x{from_width} with its padding, expected at least {height}x{width}"
        )));
    };
    let top = rng.below(rows as u64 + 1) as usize;
    let left = rng.below(columns as u64 + 1) as usize;
    if padding == 0 {
        geometry::crop(input, shape, (top, left), cropped, output);
    } else {
        let mut bordered = Vec::new();
        geometry::pad(input, shape, borders, T::default(), &mut bordered)?;
        geometry::crop(&bordered, padded, (top, left), cropped, output);
    }
    Ok(Some(cropped))
}

fn change_colour<T: Number>(
    step: &Step,
    input: &[T],
    shape: PictureShape,
    output: &mut Vec<T>,
) -> Result<Option<PictureShape>, TransformError> {
    match (step, shape.channels()) {
        (Step::Grayscale, 3) => colour::to_grey(input, T::luma, output),
        (Step::Rgb, 1) => colour::to_rgb(input, output),
        (_, channels) => {
            let op = step.op();
            return Err(TransformError::input(format!(
                "picture has {channels} channels, `{op}` expects 1 or 3"
            )));
        }
    }
    Ok(Some(shape.with_channels(if matches!(step, Step::Rgb) { 3 } else { 1 })))
}
