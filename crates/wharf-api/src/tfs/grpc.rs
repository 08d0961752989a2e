//! The two gRPC services.

use std::collections::{BTreeMap, BTreeSet};

use tonic::{Request, Response, Status};
use wharf_bundle::Signature;
use wharf_infer::{Deadline, ErrorCode, ModelRef, NamedTensor, ServiceError, VersionChoice};
use wharf_serve::{VersionState, VersionStatus};

use super::backend::TfsBackend;
use super::decode::decode_tensor;
use super::encode::encode_tensor;
use super::example::Examples;
use super::metadata::{SIGNATURE_FIELD, check_fields, packed, signature_map};
use super::model_spec::{Target, answered_by};
use super::signature::{CLASSIFY_METHOD, REGRESS_METHOD, check_input_names, check_output_filter, shown};
use crate::Limits;
use crate::grpc::to_status;
use crate::metrics::{Api, Entry};
use crate::proto::tensorflow::TensorProto;
use crate::proto::tensorflow::serving::inference_result::Result as TaskResult;
use crate::proto::tensorflow::serving::model_service_server::ModelService;
use crate::proto::tensorflow::serving::model_version_status::State;
use crate::proto::tensorflow::serving::prediction_service_server::PredictionService;
use crate::proto::tensorflow::serving::{
    ClassificationRequest, ClassificationResponse, GetModelMetadataRequest, GetModelMetadataResponse,
    GetModelStatusRequest, GetModelStatusResponse, InferenceResult, ModelSpec, ModelVersionStatus,
    MultiInferenceRequest, MultiInferenceResponse, PredictRequest, PredictResponse, RegressionRequest,
    RegressionResponse, ReloadConfigRequest, ReloadConfigResponse, StatusProto,
};
use crate::status::wire_status;

pub(crate) use crate::proto::tensorflow::serving::model_service_server::ModelServiceServer;
pub(crate) use crate::proto::tensorflow::serving::prediction_service_server::PredictionServiceServer;

#[tonic::async_trait]
impl PredictionService for TfsBackend {
    async fn predict(&self, request: Request<PredictRequest>) -> Result<Response<PredictResponse>, Status> {
        let deadline = deadline_of(&request);
        let request = request.into_inner();
        let name = name_of(request.model_spec.as_ref());
        let call = self.common.call(Api::Predict, Entry::Grpc, name, deadline);
        answer(call.finish(self.answer_predict(request, deadline).await))
    }

    async fn classify(
        &self,
        request: Request<ClassificationRequest>,
    ) -> Result<Response<ClassificationResponse>, Status> {
        let deadline = deadline_of(&request);
        let request = request.into_inner();
        let name = name_of(request.model_spec.as_ref());
        let call = self.common.call(Api::Classify, Entry::Grpc, name, deadline);
        answer(call.finish(self.answer_classify(request, deadline).await))
    }

    async fn regress(
        &self,
        request: Request<RegressionRequest>,
    ) -> Result<Response<RegressionResponse>, Status> {
        let deadline = deadline_of(&request);
        let request = request.into_inner();
        let name = name_of(request.model_spec.as_ref());
        let call = self.common.call(Api::Regress, Entry::Grpc, name, deadline);
        answer(call.finish(self.answer_regress(request, deadline).await))
    }

    async fn multi_inference(
        &self,
        request: Request<MultiInferenceRequest>,
    ) -> Result<Response<MultiInferenceResponse>, Status> {
        let deadline = deadline_of(&request);
        let request = request.into_inner();
        let name = name_of(request.tasks.first().and_then(|task| task.model_spec.as_ref()));
        let call = self.common.call(Api::MultiInference, Entry::Grpc, name, deadline);
        answer(call.finish(self.answer_multi_inference(request, deadline).await))
    }

    async fn get_model_metadata(
        &self,
        request: Request<GetModelMetadataRequest>,
    ) -> Result<Response<GetModelMetadataResponse>, Status> {
        answer(self.answer_metadata(request.into_inner()).await)
    }
}

#[tonic::async_trait]
impl ModelService for TfsBackend {
    async fn get_model_status(
        &self,
        request: Request<GetModelStatusRequest>,
    ) -> Result<Response<GetModelStatusResponse>, Status> {
        answer(self.answer_status(request.into_inner()))
    }

