//! Latencies as a chart.

use wharf_report::{Axis, Drawing, LineChart, Series};

use crate::{Histogram, Slo, Summary};

/// The share of slower requests falls by this factor from point to point: eight points for each decade.
const STEP: f64 = 1.333_521_432_163_324;

/// How latency grows towards the slowest requests. The horizontal axis is one in how many requests is slower, on a
/// logarithmic scale: 2 is the median, 100 is p99, and so on as far as the number of requests reaches.
pub fn latency_chart(title: &str, runs: &[(String, &Histogram)]) -> Drawing {
    let mut chart = LineChart::new(title)
        .x(Axis::new("one in so many requests is slower").logarithmic())
        .y(Axis::new("latency, milliseconds").logarithmic())
        .size(800, 420);
    for (name, histogram) in runs {
        chart = chart.series(Series::new(name.as_str(), points(histogram)));
    }
    for (place, label) in [(2.0, "p50"), (10.0, "p90"), (100.0, "p99"), (1000.0, "p99.9")] {
        if runs.iter().any(|(_, histogram)| histogram.count() as f64 >= place) {
            chart = chart.mark(place, label);
        }
    }
    chart.draw()
}

/// How the latency that `slo` speaks of grows with the rate; rates that broke the promise by leaving requests without
/// an answer are left out, and the chart says so.
pub fn rate_chart(title: &str, slo: &Slo, wires: &[(String, Vec<(f64, &Summary)>)]) -> Drawing {
    let limit_ms = slo.latency.as_secs_f64() * 1e3;
    let mut chart = LineChart::new(title)
        .x(Axis::new("requests a second"))
        .y(Axis::new(format!("latency of {slo}, milliseconds")).logarithmic())
        .size(800, 420);
    let (mut lowest, mut highest) = (f64::INFINITY, 0.0_f64);
    for (name, probes) in wires {
        let latency =
            |summary| slo.latency_of(summary).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3);
        let mut points: Vec<_> = probes.iter().map(|(rate, summary)| (*rate, latency(summary))).collect();
        points.sort_by(|left, right| left.0.total_cmp(&right.0));
        for (rate, _) in &points {
            (lowest, highest) = (lowest.min(*rate), highest.max(*rate));
        }
        chart = chart.series(Series::new(name.as_str(), points).markers());
    }
    let limit = vec![(lowest, limit_ms), (highest, limit_ms)];
    chart.series(Series::new("promised", limit).dashed()).draw()
}

fn points(histogram: &Histogram) -> Vec<(f64, f64)> {
    let places = std::iter::successors(Some(1.0), |place| Some(place * STEP));
    places
        .take_while(|place| *place <= histogram.count() as f64)
        .filter_map(|place| Some((place, histogram.quantile(1.0 - 1.0 / place)?.as_secs_f64() * 1e3)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn points_reach_as_far_as_there_are_requests() {
        let mut histogram = Histogram::default();
        assert!(points(&histogram).is_empty());
        (1..=900).for_each(|micros| histogram.record(Duration::from_micros(micros)));
        let points = points(&histogram);
        assert_eq!(points.len(), 24);
        assert!(points.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
        assert!(points.last().is_some_and(|(place, ms)| *place > 700.0 && *ms > 0.89));
    }

    #[test]
    fn rates_are_drawn_in_order_beside_what_was_promised() {
        let summary = |ms| {
            let mut histogram = Histogram::default();
            histogram.record(Duration::from_millis(ms));
            Summary::of_answers(&histogram, Duration::from_secs(1))
        };
        let (fast, slow) = (summary(2), summary(40));
        let slo: Slo = "p99=20ms".parse().unwrap();
        let wires = [("tfs-grpc".to_owned(), vec![(200.0, &slow), (100.0, &fast)])];
        let svg = rate_chart("Rates", &slo, &wires).to_svg();
        assert!(svg.contains("tfs-grpc: 2 values, from 2 to 40.") && svg.contains("promised"), "{svg}");
    }

    #[test]
    fn a_chart_of_nothing_is_still_a_chart() {
        let svg = latency_chart("Latency", &[("none".to_owned(), &Histogram::default())]).to_svg();
        assert!(svg.starts_with("<svg ") && svg.contains("nothing to draw"));
    }
}
