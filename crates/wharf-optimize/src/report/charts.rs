//! Trade-offs and noise.

use wharf_report::{Axis, BarChart, Drawing, LineChart, Series, Unit};

use crate::measure::LayerNoise;
use crate::search::{Entry, Outcome};

const SIZE: (u32, u32) = (486, 340);
/// Layers beyond these lose next to nothing.
const MAX_BARS: usize = 40;

/// Quality over size, and quality over latency.
pub(super) fn trade_offs(outcome: &Outcome) -> Vec<Drawing> {
    let size = |entry: &Entry| entry.size_bytes as f64 / 1e6;
    let latency = |entry: &Entry| entry.latency.p50_ms;
    vec![
        trade_off(outcome, "Quality and size", Axis::new("megabytes").from_zero(), size),
        trade_off(outcome, "Quality and latency", Axis::new("median of one sample, ms").from_zero(), latency),
    ]
}

fn trade_off(outcome: &Outcome, title: &str, x: Axis, cost: fn(&Entry) -> f64) -> Drawing {
    let metric = outcome.baseline().map_or("quality", |entry| entry.metric.as_str());
    let y = Axis::new(metric);
    let y = if metric == "accuracy" { y.unit(Unit::Percent) } else { y };
    let series = |name: &str, is_meant: &dyn Fn(usize, &Entry) -> bool| {
        let entries = outcome.entries.iter().enumerate().filter(|(place, entry)| is_meant(*place, entry));
        Series::new(name, entries.map(|(_, entry)| (cost(entry), entry.quality)).collect())
    };
    let mut front: Vec<(f64, f64)> = outcome
        .entries
        .iter()
        .filter(|entry| entry.is_on_front)
        .map(|entry| (cost(entry), entry.quality))
        .collect();
    front.sort_by(|a, b| a.0.total_cmp(&b.0));
    let is_chosen = |place: usize| outcome.chosen == Some(place);
    let fits = series("fits the budget", &|place, entry| {
        place > 0 && !is_chosen(place) && entry.refusals.is_empty()
    });
    let refused = series("refused", &|place, entry| place > 0 && !entry.refusals.is_empty());
    LineChart::new(title)
        .x(x)
        .y(y)
        .size(SIZE.0, SIZE.1)
        .series(Series::new("Pareto front", front).dashed())
        .series(series("as it was", &|place, _| place == 0).only_markers())
        .series(series("chosen", &|place, _| is_chosen(place)).only_markers())
        .series(fits.only_markers())
        .series(refused.only_markers())
        .draw()
}

/// The signal-to-noise ratio of each layer alone, the worst first.
pub(super) fn noise(layers: &[LayerNoise]) -> Drawing {
    let chart =
        BarChart::new("Signal above noise when one layer is quantised").axis_title("decibels; less is worse");
    layers.iter().take(MAX_BARS).fold(chart, |chart, layer| chart.bar(&layer.layer, layer.sqnr_db)).draw()
}
