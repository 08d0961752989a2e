//! The bare loop: passes over a file with nothing around them, as llama.cpp's own measurement has it.

use std::path::Path;
use std::time::Instant;

use anyhow::bail;
use serde::Serialize;
use wharf_llama::{LlamaConfig, open};
use wharf_llm::{BatchToken, Decoder};

/// Tokens a second.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Rates {
    /// Of a prompt.
    pub(super) read: f64,
    /// Of an answer.
    pub(super) written: f64,
}

/// Reads a prompt of `read` tokens and writes `written` more, the likeliest every time.
pub(super) fn rates(file: &Path, read: usize, written: u32) -> anyhow::Result<Rates> {
    let (mut decoder, _vocabulary) = open(file, &LlamaConfig::default())?;
    // The first pass reads the weights in.
    pass(&mut decoder, &[1, 1], 0)?;
    decoder.truncate(0, 0);
    let vocabulary = decoder.shape().vocabulary as u32;
    let prompt: Vec<u32> = (0..read as u32).map(|at| at.wrapping_mul(2_654_435_761) % vocabulary).collect();
    let began = Instant::now();
    let mut token = 0;
    let batch = decoder.shape().batch;
    for (number, part) in prompt.chunks(batch as usize).enumerate() {
        token = pass(&mut decoder, part, number as u32 * batch)?;
    }
    let read_rate = read as f64 / began.elapsed().as_secs_f64();
    decoder.truncate(0, 3);
    let began = Instant::now();
    for position in 3..3 + written {
        token = pass(&mut decoder, &[token], position)?;
    }
    Ok(Rates { read: read_rate, written: f64::from(written) / began.elapsed().as_secs_f64() })
}

/// The likeliest token after these.
fn pass(decoder: &mut impl Decoder, tokens: &[u32], from: u32) -> anyhow::Result<u32> {
    let batch: Vec<BatchToken> = tokens
        .iter()
        .zip(from..)
        .enumerate()
        .map(|(index, (token, position))| BatchToken {
            token: *token,
            position,
            sequence: 0,
            wants_logits: index + 1 == tokens.len(),
        })
        .collect();
    decoder.decode(&batch)?;
    let logits = decoder.logits(tokens.len() - 1);
    let likeliest = logits.iter().enumerate().max_by(|one, other| one.1.total_cmp(other.1));
    match likeliest {
        Some((token, _)) => Ok(token as u32),
        None => bail!("the model has no tokens"),
    }
}