    async fn handle_reload_config_request(
        &self,
        request: Request<ReloadConfigRequest>,
    ) -> Result<Response<ReloadConfigResponse>, Status> {
        let reloaded = self.reload(request.into_inner()).await;
        let status = StatusProto { error_code: 0, error_message: String::new() };
        answer(reloaded.map(|()| ReloadConfigResponse { status: Some(status), metric: Vec::new() }))
    }
}

impl TfsBackend {
    async fn answer_predict(
        &self,
        request: PredictRequest,
        deadline: Deadline,
    ) -> Result<PredictResponse, ServiceError> {
        let target = Target::from_wire(request.model_spec)?;
        let _hold = self.common.wake(&target.model).await?;
        let resolved = self.resolve(&target)?;
        self.common.check_room(&resolved.info, deadline)?;
        let signature = resolved.signature()?;
        let inputs = predict_inputs(signature, request.inputs, &request.output_filter, &self.common.limits)?;
        let response = self.run(&resolved, inputs, request.output_filter, deadline).await?;
        let mut outputs = BTreeMap::new();
        for output in response.outputs {
            outputs.insert(output.name, encode_tensor(&output.tensor, self.encoding)?);
        }
        let spec = answered_by(&response.model_name, response.model_version, &response.signature);
        Ok(PredictResponse { outputs, model_spec: Some(spec) })
    }

    async fn answer_classify(
        &self,
        request: ClassificationRequest,
        deadline: Deadline,
    ) -> Result<ClassificationResponse, ServiceError> {
        let target = Target::from_wire(request.model_spec)?;
        let examples = Examples::from_wire(request.input)?;
        let (spec, result) = self.classify(&target, &examples, deadline).await?;
        self.count(&target, &examples);
        Ok(ClassificationResponse { result: Some(result), model_spec: Some(spec) })
    }

    async fn answer_regress(
        &self,
        request: RegressionRequest,
        deadline: Deadline,
    ) -> Result<RegressionResponse, ServiceError> {
        let target = Target::from_wire(request.model_spec)?;
        let examples = Examples::from_wire(request.input)?;
        let (spec, result) = self.regress(&target, &examples, deadline).await?;
        self.count(&target, &examples);
        Ok(RegressionResponse { result: Some(result), model_spec: Some(spec) })
    }

    async fn answer_multi_inference(
        &self,
        request: MultiInferenceRequest,
        deadline: Deadline,
    ) -> Result<MultiInferenceResponse, ServiceError> {
        if request.tasks.len() > self.common.limits.max_tensors {
            let text = format!("request has more than {} tasks", self.common.limits.max_tensors);
            return Err(ServiceError::invalid_argument(text));
        }
        let examples = Examples::from_wire(request.input)?;
        let mut tasks: Vec<(Target, String)> = Vec::new();
        for task in request.tasks {
            let target = Target::from_wire(task.model_spec)?;
            check_task(&tasks, &target, &task.method_name)?;
            tasks.push((target, task.method_name));
        }
        let mut results = Vec::new();
        self.pin_version(&mut tasks).await?;
        for (target, method) in &tasks {
            let (spec, result) = if method == CLASSIFY_METHOD {
                let (spec, result) = self.classify(target, &examples, deadline).await?;
                (spec, TaskResult::ClassificationResult(result))
            } else {
                let (spec, result) = self.regress(target, &examples, deadline).await?;
                (spec, TaskResult::RegressionResult(result))
            };
            results.push(InferenceResult { model_spec: Some(spec), result: Some(result) });
        }
        if let Some((target, _)) = tasks.first() {
            self.count(target, &examples);
        }
        Ok(MultiInferenceResponse { results })
    }

    /// Where requests are spread over versions, the tasks of one request must not be.
    async fn pin_version(&self, tasks: &mut [(Target, String)]) -> Result<(), ServiceError> {
        let latest = tasks.iter().filter(|(target, _)| target.model.version == VersionChoice::Latest);
        let latest: Vec<ModelRef> = latest.map(|(target, _)| target.model.clone()).collect();
        let [first, _, ..] = latest.as_slice() else { return Ok(()) };
        let _hold = self.common.wake(first).await?;
        let version = i64::try_from(self.common.find(first)?.version).unwrap_or(i64::MAX);
        for (target, _) in tasks {
            if target.model.version == VersionChoice::Latest {
                target.model.version = VersionChoice::Specific(version);
            }
        }
        Ok(())
    }

