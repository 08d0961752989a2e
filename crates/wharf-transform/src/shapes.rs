//! The size of a program's output, as far as it follows from the steps.

use crate::apply::resized_shape;
use crate::geometry::{Borders, padded_shape};
use crate::picture::PictureShape;
use crate::{Step, TransformError};

/// What is known of a picture's size: encoded pictures start with nothing.
#[derive(Clone, Copy)]
struct Known {
    sides: Option<(usize, usize)>,
    channels: Option<usize>,
}

pub(crate) fn output_shape<'a>(
    steps: impl Iterator<Item = &'a Step>,
    input: Option<PictureShape>,
) -> Result<Option<PictureShape>, TransformError> {
    let mut known = Known {
        sides: input.map(|shape| (shape.height(), shape.width())),
        channels: input.map(|shape| shape.channels()),
    };
    for step in steps {
        known = after(step, known)?;
    }
    match (known.sides, known.channels) {
        (Some((height, width)), Some(channels)) => PictureShape::new(height, width, channels).map(Some),
        _ => Ok(None),
    }
}

fn after(step: &Step, known: Known) -> Result<Known, TransformError> {
    let sides = match (step, known.sides) {
        (
            Step::Resize { height, width }
            | Step::CentreCrop { height, width }
            | Step::RandomCrop { height, width, .. },
            _,
        ) => Some((*height, *width)),
        (Step::ResizeShortSide { .. }, Some(sides)) => {
            Some(changed(sides, |shape| resized_shape(step, shape))?)
        }
        (Step::Pad { top, bottom, left, right, .. }, Some(sides)) => {
            let borders = Borders { top: *top, bottom: *bottom, left: *left, right: *right };
            Some(changed(sides, |shape| padded_shape(shape, borders))?)
        }
        (_, sides) => sides,
    };
    let channels = match step {
        Step::Grayscale => Some(1),
        Step::Rgb => Some(3),
        _ => known.channels,
    };
    Ok(Known { sides, channels })
}

fn changed(
    (height, width): (usize, usize),
    change: impl FnOnce(PictureShape) -> Result<PictureShape, TransformError>,
) -> Result<(usize, usize), TransformError> {
    let shape = change(PictureShape::new(height, width, 1)?)?;
    Ok((shape.height(), shape.width()))
}
