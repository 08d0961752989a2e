//! The gRPC service.

mod ahead;
mod decode;
mod encode;
mod log_settings;
mod stream;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use tonic::{Request, Response, Status, Streaming};
use wharf_infer::{Deadline, ErrorCode, ServiceError};

use super::infer::{Found, OipBackend};
use super::{SERVER_NAME, metadata};
use crate::grpc::to_status;
use crate::metrics::{Api, Entry};
use crate::proto::inference as wire;
use crate::proto::inference::grpc_inference_service_server::GrpcInferenceService;

pub(super) use decode::decode_shape;

pub(crate) use crate::proto::inference::grpc_inference_service_server::GrpcInferenceServiceServer;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl GrpcInferenceService for OipBackend {
    async fn server_live(&self, _: Request<wire::ServerLiveRequest>) -> Answer<wire::ServerLiveResponse> {
        Ok(Response::new(wire::ServerLiveResponse { live: true }))
    }

    async fn server_ready(&self, _: Request<wire::ServerReadyRequest>) -> Answer<wire::ServerReadyResponse> {
        let ready = self.backend.manager.is_ready();
        Ok(Response::new(wire::ServerReadyResponse { ready }))
    }

    async fn model_ready(
        &self,
        request: Request<wire::ModelReadyRequest>,
    ) -> Answer<wire::ModelReadyResponse> {
        let request = request.into_inner();
        let ready = self.is_ready(&request.name, &request.version);
        answer(ready.map(|ready| wire::ModelReadyResponse { ready }))
    }

    async fn server_metadata(
        &self,
        _: Request<wire::ServerMetadataRequest>,
    ) -> Answer<wire::ServerMetadataResponse> {
        Ok(Response::new(wire::ServerMetadataResponse {
            name: SERVER_NAME.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            extensions: self.extensions().into_iter().map(str::to_owned).collect(),
        }))
    }

    async fn model_metadata(
        &self,
        request: Request<wire::ModelMetadataRequest>,
    ) -> Answer<wire::ModelMetadataResponse> {
        let request = request.into_inner();
        let found = self.found(&request.name, &request.version).await;
        answer(found.map(|found| metadata::model(&self.backend.manager, &found)))
    }

    async fn model_infer(
        &self,
        request: Request<wire::ModelInferRequest>,
    ) -> Answer<wire::ModelInferResponse> {
        let deadline = request.extensions().get().copied().unwrap_or_default();
        answer(self.answer_infer(request.into_inner(), deadline).await)
    }

    type ModelStreamInferStream = stream::Replies;

    async fn model_stream_infer(
        &self,
        request: Request<Streaming<wire::ModelInferRequest>>,
    ) -> Answer<Self::ModelStreamInferStream> {
        let ends_at_errors = request
            .metadata()
            .get("triton_grpc_error")
            .is_some_and(|value| value.as_encoded_bytes().eq_ignore_ascii_case(b"true"));
        Ok(Response::new(stream::replies(self.clone(), request.into_inner(), ends_at_errors)))
    }

    async fn model_config(
        &self,
        request: Request<wire::ModelConfigRequest>,
    ) -> Answer<wire::ModelConfigResponse> {
        let request = request.into_inner();
        let found = self.found(&request.name, &request.version).await;
        answer(found.map(|found| wire::ModelConfigResponse { config: Some(metadata::config(&found)) }))
    }

    async fn model_statistics(
        &self,
        request: Request<wire::ModelStatisticsRequest>,
    ) -> Answer<wire::ModelStatisticsResponse> {
        let wire::ModelStatisticsRequest { name, version } = request.into_inner();
        answer(self.statistics(&name, &version))
    }

    async fn repository_index(
        &self,
        request: Request<wire::RepositoryIndexRequest>,
    ) -> Answer<wire::RepositoryIndexResponse> {
        answer(self.answer_index(request.into_inner()).await)
    }

    async fn repository_model_load(
        &self,
        request: Request<wire::RepositoryModelLoadRequest>,
    ) -> Answer<wire::RepositoryModelLoadResponse> {
        let wire::RepositoryModelLoadRequest { repository_name, model_name, parameters } =
            request.into_inner();
        answer(self.answer_load(repository_name, model_name, parameters).await)
    }

    async fn repository_model_unload(
        &self,
        request: Request<wire::RepositoryModelUnloadRequest>,
    ) -> Answer<wire::RepositoryModelUnloadResponse> {
        let wire::RepositoryModelUnloadRequest { repository_name, model_name, parameters } =
            request.into_inner();
        answer(self.answer_unload(repository_name, model_name, parameters).await)
    }

    async fn system_shared_memory_status(
        &self,
        request: Request<wire::SystemSharedMemoryStatusRequest>,
    ) -> Answer<wire::SystemSharedMemoryStatusResponse> {
        let regions = self.memory.status(&request.into_inner().name);
        let status = |(name, region): (String, super::shared_memory::Region)| {
            let status = wire::system_shared_memory_status_response::RegionStatus {
                name: name.clone(),
                key: region.key,
                offset: region.offset,
                byte_size: region.byte_size,
            };
            (name, status)
        };
        answer(regions.map(|regions| wire::SystemSharedMemoryStatusResponse {
            regions: regions.into_iter().map(status).collect(),
        }))
    }

    async fn system_shared_memory_register(
        &self,
        request: Request<wire::SystemSharedMemoryRegisterRequest>,
    ) -> Answer<wire::SystemSharedMemoryRegisterResponse> {
        let wire::SystemSharedMemoryRegisterRequest { name, key, offset, byte_size } = request.into_inner();
        let registered = self.memory.register(&name, &key, offset, byte_size);
        answer(registered.map(|()| wire::SystemSharedMemoryRegisterResponse {}))
    }

    async fn system_shared_memory_unregister(
        &self,
        request: Request<wire::SystemSharedMemoryUnregisterRequest>,
    ) -> Answer<wire::SystemSharedMemoryUnregisterResponse> {
        self.memory.unregister(&request.into_inner().name);
        Ok(Response::new(wire::SystemSharedMemoryUnregisterResponse {}))
    }

    async fn cuda_shared_memory_status(
        &self,
        _: Request<wire::CudaSharedMemoryStatusRequest>,
    ) -> Answer<wire::CudaSharedMemoryStatusResponse> {
        answer(Err(unimplemented("CUDA shared memory")))
    }

    async fn cuda_shared_memory_register(
        &self,
        _: Request<wire::CudaSharedMemoryRegisterRequest>,
    ) -> Answer<wire::CudaSharedMemoryRegisterResponse> {
        answer(Err(unimplemented("CUDA shared memory")))
    }

    async fn cuda_shared_memory_unregister(
        &self,
        _: Request<wire::CudaSharedMemoryUnregisterRequest>,
    ) -> Answer<wire::CudaSharedMemoryUnregisterResponse> {
        answer(Err(unimplemented("CUDA shared memory")))
    }

    async fn trace_setting(
        &self,
        request: Request<wire::TraceSettingRequest>,
    ) -> Answer<wire::TraceSettingResponse> {
        let wire::TraceSettingRequest { settings, model_name } = request.into_inner();
        let changes = settings.into_iter().map(|(name, setting)| (name, setting.value)).collect();
        let value = |(name, value)| (name, wire::trace_setting_response::SettingValue { value });
        answer(self.change_traces(&model_name, &changes).map(|settings| wire::TraceSettingResponse {
            settings: settings.into_iter().map(value).collect(),
        }))
    }

    async fn log_settings(
        &self,
        request: Request<wire::LogSettingsRequest>,
    ) -> Answer<wire::LogSettingsResponse> {
        let changes = log_settings::decode(request.into_inner());
        answer(changes.and_then(|changes| self.change_logs(&changes)).map(log_settings::encode))
    }
}

