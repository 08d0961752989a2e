//! One question to a language model, whose answer is shown as it comes.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use wharf_bundle::EngineKind;

use crate::cli::AskArgs;
use crate::client::RestClient;
use crate::commands::own_server::Server;

/// A model on a server, and what is to be asked of it every time.
pub(super) struct Model<'a> {
    arguments: &'a AskArgs,
    name: String,
    client: RestClient,
    /// The server, where it is our own.
    _server: Option<Server>,
}

impl<'a> Model<'a> {
    /// Finds the model on the server, or starts a server for it where it is a file.
    pub(super) async fn find(arguments: &'a AskArgs) -> anyhow::Result<Self> {
        let path = Path::new(&arguments.model);
        let is_file = EngineKind::of_file(&arguments.model) == Some(EngineKind::Llama) && path.is_file();
        let server = is_file.then(|| Server::of_language_model(path, &[])).transpose()?;
        let address = match &server {
            Some(server) => server.http_address()?,
            None => arguments.server.server.clone(),
        };
        let mut client = RestClient::connect(&address).await.with_context(|| no_server(&address))?;
        let name = match is_file {
            true => only_model(&mut client).await?,
            false => arguments.model.clone(),
        };
        Ok(Self { arguments, name, client, _server: server })
    }

    /// Asks, shows the answer as it comes, and gives it.
    pub(super) async fn answer(&mut self, messages: &[Value]) -> anyhow::Result<String> {
        let body = self.question(messages).to_string();
        let mut events = self.client.events("/v1/chat/completions", body.into()).await?;
        let mut answer = String::new();
        while let Some(event) = events.next().await? {
            let event: Value = serde_json::from_str(&event).context("the server's event is no JSON")?;
            if let Some(message) = event["error"]["message"].as_str() {
                bail!("{message}");
            }
            if let Some(text) = event["choices"][0]["delta"]["content"].as_str() {
                show(text);
                answer.push_str(text);
            }
        }
        show("\n");
        Ok(answer)
    }

    fn question(&self, messages: &[Value]) -> Value {
        let AskArgs { system, max_tokens, temperature, seed, .. } = self.arguments;
        let system = system.iter().map(|text| json!({"role": "system", "content": text}));
        let messages: Vec<Value> = system.chain(messages.iter().cloned()).collect();
        let mut body = json!({"model": self.name, "messages": messages, "stream": true});
        for (key, value) in [
            ("max_tokens", max_tokens.map(Value::from)),
            ("temperature", temperature.map(Value::from)),
            ("seed", seed.map(Value::from)),
        ] {
            if let Some(value) = value {
                body[key] = value;
            }
        }
        body
    }
}

async fn only_model(client: &mut RestClient) -> anyhow::Result<String> {
    let models = client.json(hyper::Method::GET, "/v1/models", None).await?;
    let name = models["data"][0]["id"].as_str().context("the file holds no model that writes text")?;
    Ok(name.to_owned())
}

pub(super) fn no_server(address: &str) -> String {
    format!("no server on {address}: start one with `wharf serve`, or name another with --server")
}

/// Standard output may be a closed pipe, which is no error.
fn show(text: &str) {
    let mut output = std::io::stdout().lock();
    let _closed_pipe = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}
