//! HTTP/1 by hand, so that what no client would send can be sent.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::WriteHalf;

use crate::reply::Reply;
use crate::row::Row;

/// Longer than the server takes for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The bytes of a row's request, with this body.
pub(crate) fn request(row: &Row, each: &str, body: &[u8]) -> Vec<u8> {
    if let Some(raw) = &row.raw {
        return raw.bytes(each);
    }
    let headers: String = row.headers.iter().map(|header| format!("{header}\r\n")).collect();
    let head = format!(
        "{} {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        row.method,
        row.path,
        body.len()
    );
    [head.replace("$each", each).as_bytes(), body].concat()
}

/// How often something is dripped.
const DRIP: Duration = Duration::from_millis(300);

/// How a row writes to its connection.
#[derive(Clone, Copy, Default)]
pub(crate) struct Manner<'a> {
    /// Written again and again.
    pub(crate) drip: Option<&'a [u8]>,
    pub(crate) half_close: bool,
}

impl Manner<'_> {
    /// Returns when all is written; with something to drip, when that fails.
    async fn write(self, writing: &mut WriteHalf<'_>, bytes: &[u8]) {
        // The server may have answered and closed before it has read everything.
        let mut open = writing.write_all(bytes).await.is_ok();
        while let (Some(drip), true) = (self.drip, open) {
            tokio::time::sleep(DRIP).await;
            open = writing.write_all(drip).await.is_ok();
        }
        if self.half_close {
            let _already_closed = writing.shutdown().await;
        }
    }
}

/// Sends `bytes` and reads until the server closes.
pub(crate) async fn exchange(address: &str, bytes: &[u8], manner: Manner<'_>) -> Reply {
    let mut stream = match TcpStream::connect(address).await {
        Ok(stream) => stream,
        Err(error) => return Reply::Nothing(error.to_string()),
    };
    let (mut reading, mut writing) = stream.split();
    let mut read = Vec::new();
    let both = async {
        let writing = async {
            manner.write(&mut writing, bytes).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _end_or_reset = reading.read_to_end(&mut read) => {}
            () = writing => {}
        }
    };
    if tokio::time::timeout(PATIENCE, both).await.is_err() {
        return Reply::Nothing(format!("the connection is still open after {PATIENCE:?}"));
    }
    Reply::http(&read)
}

/// Sends what the other side takes of `bytes`, and reads nothing.
pub(crate) async fn send_only(address: &str, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _taken_in_part = tokio::time::timeout(DRIP, stream.write_all(bytes)).await;
    stream
}
