//! A signature tied to a graph.

use std::sync::Arc;

use wharf_bundle::{OutputSource, Signature, SignatureInput, SignatureOutput};
use wharf_infer::{NamedTensor, ServiceError};
use wharf_tensor::{DType, Tensor, TensorSpec};
use wharf_transform::Pipeline;

use super::columns::BoundColumns;
use super::labels::pick_labels;
use super::pooled::{check_pooled, pooled};
use crate::{Replica, StopSignal};

/// A signature of which it is known that the graph can answer it.
pub(super) struct BoundSignature {
    signature: Signature,
    inputs: BoundInputs,
    labels: Arc<[String]>,
}

/// How what the client sends becomes what the graph takes.
enum BoundInputs {
    /// Each input becomes one of the graph's; `None` where the client sends what the graph takes.
    Each(Vec<Option<Pipeline>>),
    /// All of them are columns of one table.
    Columns(Box<BoundColumns>),
}

impl BoundSignature {
    /// Ties `signature` to the graph of `replica`. The error is the problem in words.
    pub(super) fn new(
        signature: &Signature,
        replica: &dyn Replica,
        labels: &Arc<[String]>,
    ) -> Result<Self, String> {
        let inputs = match &signature.columns {
            Some(program) => {
                BoundInputs::Columns(Box::new(BoundColumns::new(program, signature, replica.inputs())?))
            }
            None => {
                check_inputs_are_fed(signature, replica.inputs())?;
                let pipelines = signature.inputs.iter().map(|input| pipeline(input, replica.inputs()));
                BoundInputs::Each(pipelines.collect::<Result<_, _>>()?)
            }
        };
        for output in &signature.outputs {
            check_output(output, replica, labels)?;
        }
        // The program lives on in its bound form; a second copy of a large vocabulary would be waste.
        let (method, outputs) = (signature.method, signature.outputs.clone());
        let signature = Signature { method, inputs: signature.inputs.clone(), outputs, columns: None };
        Ok(Self { signature, inputs, labels: Arc::clone(labels) })
    }

    /// Transforms, runs the graph, and makes of its outputs what the client asked for.
    pub(super) fn run(
        &self,
        replica: &dyn Replica,
        inputs: &[NamedTensor],
        outputs: &[String],
        stop: &StopSignal,
    ) -> Result<Vec<NamedTensor>, ServiceError> {
        let inputs = self.graph_inputs(inputs)?;
        let wanted = self.wanted(outputs);
        let mut graph_outputs: Vec<&str> = Vec::new();
        for output in &wanted {
            let name = graph_output(output);
            if !graph_outputs.contains(&name) {
                graph_outputs.push(name);
            }
        }
        let tensors = replica.run_until(&inputs, &graph_outputs, stop)?;
        let answer = |output: &&SignatureOutput| {
            let place = graph_outputs.iter().position(|name| *name == graph_output(output));
            let tensor = place
                .and_then(|place| tensors.get(place))
                .ok_or_else(|| ServiceError::internal("the engine failed", "an output is missing"))?;
            self.finish(output, tensor, &inputs)
        };
        wanted.iter().map(answer).collect()
    }

    fn graph_inputs(&self, inputs: &[NamedTensor]) -> Result<Vec<(&str, Tensor)>, ServiceError> {
        let pipelines = match &self.inputs {
            BoundInputs::Columns(columns) => return Ok(vec![columns.run(inputs)?]),
            BoundInputs::Each(pipelines) => pipelines,
        };
        let mut tensors = Vec::new();
        for (input, pipeline) in self.signature.inputs.iter().zip(pipelines) {
            let name = &input.spec.name;
            let sent = inputs
                .iter()
                .find(|sent| sent.name == *name)
                .ok_or_else(|| ServiceError::invalid_argument(format!("input `{name}` is missing")))?;
            let tensor = match pipeline {
                None => sent.tensor.clone(),
                Some(pipeline) => pipeline
                    .apply_tensor(&sent.tensor)
                    .map_err(|error| ServiceError::invalid_argument(format!("input `{name}`: {error}")))?,
            };
            tensors.push((input.graph_input.as_str(), tensor));
        }
        Ok(tensors)
    }

