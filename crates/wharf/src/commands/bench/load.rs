//! Closed-loop load: so many workers, each sending its next request when the last is answered.

use std::future::Future;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::JoinSet;

/// Time that is driven but not measured, so that connections, caches and pools are warm.
pub(super) const WARM_UP: Duration = Duration::from_millis(500);

/// What a load measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Measurement {
    /// Requests answered in the measured time.
    pub(super) requests: usize,
    /// Requests per second.
    pub(super) requests_per_second: f64,
    /// Median latency.
    pub(super) p50_ms: f64,
    /// 99th percentile of latency.
    pub(super) p99_ms: f64,
}

impl Measurement {
    /// Sums up latencies that were observed over `elapsed`.
    pub(super) fn of(mut latencies: Vec<Duration>, elapsed: Duration) -> Self {
        latencies.sort_unstable();
        let percentile = |percent: usize| {
            let index = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
            latencies.get(index).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
        };
        Self {
            requests: latencies.len(),
            requests_per_second: latencies.len() as f64 / elapsed.as_secs_f64(),
            p50_ms: percentile(50),
            p99_ms: percentile(99),
        }
    }
}

/// One worker's side of a wire: sends a request and waits for the whole answer.
pub(super) trait Worker: Send + 'static {
    /// Asks once; an answer with an error status is an error.
    fn ask(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Drives `workers` until `duration` after the warm-up; the first error ends the measurement.
pub(super) async fn closed_loop(
    workers: Vec<impl Worker>,
    duration: Duration,
) -> anyhow::Result<Measurement> {
    let measured_from = Instant::now() + WARM_UP;
    let until = measured_from + duration;
    let mut running = JoinSet::new();
    for worker in workers {
        running.spawn(drive(worker, measured_from, until));
    }
    let mut latencies = Vec::new();
    while let Some(finished) = running.join_next().await {
        latencies.extend(finished??);
    }
    Ok(Measurement::of(latencies, duration))
}

async fn drive(
    mut worker: impl Worker,
    measured_from: Instant,
    until: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    loop {
        let sent = Instant::now();
        worker.ask().await?;
        let answered = Instant::now();
        if answered >= until {
            return Ok(latencies);
        }
        if sent >= measured_from {
            latencies.push(answered - sent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_come_from_sorted_latencies() {
        let latencies = (1..=100).rev().map(Duration::from_millis).collect();
        let measured = Measurement::of(latencies, Duration::from_secs(2));
        assert_eq!((measured.requests, measured.requests_per_second), (100, 50.0));
        assert_eq!((measured.p50_ms, measured.p99_ms), (51.0, 100.0));
    }

    #[test]
    fn no_answers_measure_nothing() {
        let measured = Measurement::of(Vec::new(), Duration::from_secs(1));
        assert_eq!(measured.requests, 0);
        assert!(measured.p50_ms.is_nan());
    }
}
