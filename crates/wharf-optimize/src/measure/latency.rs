//! How long a run takes on this machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use wharf_engine::Replica;
use wharf_tensor::Tensor;

use crate::OptimizeError;

/// How long runs take, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// How many samples go into a run.
    pub batch: usize,
    /// Half of the runs are at most as long.
    pub p50_ms: f64,
    /// Of a hundred runs, 99 are at most as long.
    pub p99_ms: f64,
    /// How many runs there were.
    pub runs: usize,
}

/// How latency is measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyOptions {
    /// The most runs of each model, at least 1.
    pub runs: usize,
    /// Runs before those that count.
    pub warm_up: usize,
    /// How long all runs of one model may take together, unless that leaves fewer than 20.
    pub limit: Duration,
}

impl Default for LatencyOptions {
    /// 300 runs after 10, at most two seconds.
    fn default() -> Self {
        Self { runs: 300, warm_up: 10, limit: Duration::from_secs(2) }
    }
}

/// With fewer runs a p99 says nothing at all.
const MIN_RUNS: usize = 20;

/// The latencies of `replicas` on the same `inputs` of `batch` samples. Their runs alternate, so that what else the machine
/// does befalls all alike.
///
/// # Errors
/// A run fails.
pub fn measure_latency(
    replicas: &[&Arc<dyn Replica>],
    inputs: &[(&str, Tensor)],
    outputs: &[&str],
    batch: usize,
    options: LatencyOptions,
) -> Result<Vec<Latency>, OptimizeError> {
    let run = |replica: &Arc<dyn Replica>| -> Result<Duration, OptimizeError> {
        let start = Instant::now();
        replica.run(inputs, outputs).map_err(OptimizeError::engine("run the model to time it"))?;
        Ok(start.elapsed())
    };
    for _ in 0..options.warm_up {
        replicas.iter().try_for_each(|replica| run(replica).map(drop))?;
    }
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); replicas.len()];
    let start = Instant::now();
    let share = options.limit * u32::try_from(replicas.len()).unwrap_or(u32::MAX);
    for round in 0..options.runs.max(1) {
        if round >= MIN_RUNS && start.elapsed() > share {
            break;
        }
        for (replica, times) in replicas.iter().zip(&mut times) {
            times.push(run(replica)?);
        }
    }
    Ok(times.into_iter().map(|times| summary(times, batch)).collect())
}

fn summary(mut times: Vec<Duration>, batch: usize) -> Latency {
    times.sort_unstable();
    let at = |share: f64| {
        let place = (times.len() as f64 * share).ceil() as usize;
        let time = times.get(place.saturating_sub(1)).or(times.last());
        time.map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    Latency { batch, p50_ms: at(0.5), p99_ms: at(0.99), runs: times.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_runs_that_happened() {
        let times = (1..=200).rev().map(Duration::from_millis).collect();
        let latency = summary(times, 1);
        assert_eq!((latency.p50_ms, latency.p99_ms, latency.runs), (100.0, 198.0, 200));
        assert_eq!(summary(vec![Duration::from_millis(3)], 8).p99_ms, 3.0);
    }
}
