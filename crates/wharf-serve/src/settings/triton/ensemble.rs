//! `ensemble_scheduling`: a graph of models, each of which takes some tensors of the graph and gives others.

use std::collections::BTreeSet;

use wharf_textproto::{Fields, Message, Position, TextError};

use super::TensorConfig;

/// The word for such a model in `platform`.
pub(super) const PLATFORM: &str = "ensemble";

/// A model of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnsembleStep {
    /// The name under which it is served.
    pub model: String,
    /// The version that is meant; `None` is the one that others get too who name none.
    pub version: Option<i64>,
    /// Which of its inputs takes which tensor of the graph.
    pub inputs: Vec<TensorMapping>,
    /// Which of its outputs gives which tensor of the graph.
    pub outputs: Vec<TensorMapping>,
    pub(crate) position: Position,
}

/// A tensor under both of its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorMapping {
    /// What the model calls it.
    pub model_tensor: String,
    /// What it is called in the graph.
    pub ensemble_tensor: String,
    pub(crate) position: Position,
}

/// The steps of an ensemble; `None` where the model is none.
///
/// # Errors
/// It is said to be one and is not, or the other way round; or the steps do not make a graph.
pub(super) fn read(
    fields: &mut Fields<'_>,
    name: &str,
    response_cache: Option<bool>,
    (inputs, outputs): (&[TensorConfig], &[TensorConfig]),
) -> Result<Option<Vec<EnsembleStep>>, TextError> {
    let is_ensemble = fields.string("platform")?.as_deref() == Some(PLATFORM);
    let place = fields.position("ensemble_scheduling");
    let Some(message) = fields.message("ensemble_scheduling")? else {
        let problem = "an ensemble has no `ensemble_scheduling`";
        return if is_ensemble {
            Err(TextError::new(fields.position("platform"), problem))
        } else {
            Ok(None)
        };
    };
    if !is_ensemble {
        let problem = format!("`ensemble_scheduling` is there, expected `platform: \"{PLATFORM}\"` with it");
        return Err(TextError::new(place, problem));
    }
    refuse_others(fields)?;
    if let Some(true) = response_cache {
        let problem = "`response_cache` of an ensemble is not supported: its answers change with its members, whose own \
                       may be remembered";
        return Err(TextError::new(fields.position("response_cache"), problem));
    }
    let mut inner = message.fields("ModelEnsembling");
    let steps = inner.messages("step")?.into_iter().map(step).collect::<Result<Vec<_>, _>>()?;
    inner.finish()?;
    if steps.is_empty() {
        return Err(TextError::new(place, "an ensemble has no `step`"));
    }
    if let Some(step) = steps.iter().find(|step| step.model == name) {
        return Err(TextError::new(step.position, format!("ensemble `{name}` has itself as a step")));
    }
    check_declared(fields, (inputs, outputs))?;
    check_graph(&steps, (inputs, outputs)).map_err(|(position, problem)| {
        // What is wrong with the whole has no better place.
        TextError::new(position.unwrap_or(place), problem)
    })?;
    Ok(Some(steps))
}

/// What only a model with weights can have.
fn refuse_others(fields: &Fields<'_>) -> Result<(), TextError> {
    for (name, instead) in [
        ("backend", "it runs no weights of its own"),
        ("default_model_filename", "it has no weights of its own"),
        ("dynamic_batching", "its members join requests themselves"),
        ("instance_group", "its members have instances"),
        ("model_warmup", "its members are warmed up"),
        ("parameters", "it has no threads of its own"),
        ("sequence_batching", "its members keep their states"),
    ] {
        if fields.has(name) {
            let problem = format!("`{name}` of an ensemble is not supported: {instead}");
            return Err(TextError::new(fields.position(name), problem));
        }
    }
    Ok(())
}

