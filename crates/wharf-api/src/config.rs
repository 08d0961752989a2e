//! What the listeners are built from.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::Limits;

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
    /// How long a REST request may take. gRPC clients say themselves how long they wait.
    pub rest_timeout: Duration,
    /// Whether gRPC replies carry tensors as raw `tensor_content` and not as lists of values. Stock clients read
    /// both by `make_ndarray`; many read the lists alone.
    pub tensor_content_replies: bool,
    /// What clients are held to.
    pub limits: Limits,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            grpc_port: Some(8500),
            rest_port: Some(8501),
            rest_timeout: Duration::from_secs(30),
            tensor_content_replies: false,
            limits: Limits::default(),
        }
    }
}
