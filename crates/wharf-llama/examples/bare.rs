//! llama.cpp's forward passes in a bare loop: `cargo run --release -p wharf-llama --example bare -- MODEL [THREADS] [RUNS]`.
//!
//! Prints the rate of a prompt of 512 tokens and of 128 tokens one after the other, as `llama-bench` measures them: what
//! the server's rates are compared with.

#![expect(clippy::print_stdout, reason = "prints what it measured")]

use std::path::PathBuf;
use std::time::Instant;

use wharf_llama::{LlamaConfig, LlamaDecoder, open, system_information};
use wharf_llm::{BatchToken, Decoder as _};

const PROMPT: u32 = 512;
const ANSWER: u32 = 128;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = PathBuf::from(arguments.next().ok_or("expected the path of a GGUF file")?);
    let threads = arguments.next().map_or(Ok(2), |threads| threads.parse())?;
    let runs: u32 = arguments.next().map_or(Ok(5), |runs| runs.parse())?;
    let config =
        LlamaConfig { threads, batch_threads: threads, cells: 1024, sequences: 1, ..LlamaConfig::default() };
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
    Ok(())
}

/// Tokens per second of a prompt, and of an answer without one.
fn rates(decoder: &mut LlamaDecoder, prompt: u32, answer: u32) -> Result<(f64, f64), wharf_llm::DecodeFault> {
    let token = |position| BatchToken {
        token: 100 + position * 31 % 400,
        position,
        sequence: 0,
        wants_logits: position + 1 == prompt,
    };
    let tokens: Vec<BatchToken> = (0..prompt).map(token).collect();
    decoder.truncate(0, 0);
    let begun = Instant::now();
    decoder.decode(&tokens)?;
    let prompt_rate = f64::from(prompt) / begun.elapsed().as_secs_f64();
    decoder.truncate(0, 0);
    let begun = Instant::now();
    for position in 0..answer {
        decoder.decode(&[BatchToken { wants_logits: true, ..token(position) }])?;
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