impl OipBackend {
    pub(super) async fn answer_infer(
        &self,
        message: wire::ModelInferRequest,
        deadline: Deadline,
    ) -> Result<wire::ModelInferResponse, ServiceError> {
        let call = self.backend.call(Api::Infer, Entry::Grpc, &message.model_name, deadline);
        call.finish(self.answer_message(message, deadline).await)
    }

    async fn answer_message(
        &self,
        message: wire::ModelInferRequest,
        deadline: Deadline,
    ) -> Result<wire::ModelInferResponse, ServiceError> {
        let _hold = self.wake(&message.model_name, &message.model_version).await?;
        let found: Found = self.find(&message.model_name, &message.model_version)?;
        self.backend.check_room(&found.info, deadline)?;
        let request = decode::decode(self, message)?;
        encode::encode(self.infer(&found, request, deadline).await?)
    }

    async fn answer_index(
        &self,
        request: wire::RepositoryIndexRequest,
    ) -> Result<wire::RepositoryIndexResponse, ServiceError> {
        refuse_repository(&request.repository_name)?;
        let index = self.backend.manager.index().await?;
        let entry = |entry: wharf_serve::IndexEntry| wire::repository_index_response::ModelIndex {
            name: entry.name,
            version: entry.version.map(|version| version.to_string()).unwrap_or_default(),
            state: if entry.version.is_some() {
                metadata::state(entry.state).to_owned()
            } else {
                String::new()
            },
            reason: entry.reason,
        };
        let is_wanted = |entry: &wharf_serve::IndexEntry| {
            !request.ready || entry.state == wharf_serve::VersionState::Available
        };
        let models = index.into_iter().filter(is_wanted).map(entry).collect();
        Ok(wire::RepositoryIndexResponse { models })
    }

