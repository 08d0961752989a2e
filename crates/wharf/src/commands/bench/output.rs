//! Results of `wharf bench load`: a table or JSON on standard output, CSV and SVG in files.

use anyhow::bail;
use serde::Serialize;
use wharf_load::{Histogram, Latencies, Slo, Summary, latency_chart, rate_chart};
use wharf_report::Drawing;

use crate::cli::BenchLoadArgs;
use crate::table::Table;
use crate::{say, whole_file};

/// One measurement under its name.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    /// `in-process`, or the name of a wire.
    pub(super) name: String,
    /// The rate that a search tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rate: Option<f64>,
    /// Whether that rate keeps the promise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) holds: Option<bool>,
    #[serde(flatten)]
    pub(super) summary: Summary,
}

impl Run {
    /// A run that no search asked for.
    pub(super) fn new(name: &str, summary: Summary) -> Self {
        Self { name: name.to_owned(), rate: None, holds: None, summary }
    }
}

/// Writes `runs` as the arguments say. It is an error if one had no answer at all.
pub(super) fn write(runs: &[Run], arguments: &BenchLoadArgs) -> anyhow::Result<()> {
    match arguments.json {
        true => say(serde_json::to_string_pretty(runs)?),
        false => say(table(runs)),
    }
    if let (Some(slo), false) = (&arguments.slo, arguments.json) {
        highest(runs).into_iter().for_each(|(name, rate)| say(verdict(name, slo, rate)));
    }
    if let Some(file) = &arguments.csv {
        whole_file::write(file, csv(runs))?;
    }
    if let Some(file) = &arguments.svg {
        whole_file::write(file, chart(runs, arguments).to_svg())?;
    }
    match runs.iter().find(|run| run.summary.answered == 0) {
        Some(run) => bail!("no request was answered over {}: {}", run.name, first_error(&run.summary)),
        None => Ok(()),
    }
}

/// What was said first where there was no answer.
pub(super) fn first_error(summary: &Summary) -> &str {
    summary.first_errors.values().next().map_or("none was sent in the time measured", String::as_str)
}

/// A line for each run, and below them what was said first of each kind of failure.
pub(super) fn table(runs: &[Run]) -> String {
    let mut table = Table::new(&[
        "WIRE",
        ">RATE",
        ">ANSWERS/S",
        ">P50 MS",
        ">P90 MS",
        ">P99 MS",
        ">P99.9 MS",
        ">MAX MS",
        ">ANSWERED",
        ">REFUSED",
        ">TIMED OUT",
        ">FAILED",
    ]);
    for run in runs {
        let summary = &run.summary;
        let pick = |pick: fn(&Latencies) -> f64| match &summary.latency {
            Some(latency) => format!("{:.3}", pick(latency)),
            None => "-".to_owned(),
        };
        let asked = run.rate.map_or("-".to_owned(), |rate| format!("{rate:.1}"));
        let rate = format!("{:.1}", summary.answers_per_second);
        let latencies = [
            pick(|latency| latency.p50_ms),
            pick(|latency| latency.p90_ms),
            pick(|latency| latency.p99_ms),
            pick(|latency| latency.p999_ms),
            pick(|latency| latency.max_ms),
        ];
        let counts = [summary.answered, summary.refused, summary.timed_out, summary.failed];
        let cells = [run.name.clone(), asked, rate].into_iter().chain(latencies);
        table.row(cells.chain(counts.map(|count| count.to_string())));
    }
    let mut text = table.render();
    for run in runs {
        for (outcome, said) in &run.summary.first_errors {
            text.push_str(&format!("\n{}, first {outcome}: {said}", run.name));
        }
    }
    text
}

