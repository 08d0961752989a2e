//! The HTTP ports: which protocols answer on each, and the probes and the document that every one of them answers.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use tonic::body::Body;
use wharf_infer::ServiceError;

use crate::admin::AdminService;
use crate::cors::Cors;
use crate::grpc::GrpcService;
use crate::kserve::KserveService;
use crate::language_service::LanguageService;
use crate::listener::{RequestBody, Wire};
use crate::monitor::Monitor;
use crate::oip::rest::OipRestService;
use crate::openapi::{self, Part};
use crate::rest::{Failure, reply};
use crate::tfs::rest::RestService;

/// A protocol with a port of its own, or more than one on a port that they share.
#[derive(Clone)]
pub(crate) enum Protocols {
    /// TensorFlow Serving's REST interface.
    Tfs(RestService),
    /// The Open Inference Protocol.
    Oip(OipRestService),
    /// KServe's first protocol, and beside it the Open Inference Protocol, and the interfaces of operators and of language
    /// models where there are such.
    Shared(KserveService, OipRestService, Option<AdminService>, Option<LanguageService>),
    /// TensorFlow Serving's REST interface and the Open Inference Protocol, which share no path.
    TfsAndOip(RestService, OipRestService),
}

impl Protocols {
    /// What a port of these says it answers.
    pub(crate) fn document(&self) -> Bytes {
        let parts: Vec<Part> = match self {
            Protocols::Tfs(_) => vec![Part::Tfs],
            Protocols::Oip(_) => vec![Part::Oip],
            Protocols::Shared(_, _, admin, language) => {
                let admin = admin.as_ref().map(|_| Part::Admin);
                let language = language.as_ref().map(|_| Part::Language);
                [Part::Kserve, Part::Oip].into_iter().chain(admin).chain(language).collect()
            }
            Protocols::TfsAndOip(..) => vec![Part::Tfs, Part::Oip],
        };
        openapi::document(&parts)
    }
}

/// The protocols of a port behind its probes.
#[derive(Clone)]
pub(crate) struct HttpService {
    pub(crate) protocols: Protocols,
    pub(crate) monitor: Monitor,
    /// What `GET /openapi.json` answers.
    pub(crate) document: Bytes,
    pub(crate) cors: Cors,
}

impl Wire for HttpService {
    async fn answer(&self, request: Request<RequestBody>) -> Response<Body> {
        let Some(origin) = self.cors.origin_of(request.headers()) else { return self.route(request).await };
        if let Some(response) = Cors::preflight(&request, &origin) {
            return response;
        }
        let mut response = self.route(request).await;
        Cors::allow(&mut response, origin);
        response
    }

    fn refused(&self, error: &ServiceError) -> Response<Body> {
        Failure::from(error.clone()).into_response(http::Version::HTTP_2)
    }
}

impl HttpService {
    async fn route(&self, request: Request<RequestBody>) -> Response<Body> {
        if let Some(response) = self.monitor.answer(&request) {
            return response;
        }
        if request.uri().path() == openapi::PATH && request.method() == Method::GET {
            return reply(StatusCode::OK, "application/json", self.document.clone());
        }
        let path = request.uri().path();
        match &self.protocols {
            Protocols::Tfs(service) => service.answer(request).await,
            Protocols::Oip(service) => service.answer(request).await,
            Protocols::Shared(.., Some(language)) if language.takes(&request) => {
                language.answer(request).await
            }
            Protocols::Shared(kserve, _, _, Some(language)) if LanguageService::lists(&request) => {
                language.list(&kserve.names(), &request)
            }
            Protocols::Shared(kserve, ..) if KserveService::is_of(path) => kserve.answer(request).await,
            Protocols::Shared(_, _, Some(admin), _) if AdminService::is_of(path) => {
                admin.answer(request).await
            }
            Protocols::Shared(_, oip, ..) => oip.answer(request).await,
            Protocols::TfsAndOip(_, oip) if path.starts_with("/v2") => oip.answer(request).await,
            Protocols::TfsAndOip(tfs, _) => tfs.answer(request).await,
        }
    }
}

/// gRPC and HTTP in one place, told apart by what a request says that its body is.
#[derive(Clone)]
pub(crate) struct EveryService {
    pub(crate) grpc: GrpcService,
    pub(crate) http: HttpService,
}

impl Wire for EveryService {
    async fn answer(&self, request: Request<RequestBody>) -> Response<Body> {
        let content = request.headers().get(http::header::CONTENT_TYPE);
        match content.is_some_and(|content| content.as_bytes().starts_with(b"application/grpc")) {
            true => Wire::answer(&self.grpc, request).await,
            false => self.http.answer(request).await,
        }
    }

    /// As HTTP: clients of gRPC understand its status too.
    fn refused(&self, error: &ServiceError) -> Response<Body> {
        self.http.refused(error)
    }
}
