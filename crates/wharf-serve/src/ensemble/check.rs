//! An ensemble against its members, as they are when it is loaded.

use std::collections::BTreeMap;
use std::sync::Arc;

use wharf_bundle::{DEFAULT_SIGNATURE, Signature};
use wharf_engine::{LoadedModel, signature_of_graph};
use wharf_infer::{ErrorCode, ServiceError};
use wharf_tensor::{Dim, TensorSpec};
use wharf_textproto::Position;

use super::Ensemble;
use super::placeholder::Placeholder;
use crate::StickyKeys;
use crate::route::Routes;
use crate::served::ServedModel;
use crate::settings::triton::{self, EnsembleStep, TensorConfig, TensorMapping, TritonConfig};

/// The ensemble `name` of `config`, over the members that answer now.
///
/// # Errors
/// A member does not answer, or leads back to the ensemble; or a tensor that flows into it is not what it takes.
pub(crate) fn open(
    name: &str,
    config: &Arc<TritonConfig>,
    routes: &Routes,
) -> Result<(LoadedModel, Ensemble), ServiceError> {
    let mut ensemble = Ensemble { config: Arc::clone(config), in_sequences: Vec::new() };
    let mut graph = Graph { config, inputs: BTreeMap::new(), written: BTreeMap::new() };
    let declared =
        |tensor: &TensorConfig| (tensor.name.clone(), graph_spec(tensor, config.max_batch_size > 0));
    graph.inputs.extend(config.inputs.iter().map(declared));
    let members = ensemble.steps().iter().map(|step| member(name, step, routes));
    let members = members.collect::<Result<Vec<_>, _>>()?;
    ensemble.in_sequences = members.iter().map(|member| member.takes_sequences()).collect();
    for (step, member) in ensemble.steps().iter().zip(&members) {
        graph.outputs_of(step, member)?;
    }
    for (step, member) in ensemble.steps().iter().zip(&members) {
        graph.inputs_of(step, member)?;
    }
    let outputs = config.outputs.iter().map(|output| graph.output(output)).collect::<Result<Vec<_>, _>>()?;
    let inputs: Vec<_> =
        config.inputs.iter().filter_map(|input| graph.inputs.get(&input.name).cloned()).collect();
    let signatures = BTreeMap::from([(DEFAULT_SIGNATURE.to_owned(), signature_of_graph(&inputs, &outputs))]);
    let model = LoadedModel::new(Placeholder::new(inputs, outputs), signatures, Vec::new())?;
    Ok((model, ensemble))
}

/// The model of a step, if it answers and does not lead back to `name`.
fn member<'a>(
    name: &str,
    step: &EnsembleStep,
    routes: &'a Routes,
) -> Result<&'a Arc<ServedModel>, ServiceError> {
    let wrong = |problem: String| problem_at(step.position, format!("step `{}`: {problem}", step.model));
    if leads_to(name, &step.model, routes) {
        return Err(wrong(format!("it has ensemble `{name}` as a step, be it by way of others")));
    }
    let found = routes.find(&step.reference(), &StickyKeys::default());
    found.map_err(|error| {
        let problem = wrong(format!("the model is not available: {}", error.message()));
        ServiceError::new(ErrorCode::Unavailable, problem.message())
    })
}

/// Whether any version of `from` has `name` as a step, directly or not. Loaded ensembles do not go in circles.
fn leads_to(name: &str, from: &str, routes: &Routes) -> bool {
    let ensembles = routes.all_ready(from).filter_map(|served| served.ensemble.as_ref());
    let mut steps = ensembles.flat_map(|ensemble| ensemble.steps());
    steps.any(|step| step.model == name || leads_to(name, &step.model, routes))
}

/// What is known of the tensors of the graph.
struct Graph<'a> {
    config: &'a TritonConfig,
    /// What clients send.
    inputs: BTreeMap<String, TensorSpec>,
    /// What steps give, and which model does.
    written: BTreeMap<String, (TensorSpec, String)>,
}

