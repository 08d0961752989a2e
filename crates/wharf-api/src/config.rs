//! What the listeners are built from.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wharf_infer::language::LanguageModels;
use wharf_metrics::Registry;
use wharf_request_log::RequestLog;
use wharf_trace::Tracer;

use crate::{Limits, LogControl, ModelStore, TlsConfig};

/// Which ports to open, and how to answer on them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ApiConfig {
    /// The address to listen on. Loopback, unless somebody decides otherwise.
    pub bind: IpAddr,
    /// The port of all gRPC services; 0 takes a free one, `None` opens none.
    pub grpc_port: Option<u16>,
    /// The port of TensorFlow Serving's REST interface; 0 takes a free one, `None` opens none.
    pub rest_port: Option<u16>,
    /// The port of the Open Inference Protocol over REST; 0 takes a free one, `None` opens none.
    pub oip_rest_port: Option<u16>,
    /// A second port of all gRPC services, where clients of the Open Inference Protocol look for theirs.
    pub oip_grpc_port: Option<u16>,
    /// The port of KServe's first protocol, with the Open Inference Protocol beside it.
    pub http_port: Option<u16>,
    /// Whether the interface of operators, which spreads the requests of models over versions, is on that port too.
    pub admin: bool,
    /// The language models that are answered for on that port, by OpenAI's interface and others; `None` answers for none.
    pub language_models: Option<Arc<dyn LanguageModels>>,
    /// Where clients of Ollama's interface may add models; `None` lets them add none.
    pub language_store: Option<Arc<dyn ModelStore>>,
    /// A folder for the files and batches of language models; `None` takes neither.
    pub language_data: Option<PathBuf>,
    /// The port of metrics and probes, which answers from a thread of its own, also while requests are refused; 0
    /// takes a free one, `None` opens none.
    pub metrics_port: Option<u16>,
    /// A path on TensorFlow Serving's REST port under which the metrics are too.
    pub rest_metrics_path: Option<String>,
    /// What is counted. The server adds its own to what is there.
    pub metrics: Registry,
    /// Which requests are traced, and where their spans go. By default none are.
    pub tracer: Tracer,
    /// Where a share of the requests is written. By default nowhere.
    pub request_log: RequestLog,
    /// What the names of POSIX shared memory objects begin with that clients may have tensors in; `None` lets them
    /// have none.
    pub shared_memory_prefix: Option<String>,
    /// The log, for clients to ask how much is in it and to change that; `None` lets them do neither.
    pub log_control: Option<LogControl>,
    /// How long a REST request may take. gRPC clients say themselves how long they wait; for those that do not there is
    /// [`Limits::grpc_timeout`].
    pub rest_timeout: Duration,
    /// Whether gRPC replies carry tensors as raw `tensor_content` and not as lists of values. Stock clients read
    /// both by `make_ndarray`; many read the lists alone.
    pub tensor_content_replies: bool,
    /// TLS for every port; `None` serves plain HTTP.
    pub tls: Option<TlsConfig>,
    /// A folder for socket files, one for each protocol (`grpc.sock`, `rest.sock`, `oip-rest.sock`, `http.sock`); or a
    /// file that is to be one socket for every gRPC service and TensorFlow Serving's and the Open Inference
    /// Protocol's REST.
    pub unix_socket: Option<PathBuf>,
    /// Origins whose pages may read replies in a browser; `*` is every origin.
    pub cors_origins: Vec<String>,
    /// Names that requests may be for, besides this machine's own. Where there are none, every name is taken unless
    /// the server listens on loopback alone.
    pub allowed_hosts: Vec<String>,
    /// What clients are held to.
    pub limits: Limits,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            grpc_port: Some(8500),
            rest_port: Some(8501),
            oip_rest_port: Some(8000),
            oip_grpc_port: Some(8001),
            http_port: Some(8080),
            admin: true,
            language_models: None,
            language_store: None,
            language_data: None,
            metrics_port: Some(8002),
            rest_metrics_path: None,
            metrics: Registry::default(),
            tracer: Tracer::default(),
            request_log: RequestLog::default(),
            shared_memory_prefix: None,
            log_control: None,
            rest_timeout: Duration::from_secs(30),
            tensor_content_replies: false,
            tls: None,
            unix_socket: None,
            cors_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            limits: Limits::default(),
        }
    }
}
