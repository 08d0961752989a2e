//! A recipe's transform as serving sees it: what is done to pixels before the graph, and what the graph does.

use wharf_transform::{Mode, Pipeline, Step};

use crate::error::TrainError;
use crate::recipe::Recipe;

/// The steps of evaluation, cut at `to_float`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ServingTransform {
    /// On 8-bit pixels, without `decode`; none is random.
    pub(crate) pixel_steps: Vec<Step>,
    /// What the graph does to numbers of 0 to 1: (mean, standard deviation), each of one number or one per
    /// channel.
    pub(crate) normalise: Vec<(Vec<f32>, Vec<f32>)>,
}

impl ServingTransform {
    /// What of the recipe's transform has to happen in serving.
    ///
    /// # Errors
    /// A step that always runs is random, or works on numbers and is none that the graph knows.
    pub(crate) fn of(recipe: &Recipe) -> Result<Self, TrainError> {
        let pipeline = Pipeline::new(recipe.transform.clone()).map_err(TrainError::data)?;
        let mut transform = Self { pixel_steps: Vec::new(), normalise: Vec::new() };
        let mut is_float = false;
        for (index, step) in pipeline.evaluation_steps().enumerate() {
            let refuse = |problem: &str| {
                let problem = format!("step {} `{}` {problem}", index + 1, step.op());
                Err(TrainError::setting("transform", problem))
            };
            match step {
                step if step.is_random() => {
                    return refuse("runs always and draws random numbers, which serving cannot");
                }
                Step::Decode => {}
                Step::ToFloat => is_float = true,
                Step::Normalise { mean, std } => transform.normalise.push((mean.clone(), std.clone())),
                step if !is_float => transform.pixel_steps.push(step.clone()),
                _ => return refuse("cannot be exported after `to_float`, put it before"),
            }
        }
        if is_float {
            return Ok(transform);
        }
        Err(TrainError::setting("transform", "has no `to_float`, expected one before the network"))
    }

    /// The steps from a picture file to 8-bit pixels of `[channels, height, width]`, whatever the size and the
    /// colours of the file. `None` where no picture file has so many channels.
    ///
    /// # Errors
    /// The steps do not fit together.
    pub(crate) fn file_steps(&self, input: [usize; 3]) -> Result<Option<Vec<Step>>, TrainError> {
        let [channels, height, width] = input;
        let colour = match channels {
            1 => Step::Grayscale,
            3 => Step::Rgb,
            _ => return Ok(None),
        };
        let mut steps = vec![Step::Decode];
        if !self.pixel_steps.iter().any(|step| matches!(step, Step::Grayscale | Step::Rgb)) {
            steps.push(colour);
        }
        steps.extend_from_slice(&self.pixel_steps);
        let pipeline = Pipeline::always(steps.clone()).map_err(TrainError::data)?;
        let shape = pipeline.program(Mode::Evaluate).output_shape(None).map_err(TrainError::data)?;
        let is_sized = shape.is_some_and(|shape| (shape.height(), shape.width()) == (height, width));
        if !is_sized {
            steps.push(Step::Resize { height, width });
        }
        Ok(Some(steps))
    }
}
