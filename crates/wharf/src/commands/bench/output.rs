//! Results of `wharf bench load`: a table or JSON on standard output, CSV and SVG in files.

use std::path::Path;

use anyhow::bail;
use serde::Serialize;
use wharf_load::{Histogram, Latencies, Summary, latency_chart};

use crate::cli::BenchLoadArgs;
use crate::table::Table;
use crate::{say, whole_file};

/// One measurement under its name.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    /// `in-process`, or the name of a wire.
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) summary: Summary,
}

/// Writes `runs` as the arguments say. It is an error if one had no answer at all.
pub(super) fn write(runs: &[Run], arguments: &BenchLoadArgs) -> anyhow::Result<()> {
    match arguments.json {
        true => say(serde_json::to_string_pretty(runs)?),
        false => say(table(runs)),
    }
    if let Some(file) = &arguments.csv {
        whole_file::write(file, csv(runs))?;
    }
    if let Some(file) = &arguments.svg {
        write_svg(file, &arguments.model, runs)?;
    }
    match runs.iter().find(|run| run.summary.answered == 0) {
        Some(run) => bail!("no request was answered over {}: {}", run.name, first_error(&run.summary)),
        None => Ok(()),
    }
}

fn first_error(summary: &Summary) -> &str {
    summary.first_errors.values().next().map_or("none was sent in the time measured", String::as_str)
}

fn table(runs: &[Run]) -> String {
    let mut table = Table::new(&[
        "WIRE",
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
        let rate = format!("{:.1}", summary.answers_per_second);
        let latencies = [
            pick(|latency| latency.p50_ms),
            pick(|latency| latency.p90_ms),
            pick(|latency| latency.p99_ms),
            pick(|latency| latency.p999_ms),
            pick(|latency| latency.max_ms),
        ];
        let counts = [summary.answered, summary.refused, summary.timed_out, summary.failed];
        let cells = [run.name.clone(), rate].into_iter().chain(latencies);
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
    let mut text = "wire,seconds,requests,answered,refused,timed_out,failed,answers_per_second,mean_ms,p50_ms,p90_ms,p95_ms,p99_ms,p999_ms,max_ms,refusal_p99_ms,lateness_p99_ms\n".to_owned();
    for run in runs {
        let summary = &run.summary;
        let counts = [summary.requests, summary.answered, summary.refused, summary.timed_out, summary.failed];
        let mut cells = vec![run.name.clone(), format!("{:.3}", summary.seconds)];
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

fn write_svg(file: &Path, model: &str, runs: &[Run]) -> anyhow::Result<()> {
    let lines: Vec<(String, &Histogram)> =
        runs.iter().map(|run| (run.name.clone(), &run.summary.histogram)).collect();
    whole_file::write(file, latency_chart(&format!("Latency of {model}"), &lines).to_svg())
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
        vec![
            Run { name: "tfs-grpc".into(), summary: answered },
            Run { name: "oip-rest".into(), summary: nothing },
        ]
    }

    #[test]
    fn every_line_of_the_csv_has_the_columns_of_its_head() {
        let text = csv(&runs());
        let counts: Vec<usize> = text.lines().map(|line| line.split(',').count()).collect();
        assert_eq!(counts, [17; 3]);
        assert!(text.lines().nth(1).unwrap().starts_with("tfs-grpc,2.000,4,4,0,0,0,2.000,2.5000,"), "{text}");
        assert!(text.lines().nth(2).unwrap().starts_with("oip-rest,2.000,0,0,0,0,0,0.000,,,"), "{text}");
    }

    #[test]
    fn a_wire_without_answers_shows_dashes() {
        let text = table(&runs());
        let last: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(last, ["oip-rest", "0.0", "-", "-", "-", "-", "-", "0", "0", "0", "0"]);
    }
}