fn step(message: &Message) -> Result<EnsembleStep, TextError> {
    let mut fields = message.fields("Step");
    let position = fields.position("model_name");
    let model = fields.string("model_name")?.unwrap_or_default();
    if model.is_empty() {
        return Err(TextError::new(position, "a step of an ensemble has no `model_name`"));
    }
    let version = match fields.integer("model_version")? {
        None | Some(-1) => None,
        Some(version @ 1..) => Some(version),
        Some(other) => {
            let problem = format!("`model_version` is {other}, expected -1 for the newest or at least 1");
            return Err(TextError::new(fields.position("model_version"), problem));
        }
    };
    let inputs = mappings(&mut fields, "input_map")?;
    let outputs = mappings(&mut fields, "output_map")?;
    for (name, map) in [("input_map", &inputs), ("output_map", &outputs)] {
        if map.is_empty() {
            return Err(TextError::new(position, format!("the step of `{model}` has no `{name}`")));
        }
    }
    fields.finish()?;
    Ok(EnsembleStep { model, version, inputs, outputs, position })
}

fn mappings(fields: &mut Fields<'_>, name: &'static str) -> Result<Vec<TensorMapping>, TextError> {
    let mut mappings: Vec<TensorMapping> = Vec::new();
    for entry in fields.messages(name)? {
        let mut entry = entry.fields(name);
        let model_tensor = entry.string("key")?.unwrap_or_default();
        let ensemble_tensor = entry.string("value")?.unwrap_or_default();
        let position = entry.position("key");
        entry.finish()?;
        if model_tensor.is_empty() || ensemble_tensor.is_empty() {
            return Err(TextError::new(position, format!("an entry of `{name}` has no key or no value")));
        }
        if mappings.iter().any(|before| before.model_tensor == model_tensor) {
            return Err(TextError::new(position, format!("`{name}` has `{model_tensor}` twice")));
        }
        mappings.push(TensorMapping { model_tensor, ensemble_tensor, position });
    }
    Ok(mappings)
}

/// What goes in and comes out cannot be read from a graph of weights.
fn check_declared(
    fields: &Fields<'_>,
    (inputs, outputs): (&[TensorConfig], &[TensorConfig]),
) -> Result<(), TextError> {
    for (name, declared) in [("input", inputs), ("output", outputs)] {
        if declared.is_empty() {
            let place = fields.position("ensemble_scheduling");
            return Err(TextError::new(place, format!("an ensemble has no `{name}`")));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = declared.iter().find(|tensor| !seen.insert(&tensor.name)) {
            let problem = format!("{name} `{}` is declared twice", twice.name);
            return Err(TextError::new(fields.position(name), problem));
        }
    }
    Ok(())
}

/// What is wrong, and where if one place can be named.
type Problem = (Option<Position>, String);

/// Whether each tensor comes from one place, before it is needed.
fn check_graph(
    steps: &[EnsembleStep],
    (inputs, outputs): (&[TensorConfig], &[TensorConfig]),
) -> Result<(), Problem> {
    let mut known: BTreeSet<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    let mut written = known.clone();
    for output in steps.iter().flat_map(|step| &step.outputs) {
        let name = output.ensemble_tensor.as_str();
        if !written.insert(name) {
            let from = if known.contains(name) { "the ensemble and a step" } else { "two steps" };
            return Err((
                Some(output.position),
                format!("tensor `{name}` comes from {from}, expected one place"),
            ));
        }
    }
    for input in steps.iter().flat_map(|step| &step.inputs) {
        let name = input.ensemble_tensor.as_str();
        if !written.contains(name) {
            return Err((
                Some(input.position),
                format!("tensor `{name}` comes from no step and is no input"),
            ));
        }
    }
    if let Some(output) = outputs.iter().find(|output| !written.contains(output.name.as_str())) {
        return Err((None, format!("output `{}` comes from no step", output.name)));
    }
    if let Some(output) = outputs.iter().find(|output| known.contains(output.name.as_str())) {
        return Err((None, format!("output `{}` is an input too, expected one from a step", output.name)));
    }
    let mut waiting: Vec<&EnsembleStep> = steps.iter().collect();
    while !waiting.is_empty() {
        let is_ready = |step: &&EnsembleStep| {
            step.inputs.iter().all(|input| known.contains(input.ensemble_tensor.as_str()))
        };
        let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_ready);
        let Some(first) = rest.first().filter(|_| ready.is_empty()) else {
            known.extend(
                ready.iter().flat_map(|step| &step.outputs).map(|output| output.ensemble_tensor.as_str()),
            );
            waiting = rest;
            continue;
        };
        let models: Vec<String> = rest.iter().map(|step| format!("`{}`", step.model)).collect();
        return Err((Some(first.position), format!("steps wait for each other: {}", models.join(", "))));
    }
    Ok(())
}
