//! Makes candidates.

use std::collections::HashMap;

use wharf_engine::Engine;
use wharf_onnx::Model;

use super::candidate::{Candidate, Step};
use crate::OptimizeError;
use crate::calibrate::{CalibrationMethod, Ranges, calibrate};
use crate::data::Samples;
use crate::prune::{PrunedLayer, prune_channels, prune_magnitude};
use crate::quantise::{
    DynamicOptions, StaticOptions, half_weights, quantise_dynamic, quantise_static, quantise_weights,
};

/// Makes candidates of one model; keeps the ranges that it has found.
pub(super) struct Maker<'a> {
    pub(super) engine: &'a dyn Engine,
    /// The model as it was, with its batch normalisations folded.
    pub(super) model: Model,
    pub(super) calibration: &'a Samples,
    pub(super) batch_size: usize,
    pub(super) ranges: HashMap<String, Ranges>,
}

impl Maker<'_> {
    /// The model after all steps of `candidate`.
    ///
    /// # Errors
    /// A step cannot be done.
    pub(super) fn make(&mut self, candidate: &Candidate) -> Result<(Model, Vec<PrunedLayer>), OptimizeError> {
        let (mut model, mut layers) = (self.model.clone(), Vec::new());
        for (place, step) in candidate.steps.iter().enumerate() {
            model = match step {
                Step::HalfWeights => half_weights(&model)?,
                Step::Int8Weights { per_channel } => quantise_weights(&model, *per_channel, &|_| false)?,
                Step::Dynamic { per_channel } => {
                    let options = DynamicOptions { per_channel: *per_channel, ..DynamicOptions::serving() };
                    quantise_dynamic(&model, &options)?
                }
                Step::Static { calibration, .. } => {
                    let options = static_options(&model, step);
                    let ranges = self.ranges(&model, *calibration, place == 0)?;
                    quantise_static(&model, &ranges, &options)?
                }
                Step::Magnitude { share } => prune_magnitude(&model, *share)?,
                Step::Channels { share } => {
                    let (pruned, found) = prune_channels(&model, *share)?;
                    layers = found;
                    pruned
                }
            };
        }
        Ok((model, layers))
    }

    /// The ranges of `model`; those of the model as it was are found once for each method.
    pub(super) fn ranges(
        &mut self,
        model: &Model,
        method: CalibrationMethod,
        is_original: bool,
    ) -> Result<Ranges, OptimizeError> {
        let key = format!("{method:?}");
        if let Some(known) = self.ranges.get(&key).filter(|_| is_original) {
            return Ok(known.clone());
        }
        let scope = StaticOptions::serving(model).scope;
        let ranges = calibrate(self.engine, model, &scope, method, self.calibration, self.batch_size)?;
        if is_original {
            self.ranges.insert(key, ranges.clone());
        }
        Ok(ranges)
    }
}

/// The options of a static step; those of serving for any other.
pub(super) fn static_options(model: &Model, step: &Step) -> StaticOptions {
    let mut options = StaticOptions::serving(model);
    if let Step::Static { activation, per_channel, reduced, kept, .. } = step {
        (options.activation, options.per_channel, options.reduce_range) =
            (*activation, *per_channel, *reduced);
        options.scope = options.scope.without(kept.iter().cloned());
    }
    options
}
