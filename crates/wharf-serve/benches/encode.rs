//! An encoder in this process: texts one after the other by the model alone, on one thread and on as many as there are cores,
//! and through the manager, from 1, 8 and 32 callers of one text at a time and from one caller of all at once.
//!
//! `cargo bench -p wharf-serve --bench encode` runs every contestant in turn, for several rounds, so that all of them meet the
//! same machine, and prints the median of their texts per second and the ratio to the model alone on all cores. The model is
//! a small one with random weights, or the one in the folder that `WHARF_BENCH_ENCODER` names (`make minilm` brings one).
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::error::Error;
use std::fs;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use bytes::Bytes;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use wharf_bundle::Bundle;
use wharf_engine::{LoadOptions, LoadedModel, OnnxEngine, StopSignal, TEXT_INPUT, TEXT_SIGNATURE};
use wharf_infer::{InferRequest, ModelRef, NamedTensor};
use wharf_serve::{ModelLocation, ModelManager, ServeConfig};
use wharf_tensor::{Shape, Tensor};
use wharf_testing::models;

const ROUNDS: usize = 5;
const TEXTS: usize = 256;
const CALLERS: [usize; 3] = [1, 8, 32];
const WORDS: [&str; 24] = [
    "the", "cat", "sits", "on", "a", "small", "red", "house", "in", "paris", "and", "eats", "bread", "with",
    "cheese", "while", "birds", "sing", "under", "trees", "near", "the", "river", "sun",
];

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let small = tempfile::tempdir()?;
    let folder = match std::env::var_os("WHARF_BENCH_ENCODER") {
        Some(folder) => PathBuf::from(folder),
        None => {
            fs::write(small.path().join("model.onnx"), models::ENCODER)?;
            fs::write(small.path().join("tokenizer.json"), models::ENCODER_TOKENIZER)?;
            small.path().to_owned()
        }
    };
    let engine = Arc::new(OnnxEngine::new()?);
    let alone = LoadedModel::load(&Bundle::open(&folder)?, &*engine, &LoadOptions::default())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let config = ServeConfig::default().with_location(ModelLocation::named_model("m", &folder));
    let manager = config.build(engine)?;
    runtime.block_on(manager.refresh())?;
    let texts = texts();
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let mut rates: Vec<(String, Vec<f64>)> = Vec::new();
    for _ in 0..ROUNDS {
        let mut put = |name: String, seconds: f64| match rates.iter_mut().find(|(known, _)| *known == name) {
            Some((_, rates)) => rates.push(TEXTS as f64 / seconds),
            None => rates.push((name, vec![TEXTS as f64 / seconds])),
        };
        put("alone, all cores".to_owned(), bare(&alone, &texts, cores)?);
        put("alone, one thread".to_owned(), bare(&alone, &texts, 1)?);
        for callers in CALLERS {
            put(format!("{callers} callers"), called(&runtime, &manager, &texts, callers)?);
        }
        put("one request".to_owned(), whole(&runtime, &manager, &texts)?);
    }
    report(rates);
    let batches = manager.batches(&ModelRef::latest("m"))?;
    println!("{batches:?}");
    Ok(())
}

/// Texts of 3 to 40 words, always the same.
fn texts() -> Vec<Bytes> {
    let word = |place: usize| WORDS[place * 7919 % WORDS.len()];
    let text = |index: usize| {
        let length = 3 + index * 31 % 38;
        (0..length).map(|place| word(index + place)).collect::<Vec<_>>().join(" ")
    };
    (0..TEXTS).map(|index| Bytes::from(text(index))).collect()
}

fn input(texts: &[Bytes]) -> Outcome<NamedTensor> {
    Ok(NamedTensor::new(TEXT_INPUT, Tensor::from_strings(Shape::new(&[texts.len()])?, texts.to_vec())?))
}

fn bare(model: &LoadedModel, texts: &[Bytes], threads: usize) -> Outcome<f64> {
    let started = Instant::now();
    thread::scope(|scope| {
        let work = |first: usize| {
            move || -> Outcome<()> {
                for text in texts.iter().skip(first).step_by(threads) {
                    model.run(
                        TEXT_SIGNATURE,
                        &[input(std::slice::from_ref(text))?],
                        &[],
                        &StopSignal::never(),
                    )?;
                }
                Ok(())
            }
        };
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(work(first))).collect();
        running.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
    })?;
    Ok(started.elapsed().as_secs_f64())
}

fn request(texts: &[Bytes]) -> Outcome<InferRequest> {
    let mut request = InferRequest::new(ModelRef::latest("m"));
    request.signature = Some(TEXT_SIGNATURE.to_owned());
    request.inputs.push(input(texts)?);
    Ok(request)
}

fn called(runtime: &Runtime, manager: &ModelManager, texts: &[Bytes], callers: usize) -> Outcome<f64> {
    let started = Instant::now();
    runtime.block_on(async {
        let mut running = JoinSet::new();
        for first in 0..callers {
            let (manager, texts) = (manager.clone(), texts.to_vec());
            running.spawn(async move {
                for text in texts.iter().skip(first).step_by(callers) {
                    manager.infer(request(std::slice::from_ref(text))?).await?;
                }
                Outcome::Ok(())
            });
        }
        while let Some(done) = running.join_next().await {
            done??;
        }
        Outcome::Ok(())
    })?;
    Ok(started.elapsed().as_secs_f64())
}

fn whole(runtime: &Runtime, manager: &ModelManager, texts: &[Bytes]) -> Outcome<f64> {
    let request = request(texts)?;
    let started = Instant::now();
    runtime.block_on(manager.infer(request))?;
    Ok(started.elapsed().as_secs_f64())
}

fn report(rates: Vec<(String, Vec<f64>)>) {
    let median = |mut rates: Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let medians: Vec<(String, f64)> = rates.into_iter().map(|(name, rates)| (name, median(rates))).collect();
    let rival = medians.first().map_or(f64::NAN, |(_, rate)| *rate);
    for (name, rate) in medians {
        println!("{name:<20} {rate:>9.1} texts/s  {:>5.2}", rate / rival);
    }
}
