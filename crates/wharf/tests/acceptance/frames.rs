//! HTTP/2 from below: what the server does with a connection that frames were written to by hand.

use std::collections::BTreeSet;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http::PATIENCE;
use crate::reply::Reply;

/// What every client says first, and settings that change nothing.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// A ping at the end: who answers it has survived what came before.
const PING: [u8; 8] = *b"survived";

/// The names of error codes, by number.
const ERRORS: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

/// A frame: its type, flags, stream and payload, and the length it claims.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8], length: Option<u32>) -> Vec<u8> {
    let length = length.unwrap_or(payload.len() as u32);
    [&length.to_be_bytes()[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header field for HPACK: literal, never indexed.
pub(crate) fn field(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut block = vec![0x10];
    for text in [name, value] {
        integer(text.len(), &mut block);
        block.extend_from_slice(text);
    }
    block
}

/// A number in the seven low bits of a byte, and those behind it.
fn integer(mut value: usize, block: &mut Vec<u8>) {
    if value < 0x7f {
        return block.push(value as u8);
    }
    block.push(0x7f);
    value -= 0x7f;
    while value >= 0x80 {
        block.push(value as u8 | 0x80);
        value >>= 7;
    }
    block.push(value as u8);
}

/// Writes `bytes` behind the preface and a ping behind them, and reads until the server has done with it.
pub(crate) async fn exchange(address: &str, bytes: &[u8]) -> Reply {
    let mut stream = match TcpStream::connect(address).await {
        Ok(stream) => stream,
        Err(error) => return Reply::Nothing(error.to_string()),
    };
    let (mut reading, mut writing) = stream.split();
    let whole = [PREFACE, bytes, &frame(6, 0, 0, &PING, None)].concat();
    let mut seen = Seen::default();
    let both = async {
        tokio::select! {
            () = seen.read(&mut reading) => {}
            // The end of writing is no end.
            () = async { let _cut_short = writing.write_all(&whole).await; std::future::pending().await } => {}
        }
    };
    if tokio::time::timeout(PATIENCE, both).await.is_err() {
        return Reply::Nothing(format!("neither an answer to a ping nor an end after {PATIENCE:?}"));
    }
    Reply::Http2 { end: seen.end, resets: seen.resets }
}

#[derive(Default)]
struct Seen {
    end: String,
    resets: BTreeSet<String>,
}

impl Seen {
    async fn read(&mut self, stream: &mut (impl tokio::io::AsyncRead + Unpin)) {
        let mut head = [0; 9];
        while stream.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let mut payload = vec![0; length];
            if stream.read_exact(&mut payload).await.is_err() {
                break;
            }
            match head[3] {
                3 => drop(self.resets.insert(error(&payload))),
                6 if head[4] == 1 && payload == PING => return self.end = "PONG".to_owned(),
                7 => return self.end = format!("GOAWAY {}", error(payload.get(4..).unwrap_or_default())),
                _ => {}
            }
        }
        self.end = "CLOSED".to_owned();
    }
}

fn error(payload: &[u8]) -> String {
    let code = payload.get(..4).and_then(|code| code.try_into().ok()).map_or(u32::MAX, u32::from_be_bytes);
    ERRORS.get(code as usize).map_or_else(|| code.to_string(), ToString::to_string)
}
