//! What a load measured, in numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::recorder::Notes;
use crate::{Histogram, Outcome};

/// What a load measured.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Seconds measured.
    pub seconds: f64,
    /// Requests that had a reply, of whatever kind, or were given up.
    pub requests: u64,
    /// Requests that were answered.
    pub answered: u64,
    /// Requests that the server refused for want of room.
    pub refused: u64,
    /// Requests whose deadline passed, or that had no reply in the end.
    pub timed_out: u64,
    /// Requests that failed otherwise.
    pub failed: u64,
    /// Answers a second.
    pub answers_per_second: f64,
    /// Latency of the answers, from the due time; `None` where there were none.
    pub latency: Option<Latencies>,
    /// Latency of the refusals.
    pub refusal_latency: Option<Latencies>,
    /// 99th percentile of how late requests were sent, in milliseconds: the load's own share of the latency.
    pub lateness_p99_ms: f64,
    /// Bytes of the bodies received.
    pub received_bytes: u64,
    /// What was said first, by outcome.
    pub first_errors: BTreeMap<String, String>,
    /// All latencies of the answers.
    #[serde(skip)]
    pub histogram: Histogram,
}

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Latencies {
    pub mean_ms: f64,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
}

impl Latencies {
    /// The percentiles of `histogram`; `None` where it is empty.
    pub fn of(histogram: &Histogram) -> Option<Self> {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let quantile = |q| histogram.quantile(q).map(ms);
        Some(Self {
            mean_ms: histogram.mean().map(ms)?,
            p50_ms: quantile(0.5)?,
            p90_ms: quantile(0.9)?,
            p95_ms: quantile(0.95)?,
            p99_ms: quantile(0.99)?,
            p999_ms: quantile(0.999)?,
            max_ms: histogram.max().map(ms)?,
        })
    }
}

impl Summary {
    pub(crate) fn new(mut notes: Notes, elapsed: Duration) -> Self {
        let count = |outcome| notes.latencies.get(&outcome).map_or(0, Histogram::count);
        let [answered, refused, timed_out, failed] = Outcome::ALL.map(count);
        let lateness = notes.lateness.quantile(0.99).unwrap_or_default();
        let refusal_latency = notes.latencies.get(&Outcome::Refused).and_then(Latencies::of);
        let histogram = notes.latencies.remove(&Outcome::Answered).unwrap_or_default();
        let seconds = elapsed.as_secs_f64();
        Self {
            seconds,
            requests: answered + refused + timed_out + failed,
            answered,
            refused,
            timed_out,
            failed,
            answers_per_second: if seconds > 0.0 { answered as f64 / seconds } else { 0.0 },
            latency: Latencies::of(&histogram),
            refusal_latency,
            lateness_p99_ms: lateness.as_secs_f64() * 1e3,
            received_bytes: notes.received_bytes,
            first_errors: notes
                .texts
                .into_iter()
                .map(|(outcome, text)| (outcome.to_string(), text))
                .collect(),
            histogram,
        }
    }

    /// A summary of calls that did not go over a wire: `latencies` of answers, observed over `elapsed`.
    pub fn of_answers(latencies: &Histogram, elapsed: Duration) -> Self {
        let latencies = BTreeMap::from([(Outcome::Answered, latencies.clone())]);
        Self::new(Notes { latencies, ..Notes::default() }, elapsed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::outcome::Reply;
    use crate::recorder::Recorder;

    #[test]
    fn replies_are_counted_by_what_they_say() {
        let recorder = Recorder::default();
        let due = Instant::now();
        for (outcome, ms) in [
            (Outcome::Answered, 10),
            (Outcome::Answered, 30),
            (Outcome::Refused, 1),
            (Outcome::Failed, 2),
            (Outcome::Failed, 2),
        ] {
            let text = (outcome != Outcome::Answered).then(|| format!("after {ms} ms"));
            let reply = Reply { outcome, text, size_bytes: 5 };
            recorder.note(reply, due, due + Duration::from_millis(1), due + Duration::from_millis(ms));
        }
        recorder.note_unanswered(Duration::from_secs(1));
        let summary = Summary::new(recorder.take(), Duration::from_secs(2));
        let counts = (summary.requests, summary.answered, summary.refused, summary.timed_out, summary.failed);
        assert_eq!(counts, (6, 2, 1, 1, 2));
        assert_eq!((summary.answers_per_second, summary.received_bytes), (1.0, 25));
        assert_eq!(summary.latency.unwrap().max_ms, 30.0);
        assert_eq!(summary.refusal_latency.unwrap().max_ms, 1.0);
        assert_eq!(summary.first_errors["failed"], "after 2 ms");
    }

    #[test]
    fn nothing_measured_is_no_number_that_misleads() {
        let summary = Summary::of_answers(&Histogram::default(), Duration::ZERO);
        assert_eq!((summary.requests, summary.answers_per_second, summary.latency), (0, 0.0, None));
    }
}
