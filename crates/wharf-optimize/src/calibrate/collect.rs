//! Runs a graph on samples and gathers the values within it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wharf_engine::{Engine, LoadOptions, ModelSource, Replica};
use wharf_onnx::proto::ValueInfoProto;
use wharf_onnx::{GraphEditor, Model};
use wharf_tensor::{DType, Tensor};

use super::{CalibrationMethod, Extent, Histogram, Ranges};
use crate::OptimizeError;
use crate::data::Samples;
use crate::quantise::Scope;

/// The ranges of the float32 tensors that the nodes within `scope` take and make, over all `samples`, which are run in
/// batches of `batch_size`.
///
/// Methods with histograms run the samples twice, for the extents and for the counts, so that memory does not grow with
/// the number of samples.
///
/// # Errors
/// The engine refuses the model or a run, or a value is not finite.
pub fn calibrate(
    engine: &dyn Engine,
    model: &Model,
    scope: &Scope,
    method: CalibrationMethod,
    samples: &Samples,
    batch_size: usize,
) -> Result<Ranges, OptimizeError> {
    let tensors = Exposed::of_scope(engine, model, scope)?;
    let mut extents: BTreeMap<String, Extent> = BTreeMap::new();
    tensors.run(samples, batch_size, &mut |name, values| {
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(OptimizeError::data(format!(
                "tensor `{name}` becomes {value} on a calibration sample, expected finite numbers"
            )));
        }
        extents.entry(name.to_owned()).or_default().add(values);
        Ok(())
    })?;
    let mut histograms: BTreeMap<&str, Histogram> = BTreeMap::new();
    for (name, &extent) in &extents {
        histograms.extend(method.histogram(extent).map(|histogram| (name.as_str(), histogram)));
    }
    if !histograms.is_empty() {
        tensors.run(samples, batch_size, &mut |name, values| {
            if let Some(histogram) = histograms.get_mut(name) {
                histogram.add(values);
            }
            Ok(())
        })?;
    }
    let range = |(name, &extent): (&String, &Extent)| {
        let histogram = histograms.get(name.as_str());
        let range = histogram.map_or((extent.low, extent.high), |histogram| method.range(extent, histogram));
        (name.clone(), range)
    };
    Ok(Ranges(extents.iter().map(range).collect()))
}

/// Takes the name of a tensor and its values on one batch.
type Visitor<'a> = dyn FnMut(&str, &[f32]) -> Result<(), OptimizeError> + 'a;

/// A model whose inner tensors are outputs.
struct Exposed {
    replica: Arc<dyn Replica>,
    /// The float32 tensors that are made by nodes.
    outputs: Vec<String>,
    /// The float32 inputs of the graph.
    inputs: BTreeSet<String>,
}

impl Exposed {
    /// With the tensors that nodes within `scope` take and make.
    fn of_scope(engine: &dyn Engine, model: &Model, scope: &Scope) -> Result<Self, OptimizeError> {
        let nodes = model.nodes().iter().filter(|node| scope.holds(node));
        let names = nodes.flat_map(|node| node.input.iter().chain(&node.output));
        Self::new(engine, model, names.filter(|name| !name.is_empty()).cloned().collect())
    }

    /// With the tensors of these names that are of float32; constants are left out.
    ///
    /// # Errors
    /// The engine refuses the model.
    fn new(engine: &dyn Engine, model: &Model, names: BTreeSet<String>) -> Result<Self, OptimizeError> {
        let mut editor = GraphEditor::new(model.clone());
        let made: BTreeSet<&String> = model.nodes().iter().flat_map(|node| &node.output).collect();
        let exposed: Vec<&String> = names.iter().filter(|name| made.contains(name)).collect();
        for &name in &exposed {
            if !editor.is_output(name) {
                // Without a type, which the runtime works out.
                editor
                    .graph_mut()
                    .output
                    .push(ValueInfoProto { name: name.clone(), ..ValueInfoProto::default() });
            }
        }
        let content = editor.finish()?.to_bytes();
        // Fused and reordered operators round differently, which the last bit of a scale shows.
        let options = LoadOptions::default().with_graph_optimisation(false);
        let load = OptimizeError::engine("load the model with its inner tensors as outputs");
        let replica = engine.load(ModelSource::Bytes(&content), &options).map_err(load)?;
        let is_float = |name: &String| {
            replica.outputs().iter().any(|spec| spec.name == *name && spec.dtype == DType::F32)
        };
        let outputs = exposed.into_iter().filter(|name| is_float(name)).cloned().collect();
        let inputs =
            replica.inputs().iter().filter(|spec| spec.dtype == DType::F32 && names.contains(&spec.name));
        let inputs = inputs.map(|spec| spec.name.clone()).collect();
        Ok(Self { replica, outputs, inputs })
    }

    /// Runs all samples and hands over the values of every exposed tensor, batch by batch.
    ///
    /// # Errors
    /// A run fails, or `found` does.
    fn run(
        &self,
        samples: &Samples,
        batch_size: usize,
        found: &mut Visitor<'_>,
    ) -> Result<(), OptimizeError> {
        let names: Vec<&str> = self.outputs.iter().map(String::as_str).collect();
        for rows in samples.batches(batch_size) {
            let inputs = samples.rows(rows)?;
            for (name, tensor) in inputs.iter().filter(|(name, _)| self.inputs.contains(*name)) {
                found(name, &tensor.as_elements::<f32>()?)?;
            }
            if names.is_empty() {
                continue;
            }
            let run = OptimizeError::engine("run the model on samples");
            let outputs: Vec<Tensor> = self.replica.run(&inputs, &names).map_err(run)?;
            for (name, tensor) in names.iter().zip(&outputs) {
                found(name, &tensor.as_elements::<f32>()?)?;
            }
        }
        Ok(())
    }
}
