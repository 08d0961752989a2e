//! The byte streams that connections come over.

use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes both ways: TCP, TLS over it, or a socket file.
pub(super) trait Bytestream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytestream for T {}

/// Any of them. One virtual call for each read and write is nothing beside the system call in it.
pub(super) type Stream = Box<dyn Bytestream>;
