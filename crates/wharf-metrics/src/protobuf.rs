//! Prometheus' protobuf format: messages of `io.prometheus.client.MetricFamily`, each behind its length. It is the
//! one that carries native histograms.

use crate::{Family, HistogramSnapshot, Kind, NativeBuckets, Sample, Value};

/// The content type of what [`encode`] writes, and what a scraper asks for.
pub const CONTENT_TYPE: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
/// Growth of the buckets: 2^(2^-3).
const SCHEMA: i64 = 3;

/// Whether an `Accept` header puts this format before the text.
pub fn is_wanted(accept: &str) -> bool {
    let quality = |entry: &str| {
        let quality = entry.split(';').find_map(|part| part.trim().strip_prefix("q=")?.parse::<f64>().ok());
        quality.unwrap_or(1.0)
    };
    let (mut protobuf, mut text) = (0.0_f64, 0.0_f64);
    for entry in accept.split(',') {
        let spaceless: String = entry.to_ascii_lowercase().split_ascii_whitespace().collect();
        let is_protobuf = spaceless.starts_with("application/vnd.google.protobuf")
            && spaceless.contains("proto=io.prometheus.client.metricfamily")
            && spaceless.contains("encoding=delimited");
        let best = if is_protobuf { &mut protobuf } else { &mut text };
        *best = best.max(quality(&spaceless));
    }
    protobuf > 0.0 && protobuf >= text
}

/// Writes families as messages. Families without series are left out.
pub fn encode(families: &[Family]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for family in families.iter().filter(|family| !family.samples.is_empty()) {
        let message = write_family(family);
        varint(&mut bytes, message.len() as u64);
        bytes.extend(message);
    }
    bytes
}

fn write_family(family: &Family) -> Vec<u8> {
    let mut message = Vec::new();
    message_field(&mut message, 1, family.name.as_bytes());
    if let Some(help) = &family.help {
        message_field(&mut message, 2, help.as_bytes());
    }
    let kind = match family.kind {
        Kind::Counter => 0,
        Kind::Gauge => 1,
        Kind::Histogram => 4,
    };
    varint_field(&mut message, 3, kind);
    for sample in &family.samples {
        message_field(&mut message, 4, &metric(family.kind, sample));
    }
    message
}

fn metric(kind: Kind, sample: &Sample) -> Vec<u8> {
    let mut message = Vec::new();
    for (name, value) in &sample.labels {
        let mut pair = Vec::new();
        message_field(&mut pair, 1, name.as_bytes());
        message_field(&mut pair, 2, value.as_bytes());
        message_field(&mut message, 1, &pair);
    }
    match &sample.value {
        Value::Number(value) => {
            let mut number = Vec::new();
            double_field(&mut number, 1, *value);
            message_field(&mut message, if kind == Kind::Counter { 3 } else { 2 }, &number);
        }
        Value::Histogram(snapshot) => message_field(&mut message, 7, &histogram(snapshot)),
    }
    message
}

fn histogram(snapshot: &HistogramSnapshot) -> Vec<u8> {
    let mut message = Vec::new();
    varint_field(&mut message, 1, snapshot.count);
    double_field(&mut message, 2, snapshot.sum);
    match &snapshot.native {
        Some(native) => native_buckets(&mut message, native),
        None => {
            for (bound, cumulative) in &snapshot.buckets {
                let mut bucket = Vec::new();
                varint_field(&mut bucket, 1, *cumulative);
                double_field(&mut bucket, 2, *bound);
                message_field(&mut message, 3, &bucket);
            }
        }
    }
    message
}

/// Runs of buckets that are not empty, and the change of the count from each bucket to the next.
fn native_buckets(message: &mut Vec<u8>, native: &NativeBuckets) {
    varint_field(message, 5, zigzag(SCHEMA));
    double_field(message, 6, 0.0);
    varint_field(message, 7, native.zeros);
    let mut spans: Vec<(i64, u64)> = Vec::new();
    let mut deltas = Vec::new();
    let (mut next, mut before) = (0_i64, 0_i64);
    for (place, count) in native.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let index = i64::from(native.first) + place as i64;
        match spans.last_mut() {
            Some((_, length)) if index == next => *length += 1,
            _ => spans.push((index - next, 1)),
        }
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        varint(&mut deltas, zigzag(count - before));
        (next, before) = (index + 1, count);
    }
    if spans.is_empty() {
        // An empty span is how an empty native histogram is told from one that has fixed buckets.
        spans.push((0, 0));
    }
    for (offset, length) in spans {
        let mut span = Vec::new();
        varint_field(&mut span, 1, zigzag(offset));
        varint_field(&mut span, 2, length);
        message_field(message, 12, &span);
    }
    message_field(message, 13, &deltas);
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn varint_field(bytes: &mut Vec<u8>, field: u64, value: u64) {
    varint(bytes, field << 3);
    varint(bytes, value);
}

fn double_field(bytes: &mut Vec<u8>, field: u64, value: f64) {
    varint(bytes, field << 3 | 1);
    bytes.extend(value.to_le_bytes());
}

fn message_field(bytes: &mut Vec<u8>, field: u64, content: &[u8]) {
    varint(bytes, field << 3 | 2);
    varint(bytes, content.len() as u64);
    bytes.extend(content);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_header_decides() {
        let protobuf =
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
        for (accept, expected) in [
            ("", false),
            ("*/*", false),
            ("text/plain;version=0.0.4", false),
            (protobuf, true),
            (&format!("{protobuf};q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"), true),
            (&format!("text/plain;q=0.9, {protobuf};q=0.2"), false),
            (CONTENT_TYPE, true),
            ("application/vnd.google.protobuf;proto=other;encoding=delimited", false),
        ] {
            assert_eq!(is_wanted(accept), expected, "{accept}");
        }
    }

    #[test]
    fn counters_are_length_delimited_messages() {
        let mut family = Family::new("c", Kind::Counter).with_help("h");
        family.push(Sample::number(1.0).with_label("l", "v"));
        let metric =
            [&[0x0a, 6, 0x0a, 1, b'l', 0x12, 1, b'v', 0x1a, 9, 9][..], &1.0_f64.to_le_bytes()].concat();
        let head = [0x0a, 1, b'c', 0x12, 1, b'h', 0x18, 0, 0x22, metric.len() as u8];
        let message = [&head[..], &metric].concat();
        let expected = [&[message.len() as u8][..], &message].concat();
        assert_eq!(encode(&[family, Family::new("empty", Kind::Counter)]), expected);
    }

    #[test]
    fn native_buckets_are_runs_and_differences() {
        let native = NativeBuckets { zeros: 2, first: -2, counts: vec![0, 3, 1, 0, 0, 5] };
        let mut message = Vec::new();
        native_buckets(&mut message, &native);
        let zero = [&[0x31][..], &0.0_f64.to_le_bytes()].concat();
        // Spans: 2 buckets from index -1, then after a gap of 2 one more; differences 3, -2, 4.
        let spans = [0x62, 4, 0x08, 1, 0x10, 2, 0x62, 4, 0x08, 4, 0x10, 1];
        let expected = [&[0x28, 6][..], &zero, &[0x38, 2], &spans, &[0x6a, 3, 6, 3, 8]].concat();
        assert_eq!(message, expected);
    }

    #[test]
    fn empty_native_histograms_have_an_empty_span() {
        let mut message = Vec::new();
        native_buckets(&mut message, &NativeBuckets { zeros: 0, first: 0, counts: vec![0; 4] });
        assert!(message.ends_with(&[0x62, 4, 0x08, 0, 0x10, 0, 0x6a, 0]));
    }
}
