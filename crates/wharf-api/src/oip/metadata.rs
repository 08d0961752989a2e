//! What clients may learn of a model, for both wires.

mod sequences;

use wharf_serve::{
    DynamicBatching, EnsembleStep, ModelManager, QueuePolicy, TensorMapping, TimeoutAction, VersionState,
};
use wharf_tensor::{DType, TensorSpec};

use super::datatype::to_wire;
use super::infer::Found;
use crate::proto::inference as wire;
use crate::proto::inference::model_config::SchedulingChoice;

/// What the models run in, in Triton's word for it.
const PLATFORM: &str = "onnxruntime_onnx";
/// The back end's name.
const BACKEND: &str = "onnxruntime";
/// The word for a graph of models, which has no back end.
const ENSEMBLE: &str = "ensemble";

/// A model's inputs and outputs, with the versions of it that answer.
pub(super) fn model(manager: &ModelManager, found: &Found) -> wire::ModelMetadataResponse {
    let signature = found.signature().ok();
    let inputs = signature.iter().flat_map(|signature| &signature.inputs);
    let outputs = signature.iter().flat_map(|signature| &signature.outputs);
    wire::ModelMetadataResponse {
        name: found.info.name.clone(),
        versions: versions(manager, &found.info.name),
        platform: platform(found).to_owned(),
        inputs: inputs.map(|input| tensor(&input.spec)).collect(),
        outputs: outputs.map(|output| tensor(&output.spec)).collect(),
        properties: [].into(),
    }
}

fn versions(manager: &ModelManager, name: &str) -> Vec<String> {
    let statuses = manager.status(name, None).unwrap_or_default();
    let available = statuses.into_iter().rev().filter(|status| status.state == VersionState::Available);
    available.map(|status| status.version.to_string()).collect()
}

fn tensor(spec: &TensorSpec) -> wire::model_metadata_response::TensorMetadata {
    wire::model_metadata_response::TensorMetadata {
        name: spec.name.clone(),
        datatype: to_wire(spec.dtype).to_owned(),
        shape: spec.shape.to_i64(),
    }
}

/// A model's configuration: as its owner wrote it where there is a `config.pbtxt`, completed by what the model says.
/// Without one the first dimension is among the others and `max_batch_size` is 0, as Triton has it for models that
/// bring their own.
pub(super) fn config(found: &Found) -> wire::ModelConfig {
    let max_batch_size = found.info.config.as_ref().map_or(0, |config| config.max_batch_size);
    let dims = |spec: &TensorSpec| match max_batch_size {
        0 => spec.shape.to_i64(),
        _ => spec.shape.to_i64().split_off(spec.shape.rank().min(1)),
    };
    let signature = found.signature().ok();
    let inputs = signature.iter().flat_map(|signature| &signature.inputs);
    let outputs = signature.iter().flat_map(|signature| &signature.outputs);
    wire::ModelConfig {
        name: found.info.name.clone(),
        platform: platform(found).to_owned(),
        backend: if steps(found).is_empty() { BACKEND.to_owned() } else { String::new() },
        input: inputs
            .map(|input| wire::ModelInput {
                name: input.spec.name.clone(),
                data_type: data_type(&input.spec) as i32,
                dims: dims(&input.spec),
                allow_ragged_batch: is_ragged(found, &input.spec.name),
            })
            .collect(),
        output: outputs
            .map(|output| wire::ModelOutput {
                name: output.spec.name.clone(),
                data_type: data_type(&output.spec) as i32,
                dims: dims(&output.spec),
                label_filename: label_filename(found, &output.spec.name),
            })
            .collect(),
        max_batch_size: i32::try_from(max_batch_size).unwrap_or(i32::MAX),
        default_model_filename: match &found.info.config {
            Some(config) if config.ensemble.is_some() => String::new(),
            Some(config) => config.weights.clone(),
            None => "model.onnx".to_owned(),
        },
        scheduling_choice: scheduling(found),
        instance_group: instances(found).into_iter().collect(),
        response_cache: Some(wire::ModelResponseCache { enable: found.info.is_cached }),
        ..wire::ModelConfig::default()
    }
}

