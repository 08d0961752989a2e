//! The baseline: the engine called directly, from as many threads as the server computes with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use wharf_engine::Replica;
use wharf_load::{Histogram, Summary};
use wharf_tensor::Tensor;

/// Calls `replica` from so many `threads` for `duration` after the warm-up.
pub(super) fn measure(
    replica: &Arc<dyn Replica>,
    inputs: &[(&str, Tensor)],
    threads: usize,
    warm_up: Duration,
    duration: Duration,
) -> anyhow::Result<Summary> {
    let measured_from = Instant::now() + warm_up;
    let until = measured_from + duration;
    let latencies = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| call_again_and_again(replica, inputs, measured_from, until)))
            .collect();
        let mut latencies = Histogram::default();
        for thread in threads {
            latencies.merge(&thread.join().map_err(|_| anyhow!("a thread of the engine panicked"))??);
        }
        anyhow::Ok(latencies)
    })?;
    Ok(Summary::of_answers(&latencies, duration))
}

fn call_again_and_again(
    replica: &Arc<dyn Replica>,
    inputs: &[(&str, Tensor)],
    measured_from: Instant,
    until: Instant,
) -> anyhow::Result<Histogram> {
    let mut latencies = Histogram::default();
    loop {
        let started = Instant::now();
        replica.run(inputs, &[]).context("the engine failed")?;
        let finished = Instant::now();
        if finished >= until {
            return Ok(latencies);
        }
        if finished >= measured_from {
            latencies.record(finished - started);
        }
    }
}
