//! A caller who asks for little, alone and beside one who asks for much.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use tokio::task::JoinSet;

use super::report::Line;
use super::{stream, words};

/// Questions of the light caller, one after the other.
const ASKED: u64 = 40;
/// Words of each, and tokens of its answer.
const LIGHT: (usize, u32) = (40, 8);
/// Questions that the heavy caller keeps under way, their words and the tokens of their answers.
const HEAVY: (usize, usize, u32) = (4, 1200, 32);

/// The times to the first text of the light caller, alone and with the heavy one about.
pub(super) async fn isolation(address: &str) -> anyhow::Result<[Line; 2]> {
    let model = stream::only_model(address).await?;
    light(address, &model, 1).await?;
    let alone = light(address, &model, 2).await?;
    let is_over = AtomicBool::new(false);
    let (beside, heavy) = tokio::join!(
        async {
            let beside = light(address, &model, 3).await;
            is_over.store(true, Ordering::Relaxed);
            beside
        },
        heavy(address, &model, &is_over),
    );
    heavy?;
    Ok([
        Line::of_firsts("a light caller alone", &alone),
        Line::of_firsts("a light caller beside a heavy one", &beside?),
    ])
}

async fn light(address: &str, model: &str, seed: u64) -> anyhow::Result<Vec<stream::Timing>> {
    let mut timings = Vec::new();
    for number in 0..ASKED {
        let text = words::text(LIGHT.0, seed * 1_000_000 + number);
        timings.push(stream::ask_as(address, model, &[("user", &text)], LIGHT.1, Some("light")).await?);
    }
    Ok(timings)
}

/// Keeps long questions under way until the light caller is done.
async fn heavy(address: &str, model: &str, is_over: &AtomicBool) -> anyhow::Result<()> {
    let (at_once, length, tokens) = HEAVY;
    let mut asking = JoinSet::new();
    let mut seed = 9_000_000;
    while !is_over.load(Ordering::Relaxed) || !asking.is_empty() {
        while asking.len() < at_once && !is_over.load(Ordering::Relaxed) {
            seed += 1;
            let (address, model, text) = (address.to_owned(), model.to_owned(), words::text(length, seed));
            asking.spawn(async move {
                stream::ask_as(&address, &model, &[("user", &text)], tokens, Some("heavy")).await
            });
        }
        if let Some(asked) = asking.join_next().await {
            asked.context("a client panicked")??;
        }
    }
    Ok(())
}
