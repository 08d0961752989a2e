//! Scale and zero point: how a range of real numbers is laid over 256 integers.

use serde::{Deserialize, Serialize};
use wharf_tensor::DType;

/// The integers that stand for real numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntType {
    /// 0 to 255.
    U8,
    /// -128 to 127.
    I8,
}

impl IntType {
    /// The element type of tensors of these integers.
    pub fn dtype(self) -> DType {
        match self {
            Self::U8 => DType::U8,
            Self::I8 => DType::I8,
        }
    }

    /// The least and the greatest integer.
    pub fn bounds(self) -> (i32, i32) {
        match self {
            Self::U8 => (0, 255),
            Self::I8 => (-128, 127),
        }
    }

    /// The integers that a range is laid over. Reduced is one bit less, for processors whose products of bytes saturate;
    /// symmetric leaves -128 out, so that the ends are as far from zero.
    fn span(self, grid: Grid) -> (i32, i32) {
        match (self, grid.reduced, grid.symmetric) {
            (Self::U8, true, _) => (0, 127),
            (Self::I8, true, _) => (-64, 64),
            (Self::I8, false, true) => (-127, 127),
            _ => self.bounds(),
        }
    }
}

/// How a range is laid over integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grid {
    /// The integers.
    pub int: IntType,
    /// Whether zero is in the middle, so that the zero point is the same for every range.
    pub symmetric: bool,
    /// Whether one bit is left unused.
    pub reduced: bool,
}

/// What turns an integer into a real number: `(q - zero_point) * scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    /// The distance of neighbours.
    pub scale: f32,
    /// The integer that stands for 0.
    pub zero_point: i32,
}

impl Parameters {
    /// Lays the range from `low` to `high`, widened to hold 0, over the integers of `grid`:
    /// `scale = (high - low) / (qmax - qmin)`, `zero_point = round(qmin - low / scale)`, halves to even, as
    /// `compute_scale_zp` of onnxruntime.quantization does. A range too narrow for a normal float32 scale gets scale 1 and
    /// zero point 0.
    pub fn of_range(low: f32, high: f32, grid: Grid) -> Self {
        let (mut low, mut high) = (low.min(0.0), high.max(0.0));
        if grid.symmetric {
            let most = low.abs().max(high.abs());
            (low, high) = (-most, most);
        }
        let (least, greatest) = grid.int.span(grid);
        let scale = (f64::from(high) - f64::from(low)) / f64::from(greatest - least);
        if scale < f64::from(f32::MIN_POSITIVE) {
            return Self { scale: 1.0, zero_point: 0 };
        }
        let zero_point = match grid.symmetric {
            true => (f64::from(least + greatest) / 2.0).round_ties_even(),
            false => (f64::from(least) - f64::from(low) / scale).round_ties_even(),
        };
        Self { scale: scale as f32, zero_point: zero_point as i32 }
    }

    /// The integer that stands for `value`: `round(value / scale) + zero_point`, halves to even, within the bounds.
    pub fn quantise(self, value: f32, int: IntType) -> i32 {
        let (least, greatest) = int.bounds();
        let place = (value / self.scale).round_ties_even() + self.zero_point as f32;
        place.clamp(least as f32, greatest as f32) as i32
    }

    /// The real number that `quantised` stands for.
    pub fn dequantise(self, quantised: i32) -> f32 {
        (quantised - self.zero_point) as f32 * self.scale
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn grid(int: IntType, symmetric: bool, reduced: bool) -> Grid {
        Grid { int, symmetric, reduced }
    }

    #[test]
    fn ranges_get_the_scales_of_the_reference() {
        for (low, high, grid, scale, zero_point) in [
            (-1.0, 2.0, grid(IntType::U8, false, false), 0.011_764_706, 85),
            (-1.0, 2.0, grid(IntType::I8, false, false), 0.011_764_706, -43),
            (-1.0, 2.0, grid(IntType::I8, true, false), 2.0 / 127.0, 0),
            (-1.0, 2.0, grid(IntType::I8, true, true), 4.0 / 128.0, 0),
            (-1.0, 2.0, grid(IntType::U8, true, false), 4.0 / 255.0, 128),
            (-1.0, 2.0, grid(IntType::U8, false, true), 3.0 / 127.0, 42),
            (0.5, 2.0, grid(IntType::U8, false, false), 2.0 / 255.0, 0),
            (-2.0, -1.0, grid(IntType::I8, false, false), 2.0 / 255.0, 127),
            (0.0, 0.0, grid(IntType::U8, false, false), 1.0, 0),
            (0.0, 1e-37, grid(IntType::U8, false, false), 1.0, 0),
        ] {
            let found = Parameters::of_range(low, high, grid);
            assert_eq!(found, Parameters { scale, zero_point }, "{low} to {high}, {grid:?}");
        }
    }

    #[test]
    fn a_range_as_wide_as_float32_has_a_finite_scale() {
        let found = Parameters::of_range(-f32::MAX, f32::MAX, grid(IntType::U8, false, false));
        assert!(found.scale.is_finite() && found.zero_point == 128, "{found:?}");
    }

    proptest! {
        #[test]
        fn within_the_range_nothing_is_further_off_than_half_a_step(
            low in -50.0_f32..0.0, high in 0.01_f32..50.0, share in 0.0_f32..1.0,
        ) {
            let found = Parameters::of_range(low, high, grid(IntType::U8, false, false));
            let value = low + (high - low) * share;
            let back = found.dequantise(found.quantise(value, IntType::U8));
            // The ends move by up to half a step when the zero point is rounded.
            prop_assert!((back - value).abs() <= found.scale * 1.001, "{value} came back as {back}");
        }
    }
}
