//! What was measured, as lines of a table.

use std::time::Duration;

use serde::Serialize;

use super::bare::Rates;
use super::stream::Timing;
use crate::table::Table;

/// One line.
#[derive(Debug, Default, Serialize)]
pub(super) struct Line {
    /// What was measured.
    pub(super) what: String,
    /// Tokens a second, of all clients together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tokens_per_second: Option<f64>,
    /// The same of the bare loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bare: Option<f64>,
    /// Milliseconds to the first text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_p99_ms: Option<f64>,
    /// The share of the prompts that was not computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cached: Option<f64>,
    /// Resident memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mebibytes: Option<f64>,
}

impl Line {
    /// Of clients that each had one answer.
    pub(super) fn of_load(what: &str, clients: u32, timings: &[Timing], took: Duration) -> Self {
        let sum =
            |part: fn(&Timing) -> u32| timings.iter().map(|timing| f64::from(part(timing))).sum::<f64>();
        Self {
            tokens_per_second: Some(sum(|timing| timing.written) / took.as_secs_f64()),
            cached: Some(sum(|timing| timing.cached) / sum(|timing| timing.read).max(1.0)),
            ..Self::of_firsts(&format!("{what}, {clients} at once"), timings)
        }
    }

    /// Of the times to the first text alone.
    pub(super) fn of_firsts(what: &str, timings: &[Timing]) -> Self {
        let mut firsts: Vec<f64> = timings.iter().map(|timing| timing.first.as_secs_f64() * 1e3).collect();
        firsts.sort_by(f64::total_cmp);
        let (first_p50_ms, first_p99_ms) = (rank(&firsts, 0.5), rank(&firsts, 0.99));
        Self { what: what.to_owned(), first_p50_ms, first_p99_ms, ..Self::default() }
    }

    /// Of rates with something and without it, the medians.
    pub(super) fn of_gain(what: &str, with: &[f64], without: &[f64]) -> Self {
        let (tokens_per_second, bare) = (median(with.iter().copied()), median(without.iter().copied()));
        Self { what: what.to_owned(), tokens_per_second, bare, ..Self::default() }
    }
}

/// The value that so large a share does not exceed.
fn rank(sorted: &[f64], share: f64) -> Option<f64> {
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied()
}

/// The medians over the rounds, beside those of the bare loop.
pub(super) fn ratios(bare: &[Rates], served: &[Rates]) -> Vec<Line> {
    let line = |what: &str, part: fn(&Rates) -> f64| Line {
        what: what.to_owned(),
        tokens_per_second: median(served.iter().map(part)),
        bare: median(bare.iter().map(part)),
        ..Line::default()
    };
    vec![line("reading a prompt", |rates| rates.read), line("writing an answer", |rates| rates.written)]
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// What a process and its children keep in memory.
pub(super) fn memory(pid: u32) -> Option<Line> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    let kibibytes: u64 = children.chain([pid]).map(resident_kibibytes).sum::<Option<u64>>()?;
    let mebibytes = Some(kibibytes as f64 / 1024.0);
    Some(Line { what: "memory of server and model".to_owned(), mebibytes, ..Line::default() })
}

fn resident_kibibytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// For people.
pub(super) fn table(lines: &[Line]) -> String {
    let headings = ["WHAT", ">TOKENS/S", ">BARE", ">RATIO", ">FIRST P50 MS", ">P99 MS", ">CACHED", ">MIB"];
    let mut table = Table::new(&headings);
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
    };
    for line in lines {
        let ratio = line.tokens_per_second.zip(line.bare).map(|(served, bare)| served / bare);
        table.row([
            line.what.clone(),
            number(line.tokens_per_second, 1),
            number(line.bare, 1),
            number(ratio, 3),
            number(line.first_p50_ms, 0),
            number(line.first_p99_ms, 0),
            number(line.cached, 2),
            number(line.mebibytes, 0),
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_summed_over_its_clients() {
        let timing = |first: u64, cached| Timing {
            first: Duration::from_millis(first),
            last: Duration::from_millis(900),
            read: 100,
            cached,
            written: 50,
        };
        let line = Line::of_load("x", 2, &[timing(300, 0), timing(100, 100)], Duration::from_secs(2));
        assert_eq!((line.tokens_per_second, line.cached), (Some(50.0), Some(0.5)));
        assert_eq!((line.first_p50_ms, line.first_p99_ms), (Some(100.0), Some(300.0)));
    }

    #[test]
    fn rates_stand_beside_those_of_the_bare_loop() {
        let rates = |read| Rates { read, written: 2.0 * read };
        let lines = ratios(&[rates(10.0)], &[rates(9.0), rates(8.0), rates(7.0)]);
        assert_eq!((lines[0].tokens_per_second, lines[0].bare), (Some(8.0), Some(10.0)));
        assert!(table(&lines).contains("0.800"));
    }
}
