//! Several clients that ask at once.

use std::time::Instant;

use anyhow::Context;
use tokio::task::JoinSet;

use super::report::Line;
use super::{stream, words};

/// What the clients do: each asks once, after the same words of the system and with words of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) clients: u32,
    pub(super) system_words: usize,
    /// Tokens of each answer.
    pub(super) tokens: u32,
    pub(super) seed: u64,
}

/// Runs a load and says how it went.
pub(super) async fn run(address: &str, model: &str, what: &str, load: &Load) -> anyhow::Result<Line> {
    let system = words::text(load.system_words, load.seed);
    let mut asking = JoinSet::new();
    let began = Instant::now();
    for client in 0..load.clients {
        let (address, model, system) = (address.to_owned(), model.to_owned(), system.clone());
        // Words of its own every time, also where the same system is told again.
        let own = words::text(12, began.elapsed().as_nanos() as u64 ^ u64::from(client) << 40);
        let tokens = load.tokens;
        asking.spawn(async move {
            stream::ask(&address, &model, &[("system", &system), ("user", &own)], tokens).await
        });
    }
    let mut timings = Vec::new();
    while let Some(asked) = asking.join_next().await {
        timings.push(asked.context("a client panicked")??);
    }
    Ok(Line::of_load(what, load.clients, &timings, began.elapsed()))
}