impl Graph<'_> {
    /// Notes what a step gives.
    fn outputs_of(&mut self, step: &EnsembleStep, member: &ServedModel) -> Result<(), ServiceError> {
        let signature = signature_of(step, member)?;
        check_rows(self.config, step, member)?;
        for output in &step.outputs {
            let specs = signature.outputs.iter().map(|output| &output.spec);
            let spec = find(specs, output, ("output", &step.model))?.clone();
            self.written.insert(output.ensemble_tensor.clone(), (spec, step.model.clone()));
        }
        Ok(())
    }

    /// Holds what flows into a step against what its model takes.
    fn inputs_of(&mut self, step: &EnsembleStep, member: &ServedModel) -> Result<(), ServiceError> {
        let signature = signature_of(step, member)?;
        for input in &step.inputs {
            let specs = signature.inputs.iter().map(|input| &input.spec);
            let taken = find(specs, input, ("input", &step.model))?;
            self.check_flow(step, input, taken)?;
        }
        let is_mapped = |spec: &TensorSpec| step.inputs.iter().any(|input| input.model_tensor == spec.name);
        match signature.inputs.iter().find(|input| !is_mapped(&input.spec)) {
            None => Ok(()),
            Some(input) => {
                let problem =
                    format!("`input_map` of step `{}` lacks its input `{}`", step.model, input.spec.name);
                Err(problem_at(step.position, problem))
            }
        }
    }

    fn check_flow(
        &mut self,
        step: &EnsembleStep,
        input: &TensorMapping,
        taken: &TensorSpec,
    ) -> Result<(), ServiceError> {
        let name = &input.ensemble_tensor;
        let has_batch = self.config.max_batch_size > 0;
        let (given, by) = match (self.inputs.get_mut(name), self.written.get(name)) {
            (Some(spec), _) => {
                if has_batch {
                    as_row_scalar(spec, taken);
                }
                (&*spec, "the ensemble".to_owned())
            }
            (None, Some((spec, model))) => (spec, format!("`{model}`")),
            // The file has been checked for tensors from nowhere.
            (None, None) => return Ok(()),
        };
        match fits(given, taken) {
            true => Ok(()),
            false => {
                let (given, taken) = (described(given), described(taken));
                let problem = format!(
                    "tensor `{name}` is {given} from {by}, `{}` takes {taken} as `{}`",
                    step.model, input.model_tensor
                );
                Err(problem_at(input.position, problem))
            }
        }
    }

    /// What a declared output is, if the step gives that.
    fn output(&self, declared: &TensorConfig) -> Result<TensorSpec, ServiceError> {
        let has_batch = self.config.max_batch_size > 0;
        let mut spec = graph_spec(declared, has_batch);
        let Some((given, model)) = self.written.get(&declared.name) else { return Ok(spec) };
        if has_batch {
            as_row_scalar(&mut spec, given);
        }
        if fits(given, &spec) {
            return Ok(spec);
        }
        let (given, declared) = (described(given), described(&spec));
        let text =
            format!("output `{}` is {given} from `{model}`, the ensemble declares {declared}", spec.name);
        Err(ServiceError::new(ErrorCode::FailedPrecondition, format!("{}: {text}", triton::FILE)))
    }
}

fn signature_of<'a>(step: &EnsembleStep, member: &'a ServedModel) -> Result<&'a Signature, ServiceError> {
    let signature = member.signatures().get(DEFAULT_SIGNATURE);
    signature.ok_or_else(|| {
        let problem = format!("model `{}` has no signature `{DEFAULT_SIGNATURE}`", step.model);
        problem_at(step.position, problem)
    })
}

/// Whether the model of a step takes as many rows as the ensemble does.
fn check_rows(config: &TritonConfig, step: &EnsembleStep, member: &ServedModel) -> Result<(), ServiceError> {
    match member.model.max_batch_size() {
        Some(limit) if limit < config.max_batch_size => {
            let problem = format!(
                "model `{}` takes {limit} rows at most, the ensemble's `max_batch_size` is {}",
                step.model, config.max_batch_size
            );
            Err(problem_at(step.position, problem))
        }
        _ => Ok(()),
    }
}

fn find<'a>(
    specs: impl Iterator<Item = &'a TensorSpec> + Clone,
    tensor: &TensorMapping,
    (kind, model): (&str, &str),
) -> Result<&'a TensorSpec, ServiceError> {
    specs.clone().find(|spec| spec.name == tensor.model_tensor).ok_or_else(|| {
        let known: Vec<String> = specs.map(|spec| format!("`{}`", spec.name)).collect();
        let known = known.join(", ");
        let problem = format!("`{}` is no {kind} of `{model}`, expected {known}", tensor.model_tensor);
        problem_at(tensor.position, problem)
    })
}

/// What is declared, with the dimension of the batch.
fn graph_spec(tensor: &TensorConfig, has_batch: bool) -> TensorSpec {
    let batch = has_batch.then_some(-1);
    let dims: Vec<i64> = batch.into_iter().chain(tensor.dims.iter().copied()).collect();
    TensorSpec::new(&tensor.name, tensor.dtype, &dims)
}

/// A scalar of each row is declared as one element: where a member has it so, it is meant.
fn as_row_scalar(declared: &mut TensorSpec, actual: &TensorSpec) {
    if declared.shape.dims() == [Dim::Dynamic, Dim::Fixed(1)] && actual.shape.dims() == [Dim::Dynamic] {
        declared.shape = actual.shape.clone();
    }
}

/// Whether what is given can be what is taken.
fn fits(given: &TensorSpec, taken: &TensorSpec) -> bool {
    let agree = |(one, other): (&Dim, &Dim)| one == other || [one, other].contains(&&Dim::Dynamic);
    let (given_dims, taken_dims) = (given.shape.dims(), taken.shape.dims());
    given.dtype == taken.dtype
        && given_dims.len() == taken_dims.len()
        && given_dims.iter().zip(taken_dims).all(agree)
}

fn described(spec: &TensorSpec) -> String {
    format!("{} {}", spec.dtype, spec.shape)
}

fn problem_at(position: Position, problem: impl std::fmt::Display) -> ServiceError {
    ServiceError::new(ErrorCode::FailedPrecondition, format!("{}:{position}: {problem}", triton::FILE))
}