    async fn answer_load(
        &self,
        repository: String,
        model: String,
        parameters: BTreeMap<String, wire::ModelRepositoryParameter>,
    ) -> Result<wire::RepositoryModelLoadResponse, ServiceError> {
        let (name, is_kserve) = model_to_change(repository, model)?;
        refuse_parameters(parameters.keys(), &[])?;
        self.backend.manager.load(&name).await?;
        Ok(match is_kserve {
            false => wire::RepositoryModelLoadResponse::default(),
            true => wire::RepositoryModelLoadResponse { model_name: name, is_loaded: true },
        })
    }

    async fn answer_unload(
        &self,
        repository: String,
        model: String,
        parameters: BTreeMap<String, wire::ModelRepositoryParameter>,
    ) -> Result<wire::RepositoryModelUnloadResponse, ServiceError> {
        let (name, is_kserve) = model_to_change(repository, model)?;
        refuse_parameters(parameters.keys(), &["unload_dependents"])?;
        let dependents = parameters.get("unload_dependents").and_then(|value| value.parameter_choice.clone());
        match dependents {
            Some(wire::model_repository_parameter::ParameterChoice::BoolParam(true)) => {
                self.backend.manager.unload_with_members(&name).await?;
            }
            _ => self.backend.manager.unload(&name).await?,
        }
        Ok(match is_kserve {
            false => wire::RepositoryModelUnloadResponse::default(),
            true => wire::RepositoryModelUnloadResponse { model_name: name, is_unloaded: true },
        })
    }
}

/// The model of a load or unload. KServe's message has the model where Triton's has the repository, which no client
/// names: where the second field is empty, the first is the model, and the reply is KServe's.
fn model_to_change(repository: String, model: String) -> Result<(String, bool), ServiceError> {
    match (repository.is_empty(), model.is_empty()) {
        (true, false) => Ok((model, false)),
        (false, true) => Ok((repository, true)),
        (true, true) => Err(ServiceError::invalid_argument("the request names no model")),
        (false, false) => Err(repository_unsupported()),
    }
}

fn refuse_repository(name: &str) -> Result<(), ServiceError> {
    if name.is_empty() { Ok(()) } else { Err(repository_unsupported()) }
}

pub(super) fn repository_unsupported() -> ServiceError {
    ServiceError::new(ErrorCode::Unimplemented, "'repository_name' specification is not supported")
}

/// Models come from the repository as they are: a client that brings its own is told so.
pub(super) fn refuse_parameters<'a>(
    mut names: impl Iterator<Item = &'a String>,
    known: &[&str],
) -> Result<(), ServiceError> {
    match names.find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let text = format!("parameter '{}' of the repository is not supported", super::shown(name));
            Err(ServiceError::new(ErrorCode::Unimplemented, text))
        }
    }
}

pub(super) fn unimplemented(what: &str) -> ServiceError {
    ServiceError::new(ErrorCode::Unimplemented, format!("this server does not do {what}"))
}

fn answer<T>(result: Result<T, ServiceError>) -> Answer<T> {
    result.map(Response::new).map_err(|error| to_status(&error))
}

/// Reads a request of any kind, for fuzzing.
pub(crate) fn read_infer(backend: &OipBackend, request: crate::proto::inference::ModelInferRequest) {
    let _ = decode::decode(backend, request);
}
