//! `wharf bench load`: load on a server, in a closed or an open loop, over any of the wires.

use std::num::NonZero;
use std::time::Duration;

use anyhow::bail;
use tokio::runtime::Runtime;
use wharf_load::{Bound, Pacing, Plan, RateSearch, Slo, Summary, Target, drive};

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
        runs.push(Run::new("in-process", measure_inprocess(&subject, arguments)?));
    }
    let bench = Bench {
        endpoint: Endpoint::new(arguments, &source)?,
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        plan: plan(arguments)?,
    };
    for wire in &arguments.protocol {
        let calls = match &arguments.replay {
            Some(file) => subject.replayed(*wire, file)?,
            None => vec![subject.call(*wire, sizes(arguments))?],
        };
        let target = Target { server: bench.endpoint.address(*wire)?, calls };
        match &arguments.slo {
            None => runs.push(Run::new(wire.name(), bench.drive(&target, bench.plan.clone())?)),
            Some(slo) => runs.extend(bench.search(wire.name(), &target, slo, arguments)?),
        }
    }
    output::write(&runs, arguments)
}

struct Bench {
    endpoint: Endpoint,
    runtime: Runtime,
    plan: Plan,
}

impl Bench {
    fn drive(&self, target: &Target, plan: Plan) -> anyhow::Result<Summary> {
        Ok(self.runtime.block_on(drive(target, &plan))?)
    }

    /// One run for each rate that was tried. The search begins at half of what a closed loop reaches.
    fn search(
        &self,
        wire: &str,
        target: &Target,
        slo: &Slo,
        arguments: &BenchLoadArgs,
    ) -> anyhow::Result<Vec<Run>> {
        let closed = Pacing::Closed { concurrency: arguments.concurrency };
        let capacity = self.drive(target, self.plan.clone().with_pacing(closed))?;
        if capacity.answered == 0 {
            return Ok(vec![Run::new(wire, capacity)]);
        }
        let mut search = RateSearch::new(capacity.answers_per_second / 2.0);
        let mut runs = Vec::new();
        while let Some(rate) = search.next_rate() {
            let pacing = open_loop(rate, arguments);
            let summary = self.drive(target, self.plan.clone().with_pacing(pacing))?;
            let holds = slo.holds(&summary);
            search.observe(holds);
            runs.push(Run { rate: Some(rate), holds: Some(holds), ..Run::new(wire, summary) });
        }
        Ok(runs)
    }
}

fn sizes(arguments: &BenchLoadArgs) -> OpenSizes {
    OpenSizes { batch: arguments.batch, length: arguments.length }
}

fn plan(arguments: &BenchLoadArgs) -> anyhow::Result<Plan> {
    let pacing = match arguments.rate {
        Some(rate) => open_loop(rate, arguments),
        None => Pacing::Closed { concurrency: arguments.concurrency },
    };
    let bound = match arguments.requests {
        Some(requests) => Bound::Requests(requests),
        None => Bound::Time(seconds("--duration", arguments.duration)?),
    };
    let warm_up = seconds("--warm-up", arguments.warm_up)?;
    Ok(Plan::new(pacing).with_bound(bound).with_warm_up(warm_up).with_connections(arguments.connections))
}

fn open_loop(rate: f64, arguments: &BenchLoadArgs) -> Pacing {
    Pacing::Open { rate, arrivals: arguments.arrivals.into(), seed: arguments.seed }
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
