//! How much each layer loses when it is quantised.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wharf_engine::{Engine, LoadOptions, ModelSource, Replica};
use wharf_onnx::Model;
use wharf_tensor::DType;

use crate::OptimizeError;
use crate::calibrate::Ranges;
use crate::data::Samples;
use crate::quantise::scope::WEIGHTED;
use crate::quantise::{Scope, StaticOptions, node_name, quantise_static};

/// What quantising one layer, and no other, does to the model's answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerNoise {
    /// The name of the node.
    pub layer: String,
    /// Its operator.
    pub operator: String,
    /// The signal-to-noise ratio of the answers in decibels, `20 log10(|x| / |x - y|)`: less is worse.
    pub sqnr_db: f64,
}

/// The noise of each `Conv`, `Gemm` and `MatMul` that `options` would quantise, the worst first: the model runs with that
/// layer alone as integers, and its outputs are compared with those of the float model.
///
/// # Errors
/// The engine refuses a model or a run.
pub fn layer_noise(
    engine: &dyn Engine,
    model: &Model,
    ranges: &Ranges,
    options: &StaticOptions,
    samples: &Samples,
    batch_size: usize,
) -> Result<Vec<LayerNoise>, OptimizeError> {
    let reference = results_of(&*load(engine, model)?, samples, batch_size)?;
    let mut found = Vec::new();
    for node in model.nodes() {
        let operator = node.op_type.as_str();
        if !WEIGHTED.contains(&operator) || !options.scope.holds(node) {
            continue;
        }
        let name = node_name(node);
        let alone = StaticOptions { scope: scope_of_one(model, name), ..options.clone() };
        let quantised = quantise_static(model, ranges, &alone)?;
        let sqnr_db = sqnr_of_results(&*load(engine, &quantised)?, samples, batch_size, &reference)?;
        found.push(LayerNoise { layer: name.to_owned(), operator: operator.to_owned(), sqnr_db });
    }
    found.sort_by(|a, b| a.sqnr_db.total_cmp(&b.sqnr_db).then_with(|| a.layer.cmp(&b.layer)));
    Ok(found)
}

/// One weighted node, and whatever activation follows it: an activation without integers before it stays as it is.
fn scope_of_one(model: &Model, name: &str) -> Scope {
    let weighted = model.nodes().iter().filter(|node| WEIGHTED.contains(&node.op_type.as_str()));
    let others = weighted.map(node_name).filter(|&other| other != name).map(str::to_owned);
    Scope::of_operators(&["Clip", "Conv", "Gemm", "MatMul", "Relu"]).without(others)
}

fn load(engine: &dyn Engine, model: &Model) -> Result<Arc<dyn Replica>, OptimizeError> {
    let content = model.to_bytes();
    let load = OptimizeError::engine("load the model to measure a layer");
    engine.load(ModelSource::Bytes(&content), &LoadOptions::default()).map_err(load)
}

/// All float32 outputs on all samples, one after the other.
pub(crate) fn results_of(
    replica: &dyn Replica,
    samples: &Samples,
    batch_size: usize,
) -> Result<Vec<f32>, OptimizeError> {
    let floats = replica.outputs().iter().filter(|spec| spec.dtype == DType::F32);
    let names: Vec<&str> = floats.map(|spec| spec.name.as_str()).collect();
    let mut results = Vec::new();
    if names.is_empty() {
        return Ok(results);
    }
    for rows in samples.batches(batch_size) {
        let run = OptimizeError::engine("run the model on samples");
        for output in replica.run(&samples.rows(rows)?, &names).map_err(run)? {
            results.extend_from_slice(&output.as_elements::<f32>()?);
        }
    }
    Ok(results)
}

/// The signal-to-noise ratio of a model's outputs against those of the float model.
pub(crate) fn sqnr_of_results(
    replica: &dyn Replica,
    samples: &Samples,
    batch_size: usize,
    reference: &[f32],
) -> Result<f64, OptimizeError> {
    Ok(sqnr_db(reference, &results_of(replica, samples, batch_size)?))
}

/// `20 log10(|x| / |x - y|)`, with norms no less than the step of float64 at 1, as the reference has it.
fn sqnr_db(expected: &[f32], actual: &[f32]) -> f64 {
    let norm = |squares: f64| squares.sqrt().max(f64::EPSILON);
    let signal = norm(expected.iter().map(|&value| f64::from(value).powi(2)).sum());
    let differences = expected.iter().zip(actual).map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2));
    20.0 * (signal / norm(differences.sum())).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_signal_is_twenty_decibels() {
        assert!((sqnr_db(&[3.0, 4.0], &[3.3, 4.4]) - 20.0).abs() < 1e-5);
        assert!(sqnr_db(&[1.0], &[1.0]) > 300.0);
    }
}
