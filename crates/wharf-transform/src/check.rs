//! Checks a list of steps before anything runs: settings in range, and each step fit for what it is given.

use crate::pipeline::Kind;
use crate::{Step, TransformError};

const MAX_SIDE: usize = 65_535;

/// The error of step `index`.
fn wrong(index: usize, step: &Step, what: impl std::fmt::Display) -> TransformError {
    TransformError::pipeline(format!("step {} `{}`: {what}", index + 1, step.op()))
}

/// Checks the settings of step `index` by themselves.
pub(crate) fn check_settings(index: usize, step: &Step) -> Result<(), TransformError> {
    settings_fault(step).map_or(Ok(()), |fault| Err(wrong(index, step, fault)))
}

fn settings_fault(step: &Step) -> Option<String> {
    match step {
        Step::Resize { height, width } | Step::CentreCrop { height, width } => {
            side_fault("height", *height).or_else(|| side_fault("width", *width))
        }
        Step::RandomCrop { height, width, padding } => side_fault("height", *height)
            .or_else(|| side_fault("width", *width))
            .or_else(|| border_fault("padding", *padding)),
        Step::ResizeShortSide { size } => side_fault("size", *size),
        Step::Pad { top, bottom, left, right, fill } => {
            let borders = [("top", *top), ("bottom", *bottom), ("left", *left), ("right", *right)];
            let fault = borders.into_iter().find_map(|(key, size)| border_fault(key, size));
            fault.or_else(|| (!fill.is_finite()).then(|| format!("`fill` is {fill}, expected a number")))
        }
        Step::RandomHorizontalFlip { probability } => (!(0.0..=1.0).contains(probability))
            .then(|| format!("`probability` is {probability}, expected 0 to 1")),
        Step::RandomRotation { degrees } => {
            (!(0.0..=360.0).contains(degrees)).then(|| format!("`degrees` is {degrees}, expected 0 to 360"))
        }
        Step::Normalise { mean, std } => normalise_fault(mean, std),
        Step::OneHot { classes } => (!(1..=1 << 20).contains(classes))
            .then(|| format!("`classes` is {classes}, expected 1 to {}", 1 << 20)),
        Step::Decode | Step::Grayscale | Step::Rgb | Step::ToFloat => None,
    }
}

fn side_fault(key: &str, size: usize) -> Option<String> {
    (!(1..=MAX_SIDE).contains(&size)).then(|| format!("`{key}` is {size}, expected 1 to {MAX_SIDE}"))
}

fn border_fault(key: &str, size: usize) -> Option<String> {
    (size > MAX_SIDE).then(|| format!("`{key}` is {size}, expected at most {MAX_SIDE}"))
}

fn normalise_fault(mean: &[f32], std: &[f32]) -> Option<String> {
    if mean.len() != std.len() || !matches!(mean.len(), 1..=4) {
        let (means, stds) = (mean.len(), std.len());
        return Some(format!("`mean` has {means} numbers and `std` has {stds}, expected one per channel"));
    }
    if let Some(mean) = mean.iter().find(|mean| !mean.is_finite()) {
        return Some(format!("`mean` holds {mean}, expected numbers"));
    }
    let std = std.iter().find(|std| !std.is_finite() || **std <= 0.0)?;
    Some(format!("`std` holds {std}, expected numbers above 0"))
}

/// What goes in and what comes out of `steps`, given with their places in the recipe.
pub(crate) fn check_chain<'a>(
    steps: impl Iterator<Item = (usize, &'a Step)>,
) -> Result<(Kind, Kind), TransformError> {
    let steps: Vec<_> = steps.collect();
    let input = input_of(steps.iter().map(|(_, step)| *step));
    let mut kind = input;
    for (index, step) in steps {
        kind = kind_after(step, kind)
            .ok_or_else(|| wrong(index, step, format_args!("expects {}, is given {kind}", takes(step))))?;
        if let (Step::Pad { fill, .. }, Kind::PixelsU8) = (step, kind)
            && (fill.fract() != 0.0 || !(0.0..=255.0).contains(fill))
        {
            return Err(wrong(
                index,
                step,
                format_args!("`fill` is {fill}, expected a whole number 0 to 255"),
            ));
        }
    }
    Ok((input, kind))
}

/// What the first step that is not content with any pixels demands.
fn input_of<'a>(steps: impl Iterator<Item = &'a Step>) -> Kind {
    for (index, step) in steps.enumerate() {
        match step {
            Step::Decode if index == 0 => return Kind::Encoded,
            Step::OneHot { .. } if index == 0 => return Kind::ClassNumber,
            Step::ToFloat => return Kind::PixelsU8,
            Step::Normalise { .. } => return Kind::PixelsF32,
            _ => {}
        }
    }
    Kind::Pixels
}

fn kind_after(step: &Step, kind: Kind) -> Option<Kind> {
    match (step, kind) {
        (Step::Decode, Kind::Encoded) => Some(Kind::PixelsU8),
        (Step::ToFloat, Kind::PixelsU8) | (Step::Normalise { .. }, Kind::PixelsF32) => Some(Kind::PixelsF32),
        (Step::OneHot { .. }, Kind::ClassNumber) => Some(Kind::OneHot),
        (Step::Decode | Step::ToFloat | Step::Normalise { .. } | Step::OneHot { .. }, _) => None,
        (_, Kind::Pixels | Kind::PixelsU8 | Kind::PixelsF32) => Some(kind),
        _ => None,
    }
}

fn takes(step: &Step) -> Kind {
    match step {
        Step::Decode => Kind::Encoded,
        Step::ToFloat => Kind::PixelsU8,
        Step::Normalise { .. } => Kind::PixelsF32,
        Step::OneHot { .. } => Kind::ClassNumber,
        _ => Kind::Pixels,
    }
}
