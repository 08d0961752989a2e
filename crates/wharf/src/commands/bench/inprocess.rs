//! The baseline: the engine called directly, from as many threads as the wires have workers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use wharf_engine::Replica;
use wharf_tensor::Tensor;

use super::load::{Measurement, WARM_UP};

/// Calls `replica` from `concurrency` threads for `duration` after the warm-up.
pub(super) fn measure(
    replica: &Arc<dyn Replica>,
    inputs: &[(&str, Tensor)],
    outputs: &[&str],
    concurrency: usize,
    duration: Duration,
) -> anyhow::Result<Measurement> {
    let measured_from = Instant::now() + WARM_UP;
    let until = measured_from + duration;
    let latencies = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..concurrency)
            .map(|_| scope.spawn(|| drive(replica, inputs, outputs, measured_from, until)))
            .collect();
        let mut latencies = Vec::new();
        for thread in threads {
            latencies.extend(thread.join().map_err(|_| anyhow!("a thread of the engine panicked"))??);
        }
        anyhow::Ok(latencies)
    })?;
    Ok(Measurement::of(latencies, duration))
}

fn drive(
    replica: &Arc<dyn Replica>,
    inputs: &[(&str, Tensor)],
    outputs: &[&str],
    measured_from: Instant,
    until: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    loop {
        let started = Instant::now();
        replica.run(inputs, outputs).context("the engine failed")?;
        let finished = Instant::now();
        if finished >= until {
            return Ok(latencies);
        }
        if started >= measured_from {
            latencies.push(finished - started);
        }
    }
}
