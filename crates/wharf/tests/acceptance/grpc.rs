//! gRPC by hand above HTTP/2: messages that no stub would send.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::http::PATIENCE;
use crate::reply::Reply;
use crate::row::Row;

/// A connection to a gRPC port.
pub(crate) struct Caller(SendRequest<Full<Bytes>>);

impl Caller {
    #[expect(clippy::disallowed_methods, reason = "the connection ends with its caller")]
    pub(crate) async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        // Otherwise each message waits until its head is acknowledged.
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// Calls what `row` calls with this message.
    pub(crate) async fn call(&mut self, row: &Row, each: &str, message: &[u8]) -> Reply {
        let length = row.length.unwrap_or(message.len() as u32);
        let framed = [&[row.flag][..], &length.to_be_bytes(), message].concat();
        let path = row.call.as_deref().unwrap_or_default().replace("$each", each);
        let mut request = http::Request::post(format!("http://localhost{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for header in &row.headers {
            let (name, value) = header.split_once(": ").unwrap();
            request = request.header(name, value.replace("$each", each));
        }
        let request = request.body(Full::new(Bytes::from(framed))).unwrap();
        match tokio::time::timeout(PATIENCE, self.send(request)).await {
            Ok(Ok((code, _, bytes))) if code == "0" => {
                Reply::grpc(&code, String::from_utf8_lossy(&bytes).into_owned())
            }
            Ok(Ok((code, message, _))) => {
                Reply::grpc(&code, message.replace("%20", " ").replace("%22", "\""))
            }
            Ok(Err(error)) => Reply::Nothing(format!("{error:?}")),
            Err(_) => Reply::Nothing(format!("no answer after {PATIENCE:?}")),
        }
    }

    /// Sends messages to `path`, and expects as many as answers.
    pub(crate) async fn answers(&mut self, path: &str, messages: &[Vec<u8>]) -> Result<Vec<Bytes>, String> {
        let framed = messages.iter().flat_map(|message| {
            [&[0][..], &(message.len() as u32).to_be_bytes(), message.as_slice()].concat()
        });
        let request = http::Request::post(format!("http://localhost{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(framed.collect()))
            .unwrap();
        let (code, text, mut bytes) = self.send(request).await.map_err(|error| format!("{error:?}"))?;
        let mut answers = Vec::new();
        while bytes.len() >= 5 {
            let head = bytes.split_to(5);
            answers.push(bytes.split_to(u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize));
        }
        match code == "0" && answers.len() == messages.len() {
            true => Ok(answers),
            false => Err(format!("code {code}, {} answers: {text}", answers.len())),
        }
    }

    /// The status of the answer, its text, and its messages as they travel.
    async fn send(&mut self, request: http::Request<Full<Bytes>>) -> hyper::Result<(String, String, Bytes)> {
        self.0.ready().await?;
        let (head, body) = self.0.send_request(request).await?.into_parts();
        let collected = body.collect().await?;
        let trailers = collected.trailers().cloned().unwrap_or_default();
        let field = |name: &str| {
            let value = head.headers.get(name).or_else(|| trailers.get(name));
            value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
        };
        let (code, message) = (field("grpc-status"), field("grpc-message"));
        Ok((code, message, collected.to_bytes()))
    }
}
