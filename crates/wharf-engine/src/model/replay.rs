//! Replays goldens: what training saw has to be what serving gives.

use wharf_bundle::{Bundle, GoldenCase};
use wharf_infer::NamedTensor;
use wharf_tensor::{DType, Tensor};

use super::LoadedModel;
use crate::{Engine, EngineError, LoadOptions, StopSignal};

/// How far a replayed number may be from the golden one: this much, plus this share of the golden number.
/// Training and serving add in different orders; 1e-4 is some hundred times what that costs the networks
/// here, and far below what changes an answer.
pub const GOLDEN_TOLERANCE: f64 = 1e-4;

/// What a replay found.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ReplayReport {
    /// How many signatures had a golden case.
    pub signatures: usize,
    /// How many numbers and strings were compared.
    pub values: usize,
    /// The largest difference between a golden number and the replayed one.
    pub max_difference: f64,
}

/// Loads `bundle` and replays its goldens, for whoever is about to publish it. No goldens are no error.
///
/// # Errors
/// The bundle does not load, its goldens are malformed, or an output differs from the golden one.
pub fn replay_goldens(bundle: &Bundle, engine: &dyn Engine) -> Result<ReplayReport, EngineError> {
    LoadedModel::load(bundle, engine, &LoadOptions::default())?.replay(bundle)
}

impl LoadedModel {
    /// Replays the goldens of the bundle that this model was loaded from.
    ///
    /// # Errors
    /// The goldens are malformed, or an output differs from the golden one.
    pub fn replay(&self, bundle: &Bundle) -> Result<ReplayReport, EngineError> {
        let goldens = bundle
            .goldens()
            .map_err(|error| EngineError::model(format!("the goldens cannot be read: {error}")))?;
        let mut report = ReplayReport::default();
        for (signature, case) in goldens.unwrap_or_default().cases {
            self.replay_case(&signature, &case, &mut report).map_err(|problem| {
                EngineError::model(format!("golden of signature `{signature}`: {problem}"))
            })?;
            report.signatures += 1;
        }
        Ok(report)
    }

    fn replay_case(
        &self,
        signature: &str,
        case: &GoldenCase,
        report: &mut ReplayReport,
    ) -> Result<(), String> {
        let named = |(name, tensor): (&String, &Tensor)| NamedTensor::new(name.as_str(), tensor.clone());
        let inputs: Vec<NamedTensor> = case.inputs.iter().map(named).collect();
        let names: Vec<String> = case.outputs.keys().cloned().collect();
        if names.is_empty() {
            return Err("it has no outputs".to_owned());
        }
        let failed = |error: wharf_infer::ServiceError| match error.detail() {
            Some(detail) => format!("{error} ({detail})"),
            None => error.to_string(),
        };
        self.check(signature, &inputs, &names).map_err(failed)?;
        let outputs = self.run(signature, &inputs, &names, &StopSignal::never()).map_err(failed)?;
        for (output, golden) in outputs.iter().zip(case.outputs.values()) {
            compare(&output.tensor, golden, report)
                .map_err(|problem| format!("output `{}` {problem}", output.name))?;
        }
        Ok(())
    }
}

/// Whether two runs of the same input gave the same: floating-point numbers within [`GOLDEN_TOLERANCE`], everything
/// else exactly.
pub fn agree(actual: &Tensor, expected: &Tensor) -> bool {
    compare(actual, expected, &mut ReplayReport::default()).is_ok()
}

fn compare(actual: &Tensor, golden: &Tensor, report: &mut ReplayReport) -> Result<(), String> {
    if actual.dtype() != golden.dtype() {
        return Err(format!("has type {}, expected {}", actual.dtype(), golden.dtype()));
    }
    if actual.shape() != golden.shape() {
        return Err(format!("has shape {}, expected {}", actual.shape(), golden.shape()));
    }
    report.values += golden.num_elements();
    let (Some(left), Some(right)) = (as_floats(actual), as_floats(golden)) else {
        return if actual == golden { Ok(()) } else { Err("differs".to_owned()) };
    };
    for (index, (left, right)) in left.into_iter().zip(right).enumerate() {
        let difference = (left - right).abs();
        let is_same = left == right || (left.is_nan() && right.is_nan());
        if is_same {
            continue;
        }
        if !difference.is_finite() || difference > GOLDEN_TOLERANCE * (1.0 + right.abs()) {
            return Err(format!("is {left} at {index}, expected {right} within {GOLDEN_TOLERANCE}"));
        }
        report.max_difference = report.max_difference.max(difference);
    }
    Ok(())
}

/// The elements of a floating-point tensor; `None` for types that have to agree exactly.
fn as_floats(tensor: &Tensor) -> Option<Vec<f64>> {
    match tensor.dtype() {
        DType::F64 => tensor.to_vec::<f64>().ok(),
        DType::F32 => Some(tensor.as_elements::<f32>().ok()?.iter().map(|&value| f64::from(value)).collect()),
        DType::F16 => {
            Some(tensor.as_elements::<half::f16>().ok()?.iter().map(|value| value.to_f64()).collect())
        }
        DType::BF16 => {
            Some(tensor.as_elements::<half::bf16>().ok()?.iter().map(|value| value.to_f64()).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use wharf_tensor::Shape;

    use super::*;

    fn floats(values: &[f32]) -> Tensor {
        Tensor::from_vec(Shape::new(&[values.len()]).unwrap(), values.to_vec()).unwrap()
    }

    #[test]
    fn numbers_agree_within_the_tolerance_only() {
        for (actual, golden, expected) in [
            (1.0, 1.0, true),
            (1.0, 1.0001, true),
            (1.0, 1.0003, false),
            (1000.0, 1000.05, true),
            (f32::NAN, f32::NAN, true),
            (f32::NAN, 1.0, false),
            (1.0, f32::NAN, false),
            (f32::INFINITY, f32::INFINITY, true),
            (f32::INFINITY, f32::NEG_INFINITY, false),
            (f32::MAX, f32::INFINITY, false),
        ] {
            let mut report = ReplayReport::default();
            let result = compare(&floats(&[actual]), &floats(&[golden]), &mut report);
            assert_eq!(result.is_ok(), expected, "{actual} for {golden}");
        }
    }

    #[test]
    fn types_shapes_and_strings_agree_exactly() {
        let shape = Shape::new(&[1]).unwrap();
        let string = |text: &'static [u8]| {
            Tensor::from_strings(shape.clone(), vec![Bytes::from_static(text)]).unwrap()
        };
        let int = |value: i64| Tensor::from_vec(shape.clone(), vec![value]).unwrap();
        for (actual, golden, expected) in [
            (string(b"boot"), string(b"boot"), true),
            (string(b"boot"), string(b"shirt"), false),
            (int(3), int(3), true),
            (int(3), int(4), false),
            (int(3), floats(&[3.0]), false),
            (floats(&[1.0, 2.0]), floats(&[1.0]), false),
        ] {
            let result = compare(&actual, &golden, &mut ReplayReport::default());
            assert_eq!(result.is_ok(), expected, "{actual:?} for {golden:?}");
        }
    }
}
