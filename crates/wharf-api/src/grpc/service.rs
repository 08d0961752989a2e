//! All gRPC services of one listener, behind what they share.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic::{Status, service::RoutesBuilder};
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use tower::Service as _;
use wharf_infer::{Deadline, ErrorCode, ServiceError};

use super::deadline::timeout;
use super::error::{remapped, to_status};
use super::unary;
use crate::Limits;
use crate::listener::RequestBody;
use crate::oip::OipBackend;
use crate::oip::grpc::GrpcInferenceServiceServer;
use crate::proto::DESCRIPTORS;
use crate::proto::inference::grpc_inference_service_server::GrpcInferenceService as _;
use crate::proto::tensorflow::serving::prediction_service_server::PredictionService as _;
use crate::tfs::TfsBackend;
use crate::tfs::grpc::{ModelServiceServer, PredictionServiceServer};

/// The calls that carry most tensors.
const PREDICT: &str = "/tensorflow.serving.PredictionService/Predict";
const MODEL_INFER: &str = "/inference.GRPCInferenceService/ModelInfer";

/// Names that health checks ask for: the whole server, the services, and the short names that TensorFlow
/// Serving registers.
const HEALTH_NAMES: [&str; 6] = [
    "",
    "inference.GRPCInferenceService",
    "tensorflow.serving.PredictionService",
    "tensorflow.serving.ModelService",
    "PredictionService",
    "ModelService",
];

/// Says by the health service whether requests are welcome.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health(HealthReporter);

impl Health {
    pub(crate) async fn set(&self, is_serving: bool) {
        let status = if is_serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in HEALTH_NAMES {
            self.0.set_service_status(name, status).await;
        }
    }
}

/// Routes requests to services, keeps deadlines and mends statuses.
#[derive(Clone)]
pub(crate) struct GrpcService {
    routes: Routes,
    tfs: TfsBackend,
    oip: OipBackend,
    limit: usize,
    /// Of calls that set no deadline.
    timeout: Option<Duration>,
}

impl GrpcService {
    /// Every gRPC service there is.
    pub(crate) fn new(backend: &TfsBackend, oip: &OipBackend, health: &Health, limits: &Arc<Limits>) -> Self {
        let limit = limits.max_body_bytes;
        let mut routes = RoutesBuilder::default();
        routes
            .add_service(
                PredictionServiceServer::new(backend.clone())
                    .max_decoding_message_size(limit)
                    .max_encoding_message_size(usize::MAX)
                    .accept_compressed(CompressionEncoding::Gzip),
            )
            .add_service(
                ModelServiceServer::new(backend.clone())
                    .max_decoding_message_size(limit)
                    .accept_compressed(CompressionEncoding::Gzip),
            )
            .add_service(
                GrpcInferenceServiceServer::new(oip.clone())
                    .max_decoding_message_size(limit)
                    .max_encoding_message_size(usize::MAX)
                    .accept_compressed(CompressionEncoding::Gzip)
                    .accept_compressed(CompressionEncoding::Deflate),
            )
            .add_service(HealthServer::new(HealthService::from_health_reporter(health.0.clone())));
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        match (reflection().build_v1(), reflection().build_v1alpha()) {
            (Ok(current), Ok(alpha)) => {
                routes.add_service(current).add_service(alpha);
            }
            // The descriptors are made at build time and tested; without them everything else still works.
            (Err(error), _) | (_, Err(error)) => tracing::error!(%error, "reflection is not available"),
        }
        let (tfs, oip, timeout) = (backend.clone(), oip.clone(), limits.grpc_timeout);
        Self { routes: routes.routes().prepare(), tfs, oip, limit, timeout }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, mut request: Request<RequestBody>) -> Response<Body> {
        let timeout = match timeout(request.headers()) {
            Ok(timeout) => timeout,
            Err(error) => return refused(&error),
        };
        let usual = || self.timeout.filter(|_| !is_stream(request.uri().path()));
        let deadline = timeout.or_else(usual).map_or(Deadline::NONE, Deadline::after);
        request.extensions_mut().insert(deadline);
        let answer = self.dispatch(request);
        match deadline.instant() {
            None => answer.await,
            Some(moment) => tokio::time::timeout_at(moment.into(), answer).await.unwrap_or_else(|_| {
                refused(&ServiceError::new(ErrorCode::DeadlineExceeded, "Deadline Exceeded"))
            }),
        }
    }

    async fn dispatch(&self, request: Request<RequestBody>) -> Response<Body> {
        let limit = self.limit;
        match request.uri().path() {
            PREDICT if unary::is_plain(&request) => {
                unary::answer(request, limit, |request| self.tfs.predict(request)).await
            }
            MODEL_INFER if unary::is_plain(&request) => {
                unary::answer(request, limit, |request| self.oip.model_infer(request)).await
            }
            _ => {
                let Ok(mut response) = self.routes.clone().call(request).await;
                mend(&mut response);
                response
            }
        }
    }
}

/// Whether a call may go on for as long as its client likes.
pub(crate) fn is_stream(path: &str) -> bool {
    path.starts_with("/grpc.") || path.ends_with("/ModelStreamInfer")
}

/// A reply that is only a status.
pub(crate) fn refused(error: &ServiceError) -> Response<Body> {
    to_status(error).into_http()
}

/// Corrects the status of a reply that tonic itself gave.
fn mend(response: &mut Response<Body>) {
    let status = Status::from_header_map(response.headers());
    if let Some(status) = status.as_ref().and_then(remapped) {
        // The status is in the headers, so there is nothing in the body that could go missing.
        *response = status.into_http();
    }
}
