//! Whether two answers are the same.

use half::{bf16, f16};
use wharf_infer::NamedTensor;
use wharf_tensor::{DType, Element, Tensor};

/// By how much numbers may differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tolerance {
    pub(super) absolute: f64,
    pub(super) relative: f64,
}

/// What came of a copy.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// Every element is the same.
    Same,
    /// Numbers differ by this much at most, within the tolerance.
    Close(f64),
    /// Something differs by more: numbers by so much, and what in words.
    Different(f64, String),
    /// The shadow did not answer.
    Failed(String),
}

/// Compares what was answered with what the shadow answers.
pub(super) fn compare(answered: &[NamedTensor], shadow: &[NamedTensor], tolerance: Tolerance) -> Outcome {
    let mut widest = 0.0_f64;
    for output in answered {
        let name = &output.name;
        let Some(other) = shadow.iter().find(|other| other.name == *name) else {
            return Outcome::Different(0.0, format!("output `{name}` is missing"));
        };
        match compare_tensors(&output.tensor, &other.tensor, tolerance) {
            Outcome::Same => {}
            Outcome::Close(difference) => widest = widest.max(difference),
            Outcome::Different(difference, what) => {
                return Outcome::Different(difference, format!("output `{name}` {what}"));
            }
            failed @ Outcome::Failed(_) => return failed,
        }
    }
    match shadow.iter().find(|other| answered.iter().all(|output| output.name != other.name)) {
        Some(other) => Outcome::Different(0.0, format!("output `{}` was not there before", other.name)),
        None if widest > 0.0 => Outcome::Close(widest),
        None => Outcome::Same,
    }
}

fn compare_tensors(answered: &Tensor, shadow: &Tensor, tolerance: Tolerance) -> Outcome {
    if answered.dtype() != shadow.dtype() {
        let text = format!("has type {}, expected {}", shadow.dtype(), answered.dtype());
        return Outcome::Different(0.0, text);
    }
    if answered.shape() != shadow.shape() {
        let text = format!("has shape {}, expected {}", shadow.shape(), answered.shape());
        return Outcome::Different(0.0, text);
    }
    if answered == shadow {
        return Outcome::Same;
    }
    match answered.dtype() {
        DType::F32 => numbers::<f32>(answered, shadow, tolerance, f64::from),
        DType::F64 => numbers::<f64>(answered, shadow, tolerance, f64::from),
        DType::F16 => numbers::<f16>(answered, shadow, tolerance, f16::to_f64),
        DType::BF16 => numbers::<bf16>(answered, shadow, tolerance, bf16::to_f64),
        _ => Outcome::Different(0.0, "differs".to_owned()),
    }
}

/// The widest difference; the first that is too wide.
fn numbers<T: Element>(
    answered: &Tensor,
    shadow: &Tensor,
    tolerance: Tolerance,
    wide: impl Fn(T) -> f64,
) -> Outcome {
    let (Ok(answered), Ok(shadow)) = (answered.as_elements::<T>(), shadow.as_elements::<T>()) else {
        return Outcome::Different(0.0, "differs".to_owned());
    };
    let mut widest = 0.0_f64;
    for (place, (left, right)) in answered.iter().zip(shadow.iter()).enumerate() {
        let (left, right) = (wide(*left), wide(*right));
        if left == right || (left.is_nan() && right.is_nan()) {
            continue;
        }
        let difference = (left - right).abs();
        // A difference that is no number is too wide.
        if difference.is_nan() || difference > tolerance.absolute + tolerance.relative * left.abs() {
            return Outcome::Different(difference, format!("is {right} at {place}, expected {left}"));
        }
        widest = widest.max(difference);
    }
    if widest > 0.0 { Outcome::Close(widest) } else { Outcome::Same }
}

#[cfg(test)]
mod tests {
    use wharf_tensor::Shape;

    use super::*;

    fn output<T: Element>(name: &str, values: Vec<T>) -> NamedTensor {
        let shape = Shape::new(&[values.len()]).unwrap();
        NamedTensor::new(name, Tensor::from_vec(shape, values).unwrap())
    }

    #[test]
    fn answers_are_the_same_close_or_different() {
        let tolerance = Tolerance { absolute: 0.5, relative: 0.125 };
        let one = |values: [f32; 2]| vec![output("y", values.to_vec())];
        let different = |difference, text: &str| Outcome::Different(difference, text.to_owned());
        for (answered, shadow, expected) in [
            (one([1.0, 2.0]), one([1.0, 2.0]), Outcome::Same),
            (one([0.0, f32::NAN]), one([-0.0, f32::NAN]), Outcome::Same),
            (one([f32::INFINITY, 2.0]), one([f32::INFINITY, 2.0]), Outcome::Same),
            (one([1.0, 4.0]), one([1.5, 5.0]), Outcome::Close(1.0)),
            (one([1.0, 4.0]), one([1.0, 5.5]), different(1.5, "output `y` is 5.5 at 1, expected 4")),
            (
                one([1.0, 2.0]),
                one([1.0, f32::NAN]),
                different(f64::NAN, "output `y` is NaN at 1, expected 2"),
            ),
            (
                one([1.0, 2.0]),
                vec![output("y", vec![1.0_f32])],
                different(0.0, "output `y` has shape [1], expected [2]"),
            ),
            (
                one([1.0, 2.0]),
                vec![output("y", vec![1.0_f64, 2.0])],
                different(0.0, "output `y` has type float64, expected float32"),
            ),
            (
                vec![output("y", vec![1_i64])],
                vec![output("y", vec![2_i64])],
                different(0.0, "output `y` differs"),
            ),
            (one([1.0, 2.0]), Vec::new(), different(0.0, "output `y` is missing")),
            (Vec::new(), one([1.0, 2.0]), different(0.0, "output `y` was not there before")),
        ] {
            let outcome = compare(&answered, &shadow, tolerance);
            // A difference that is no number is not equal to itself.
            assert_eq!(format!("{outcome:?}"), format!("{expected:?}"));
        }
    }

    #[test]
    fn halves_are_numbers_too() {
        let tolerance = Tolerance { absolute: 0.25, relative: 0.0 };
        let half = |value: f32| vec![output("y", vec![f16::from_f32(value)])];
        assert_eq!(compare(&half(1.0), &half(1.25), tolerance), Outcome::Close(0.25));
        let half = |value: f32| vec![output("y", vec![bf16::from_f32(value)])];
        assert_eq!(compare(&half(1.0), &half(1.25), tolerance), Outcome::Close(0.25));
    }
}