/// How requests are joined, where the owner says so, or passed on to other models.
fn scheduling(found: &Found) -> Option<SchedulingChoice> {
    let steps = steps(found);
    if !steps.is_empty() {
        let step = steps.iter().map(step).collect();
        return Some(SchedulingChoice::EnsembleScheduling(wire::ModelEnsembling { step }));
    }
    let config = found.info.config.as_ref()?;
    if let Some(batching) = &config.sequence_batching {
        return Some(SchedulingChoice::SequenceBatching(sequences::of(batching)));
    }
    let batching = config.dynamic_batching.as_ref()?;
    Some(SchedulingChoice::DynamicBatching(dynamic_batching(batching)))
}

fn dynamic_batching(batching: &DynamicBatching) -> wire::ModelDynamicBatching {
    let sizes = batching.preferred_batch_size.iter();
    let policies = batching.priority_queue_policy.iter();
    wire::ModelDynamicBatching {
        preferred_batch_size: sizes.map(|size| i32::try_from(*size).unwrap_or(i32::MAX)).collect(),
        max_queue_delay_microseconds: batching.max_queue_delay_microseconds,
        preserve_ordering: batching.preserve_ordering,
        priority_levels: batching.priority_levels,
        default_priority_level: batching.default_priority_level,
        default_queue_policy: Some(queue_policy(&batching.default_queue_policy)),
        priority_queue_policy: policies.map(|(level, policy)| (*level, queue_policy(policy))).collect(),
    }
}

fn queue_policy(policy: &QueuePolicy) -> wire::ModelQueuePolicy {
    let action = match policy.timeout_action {
        TimeoutAction::Reject => wire::model_queue_policy::TimeoutAction::Reject,
        TimeoutAction::Delay => wire::model_queue_policy::TimeoutAction::Delay,
    };
    wire::ModelQueuePolicy {
        timeout_action: action as i32,
        default_timeout_microseconds: policy.default_timeout_microseconds,
        allow_timeout_override: policy.allow_timeout_override,
        max_queue_size: u32::try_from(policy.max_queue_size).unwrap_or(u32::MAX),
    }
}

fn instances(found: &Found) -> Option<wire::ModelInstanceGroup> {
    let count = found.info.config.as_ref()?.instances?;
    Some(wire::ModelInstanceGroup {
        name: found.info.name.clone(),
        count: i32::try_from(count).unwrap_or(i32::MAX),
        kind: wire::model_instance_group::Kind::Cpu as i32,
    })
}

fn platform(found: &Found) -> &'static str {
    if steps(found).is_empty() { PLATFORM } else { ENSEMBLE }
}

/// The steps of an ensemble; any other model has none.
fn steps(found: &Found) -> &[EnsembleStep] {
    let config = found.info.config.as_ref();
    config.and_then(|config| config.ensemble.as_deref()).unwrap_or_default()
}

fn step(step: &EnsembleStep) -> wire::model_ensembling::Step {
    let map = |mappings: &[TensorMapping]| {
        let entry = |tensor: &TensorMapping| (tensor.model_tensor.clone(), tensor.ensemble_tensor.clone());
        mappings.iter().map(entry).collect()
    };
    wire::model_ensembling::Step {
        model_name: step.model.clone(),
        model_version: step.version.unwrap_or(-1),
        input_map: map(&step.inputs),
        output_map: map(&step.outputs),
    }
}

fn is_ragged(found: &Found, input: &str) -> bool {
    let inputs = found.info.config.iter().flat_map(|config| &config.inputs);
    inputs.into_iter().any(|declared| declared.name == input && declared.allow_ragged_batch)
}
fn label_filename(found: &Found, output: &str) -> String {
    let outputs = found.info.config.iter().flat_map(|config| &config.outputs);
    let declared = outputs.into_iter().find(|declared| declared.name == output);
    declared.map(|declared| declared.label_filename.clone()).unwrap_or_default()
}

fn data_type(spec: &TensorSpec) -> wire::DataType {
    type_of(spec.dtype)
}

fn type_of(dtype: DType) -> wire::DataType {
    let name = match to_wire(dtype) {
        "BYTES" => "TYPE_STRING".to_owned(),
        name => format!("TYPE_{name}"),
    };
    wire::DataType::from_str_name(&name).unwrap_or(wire::DataType::TypeInvalid)
}

/// What the states of versions are called in an index.
pub(super) fn state(state: VersionState) -> &'static str {
    match state {
        VersionState::Start | VersionState::Loading => "LOADING",
        VersionState::Available => "READY",
        VersionState::Unloading => "UNLOADING",
        VersionState::End => "UNAVAILABLE",
    }
}
