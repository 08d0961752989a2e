//! Biases as 32-bit integers with the scale of the products that they are added to.

use std::collections::BTreeMap;

use wharf_onnx::{Attribute, GraphEditor};
use wharf_tensor::{Shape, Tensor};

use super::StaticOptions;
use super::insert::Found;
use super::mark::{Bias, Marks};
use crate::OptimizeError;
use crate::calibrate::Ranges;
use crate::quantise::Parameters;
use crate::quantise::weights::{QuantisedWeight, float_constant};

/// Room for rounding, as in the reference.
const MARGIN: f64 = 1.0001;

/// Widens the scale of a weight whose products have so small a scale that the bias would not fit 32 bits.
///
/// # Errors
/// A bias is malformed.
pub(super) fn widen_scales(
    editor: &GraphEditor,
    marks: &Marks,
    ranges: &Ranges,
    options: &StaticOptions,
    weights: &mut BTreeMap<String, QuantisedWeight>,
) -> Result<(), OptimizeError> {
    for bias in &marks.biases {
        let (Some((low, high)), Some(weight)) = (ranges.get(&bias.input), weights.get_mut(&bias.weight))
        else {
            continue;
        };
        let Some((values, _)) = float_constant(editor, &bias.name)? else { continue };
        let input_scale = f64::from(Parameters::of_range(low, high, options.activation_grid()).scale);
        let most = values.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        for (channel, parameters) in weight.parameters.iter_mut().enumerate() {
            let bias = if weight.axis.is_some() {
                values.get(channel).map_or(0.0, |value| value.abs())
            } else {
                most
            };
            let least = MARGIN * (2.0 * f64::from(bias)) / (f64::from(i32::MAX) - f64::from(i32::MIN + 1));
            let scale = f64::from(parameters.scale);
            let product = input_scale * scale;
            if product < least && product > 0.0 {
                parameters.scale = (scale * (least / product)) as f32;
            }
        }
    }
    Ok(())
}

/// Quantises the biases: scale `s_x * s_w * beta`, zero point 0. One whose weight or input was not quantised stays.
///
/// # Errors
/// A bias is malformed or has another number of values than the weight has scales.
pub(super) fn quantise_biases(
    editor: &mut GraphEditor,
    marks: &Marks,
    found: &Found,
) -> Result<(), OptimizeError> {
    for bias in &marks.biases {
        let (Some(input), Some(weights)) = (found.get(&bias.input), found.get(&bias.weight)) else {
            continue;
        };
        let Some((values, dims)) = float_constant(editor, &bias.name)? else { continue };
        let scales = scales(bias, input, weights);
        if ![1, values.len()].contains(&scales.len()) {
            let (name, count, expected) = (&bias.name, values.len(), scales.len());
            let problem =
                format!("bias `{name}` has {count} values, expected {expected} as its weight has channels");
            return Err(OptimizeError::model(problem));
        }
        let has_axis = scales.len() > 1;
        let quantised = values.iter().enumerate().map(|(index, &value)| {
            let value = if bias.beta == 0.0 { 0.0 } else { f64::from(value) };
            let place = (value / f64::from(scales[if has_axis { index } else { 0 }])).round_ties_even();
            // Saturates, as a bias that does not fit has to.
            place as i32
        });
        let quantised = Tensor::from_vec(Shape::new(&dims)?, quantised.collect::<Vec<i32>>())?;
        replace(editor, &bias.name, &quantised, scales)?;
    }
    Ok(())
}

fn scales(bias: &Bias, input: &[Parameters], weights: &[Parameters]) -> Vec<f32> {
    let beta = if bias.beta == 0.0 { 1.0 } else { bias.beta };
    let input = input.first().map_or(1.0, |parameters| parameters.scale);
    weights.iter().map(|weight| input * weight.scale * beta).collect()
}

/// Puts integers and a node that makes the bias of them in the place of the bias.
fn replace(
    editor: &mut GraphEditor,
    name: &str,
    quantised: &Tensor,
    scales: Vec<f32>,
) -> Result<(), OptimizeError> {
    let integers = format!("{name}_quantized");
    let (scale, zero_point) = (format!("{integers}_scale"), format!("{integers}_zero_point"));
    // One scale is a list of one, with a zero point that is a scalar, as the reference writes them.
    let count = scales.len();
    let (zero_point_shape, axis) = match count {
        1 => (Shape::scalar(), None),
        _ => (Shape::new(&[count])?, Some(Attribute::int("axis", 0))),
    };
    editor.remove_initializer(name);
    editor.set_initializer(&integers, quantised)?;
    editor.set_initializer(&scale, &Tensor::from_vec(Shape::new(&[count])?, scales)?)?;
    editor.set_initializer(&zero_point, &Tensor::from_vec(zero_point_shape, vec![0_i32; count])?)?;
    let inputs = [integers.as_str(), &scale, &zero_point];
    editor.add_node("DequantizeLinear", &inputs, &[name], axis.into_iter().collect());
    Ok(())
}
