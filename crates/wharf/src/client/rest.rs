//! The REST wire, over one connection.

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::events::Events;
use super::{Answer, Picture};

/// A connection to a REST port.
pub(crate) struct RestClient {
    host: String,
    sender: SendRequest<Full<Bytes>>,
    /// Drives the connection; dropping it ends the connection.
    _connection: JoinSet<()>,
}

impl RestClient {
    /// Connects to `server`, a `HOST:PORT` or an `http://` address.
    pub(crate) async fn connect(server: &str) -> anyhow::Result<Self> {
        if server.starts_with("https://") {
            bail!("`{server}` is served with TLS, which this command does not speak");
        }
        let server = server.strip_prefix("http://").unwrap_or(server).trim_end_matches('/');
        let stream = TcpStream::connect(server).await.with_context(|| format!("cannot reach `{server}`"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // Its error also ends the request that is under way, which reports it.
            let _reported_there = connection.await;
        });
        Ok(Self { host: server.to_owned(), sender, _connection: driver })
    }

    /// Sends `body`, where there is one, and gives the answer.
    pub(crate) async fn json(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let reply = self.call(method, path, body).await?;
        serde_json::from_slice(&reply).context("the server's answer is no JSON")
    }

    /// Sends `body` to `path` and gives the body of the answer.
    async fn post(&mut self, path: &str, body: Bytes) -> anyhow::Result<Bytes> {
        self.call(Method::POST, path, body).await
    }

    /// Asks a model with an `encoded` kind of signature for the classes of each picture.
    pub(crate) async fn classify(
        &mut self,
        model_path: &str,
        pictures: &[Picture],
    ) -> anyhow::Result<Vec<Answer>> {
        let metadata = self.call(Method::GET, &format!("{model_path}/metadata"), Bytes::new()).await?;
        let (signature, input) = picture_signature(&serde_json::from_slice(&metadata)?)
            .context("the model has no signature that classifies encoded pictures")?;
        let examples: Vec<Value> = pictures
            .iter()
            .map(|picture| json!({input.as_str(): {"b64": STANDARD.encode(&picture.encoded)}}))
            .collect();
        let body = json!({"signature_name": signature, "examples": examples}).to_string();
        let reply = self.post(&format!("{model_path}:classify"), body.into()).await?;
        read_results(&serde_json::from_slice(&reply)?).context("the server's answer is not one of `classify`")
    }

    /// Sends `body` to `path` and gives the events of the answer as they come.
    pub(crate) async fn events(&mut self, path: &str, body: Bytes) -> anyhow::Result<Events> {
        let reply = self.send(Method::POST, path, body).await?;
        match reply.status() {
            status if status.is_success() => Ok(Events::of(reply.into_body())),
            status => bail!("{}", error_text(status, &whole(reply.into_body()).await?)),
        }
    }

    async fn call(&mut self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Bytes> {
        let reply = self.send(method, path, body).await?;
        let status = reply.status();
        let body = whole(reply.into_body()).await?;
        if !status.is_success() {
            bail!("{}", error_text(status, &body));
        }
        Ok(body)
    }

    async fn send(&mut self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Response<Incoming>> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        self.sender.ready().await.context("the server closed the connection")?;
        self.sender.send_request(request).await.context("no answer")
    }
}

async fn whole(body: Incoming) -> anyhow::Result<Bytes> {
    Ok(body.collect().await.context("the answer broke off")?.to_bytes())
}

/// The server's own words where it says any.
fn error_text(status: hyper::StatusCode, body: &Bytes) -> String {
    let message = serde_json::from_slice::<Value>(body).ok();
    let words =
        message.as_ref().and_then(|body| body["error"].as_str().or(body["error"]["message"].as_str()));
    match words {
        Some(message) => format!("{message} (HTTP {})", status.as_u16()),
        None => format!("the server answers HTTP {status}"),
    }
}

/// The name and the input of the signature that classifies strings.
fn picture_signature(metadata: &Value) -> Option<(String, String)> {
    let signatures = metadata["metadata"]["signature_def"]["signature_def"].as_object()?;
    signatures.iter().find_map(|(name, signature)| {
        let inputs = signature["inputs"].as_object()?;
        let (input, info) = inputs.iter().next()?;
        let fits = inputs.len() == 1
            && info["dtype"] == "DT_STRING"
            && signature["method_name"] == "tensorflow/serving/classify";
        fits.then(|| (name.clone(), input.clone()))
    })
}

/// `{"results": [[["label", score], ...], ...]}`
fn read_results(reply: &Value) -> Option<Vec<Answer>> {
    let read_class = |class: &Value| Some((class[0].as_str()?.to_owned(), class[1].as_f64()? as f32));
    let read_row =
        |row: &Value| Some(Answer::new(row.as_array()?.iter().map(read_class).collect::<Option<_>>()?));
    reply["results"].as_array()?.iter().map(read_row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_signature_that_classifies_strings() {
        let signature = |dtype: &str, method: &str| json!({"inputs": {"image_bytes": {"dtype": dtype}}, "method_name": format!("tensorflow/serving/{method}")});
        let metadata =
            |signature: Value| json!({"metadata": {"signature_def": {"signature_def": {"s": signature}}}});
        let found = picture_signature(&metadata(signature("DT_STRING", "classify")));
        assert_eq!(found, Some(("s".into(), "image_bytes".into())));
        assert_eq!(picture_signature(&metadata(signature("DT_UINT8", "classify"))), None);
        assert_eq!(picture_signature(&metadata(signature("DT_STRING", "predict"))), None);
        assert_eq!(picture_signature(&json!({})), None);
    }

    #[test]
    fn reads_results_and_refuses_other_replies() {
        let answers = read_results(&json!({"results": [[["a", 0.25], ["b", 0.75]]]})).unwrap();
        assert_eq!(answers[0].classes, [("b".to_owned(), 0.75), ("a".to_owned(), 0.25)]);
        assert!(read_results(&json!({"results": [[["a"]]]})).is_none());
        assert!(read_results(&json!({"predictions": []})).is_none());
    }
}
