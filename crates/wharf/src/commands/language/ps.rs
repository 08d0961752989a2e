//! `wharf ps`: the language models of a server, and whether they are loaded.

use anyhow::Context as _;
use hyper::Method;
use serde_json::Value;

use super::ask::no_server;
use crate::cli::PsArgs;
use crate::client::RestClient;
use crate::say;
use crate::table::Table;

/// Lists them.
pub(crate) fn run(arguments: &PsArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let address = &arguments.server.server;
    let models = runtime.block_on(async {
        let mut client = RestClient::connect(address).await.with_context(|| no_server(address))?;
        client.json(Method::GET, "/v1/models", None).await
    })?;
    let mut table = Table::new(&["NAME", "STATE", ">CONTEXT"]);
    for model in models["data"].as_array().into_iter().flatten() {
        table.row(row(model));
    }
    say(table.render());
    Ok(())
}

fn row(model: &Value) -> [String; 3] {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let context = model["max_model_len"].as_u64().map_or_else(|| "-".to_owned(), |tokens| tokens.to_string());
    [text(&model["id"]), text(&model["status"]["value"]), context]
}
