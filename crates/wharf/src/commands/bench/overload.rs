//! `wharf bench overload`: what a server still does when far more is asked of it than it can do.

use std::time::Duration;

use anyhow::bail;
use wharf_load::{Arrivals, Bound, Pacing, Plan, Summary, Target, Wire, drive};

use super::output::{self, Run};
use super::request::OpenSizes;
use super::source::Source;
use super::subject::Subject;
use crate::cli::BenchOverloadArgs;
use crate::say;

/// Callers of the closed loop that finds the peak: enough to keep every core busy, too few to queue for long.
const PEAK_CALLERS: usize = 8;
/// Connections of the open loop: enough that requests wait at the server and not for a stream,
const CONNECTIONS: usize = 32;
/// or, over HTTP/1, for a connection.
const HTTP1_CONNECTIONS: usize = 1024;
/// The part of the peak that is no overload: what latency is compared with.
const BUSY: f64 = 0.9;
/// Of the peak, what must still be answered.
const GOODPUT: f64 = 0.95;
/// How much slower than when it is busy the admitted may be answered, at the 99th percentile.
const SLOWDOWN: f64 = 2.0;
/// How long a refusal may take, at the 99th percentile.
const REFUSAL_MS: f64 = 10.0;

/// Measures the peak, then asks for almost as much and for a multiple of it, and prints all with what is wanted.
pub(super) fn run(arguments: &BenchOverloadArgs) -> anyhow::Result<()> {
    let source = Source::new(&arguments.model, &arguments.repository.repository)?;
    let subject = Subject::load(&source)?;
    let server = source.server(arguments.server_cpus.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let calls = vec![subject.call(arguments.protocol, OpenSizes { batch: 1, length: arguments.length })?];
    let target = Target { server: server.address(arguments.protocol)?, calls };
    let bound = Bound::Time(Duration::from_secs(arguments.seconds));

    let closed = Plan::new(Pacing::Closed { concurrency: PEAK_CALLERS }).with_bound(bound);
    let peak = runtime.block_on(drive(&target, &closed))?;
    if peak.answered == 0 {
        bail!("no request was answered: {}", output::first_error(&peak));
    }
    let is_grpc = matches!(arguments.protocol, Wire::TfsGrpc | Wire::OipGrpc);
    let connections = if is_grpc { CONNECTIONS } else { HTTP1_CONNECTIONS };
    let at = |factor: f64| {
        let rate = peak.answers_per_second * factor;
        let pacing = Pacing::Open { rate, arrivals: Arrivals::Poisson, seed: 1 };
        let open = Plan::new(pacing).with_bound(bound).with_connections(connections);
        anyhow::Ok((rate, runtime.block_on(drive(&target, &open))?))
    };
    let (busy, over) = (at(BUSY)?, at(arguments.factor)?);

    let lines = verdicts(&peak, &busy.1, &over.1);
    let run = |name, (rate, summary)| Run { rate: Some(rate), ..Run::new(name, summary) };
    say(output::table(&[Run::new("peak", peak), run("busy", busy), run("overload", over)]));
    lines.into_iter().for_each(say);
    Ok(())
}

fn verdicts(peak: &Summary, busy: &Summary, over: &Summary) -> Vec<String> {
    let p99 = |summary: &Summary| summary.latency.map_or(f64::INFINITY, |latency| latency.p99_ms);
    let goodput = over.answers_per_second / peak.answers_per_second;
    let slowdown = p99(over) / p99(busy);
    let refusal = over.refusal_latency.map_or(0.0, |latency| latency.p99_ms);
    vec![
        verdict(goodput >= GOODPUT, format!("goodput {goodput:.2} of the peak, wanted {GOODPUT}")),
        verdict(
            slowdown <= SLOWDOWN,
            format!("p99 of the admitted {slowdown:.2} times that at {BUSY} of the peak, wanted {SLOWDOWN}"),
        ),
        verdict(refusal < REFUSAL_MS, format!("p99 of refusals {refusal:.2} ms, wanted {REFUSAL_MS}")),
    ]
}

fn verdict(is_kept: bool, text: String) -> String {
    format!("{}  {text}", if is_kept { "ok    " } else { "missed" })
}

#[cfg(test)]
mod tests {
    use wharf_load::Histogram;

    use super::*;

    fn answers(count: u64, ms: u64) -> Summary {
        let mut histogram = Histogram::default();
        (0..count).for_each(|_| histogram.record(Duration::from_millis(ms)));
        Summary::of_answers(&histogram, Duration::from_secs(1))
    }

    #[test]
    fn what_is_wanted_is_kept_or_missed() {
        let (peak, busy) = (answers(100, 5), answers(90, 10));
        for (over, kept) in [
            (answers(95, 20), [true, true, true]),
            (answers(94, 20), [false, true, true]),
            (answers(100, 21), [true, false, true]),
            (answers(0, 0), [false, false, true]),
        ] {
            let lines = verdicts(&peak, &busy, &over);
            assert_eq!(
                lines.iter().map(|line| line.starts_with("ok")).collect::<Vec<_>>(),
                kept,
                "{lines:?}"
            );
        }
    }
}
