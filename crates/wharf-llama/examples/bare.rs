//! llama.cpp's forward passes in a bare loop: `cargo run --release -p wharf-llama --example bare -- MODEL [THREADS] [RUNS]`.
//!
//! Prints the rate of a prompt of 512 tokens and of 128 tokens one after the other, as `llama-bench` measures them: what
//! the server's rates are compared with. Then what a prompt costs in pieces, and what answers cost that share their passes
//! and a prompt: what a scheduler can gain.

#![expect(clippy::print_stdout, reason = "prints what it measured")]

use std::path::PathBuf;
use std::time::Instant;

use wharf_llama::{LlamaConfig, LlamaDecoder, open, system_information};
use wharf_llm::{BatchToken, DecodeFault, Decoder as _};

const PROMPT: u32 = 512;
const ANSWER: u32 = 128;
const PIECES: [u32; 5] = [32, 64, 128, 256, 512];
const TOGETHER: [u32; 4] = [1, 2, 4, 8];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = PathBuf::from(arguments.next().ok_or("expected the path of a GGUF file")?);
    let threads = arguments.next().map_or(Ok(2), |threads| threads.parse())?;
    let runs: u32 = arguments.next().map_or(Ok(5), |runs| runs.parse())?;
    let config =
        LlamaConfig { threads, batch_threads: threads, cells: 2048, sequences: 9, ..LlamaConfig::default() };
    let (mut decoder, _) = open(&file, &config)?;
    println!("{}", system_information());
    // The first run reads the weights from the disk.
    rates(&mut decoder, 16, 4)?;
    let mut prompts = Vec::new();
    let mut answers = Vec::new();
    for _ in 0..runs {
        let (prompt, answer) = rates(&mut decoder, PROMPT, ANSWER)?;
        prompts.push(prompt);
        answers.push(answer);
    }
    println!("prefill {:.1} tokens/s (best of {runs}: {:.1})", median(&mut prompts), most(&prompts));
    println!("decode {:.1} tokens/s (best of {runs}: {:.1})", median(&mut answers), most(&answers));
    for piece in PIECES {
        println!("prefill in pieces of {piece}: {:.1} tokens/s", pieces(&mut decoder, piece)?);
    }
    for sequences in TOGETHER {
        println!(
            "{sequences} answers after a prompt of {PROMPT}: {:.1} tokens/s",
            together(&mut decoder, sequences)?
        );
    }
    Ok(())
}

fn token(sequence: u32, position: u32, wants_logits: bool) -> BatchToken {
    BatchToken { token: 100 + position * 31 % 400, position, sequence, wants_logits }
}

/// Tokens per second of a prompt that is read in pieces.
fn pieces(decoder: &mut LlamaDecoder, piece: u32) -> Result<f64, DecodeFault> {
    decoder.truncate(0, 0);
    let begun = Instant::now();
    for first in (0..PROMPT).step_by(piece as usize) {
        let tokens: Vec<BatchToken> =
            (first..first + piece).map(|position| token(0, position, false)).collect();
        decoder.decode(&tokens)?;
    }
    Ok(f64::from(PROMPT) / begun.elapsed().as_secs_f64())
}

/// Tokens per second of answers that share a prompt and their passes.
fn together(decoder: &mut LlamaDecoder, sequences: u32) -> Result<f64, DecodeFault> {
    pieces(decoder, PROMPT)?;
    let answers = 1..=sequences;
    answers.clone().for_each(|sequence| decoder.share(0, sequence, PROMPT));
    let begun = Instant::now();
    for position in PROMPT..PROMPT + ANSWER / 2 {
        let tokens: Vec<BatchToken> =
            answers.clone().map(|sequence| token(sequence, position, true)).collect();
        decoder.decode(&tokens)?;
    }
    let rate = f64::from(sequences * ANSWER / 2) / begun.elapsed().as_secs_f64();
    for sequence in answers {
        decoder.truncate(sequence, 0);
    }
    Ok(rate)
}

/// Tokens per second of a prompt, and of an answer without one.
fn rates(decoder: &mut LlamaDecoder, prompt: u32, answer: u32) -> Result<(f64, f64), DecodeFault> {
    let tokens: Vec<BatchToken> =
        (0..prompt).map(|position| token(0, position, position + 1 == prompt)).collect();
    decoder.truncate(0, 0);
    let begun = Instant::now();
    decoder.decode(&tokens)?;
    let prompt_rate = f64::from(prompt) / begun.elapsed().as_secs_f64();
    decoder.truncate(0, 0);
    let begun = Instant::now();
    for position in 0..answer {
        decoder.decode(&[token(0, position, true)])?;
    }
    Ok((prompt_rate, f64::from(answer) / begun.elapsed().as_secs_f64()))
}

fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

fn most(rates: &[f64]) -> f64 {
    rates.iter().copied().fold(0.0, f64::max)
}
