//! HTTP/1 by hand, so that what no client would send can be sent.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

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

/// Sends `bytes` and reads until the server closes.
pub(crate) async fn exchange(address: &str, bytes: &[u8]) -> Reply {
    let mut stream = match TcpStream::connect(address).await {
        Ok(stream) => stream,
        Err(error) => return Reply::Nothing(error.to_string()),
    };
    let (mut reading, mut writing) = stream.split();
    let mut read = Vec::new();
    let both = async {
        // The server may have answered and closed before it has read everything.
        let (_cut_short, _reset) = tokio::join!(writing.write_all(bytes), reading.read_to_end(&mut read));
    };
    if tokio::time::timeout(PATIENCE, both).await.is_err() {
        return Reply::Nothing(format!("the connection is still open after {PATIENCE:?}"));
    }
    Reply::http(&read)
}
