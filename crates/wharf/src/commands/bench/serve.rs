//! `wharf bench serve`: a real server in a child process, beside the engine called in this one.

use std::num::NonZero;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use wharf_bundle::Repository;
use wharf_load::{Bound, Pacing, Plan, Summary, Target, Wire, drive};

use super::request::OpenSizes;
use super::server::Server;
use super::subject::Subject;
use crate::cli::BenchServeArgs;
use crate::say;
use crate::table::Table;

/// Time that is driven but not measured.
const WARM_UP: Duration = Duration::from_millis(500);

/// One line of the result.
#[derive(Debug, Serialize)]
struct Row {
    /// `in-process`, or the name of a wire.
    wire: &'static str,
    batch: usize,
    concurrency: usize,
    #[serde(flatten)]
    measured: Summary,
    /// Answers per second over those of the engine in-process, at the same batch and concurrency.
    ratio: f64,
}

/// Measures and prints.
pub(super) fn run(arguments: &BenchServeArgs) -> anyhow::Result<()> {
    let repository = Repository::open(&arguments.repository.repository)?;
    let subject = Subject::load(&repository, &arguments.model)?;
    let mut rows = measure_inprocess(&subject, arguments)?;
    let server = Server::start(repository.root())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for wire in &arguments.protocol {
        rows.extend(runtime.block_on(measure_wire(&subject, *wire, &server, arguments, &rows))?);
    }
    drop(server);
    print(&rows, arguments.json)
}

/// The engine alone, with as many threads as there are requests at once, but no more than the server computes with.
fn measure_inprocess(subject: &Subject, arguments: &BenchServeArgs) -> anyhow::Result<Vec<Row>> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let duration = Duration::from_secs(arguments.seconds);
    let mut rows = Vec::new();
    for (batch, concurrency) in grid(arguments) {
        let sizes = OpenSizes { batch, length: arguments.length };
        let threads = concurrency.min(cores);
        let measured = subject.measure_inprocess(sizes, threads, WARM_UP, duration)?;
        rows.push(Row { wire: "in-process", batch, concurrency, measured, ratio: 1.0 });
    }
    Ok(rows)
}

async fn measure_wire(
    subject: &Subject,
    wire: Wire,
    server: &Server,
    arguments: &BenchServeArgs,
    baselines: &[Row],
) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (batch, concurrency) in grid(arguments) {
        let call = subject.call(wire, OpenSizes { batch, length: arguments.length })?;
        let target = Target { server: server.address(wire)?, calls: vec![call] };
        let bound = Bound::Time(Duration::from_secs(arguments.seconds));
        let plan = Plan::new(Pacing::Closed { concurrency }).with_bound(bound).with_warm_up(WARM_UP);
        let measured = drive(&target, &plan).await?;
        if let Some((outcome, text)) = measured.first_errors.iter().next() {
            anyhow::bail!("a request over {wire} {outcome}: {text}");
        }
        let baseline = baselines
            .iter()
            .find(|row| row.wire == "in-process" && row.batch == batch && row.concurrency == concurrency)
            .context("no baseline was measured")?;
        let ratio = measured.answers_per_second / baseline.measured.answers_per_second;
        rows.push(Row { wire: wire.name(), batch, concurrency, measured, ratio });
    }
    Ok(rows)
}

fn grid(arguments: &BenchServeArgs) -> impl Iterator<Item = (usize, usize)> + '_ {
    arguments
        .batch
        .iter()
        .flat_map(|&batch| arguments.concurrency.iter().map(move |&concurrency| (batch, concurrency)))
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
        ">RATIO",
    ]);
    for row in rows {
        let rate = row.measured.answers_per_second;
        let latency =
            |pick: fn(&wharf_load::Latencies) -> f64| row.measured.latency.as_ref().map_or(f64::NAN, pick);
        table.row([
            row.wire.to_owned(),
            row.batch.to_string(),
            row.concurrency.to_string(),
            format!("{rate:.1}"),
            format!("{:.0}", rate * row.batch as f64),
            format!("{:.3}", latency(|latency| latency.p50_ms)),
            format!("{:.3}", latency(|latency| latency.p99_ms)),
            format!("{:.2}", row.ratio),
        ]);
    }
    say(table.render());
    Ok(())
}
