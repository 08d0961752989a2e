//! `wharf bench llm`: a language model over HTTP, beside the bare loop of passes over the same file.

mod bare;
mod clients;
mod guesses;
mod neighbours;
mod report;
mod stream;
mod words;

use std::path::Path;

use anyhow::{Context, bail};
use tokio::runtime::{Builder, Runtime};

use crate::cli::BenchLanguageArgs;
use crate::commands::own_server::Server;
use crate::say;
use clients::{Load, run};
use report::{Line, table};

/// Tokens of the prompt whose reading is measured, and of the answer whose writing is.
const READ: usize = 512;
const WRITTEN: u32 = 128;
/// What the system is told in the short load, in words.
const SHORT: usize = 20;

/// Measures, and prints what came of it.
pub(crate) fn measure(arguments: &BenchLanguageArgs) -> anyhow::Result<()> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let lines = match (&arguments.server, &arguments.model) {
        (Some(server), _) => runtime.block_on(loads(server, arguments))?,
        (None, Some(file)) => own(file, arguments, &runtime)?,
        (None, None) => bail!("expected a `.gguf` file, or a running server with --server"),
    };
    match arguments.json {
        true => say(serde_json::to_string_pretty(&lines)?),
        false => say(table(&lines)),
    }
    Ok(())
}

/// A server of our own, in turns with the bare loop.
fn own(file: &Path, arguments: &BenchLanguageArgs, runtime: &Runtime) -> anyhow::Result<Vec<Line>> {
    if !file.is_file() {
        bail!("there is no file `{}`; to measure a running server name it with --server", file.display());
    }
    let mut lines = Vec::new();
    let server = Server::of_language_model(file, &[])?;
    let address = server.http_address()?;
    let (mut bare, mut served) = (Vec::new(), Vec::new());
    for round in 0..arguments.rounds {
        bare.push(bare::rates(file, READ, WRITTEN)?);
        served.push(runtime.block_on(single(&address, round))?);
    }
    lines.extend(report::ratios(&bare, &served));
    lines.extend(runtime.block_on(loads(&address, arguments))?);
    let plain = Server::of_language_model(file, &["--llm-guesses", "0"])?;
    let plain_address = plain.http_address()?;
    lines.push(runtime.block_on(guesses::gain(&address, &plain_address, arguments.rounds))?);
    drop(plain);
    lines
        .push(report::memory(server.pid()).context("the system does not tell what memory the server takes")?);
    Ok(lines)
}

/// Rates of reading and of writing over HTTP, for one client with a prompt that nobody sent before.
async fn single(address: &str, round: u32) -> anyhow::Result<bare::Rates> {
    let name = stream::only_model(address).await?;
    // A short answer to a long prompt times the reading, a long answer to a short prompt the writing.
    let long = stream::ask(address, &name, &[("user", &words::text(READ * 2 / 3, round.into()))], 2).await?;
    let short =
        stream::ask(address, &name, &[("user", &words::text(3, u64::from(round) + 1000))], WRITTEN).await?;
    let written = f64::from(short.written.saturating_sub(1));
    Ok(bare::Rates {
        read: f64::from(long.read - long.cached) / long.first.as_secs_f64(),
        written: written / (short.last - short.first).as_secs_f64(),
    })
}

/// The loads that servers are compared by.
async fn loads(address: &str, arguments: &BenchLanguageArgs) -> anyhow::Result<Vec<Line>> {
    let name = stream::only_model(address).await?;
    let mut lines = Vec::new();
    for (what, clients, system) in [
        ("shared prompt, cold", arguments.clients, arguments.system_words),
        ("shared prompt, warm", arguments.clients, arguments.system_words),
        ("short prompt", arguments.clients, SHORT),
        ("one client, shared prompt", 1, arguments.system_words),
        ("one client, short prompt", 1, SHORT),
    ] {
        let load = Load { clients, system_words: system, tokens: arguments.tokens, seed: arguments.seed };
        lines.push(run(address, &name, what, &load).await?);
    }
    lines.extend(neighbours::isolation(address).await?);
    Ok(lines)
}
