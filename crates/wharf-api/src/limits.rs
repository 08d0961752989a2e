//! How much a client may send.

use std::time::Duration;

/// What every listener holds clients to. The defaults are meant for the open network.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest request body or message, in bytes, before and after decompression. A tensor that a short
    /// message spells out in few values may not grow past it either.
    pub max_body_bytes: usize,
    /// How many bytes the bodies of all requests under way may take together, as they came and unpacked. Streams and
    /// packed messages of gRPC are held to the limits of one.
    pub max_held_bytes: usize,
    /// The most header fields of a request.
    pub max_headers: usize,
    /// The most bytes that the header fields of a request take together.
    pub max_header_bytes: u32,
    /// How long a TLS handshake may take.
    pub tls_handshake_timeout: Duration,
    /// How long the header of a request may take to arrive, from its first byte on; and the first byte of a
    /// connection.
    pub header_read_timeout: Duration,
    /// How long an HTTP/1 connection may lie idle between two requests.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of a reply that waits for it.
    pub write_timeout: Duration,
    /// How long a gRPC call may take whose client sets no deadline; `None` leaves that to the clients. Streams are as
    /// long as they are.
    pub grpc_timeout: Option<Duration>,
    /// How many bytes of replies may wait on a connection for the client to take them, where it is more than one
    /// reply.
    pub max_unsent_bytes: usize,
    /// How long a body may take to gather speed, before it is held to [`Limits::min_body_bytes_per_second`].
    pub body_grace: Duration,
    /// The slowest rate at which a body may arrive.
    pub min_body_bytes_per_second: u32,
    /// The most inputs or outputs that a request may name.
    pub max_tensors: usize,
    /// The most strings in one tensor.
    pub max_strings: usize,
    /// The most connections at a time, over all listeners.
    pub max_connections: usize,
    /// The most streams at a time on an HTTP/2 connection.
    pub max_streams_per_connection: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 64 << 20,
            max_held_bytes: 1 << 30,
            max_headers: 100,
            max_header_bytes: 64 << 10,
            tls_handshake_timeout: Duration::from_secs(10),
            header_read_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            grpc_timeout: None,
            max_unsent_bytes: 256 << 20,
            body_grace: Duration::from_secs(5),
            min_body_bytes_per_second: 8 << 10,
            max_tensors: 256,
            max_strings: 1 << 20,
            max_connections: 10_000,
            max_streams_per_connection: 128,
        }
    }
}
