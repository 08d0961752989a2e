//! Constants as integers.

use wharf_onnx::GraphEditor;
use wharf_onnx::proto::TensorProto;
use wharf_tensor::{DType, Shape, Tensor};

use super::parameters::{Grid, IntType, Parameters};
use crate::OptimizeError;

/// A constant of float32, and the integers that stand for it.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantisedWeight {
    /// How it was laid over integers.
    pub grid: Grid,
    /// The dimension whose entries have scales of their own; `None` where there is one scale for all.
    pub axis: Option<usize>,
    /// One for all, or one for each channel.
    pub parameters: Vec<Parameters>,
}

impl QuantisedWeight {
    /// Finds scales for `values`, which are of shape `dims`: one for each entry of dimension `axis`, or one for all.
    ///
    /// # Errors
    /// A value is not finite.
    pub fn fit(
        name: &str,
        values: &[f32],
        dims: &[usize],
        axis: Option<usize>,
        grid: Grid,
    ) -> Result<Self, OptimizeError> {
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            let value = values[place];
            return Err(OptimizeError::model(format!(
                "weight `{name}` holds {value} at {place}, expected finite numbers"
            )));
        }
        let mut bounds = vec![None::<(f32, f32)>; axis.map_or(1, |axis| dims[axis])];
        for (index, &value) in values.iter().enumerate() {
            let bound = &mut bounds[channel_of(index, dims, axis)];
            let (low, high) = bound.unwrap_or((value, value));
            *bound = Some((low.min(value), high.max(value)));
        }
        let parameters = bounds.into_iter().map(|bound| {
            let (low, high) = bound.unwrap_or_default();
            Parameters::of_range(low, high, grid)
        });
        Ok(Self { grid, axis, parameters: parameters.collect() })
    }

    /// The integers.
    ///
    /// # Errors
    /// `values` are not as many as `dims` demand.
    pub fn quantise(&self, values: &[f32], dims: &[usize]) -> Result<Tensor, OptimizeError> {
        let int = self.grid.int;
        let quantised = values
            .iter()
            .enumerate()
            .map(|(index, &value)| self.parameters[channel_of(index, dims, self.axis)].quantise(value, int));
        int_tensor(int, dims, quantised)
    }

    /// The scales: a scalar, or one for each channel.
    ///
    /// # Errors
    /// None that can be caused from outside.
    pub fn scales(&self) -> Result<Tensor, OptimizeError> {
        let scales = self.parameters.iter().map(|parameters| parameters.scale).collect();
        Ok(Tensor::from_vec(self.shape()?, scales)?)
    }

    /// The zero points, in the shape of the scales.
    ///
    /// # Errors
    /// None that can be caused from outside.
    pub fn zero_points(&self) -> Result<Tensor, OptimizeError> {
        let zero_points = self.parameters.iter().map(|parameters| parameters.zero_point);
        int_tensor(self.grid.int, self.shape()?.dims(), zero_points)
    }

    fn shape(&self) -> Result<Shape, OptimizeError> {
        match self.axis {
            Some(_) => Ok(Shape::new(&[self.parameters.len()])?),
            None => Ok(Shape::scalar()),
        }
    }
}

/// Small integers as a tensor of `int`.
pub(crate) fn int_tensor(
    int: IntType,
    dims: &[usize],
    values: impl Iterator<Item = i32>,
) -> Result<Tensor, OptimizeError> {
    let shape = Shape::new(dims)?;
    Ok(match int {
        IntType::U8 => Tensor::from_vec(shape, values.map(|value| value as u8).collect())?,
        IntType::I8 => Tensor::from_vec(shape, values.map(|value| value as i8).collect())?,
    })
}

/// The channel of the element at `index` of a tensor of `dims`, row by row.
fn channel_of(index: usize, dims: &[usize], axis: Option<usize>) -> usize {
    axis.map_or(0, |axis| {
        let inner: usize = dims[axis + 1..].iter().product();
        index / inner.max(1) % dims[axis].max(1)
    })
}

/// Elements, row by row, and dimensions.
pub(crate) type Floats = (Vec<f32>, Vec<usize>);

/// A constant of float32 with its dimensions; `None` where `name` is no such constant.
///
/// # Errors
/// The constant's data is malformed.
pub(crate) fn float_constant(editor: &GraphEditor, name: &str) -> Result<Option<Floats>, OptimizeError> {
    editor.initializer(name).map_or(Ok(None), floats)
}

/// The elements of a constant of float32 with its dimensions; `None` for other types.
pub(crate) fn floats(constant: &TensorProto) -> Result<Option<Floats>, OptimizeError> {
    let tensor = constant.to_tensor()?;
    match tensor.dtype() {
        DType::F32 => Ok(Some((tensor.to_vec::<f32>()?, tensor.shape().dims().to_vec()))),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: Grid = Grid { int: IntType::I8, symmetric: true, reduced: false };

    #[test]
    fn channels_along_any_axis_have_scales_of_their_own() {
        let values = [1.0, -2.0, 0.5, 10.0, 4.0, -20.0];
        let rows = QuantisedWeight::fit("w", &values, &[2, 3], Some(0), SIGNED).unwrap();
        assert_eq!(rows.scales().unwrap().to_vec::<f32>().unwrap(), [2.0 / 127.0, 20.0 / 127.0]);
        let columns = QuantisedWeight::fit("w", &values, &[2, 3], Some(1), SIGNED).unwrap();
        assert_eq!(
            columns.scales().unwrap().to_vec::<f32>().unwrap(),
            [10.0 / 127.0, 4.0 / 127.0, 20.0 / 127.0]
        );
        let quantised = columns.quantise(&values, &[2, 3]).unwrap();
        assert_eq!(quantised.to_vec::<i8>().unwrap(), [13, -64, 3, 127, 127, -127]);
    }

    #[test]
    fn weights_that_are_no_numbers_are_refused_by_name() {
        let error = QuantisedWeight::fit("conv.w", &[1.0, f32::NAN], &[2], None, SIGNED).unwrap_err();
        assert_eq!(error.to_string(), "weight `conv.w` holds NaN at 1, expected finite numbers");
    }

    #[test]
    fn an_empty_weight_stays_empty() {
        let weight = QuantisedWeight::fit("w", &[], &[0, 3], Some(0), SIGNED).unwrap();
        assert_eq!(weight.quantise(&[], &[0, 3]).unwrap().num_elements(), 0);
    }
}
