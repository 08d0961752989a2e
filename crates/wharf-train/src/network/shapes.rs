//! The shape a layer turns a shape into.

use std::fmt;

use super::declaration::LayerKind;

/// What flows between two layers, for one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Features {
    /// Channels, height, width.
    Map([usize; 3]),
    /// A vector.
    Flat(usize),
}

impl Features {
    /// Numbers per picture.
    pub(crate) fn count(self) -> usize {
        match self {
            Features::Map(dims) => dims.iter().product(),
            Features::Flat(count) => count,
        }
    }

    /// The shape of a batch.
    pub(crate) fn batch(self, pictures: usize) -> Vec<usize> {
        match self {
            Features::Map([channels, height, width]) => vec![pictures, channels, height, width],
            Features::Flat(count) => vec![pictures, count],
        }
    }
}

impl fmt::Display for Features {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Features::Map([channels, height, width]) => {
                write!(formatter, "{channels} channels of {height}x{width}")
            }
            Features::Flat(count) => write!(formatter, "{count} features"),
        }
    }
}

/// The largest feature map or parameter that a recipe may ask for, in elements.
pub(crate) const MAX_ELEMENTS: usize = 1 << 30;

/// Channels, height and width, where the layer needs them.
pub(crate) fn map_of(features: Features) -> Result<[usize; 3], String> {
    match features {
        Features::Map(dims) => Ok(dims),
        Features::Flat(count) => {
            Err(format!("expects channels, rows and columns, the layer before gives {count} features"))
        }
    }
}

/// Rows or columns that a window gives.
pub(crate) fn windows(size: usize, kernel: usize, stride: usize, padding: usize) -> Result<usize, String> {
    if kernel == 0 || stride == 0 {
        return Err("`kernel` and `stride` must be at least 1".to_owned());
    }
    let padded = padding.checked_mul(2).and_then(|both| both.checked_add(size));
    match padded.and_then(|padded| padded.checked_sub(kernel)) {
        Some(room) if padding < kernel => Ok(room / stride + 1),
        Some(_) => Err(format!("`padding` {padding} is not smaller than `kernel` {kernel}")),
        None => {
            Err(format!("`kernel` {kernel} is larger than the {size} rows or columns with padding {padding}"))
        }
    }
}

/// Checks a value that is inferred against what the recipe says it should be.
pub(crate) fn check_given(given: Option<usize>, actual: usize, what: &str) -> Result<(), String> {
    match given {
        Some(given) if given != actual => {
            Err(format!("expects {given} {what}, the layer before gives {actual}"))
        }
        _ => Ok(()),
    }
}

/// The features after a layer without parameters of its own kind of arithmetic.
pub(crate) fn pooled(features: Features, kind: &LayerKind) -> Result<Features, String> {
    let [channels, height, width] = map_of(features)?;
    match kind {
        LayerKind::MaxPool { kernel, stride, padding } | LayerKind::AvgPool { kernel, stride, padding } => {
            if kernel.iter().any(|size| *padding > size / 2) {
                return Err(format!("`padding` {padding} is more than half of `kernel`"));
            }
            let rows = windows(height, kernel[0], *stride, *padding)?;
            Ok(Features::Map([channels, rows, windows(width, kernel[1], *stride, *padding)?]))
        }
        _ => Ok(Features::Map([channels, 1, 1])),
    }
}
