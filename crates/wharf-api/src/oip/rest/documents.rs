//! The documents of this interface that hold no tensors.

mod sequences;

use serde_json::{Map, Value, json};
use wharf_infer::ServiceError;
use wharf_serve::{IndexEntry, ModelManager, VersionState};

use super::super::infer::Found;
use super::super::shared_memory;
use super::super::{SERVER_NAME, metadata};
use crate::proto::inference as wire;
use crate::proto::inference::model_config::SchedulingChoice;

pub(super) fn server(extensions: &[&str]) -> Value {
    json!({"name": SERVER_NAME, "version": env!("CARGO_PKG_VERSION"), "extensions": extensions})
}

pub(super) fn flag(name: &str, value: bool) -> Value {
    json!({ name: value })
}

pub(super) fn model_ready(name: &str, is_ready: bool) -> Value {
    json!({"name": name, "ready": is_ready})
}

/// The models that answer.
pub(super) fn models(manager: &ModelManager) -> Value {
    let names = manager.models();
    let ready = names.iter().filter(|name| manager.is_available(name));
    json!({"models": ready.collect::<Vec<_>>()})
}

pub(super) fn model(manager: &ModelManager, found: &Found) -> Value {
    let model = metadata::model(manager, found);
    let tensor = |tensor: &wire::model_metadata_response::TensorMetadata| json!({"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape});
    json!({
        "name": model.name,
        "versions": model.versions,
        "platform": model.platform,
        "inputs": model.inputs.iter().map(tensor).collect::<Vec<_>>(),
        "outputs": model.outputs.iter().map(tensor).collect::<Vec<_>>(),
    })
}

pub(super) fn config(found: &Found) -> Value {
    let config = metadata::config(found);
    let data_type = |number: i32| wire::DataType::try_from(number).unwrap_or_default().as_str_name();
    let input = |input: &wire::ModelInput| {
        json!({
            "name": input.name, "data_type": data_type(input.data_type), "format": "FORMAT_NONE", "dims": input.dims,
            "is_shape_tensor": false, "allow_ragged_batch": input.allow_ragged_batch, "optional": false,
        })
    };
    let output = |output: &wire::ModelOutput| {
        json!({
            "name": output.name, "data_type": data_type(output.data_type), "dims": output.dims,
            "label_filename": output.label_filename, "is_shape_tensor": false,
        })
    };
    let group = |group: &wire::ModelInstanceGroup| json!({"name": group.name, "kind": group.kind().as_str_name(), "count": group.count});
    let mut document = json!({
        "name": config.name,
        "platform": config.platform,
        "backend": config.backend,
        "max_batch_size": config.max_batch_size,
        "input": config.input.iter().map(input).collect::<Vec<_>>(),
        "output": config.output.iter().map(output).collect::<Vec<_>>(),
        "default_model_filename": config.default_model_filename,
        "instance_group": config.instance_group.iter().map(group).collect::<Vec<_>>(),
        "response_cache": {"enable": found.info.is_cached},
    });
    // Clients tell by its presence which of them it is.
    match &config.scheduling_choice {
        Some(SchedulingChoice::DynamicBatching(batching)) => {
            document["dynamic_batching"] = dynamic_batching(batching);
        }
        Some(SchedulingChoice::SequenceBatching(batching)) => {
            document["sequence_batching"] = sequences::of(batching);
        }
        Some(SchedulingChoice::EnsembleScheduling(ensemble)) => {
            let steps = ensemble.step.iter().map(step).collect::<Vec<_>>();
            document["ensemble_scheduling"] = json!({"step": steps});
        }
        None => {}
    }
    document
}

fn step(step: &wire::model_ensembling::Step) -> Value {
    json!({
        "model_name": step.model_name, "model_version": step.model_version,
        "input_map": step.input_map, "output_map": step.output_map,
    })
}

fn dynamic_batching(batching: &wire::ModelDynamicBatching) -> Value {
    let policies = batching.priority_queue_policy.iter();
    let policies = policies.map(|(level, policy)| (level.to_string(), queue_policy(policy)));
    json!({
        "preferred_batch_size": batching.preferred_batch_size,
        "max_queue_delay_microseconds": batching.max_queue_delay_microseconds,
        "preserve_ordering": batching.preserve_ordering,
        "priority_levels": batching.priority_levels,
        "default_priority_level": batching.default_priority_level,
        "default_queue_policy": queue_policy(&batching.default_queue_policy.unwrap_or_default()),
        "priority_queue_policy": policies.collect::<serde_json::Map<_, _>>(),
    })
}

fn queue_policy(policy: &wire::ModelQueuePolicy) -> Value {
    json!({
        "timeout_action": policy.timeout_action().as_str_name(),
        "default_timeout_microseconds": policy.default_timeout_microseconds,
        "allow_timeout_override": policy.allow_timeout_override,
        "max_queue_size": policy.max_queue_size,
    })
}

pub(super) fn index(entries: &[IndexEntry], ready_only: bool) -> Value {
    let entry = |entry: &IndexEntry| {
        let mut line = Map::new();
        line.insert("name".to_owned(), json!(entry.name));
        if let Some(version) = entry.version {
            line.insert("version".to_owned(), json!(version.to_string()));
            line.insert("state".to_owned(), json!(metadata::state(entry.state)));
        }
        if !entry.reason.is_empty() {
            line.insert("reason".to_owned(), json!(entry.reason));
        }
        Value::Object(line)
    };
    let wanted = entries.iter().filter(|entry| !ready_only || entry.state == VersionState::Available);
    Value::Array(wanted.map(entry).collect())
}

/// A model was loaded, or unloaded.
pub(super) fn changed(name: &str, what: &str) -> Value {
    json!({"name": name, what: true})
}

pub(super) fn regions(regions: Vec<(String, shared_memory::Region)>) -> Value {
    let region = |(name, region): (String, shared_memory::Region)| json!({"name": name, "key": region.key, "offset": region.offset, "byte_size": region.byte_size});
    Value::Array(regions.into_iter().map(region).collect())
}

/// A region as a client describes it.
pub(super) struct Region {
    pub(super) key: String,
    pub(super) offset: u64,
    pub(super) byte_size: u64,
}

impl Region {
    /// Reads the description.
    ///
    /// # Errors
    /// A member is missing or of another type.
    pub(super) fn read(document: &Value) -> Result<Self, ServiceError> {
        let wrong = |name: &str, expected: &str| {
            ServiceError::invalid_argument(format!(
                "'{name}' of the shared memory region is missing or not {expected}"
            ))
        };
        let key = document.get("key").and_then(Value::as_str).ok_or_else(|| wrong("key", "a string"))?;
        let offset = match document.get("offset") {
            None => 0,
            Some(offset) => offset.as_u64().ok_or_else(|| wrong("offset", "a whole number"))?,
        };
        let byte_size = document.get("byte_size").and_then(Value::as_u64);
        let byte_size = byte_size.ok_or_else(|| wrong("byte_size", "a whole number"))?;
        Ok(Self { key: key.to_owned(), offset, byte_size })
    }
}