    async fn answer_metadata(
        &self,
        request: GetModelMetadataRequest,
    ) -> Result<GetModelMetadataResponse, ServiceError> {
        let target = Target::from_wire(request.model_spec)?;
        check_fields(&request.metadata_field)?;
        let _hold = self.common.wake(&target.model).await?;
        let info = self.resolve(&target)?.info;
        let metadata = BTreeMap::from([(SIGNATURE_FIELD.to_owned(), packed(&signature_map(&info)))]);
        let spec = answered_by(&info.name, info.version, &target.signature);
        Ok(GetModelMetadataResponse { model_spec: Some(spec), metadata })
    }

    fn answer_status(&self, request: GetModelStatusRequest) -> Result<GetModelStatusResponse, ServiceError> {
        let target = Target::from_wire(request.model_spec)?;
        // A label is ignored, as in the reference server: all versions are listed.
        let version = match target.model.version {
            VersionChoice::Specific(version) => Some(version),
            _ => None,
        };
        let versions = self.common.manager.status(&target.model.name, version)?;
        let model_version_status = versions.iter().map(version_status).collect();
        Ok(GetModelStatusResponse { model_version_status })
    }
}

/// The tensors of a predict call, checked as far as `signature` goes.
pub(super) fn predict_inputs(
    signature: &Signature,
    messages: BTreeMap<String, TensorProto>,
    output_filter: &[String],
    limits: &Limits,
) -> Result<Vec<NamedTensor>, ServiceError> {
    let names: BTreeSet<&str> = messages.keys().map(String::as_str).collect();
    check_input_names(signature, &names)?;
    if output_filter.len() > limits.max_tensors {
        let text = format!("output_filter has more than {} names", limits.max_tensors);
        return Err(ServiceError::invalid_argument(text));
    }
    check_output_filter(signature, output_filter)?;
    let decoded = messages.into_iter().map(|(name, message)| {
        let tensor = decode_tensor(message, limits).map_err(|error| {
            let text = format!("input `{}`: {}", shown(&name), error.message());
            ServiceError::new(error.code(), text)
        })?;
        Ok(NamedTensor { name, tensor })
    });
    decoded.collect()
}

/// The rules that bind the tasks of one request.
fn check_task(earlier: &[(Target, String)], target: &Target, method: &str) -> Result<(), ServiceError> {
    if method != CLASSIFY_METHOD && method != REGRESS_METHOD {
        let text = format!("Unsupported signature method_name: {}", shown(method));
        return Err(ServiceError::new(ErrorCode::Unimplemented, text));
    }
    if earlier.iter().any(|(other, _)| other.model.name != target.model.name) {
        let text = "All ModelSpecs in a MultiInferenceRequest must access the same model name.";
        return Err(ServiceError::invalid_argument(text));
    }
    if earlier.iter().any(|(other, _)| other.signature == target.signature) {
        let text = format!("Duplicate evaluation of signature: {}", shown(&target.signature));
        return Err(ServiceError::invalid_argument(text));
    }
    Ok(())
}

/// The message of one version's state.
pub(super) fn version_status(status: &VersionStatus) -> ModelVersionStatus {
    let state = match status.state {
        VersionState::Start => State::Start,
        VersionState::Loading => State::Loading,
        VersionState::Available => State::Available,
        VersionState::Unloading => State::Unloading,
        VersionState::End => State::End,
    };
    let (error_code, error_message) = match &status.error {
        None => (0, String::new()),
        Some((code, message)) => (wire_status(*code).grpc as i32, message.clone()),
    };
    ModelVersionStatus {
        version: i64::try_from(status.version).unwrap_or(i64::MAX),
        state: state as i32,
        status: Some(StatusProto { error_code, error_message }),
    }
}

fn name_of(spec: Option<&ModelSpec>) -> &str {
    spec.map_or("", |spec| &spec.name)
}

fn deadline_of<T>(request: &Request<T>) -> Deadline {
    request.extensions().get().copied().unwrap_or_default()
}

fn answer<T>(result: Result<T, ServiceError>) -> Result<Response<T>, Status> {
    result.map(Response::new).map_err(|error| to_status(&error))
}
