//! The page: the choice, trade-offs, candidates, layers, samples, environment.

use wharf_report::{Facts, Report, Section};

use super::{charts, tables};
use crate::search::{Budget, Entry, Outcome};

/// So many ids are told; all are in the JSON.
const SHOWN_IDS: usize = 20;

pub(super) fn page(title: &str, outcome: &Outcome, environment: &[(String, String)]) -> Report {
    let report = figures(Report::new(title).lead(lead(outcome)), outcome);
    let trade_offs =
        Section::new("Trade-offs").charts(charts::trade_offs(outcome)).table(tables::candidates(outcome));
    let sections = [
        Some(trade_offs),
        layers(outcome),
        tables::pruned(outcome)
            .map(|table| Section::new("Pruning").folded_table("Channels of each layer", table)),
        Some(setting(outcome)),
        facts("Environment", environment),
    ];
    sections.into_iter().flatten().fold(report, Report::section)
}

fn lead(outcome: &Outcome) -> String {
    let tried = outcome.entries.len().saturating_sub(1);
    match outcome.chosen() {
        Some(entry) => format!("Of {tried} candidates, `{}` was chosen.", entry.name),
        None => format!(
            "None of {tried} candidates fits the budget and gains anything; the model stays as it is."
        ),
    }
}

fn figures(report: Report, outcome: &Outcome) -> Report {
    let (Some(before), Some(after)) = (outcome.baseline(), outcome.chosen()) else { return report };
    report
        .figure("size", format!("{} kB \u{2192} {} kB", kilobytes(before), kilobytes(after)))
        .figure(
            "median latency",
            format!("{:.3} ms \u{2192} {:.3} ms", before.latency.p50_ms, after.latency.p50_ms),
        )
        .figure(
            &after.metric,
            format!("{:.2} % \u{2192} {:.2} %", before.quality * 100.0, after.quality * 100.0),
        )
}

fn kilobytes(entry: &Entry) -> String {
    format!("{:.0}", entry.size_bytes as f64 / 1e3)
}

fn layers(outcome: &Outcome) -> Option<Section> {
    let worst = outcome.layers.first()?;
    let text = format!(
        "Each layer was quantised alone, and the answers were compared with those of the float model. \
         `{}` ({}) loses most.",
        worst.layer, worst.operator
    );
    Some(Section::new("Layers").paragraph(text).chart(charts::noise(&outcome.layers)))
}

fn setting(outcome: &Outcome) -> Section {
    let shown: Vec<&str> = outcome.calibration_ids.iter().take(SHOWN_IDS).map(String::as_str).collect();
    let count = outcome.calibration_ids.len();
    let more = if count > SHOWN_IDS { format!(" and {} more", count - SHOWN_IDS) } else { String::new() };
    let facts = budget(Facts::new(), &outcome.budget)
        .add("calibrated on", format!("{count} samples: {}{more}", shown.join(", ")))
        .add("evaluated on", format!("{} samples", outcome.evaluation_samples))
        .add("threads of a run", outcome.threads.to_string())
        .add("seed of the intervals", outcome.seed.to_string());
    Section::new("Setting").facts(facts)
}

fn budget(facts: Facts, budget: &Budget) -> Facts {
    let limits = [
        ("largest loss", budget.max_loss.map(|loss| format!("{} points", loss * 100.0))),
        ("largest size", budget.max_size_bytes.map(|size| format!("{size} bytes"))),
        ("largest p99", budget.max_p99_ms.map(|limit| format!("{limit} ms"))),
        (
            "loss counts by",
            Some(if budget.must_be_certain { "its upper end" } else { "its mean" }.to_owned()),
        ),
    ];
    let given = limits.into_iter().filter_map(|(name, limit)| Some((name, limit?)));
    given.fold(facts, |facts, (name, limit)| facts.add(name, limit))
}

fn facts(title: &str, pairs: &[(String, String)]) -> Option<Section> {
    let facts = pairs.iter().fold(Facts::new(), |facts, (name, value)| facts.add(name, value));
    (!pairs.is_empty()).then(|| Section::new(title).facts(facts))
}
