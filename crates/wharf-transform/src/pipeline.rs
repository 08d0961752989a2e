//! A checked list of steps.

use std::fmt;

use crate::check::{check_chain, check_settings};
use crate::{Program, StagedStep, Step, TransformError, When};

/// What goes into or comes out of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The bytes of a picture file.
    Encoded,
    /// Pixels, 8-bit or floating point.
    Pixels,
    /// 8-bit pixels.
    PixelsU8,
    /// Floating-point pixels.
    PixelsF32,
    /// The number of a class.
    ClassNumber,
    /// A vector with one 1.
    OneHot,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Encoded => "an encoded picture",
            Kind::Pixels => "pixels",
            Kind::PixelsU8 => "8-bit pixels",
            Kind::PixelsF32 => "floating-point pixels",
            Kind::ClassNumber => "a class number",
            Kind::OneHot => "a one-hot vector",
        })
    }
}

/// Which steps run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// All of them.
    Train,
    /// Those that run always: evaluation and serving.
    Evaluate,
}

/// Steps whose settings are in range and that fit one after the other, in training and in evaluation.
///
/// ```
/// use wharf_tensor::{Shape, Tensor};
/// use wharf_transform::{Pipeline, Step};
///
/// let pipeline = Pipeline::always([Step::ToFloat])?;
/// let pixels = Tensor::from_vec(Shape::new(&[1, 1, 2, 1])?, vec![0_u8, 255])?;
/// assert_eq!(pipeline.apply_tensor(&pixels)?.to_vec::<f32>()?, [0.0, 1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    steps: Vec<StagedStep>,
    train: Program,
    evaluate: Program,
}

impl Pipeline {
    /// Checks `steps`.
    ///
    /// # Errors
    /// A setting is out of range, or a step is given what it does not take.
    pub fn new(steps: Vec<StagedStep>) -> Result<Self, TransformError> {
        for (index, staged) in steps.iter().enumerate() {
            check_settings(index, &staged.step)?;
        }
        let train = program_of(&steps, |_| true)?;
        let evaluate = program_of(&steps, |when| when == When::Always)?;
        Ok(Self { steps, train, evaluate })
    }

    /// A pipeline whose steps all run always, as in a manifest's signature.
    ///
    /// # Errors
    /// As [`Pipeline::new`].
    pub fn always(steps: impl IntoIterator<Item = Step>) -> Result<Self, TransformError> {
        Self::new(steps.into_iter().map(|step| StagedStep { step, when: When::Always }).collect())
    }

    /// The steps with when they run.
    pub fn steps(&self) -> &[StagedStep] {
        &self.steps
    }

    /// The steps that run in evaluation and serving.
    pub fn evaluation_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|staged| staged.when == When::Always).map(|staged| &staged.step)
    }

    /// What is done in `mode`.
    pub fn program(&self, mode: Mode) -> &Program {
        match mode {
            Mode::Train => &self.train,
            Mode::Evaluate => &self.evaluate,
        }
    }
}

/// The checked steps of which `runs` holds.
fn program_of(steps: &[StagedStep], runs: impl Fn(When) -> bool) -> Result<Program, TransformError> {
    let chosen = || steps.iter().enumerate().filter(|(_, staged)| runs(staged.when));
    let (input, output) = check_chain(chosen().map(|(index, staged)| (index, &staged.step)))?;
    Ok(Program::new(chosen().map(|(index, staged)| (index, staged.step.clone())).collect(), input, output))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pipeline(steps: serde_json::Value) -> Result<Pipeline, TransformError> {
        Pipeline::new(serde_json::from_value(steps).unwrap())
    }

    #[test]
    fn kinds_follow_from_the_steps() {
        for (steps, input, output) in [
            (json!([]), Kind::Pixels, Kind::Pixels),
            (json!([{"op": "decode"}, {"op": "rgb"}]), Kind::Encoded, Kind::PixelsU8),
            (json!([{"op": "rgb"}, {"op": "to_float"}]), Kind::PixelsU8, Kind::PixelsF32),
            (
                json!([{"op": "rgb"}, {"op": "normalise", "mean": [0], "std": [1]}]),
                Kind::PixelsF32,
                Kind::PixelsF32,
            ),
            (json!([{"op": "one_hot", "classes": 3}]), Kind::ClassNumber, Kind::OneHot),
        ] {
            let program = pipeline(steps).unwrap().program(Mode::Evaluate).clone();
            assert_eq!((program.input(), program.output()), (input, output));
        }
    }

    #[test]
    fn chains_that_do_not_fit_are_errors() {
        for (steps, expected) in [
            (
                json!([{"op": "rgb"}, {"op": "decode"}]),
                "step 2 `decode`: expects an encoded picture, is given pixels",
            ),
            (
                json!([{"op": "to_float"}, {"op": "to_float"}]),
                "step 2 `to_float`: expects 8-bit pixels, is given floating-point pixels",
            ),
            (
                json!([{"op": "decode"}, {"op": "normalise", "mean": [0.5], "std": [0.5]}]),
                "step 2 `normalise`: expects floating-point pixels, is given 8-bit pixels",
            ),
            (
                json!([{"op": "one_hot", "classes": 2}, {"op": "rgb"}]),
                "step 2 `rgb`: expects pixels, is given a one-hot vector",
            ),
            (
                json!([{"op": "decode", "when": "train"}, {"op": "to_float"}, {"op": "decode"}]),
                "step 3 `decode`: expects an encoded picture, is given floating-point pixels",
            ),
            (
                json!([{"op": "pad", "fill": 0.5}, {"op": "to_float"}]),
                "step 1 `pad`: `fill` is 0.5, expected a whole number 0 to 255",
            ),
        ] {
            assert_eq!(pipeline(steps).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn settings_out_of_range_are_errors() {
        for (step, expected) in [
            (json!({"op": "resize", "height": 0, "width": 1}), "`height` is 0, expected 1 to 65535"),
            (json!({"op": "centre_crop", "height": 1, "width": 70_000}), "`width` is 70000,"),
            (json!({"op": "resize_short_side", "size": 0}), "`size` is 0,"),
            (json!({"op": "pad", "left": 65_536}), "`left` is 65536, expected at most 65535"),
            (json!({"op": "random_crop", "height": 1, "width": 0}), "`width` is 0,"),
            (json!({"op": "random_horizontal_flip", "probability": 1.5}), "`probability` is 1.5,"),
            (json!({"op": "random_rotation", "degrees": -1}), "`degrees` is -1,"),
            (json!({"op": "normalise", "mean": [], "std": []}), "`mean` has 0 numbers and `std` has 0"),
            (json!({"op": "normalise", "mean": [0.5], "std": [0.5, 0.5]}), "`mean` has 1 numbers"),
            (json!({"op": "normalise", "mean": [0.5], "std": [0]}), "`std` holds 0, expected"),
            (json!({"op": "one_hot", "classes": 0}), "`classes` is 0,"),
        ] {
            let error = pipeline(json!([step])).unwrap_err().to_string();
            assert!(error.starts_with("step 1 `") && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn evaluation_leaves_out_what_is_for_training() {
        let steps = json!([{"op": "random_rotation", "degrees": 10}, {"op": "to_float"}]);
        let pipeline = pipeline(steps).unwrap();
        assert!(pipeline.program(Mode::Evaluate).is_deterministic());
        assert!(!pipeline.program(Mode::Train).is_deterministic());
        assert_eq!(pipeline.evaluation_steps().collect::<Vec<_>>(), [&Step::ToFloat]);
    }
}
