//! What guessing ahead gains where there is something to guess from: an answer that repeats what was read.

use std::time::Instant;

use anyhow::bail;
use hyper::Method;
use serde_json::{Value, json};

use super::report::Line;
use super::{stream, words};
use crate::client::RestClient;

/// Words of the text that is repeated,
const REPEATED: usize = 60;
/// how often it is there already,
const TIMES: usize = 3;
/// and tokens of the answer.
const TOKENS: u32 = 128;

/// The rate of a server that guesses beside that of one that does not.
pub(super) async fn gain(guessing: &str, plain: &str, rounds: u32) -> anyhow::Result<Line> {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        with.push(rate(guessing, round).await?);
        without.push(rate(plain, round).await?);
    }
    Ok(Line::of_gain("repeating a text, guesses on (bare: off)", &with, &without))
}

/// Tokens a second of an answer whose prompt is in the cache.
async fn rate(address: &str, round: u32) -> anyhow::Result<f64> {
    let model = stream::only_model(address).await?;
    let text = words::text(REPEATED, u64::from(round) + 7000);
    let prompt = format!("{text}.\n").repeat(TIMES);
    let mut client = RestClient::connect(address).await?;
    complete(&mut client, &model, &prompt, 1).await?;
    let began = Instant::now();
    let written = complete(&mut client, &model, &prompt, TOKENS).await?;
    Ok(written / began.elapsed().as_secs_f64())
}

async fn complete(client: &mut RestClient, model: &str, prompt: &str, tokens: u32) -> anyhow::Result<f64> {
    let body = json!({
        "model": model, "prompt": prompt, "max_tokens": tokens, "ignore_eos": true, "temperature": 0,
    });
    let answer: Value = client.json(Method::POST, "/v1/completions", Some(&body)).await?;
    match answer["usage"]["completion_tokens"].as_f64() {
        Some(written) => Ok(written),
        None => bail!("the answer does not say how many tokens it has"),
    }
}
