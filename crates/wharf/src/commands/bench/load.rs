//! `wharf bench load`: load on a server, in a closed or an open loop, over any of the wires.

use std::num::NonZero;
use std::time::Duration;

use anyhow::bail;
use wharf_load::{Bound, Pacing, Plan, Summary, Target, drive};

use super::endpoint::Endpoint;
use super::output::{self, Run};
use super::request::OpenSizes;
use super::source::Source;
use super::subject::Subject;
use crate::cli::BenchLoadArgs;

/// Measures and prints.
pub(super) fn run(arguments: &BenchLoadArgs) -> anyhow::Result<()> {
    let source = Source::new(&arguments.model, &arguments.repository.repository)?;
    let subject = Subject::load(&source)?;
    let mut runs = Vec::new();
    if arguments.inprocess {
        runs.push(Run { name: "in-process".to_owned(), summary: measure_inprocess(&subject, arguments)? });
    }
    let endpoint = Endpoint::new(arguments, &source)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let plan = plan(arguments)?;
    for wire in &arguments.protocol {
        let call = subject.call(*wire, sizes(arguments))?;
        let target = Target { server: endpoint.address(*wire)?, calls: vec![call] };
        let summary = runtime.block_on(drive(&target, &plan))?;
        runs.push(Run { name: wire.name().to_owned(), summary });
    }
    output::write(&runs, arguments)
}

fn sizes(arguments: &BenchLoadArgs) -> OpenSizes {
    OpenSizes { batch: arguments.batch, length: arguments.length }
}

fn plan(arguments: &BenchLoadArgs) -> anyhow::Result<Plan> {
    let pacing = match arguments.rate {
        Some(rate) => Pacing::Open { rate, arrivals: arguments.arrivals.into(), seed: arguments.seed },
        None => Pacing::Closed { concurrency: arguments.concurrency },
    };
    let bound = match arguments.requests {
        Some(requests) => Bound::Requests(requests),
        None => Bound::Time(seconds("--duration", arguments.duration)?),
    };
    let warm_up = seconds("--warm-up", arguments.warm_up)?;
    Ok(Plan::new(pacing).with_bound(bound).with_warm_up(warm_up).with_connections(arguments.connections))
}

fn seconds(option: &str, seconds: f64) -> anyhow::Result<Duration> {
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) => Ok(duration),
        Err(_) => bail!("`{option}` is {seconds}, expected a number of seconds"),
    }
}

/// The engine with as many threads as the server computes with, and no more than there are callers.
fn measure_inprocess(subject: &Subject, arguments: &BenchLoadArgs) -> anyhow::Result<Summary> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = if arguments.rate.is_some() { cores } else { arguments.concurrency.min(cores) };
    let warm_up = seconds("--warm-up", arguments.warm_up)?;
    let duration = seconds("--duration", arguments.duration)?;
    subject.measure_inprocess(sizes(arguments), threads, warm_up, duration)
}
