//! `wharf bench serve`: a real server in a child process, beside the engine called in this one.
//!
//! On a machine that others use too, what is measured now and what is measured a minute later do not compare. So the
//! engine and the wires are measured in turn, in short rounds, and a ratio is the median over the rounds.

use std::num::NonZero;
use std::time::Duration;

use anyhow::bail;
use serde::Serialize;
use tokio::runtime::Runtime;
use wharf_load::{Bound, Latencies, Pacing, Plan, Summary, Target, drive};

use super::cpu;
use super::request::OpenSizes;
use super::source::Source;
use super::subject::Subject;
use crate::cli::BenchServeArgs;
use crate::commands::own_server::Server;
use crate::say;
use crate::table::Table;

/// The first round, which warms connections, caches and pools and is not measured.
const WARM_UP: Duration = Duration::from_millis(500);

/// One line of the result: the round of median rate.
#[derive(Debug, Serialize)]
struct Row {
    /// `in-process`, or the name of a wire.
    wire: &'static str,
    batch: usize,
    concurrency: usize,
    #[serde(flatten)]
    sample: Sample,
    /// Answers per second over those of the engine in-process: the median over the rounds.
    ratio: f64,
}

/// What one round measured.
#[derive(Debug, Clone, Serialize)]
struct Sample {
    #[serde(flatten)]
    summary: Summary,
    /// Processor time of server and load for one answer, in milliseconds. It includes work for answers that the end
    /// of the round cut off, which tells where requests are long and callers many.
    cpu_ms: Option<f64>,
}

/// Measures and prints.
pub(super) fn run(arguments: &BenchServeArgs) -> anyhow::Result<()> {
    let source = Source::new(&arguments.model, &arguments.repository.repository)?;
    let bench = Bench {
        subject: Subject::load(&source)?,
        server: source.server(None)?,
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        length: arguments.length,
    };
    let mut rows = Vec::new();
    for &batch in &arguments.batch {
        for &concurrency in &arguments.concurrency {
            rows.extend(bench.measure(batch, concurrency, arguments)?);
        }
    }
    drop(bench);
    print(&rows, arguments.json)
}

/// What is measured in turn.
enum Contender {
    /// The engine alone.
    Engine(OpenSizes),
    /// A server, over one of the wires.
    Wire(Target),
}

struct Bench {
    subject: Subject,
    server: Server,
    runtime: Runtime,
    length: usize,
}

impl Bench {
    /// One row for the engine and one for each wire.
    fn measure(
        &self,
        batch: usize,
        concurrency: usize,
        arguments: &BenchServeArgs,
    ) -> anyhow::Result<Vec<Row>> {
        let sizes = OpenSizes { batch, length: self.length };
        let mut contenders = vec![("in-process", Contender::Engine(sizes))];
        for wire in &arguments.protocol {
            let calls = vec![self.subject.call(*wire, sizes)?];
            let target = Target { server: self.server.address(*wire)?, calls };
            contenders.push((wire.name(), Contender::Wire(target)));
        }
        let round = Duration::from_secs(arguments.seconds) / arguments.rounds;
        let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); contenders.len()];
        for number in 0..=arguments.rounds {
            for ((name, contender), samples) in contenders.iter().zip(&mut samples) {
                let duration = if number == 0 { WARM_UP } else { round };
                let sample = self.sample(name, contender, concurrency, duration)?;
                if number > 0 {
                    samples.push(sample);
                }
            }
        }
        let baseline = samples.first().cloned().unwrap_or_default();
        let row = |((wire, _), samples): (&(&'static str, Contender), Vec<Sample>)| Row {
            wire,
            batch,
            concurrency,
            ratio: median(samples.iter().zip(&baseline).map(|(ours, theirs)| rate(ours) / rate(theirs))),
            sample: typical(samples),
        };
        Ok(contenders.iter().zip(samples).map(row).collect())
    }

    fn sample(
        &self,
        name: &str,
        contender: &Contender,
        concurrency: usize,
        duration: Duration,
    ) -> anyhow::Result<Sample> {
        let before = self.cpu_time();
        let summary = match contender {
            Contender::Engine(sizes) => {
                self.subject.measure_inprocess(*sizes, threads(concurrency), Duration::ZERO, duration)?
            }
            Contender::Wire(target) => {
                let plan = Plan::new(Pacing::Closed { concurrency });
                let plan = plan.with_bound(Bound::Time(duration)).with_warm_up(Duration::ZERO);
                self.runtime.block_on(drive(target, &plan))?
            }
        };
        if let Some((outcome, text)) = summary.first_errors.iter().next() {
            bail!("a request over {name} {outcome}: {text}");
        }
        let spent = self.cpu_time().zip(before).and_then(|(after, before)| after.checked_sub(before));
        let cpu_ms = spent.map(|spent| spent.as_secs_f64() * 1e3 / summary.answered.max(1) as f64);
        Ok(Sample { summary, cpu_ms })
    }

    /// Of this process and the server.
    fn cpu_time(&self) -> Option<Duration> {
        Some(cpu::time_of(std::process::id())? + cpu::time_of(self.server.pid())?)
    }
}

/// As many threads as there are requests at once, but no more than the server computes with.
fn threads(concurrency: usize) -> usize {
    concurrency.min(std::thread::available_parallelism().map_or(1, NonZero::get))
}

fn rate(sample: &Sample) -> f64 {
    sample.summary.answers_per_second
}

/// The sample of median rate; the later half begins with it.
fn typical(mut samples: Vec<Sample>) -> Sample {
    samples.sort_by(|left, right| rate(left).total_cmp(&rate(right)));
    samples.swap_remove(samples.len() / 2)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn print(rows: &[Row], json: bool) -> anyhow::Result<()> {
    if json {
        say(serde_json::to_string_pretty(rows)?);
        return Ok(());
    }
    let mut table = Table::new(&[
        "WIRE",
        ">BATCH",
        ">CONCURRENCY",
        ">REQUESTS/S",
        ">ROWS/S",
        ">P50 MS",
        ">P99 MS",
        ">CPU MS",
        ">RATIO",
    ]);
    for row in rows {
        let rate = rate(&row.sample);
        let latency =
            |pick: fn(&Latencies) -> f64| row.sample.summary.latency.as_ref().map_or(f64::NAN, pick);
        table.row([
            row.wire.to_owned(),
            row.batch.to_string(),
            row.concurrency.to_string(),
            format!("{rate:.1}"),
            format!("{:.0}", rate * row.batch as f64),
            format!("{:.3}", latency(|latency| latency.p50_ms)),
            format!("{:.3}", latency(|latency| latency.p99_ms)),
            row.sample.cpu_ms.map_or("-".to_owned(), |ms| format!("{ms:.3}")),
            format!("{:.2}", row.ratio),
        ]);
    }
    say(table.render());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert!(median(std::iter::empty()).is_nan());
    }
}
