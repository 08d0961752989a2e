//! Prometheus' text format, version 0.0.4.

use std::fmt::Write as _;

use crate::{Family, HistogramSnapshot, Kind, Sample, Value};

/// The content type of what [`encode`] writes.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes families as text. A native histogram is written with one bucket for each power of two. Families without
/// series are left out.
pub fn encode(families: &[Family]) -> String {
    let mut text = String::new();
    for family in families.iter().filter(|family| !family.samples.is_empty()) {
        head(&mut text, family);
        for sample in &family.samples {
            match &sample.value {
                Value::Number(value) => line(&mut text, &family.name, "", sample, None, *value),
                Value::Histogram(histogram) => write_histogram(&mut text, &family.name, sample, histogram),
            }
        }
    }
    text
}

fn head(text: &mut String, family: &Family) {
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    if let Some(help) = &family.help {
        text.extend(["# HELP ", &family.name, " "]);
        escape(text, help, false);
        text.push('\n');
    }
    text.extend(["# TYPE ", &family.name, " ", kind, "\n"]);
}

fn write_histogram(text: &mut String, name: &str, sample: &Sample, histogram: &HistogramSnapshot) {
    for (bound, cumulative) in &histogram.buckets {
        line(text, name, "_bucket", sample, Some(*bound), *cumulative as f64);
    }
    line(text, name, "_sum", sample, None, histogram.sum);
    line(text, name, "_count", sample, None, histogram.count as f64);
}

fn line(text: &mut String, name: &str, suffix: &str, sample: &Sample, bound: Option<f64>, value: f64) {
    text.extend([name, suffix]);
    let mut separator = '{';
    for (label, content) in &sample.labels {
        text.push(separator);
        text.extend([*label, "=\""]);
        escape(text, content, true);
        text.push('"');
        separator = ',';
    }
    if let Some(bound) = bound {
        text.push(separator);
        text.push_str("le=\"");
        number(text, bound);
        text.push('"');
        separator = ',';
    }
    text.push_str(if separator == ',' { "} " } else { " " });
    number(text, value);
    text.push('\n');
}

/// Backslashes and line feeds; in labels quotes too.
fn escape(text: &mut String, content: &str, is_label: bool) {
    for character in content.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if is_label => text.push_str("\\\""),
            other => text.push(other),
        }
    }
}

fn number(text: &mut String, value: f64) {
    if value.is_nan() {
        text.push_str("NaN");
    } else if value.is_infinite() {
        text.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else {
        // Writing into a string does not fail.
        let _ = write!(text, "{value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_help_are_escaped() {
        let mut family = Family::new("n", Kind::Counter).with_help("a\\b\n\"c\"");
        family.push(Sample::number(3.0).with_label("l", "a\\b\n\"c\"").with_label("m", "ü"));
        let expected = "# HELP n a\\\\b\\n\"c\"\n# TYPE n counter\nn{l=\"a\\\\b\\n\\\"c\\\"\",m=\"ü\"} 3\n";
        assert_eq!(encode(&[family]), expected);
    }

    #[test]
    fn numbers_are_written_as_prometheus_reads_them() {
        for (value, expected) in [
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
            (0.5, "0.5"),
            (1e15, "1000000000000000"),
            (-0.25, "-0.25"),
        ] {
            let mut family = Family::new("n", Kind::Gauge);
            family.push(Sample::number(value));
            assert_eq!(encode(&[family]), format!("# TYPE n gauge\nn {expected}\n"));
        }
    }

    #[test]
    fn histograms_have_buckets_sum_and_count() {
        let mut family = Family::new("h", Kind::Histogram);
        let snapshot = HistogramSnapshot {
            count: 3,
            sum: 4.5,
            buckets: vec![(0.5, 1), (f64::INFINITY, 3)],
            native: None,
        };
        family.push(Sample::histogram(snapshot).with_label("model", "m"));
        let expected = "# TYPE h histogram\nh_bucket{model=\"m\",le=\"0.5\"} 1\n\
            h_bucket{model=\"m\",le=\"+Inf\"} 3\nh_sum{model=\"m\"} 4.5\nh_count{model=\"m\"} 3\n";
        assert_eq!(encode(&[family]), expected);
    }

    #[test]
    fn families_without_series_are_left_out() {
        assert_eq!(encode(&[Family::new("n", Kind::Counter)]), "");
    }
}