    fn wanted(&self, names: &[String]) -> Vec<&SignatureOutput> {
        if names.is_empty() {
            return self.signature.outputs.iter().collect();
        }
        let find = |name: &String| self.signature.outputs.iter().find(|output| output.spec.name == *name);
        names.iter().filter_map(find).collect()
    }

    fn finish(
        &self,
        output: &SignatureOutput,
        tensor: &Tensor,
        inputs: &[(&str, Tensor)],
    ) -> Result<NamedTensor, ServiceError> {
        let tensor = match &output.source {
            OutputSource::Labels { .. } => pick_labels(&self.labels, tensor)?,
            OutputSource::Pooled { mask, pooling, finish, .. } => {
                let mask = inputs.iter().find(|(name, _)| name == mask).map(|(_, tensor)| tensor);
                pooled(tensor, mask, *pooling, *finish)?
            }
            _ => tensor.clone(),
        };
        Ok(NamedTensor::new(output.spec.name.as_str(), tensor))
    }
}

/// The output of the graph that `output` is made of.
fn graph_output(output: &SignatureOutput) -> &str {
    match &output.source {
        OutputSource::Graph { output } => output,
        OutputSource::Labels { classes } => classes,
        OutputSource::Pooled { vectors, .. } => vectors,
        // The enum may grow; a source of a later schema names itself and is refused when the model is loaded.
        _ => &output.spec.name,
    }
}

/// Each input of the graph has to come from one input of the signature.
fn check_inputs_are_fed(signature: &Signature, graph: &[TensorSpec]) -> Result<(), String> {
    for spec in graph {
        match signature.inputs.iter().filter(|input| input.graph_input == spec.name).count() {
            1 => {}
            count => return Err(format!("{count} inputs become `{}` of the graph, expected 1", spec.name)),
        }
    }
    Ok(())
}

fn pipeline(input: &SignatureInput, graph: &[TensorSpec]) -> Result<Option<Pipeline>, String> {
    let name = &input.spec.name;
    let target = find(graph, &input.graph_input)
        .ok_or_else(|| format!("input `{name}` becomes `{}`, which the graph lacks", input.graph_input))?;
    if !input.transform.is_empty() {
        if let Some(step) = input.transform.iter().find(|step| step.is_random()) {
            return Err(format!(
                "input `{name}` is transformed by `{}`, which is for training only",
                step.op()
            ));
        }
        let pipeline = Pipeline::always(input.transform.iter().cloned());
        return pipeline.map(Some).map_err(|error| format!("input `{name}`: {error}"));
    }
    if input.spec.dtype != target.dtype {
        let (ours, theirs) = (input.spec.dtype, target.dtype);
        return Err(format!("input `{name}` is {ours}, the graph takes {theirs}"));
    }
    Ok(None)
}

fn check_output(output: &SignatureOutput, replica: &dyn Replica, labels: &[String]) -> Result<(), String> {
    let name = &output.spec.name;
    let source = find(replica.outputs(), graph_output(output))
        .ok_or_else(|| format!("output `{name}` is `{}`, which the graph lacks", graph_output(output)))?;
    match &output.source {
        OutputSource::Graph { .. } if source.dtype != output.spec.dtype => {
            Err(format!("output `{name}` is {}, the graph gives {}", output.spec.dtype, source.dtype))
        }
        OutputSource::Graph { .. } => Ok(()),
        OutputSource::Labels { .. } if labels.is_empty() => Err("there are no labels".to_owned()),
        OutputSource::Labels { .. } if !matches!(source.dtype, DType::I64 | DType::I32) => {
            Err(format!("output `{name}` needs class indices, the graph gives {}", source.dtype))
        }
        OutputSource::Labels { .. } => Ok(()),
        OutputSource::Pooled { mask, pooling, .. } => {
            check_pooled(source, find(replica.inputs(), mask), *pooling)
                .map_err(|problem| format!("output `{name}` {problem}"))
        }
        _ => Err(format!("output `{name}` comes from a source that this build does not know")),
    }
}

fn find<'a>(specs: &'a [TensorSpec], name: &str) -> Option<&'a TensorSpec> {
    specs.iter().find(|spec| spec.name == name)
}
