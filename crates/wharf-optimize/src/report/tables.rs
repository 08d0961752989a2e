//! The candidates in numbers.

use wharf_report::Table;

use crate::search::{Entry, Outcome};

/// One row for each model.
pub(super) fn candidates(outcome: &Outcome) -> Table {
    let metric = outcome.baseline().map_or("quality", |entry| entry.metric.as_str());
    let numbers =
        ["kB", "p50 ms", "p99 ms", "batch p50 ms", "times as fast", metric, "points lost", "95 %", "dB"];
    let table = numbers.into_iter().fold(Table::new().text("model"), Table::number);
    let table = table.text("front").text("verdict");
    outcome.entries.iter().enumerate().fold(table, |table, (place, entry)| {
        table.row([
            entry.name.clone(),
            format!("{:.1}", entry.size_bytes as f64 / 1e3),
            format!("{:.3}", entry.latency.p50_ms),
            format!("{:.3}", entry.latency.p99_ms),
            format!("{:.3}", entry.batch_latency.p50_ms),
            format!("{:.2}", entry.speed_up),
            format!("{:.4}", entry.quality),
            points(entry.loss.mean),
            if place == 0 {
                String::new()
            } else {
                format!("{} to {}", points(entry.loss.low), points(entry.loss.high))
            },
            entry.sqnr_db.map_or_else(String::new, |decibels| format!("{decibels:.1}")),
            if entry.is_on_front { "yes".to_owned() } else { String::new() },
            verdict(outcome, place, entry),
        ])
    })
}

fn verdict(outcome: &Outcome, place: usize, entry: &Entry) -> String {
    match (place, outcome.chosen == Some(place), entry.refusals.is_empty()) {
        (0, _, _) => String::new(),
        (_, true, _) => "chosen".to_owned(),
        (_, _, true) => "fits".to_owned(),
        _ => format!("refused: {}", entry.refusals.join("; ")),
    }
}

fn points(share: f64) -> String {
    format!("{:.2}", share * 100.0)
}

/// What pruning did, for the entries that were pruned.
pub(super) fn pruned(outcome: &Outcome) -> Option<Table> {
    let table = Table::new().text("model").text("layer").number("channels before").number("after");
    let entries = outcome.entries.iter().filter(|entry| !entry.pruned.is_empty());
    let rows: Vec<[String; 4]> = entries
        .flat_map(|entry| {
            let row = |layer: &crate::PrunedLayer| {
                [entry.name.clone(), layer.layer.clone(), layer.before.to_string(), layer.after.to_string()]
            };
            entry.pruned.iter().map(row)
        })
        .collect();
    (!rows.is_empty()).then(|| rows.into_iter().fold(table, Table::row))
}
