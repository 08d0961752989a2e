//! Triton's statistics extension: what was counted of the versions that are loaded.

use serde_json::{Value, json};
use wharf_infer::{ErrorCode, ServiceError, VersionChoice};
use wharf_serve::{CountAndTime, ModelStatistics};

use super::infer::{OipBackend, not_found, reference};
use crate::proto::inference as wire;

impl OipBackend {
    /// The statistics of a version, of all versions of a model, or of all models: an empty text means all.
    ///
    /// # Errors
    /// The version is no number, or what is named is not loaded.
    pub(super) fn statistics(
        &self,
        name: &str,
        version: &str,
    ) -> Result<wire::ModelStatisticsResponse, ServiceError> {
        let manager = &self.backend.manager;
        let statistics = if name.is_empty() {
            if !version.is_empty() {
                return Err(ServiceError::invalid_argument("the request names a version of no model"));
            }
            manager.statistics(None, None)?
        } else {
            let number = match reference(name, version)?.version {
                VersionChoice::Specific(number) => Some(number),
                _ => None,
            };
            manager.statistics(Some(name), number).map_err(|error| match error.code() {
                ErrorCode::NotFound => not_found(&error, name, version),
                _ => error,
            })?
        };
        Ok(wire::ModelStatisticsResponse { model_stats: statistics.iter().map(of_version).collect() })
    }
}

/// Inputs and outputs are not copied for the engine: those times are 0, for as many requests as were computed.
fn of_version(version: &ModelStatistics) -> wire::ModelStatistics {
    let copies = |compute: CountAndTime| Some(duration(CountAndTime { count: compute.count, nanos: 0 }));
    let computed = Some(duration(version.compute));
    let batch = |batch: &wharf_serve::BatchStatistics| wire::InferBatchStatistics {
        batch_size: batch.rows,
        compute_input: copies(batch.compute),
        compute_infer: Some(duration(batch.compute)),
        compute_output: copies(batch.compute),
    };
    wire::ModelStatistics {
        name: version.name.clone(),
        version: version.version.to_string(),
        last_inference: version.last_inference_millis,
        inference_count: version.inference_count,
        execution_count: version.execution_count,
        inference_stats: Some(wire::InferStatistics {
            success: Some(duration(version.success)),
            fail: Some(duration(version.fail)),
            queue: Some(duration(version.queue)),
            compute_input: copies(version.compute),
            compute_infer: computed,
            compute_output: copies(version.compute),
            cache_hit: Some(duration(version.cache_hit)),
            cache_miss: Some(duration(version.cache_miss)),
        }),
        batch_stats: version.batches.iter().map(batch).collect(),
    }
}

fn duration(of: CountAndTime) -> wire::StatisticDuration {
    wire::StatisticDuration { count: of.count, ns: of.nanos }
}

/// The same as a REST reply has it.
pub(super) fn to_json(response: &wire::ModelStatisticsResponse) -> Value {
    json!({"model_stats": response.model_stats.iter().map(version_to_json).collect::<Vec<_>>()})
}

fn version_to_json(version: &wire::ModelStatistics) -> Value {
    let of = version.inference_stats.unwrap_or_default();
    let batch = |batch: &wire::InferBatchStatistics| {
        json!({
            "batch_size": batch.batch_size,
            "compute_input": to_duration(batch.compute_input),
            "compute_infer": to_duration(batch.compute_infer),
            "compute_output": to_duration(batch.compute_output),
        })
    };
    json!({
        "name": version.name,
        "version": version.version,
        "last_inference": version.last_inference,
        "inference_count": version.inference_count,
        "execution_count": version.execution_count,
        "inference_stats": {
            "success": to_duration(of.success),
            "fail": to_duration(of.fail),
            "queue": to_duration(of.queue),
            "compute_input": to_duration(of.compute_input),
            "compute_infer": to_duration(of.compute_infer),
            "compute_output": to_duration(of.compute_output),
            "cache_hit": to_duration(of.cache_hit),
            "cache_miss": to_duration(of.cache_miss),
        },
        "response_stats": {},
        "batch_stats": version.batch_stats.iter().map(batch).collect::<Vec<_>>(),
        "memory_usage": [],
    })
}

fn to_duration(of: Option<wire::StatisticDuration>) -> Value {
    let of = of.unwrap_or_default();
    json!({"count": of.count, "ns": of.ns})
}