/// A line for each run, with the names of the JSON in the first line.
fn csv(runs: &[Run]) -> String {
    let mut text = "wire,rate,seconds,requests,answered,refused,timed_out,failed,answers_per_second,mean_ms,p50_ms,p90_ms,p95_ms,p99_ms,p999_ms,max_ms,refusal_p99_ms,lateness_p99_ms\n".to_owned();
    for run in runs {
        let summary = &run.summary;
        let counts = [summary.requests, summary.answered, summary.refused, summary.timed_out, summary.failed];
        let rate = run.rate.map_or(String::new(), |rate| format!("{rate:.3}"));
        let mut cells = vec![run.name.clone(), rate, format!("{:.3}", summary.seconds)];
        cells.extend(counts.map(|count| count.to_string()));
        cells.push(format!("{:.3}", summary.answers_per_second));
        cells.extend(latency_cells(summary.latency.as_ref()));
        cells.push(summary.refusal_latency.map_or(String::new(), |latency| format!("{:.4}", latency.p99_ms)));
        cells.push(format!("{:.4}", summary.lateness_p99_ms));
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

fn latency_cells(latency: Option<&Latencies>) -> [String; 7] {
    let Some(l) = latency else { return Default::default() };
    [l.mean_ms, l.p50_ms, l.p90_ms, l.p95_ms, l.p99_ms, l.p999_ms, l.max_ms].map(|ms| format!("{ms:.4}"))
}

fn chart(runs: &[Run], arguments: &BenchLoadArgs) -> Drawing {
    let Some(slo) = &arguments.slo else {
        let lines: Vec<(String, &Histogram)> =
            runs.iter().map(|run| (run.name.clone(), &run.summary.histogram)).collect();
        return latency_chart(&format!("Latency of {}", arguments.model), &lines);
    };
    let probes = |name: &str| {
        let ours = runs.iter().filter(move |run| run.name == name);
        ours.filter_map(|run| Some((run.rate?, &run.summary))).collect()
    };
    let wires: Vec<_> = highest(runs).into_iter().map(|(name, _)| (name.to_owned(), probes(name))).collect();
    rate_chart(&format!("Latency of {} by rate", arguments.model), slo, &wires)
}

/// For each wire that was searched, in the order of the runs, the highest rate that kept the promise.
fn highest(runs: &[Run]) -> Vec<(&str, Option<f64>)> {
    let mut wires: Vec<(&str, Option<f64>)> = Vec::new();
    for run in runs.iter().filter(|run| run.rate.is_some()) {
        let kept = run.rate.filter(|_| run.holds == Some(true));
        match wires.iter_mut().find(|(name, _)| *name == run.name) {
            // The search goes up and down: the highest is not the last.
            Some((_, highest)) => *highest = [*highest, kept].into_iter().flatten().reduce(f64::max),
            None => wires.push((&run.name, kept)),
        }
    }
    wires
}

fn verdict(wire: &str, slo: &Slo, highest: Option<f64>) -> String {
    match highest {
        Some(rate) => format!("{wire}: {rate:.1} requests/s within {slo}"),
        None => format!("{wire}: no rate keeps {slo}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn runs() -> Vec<Run> {
        let mut histogram = Histogram::default();
        (1..=4).for_each(|ms| histogram.record(Duration::from_millis(ms)));
        let answered = Summary::of_answers(&histogram, Duration::from_secs(2));
        let nothing = Summary::of_answers(&Histogram::default(), Duration::from_secs(2));
        vec![Run::new("tfs-grpc", answered), Run::new("oip-rest", nothing)]
    }

    #[test]
    fn every_line_of_the_csv_has_the_columns_of_its_head() {
        let text = csv(&runs());
        let counts: Vec<usize> = text.lines().map(|line| line.split(',').count()).collect();
        assert_eq!(counts, [18; 3]);
        assert!(
            text.lines().nth(1).unwrap().starts_with("tfs-grpc,,2.000,4,4,0,0,0,2.000,2.5000,"),
            "{text}"
        );
        assert!(text.lines().nth(2).unwrap().starts_with("oip-rest,,2.000,0,0,0,0,0,0.000,,,"), "{text}");
    }

    #[test]
    fn a_wire_without_answers_shows_dashes() {
        let text = table(&runs());
        let last: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(last, ["oip-rest", "-", "0.0", "-", "-", "-", "-", "-", "0", "0", "0", "0"]);
    }

    #[test]
    fn the_highest_rate_is_of_those_that_kept_the_promise() {
        let summary = || Summary::of_answers(&Histogram::default(), Duration::from_secs(1));
        let probe = |name: &str, rate, holds| Run {
            rate: Some(rate),
            holds: Some(holds),
            ..Run::new(name, summary())
        };
        let runs = [
            probe("a", 100.0, true),
            probe("a", 200.0, false),
            probe("b", 50.0, false),
            probe("a", 140.0, true),
            probe("a", 120.0, true),
        ];
        assert_eq!(highest(&runs), [("a", Some(140.0)), ("b", None)]);
        let slo: Slo = "p99=20ms".parse().unwrap();
        assert_eq!(verdict("a", &slo, Some(140.0)), "a: 140.0 requests/s within p99=20ms");
        assert_eq!(verdict("b", &slo, None), "b: no rate keeps p99=20ms");
    }
}
