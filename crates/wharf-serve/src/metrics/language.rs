//! What language models count, under the names that dashboards of vLLM ask for.

use std::sync::Arc;

use wharf_infer::language::{LanguageMetrics, LanguageModel, TIME_BUCKETS, TimeHistogram};
use wharf_metrics::{Family, HistogramSnapshot, Kind, Sample};

/// A number under its name, its kind and its help.
type Number = (&'static str, Kind, &'static str, fn(&LanguageMetrics) -> f64);
/// The same of times.
type Times = (&'static str, &'static str, fn(&LanguageMetrics) -> &TimeHistogram);

const NUMBERS: [Number; 13] = [
    ("vllm:num_requests_running", Kind::Gauge, "Answers that get tokens.", |m| m.requests_running as f64),
    ("vllm:num_requests_waiting", Kind::Gauge, "Answers that wait for their turn.", |m| {
        m.requests_waiting as f64
    }),
    ("vllm:kv_cache_usage_perc", Kind::Gauge, "The share of the cache that is taken.", |m| m.cache_usage),
    ("vllm:prefix_cache_queries", Kind::Counter, "Tokens of prompts that were looked for.", |m| {
        m.prefix_queries as f64
    }),
    ("vllm:prefix_cache_hits", Kind::Counter, "Those of them that were in the cache.", |m| {
        m.prefix_hits as f64
    }),
    ("vllm:prompt_tokens_total", Kind::Counter, "Tokens of prompts.", |m| m.prompt_tokens as f64),
    ("vllm:generation_tokens_total", Kind::Counter, "Tokens of answers.", |m| m.generation_tokens as f64),
    ("vllm:num_preemptions_total", Kind::Counter, "Answers that made place for others.", |m| {
        m.preemptions as f64
    }),
    ("vllm:spec_decode_num_draft_tokens_total", Kind::Counter, "Guesses that were checked.", |m| {
        m.guesses as f64
    }),
    ("vllm:spec_decode_num_accepted_tokens_total", Kind::Counter, "Guesses that were right.", |m| {
        m.accepted_guesses as f64
    }),
    ("wharf_llm_passes_total", Kind::Counter, "Passes of the model.", |m| m.passes as f64),
    ("wharf_llm_forced_tokens_total", Kind::Counter, "Tokens that a constraint left no choice about.", |m| {
        m.forced_tokens as f64
    }),
    ("wharf_llm_failed_total", Kind::Counter, "Requests that failed.", |m| m.failed as f64),
];

const TIMES: [Times; 4] = [
    ("vllm:time_to_first_token_seconds", "From a request to its first token.", |m| &m.time_to_first_token),
    ("vllm:inter_token_latency_seconds", "Between two tokens of an answer.", |m| &m.inter_token_latency),
    ("vllm:request_queue_time_seconds", "Until a request got its turn.", |m| &m.queue_time),
    ("vllm:e2e_request_latency_seconds", "From a request to the end of its answer.", |m| &m.request_time),
];

/// How an answer ends, as `finished_reason`, and how often.
type End = (&'static str, fn(&LanguageMetrics) -> u64);

const ENDS: [End; 3] =
    [("stop", |m| m.finished_stop), ("length", |m| m.finished_length), ("abort", |m| m.cancelled)];

/// The numbers of models under the names by which they are served.
pub(super) fn families(models: &[(String, Arc<dyn LanguageModel>)]) -> Vec<Family> {
    let counted: Vec<_> = models.iter().map(|(name, model)| (name.as_str(), model.metrics())).collect();
    if counted.is_empty() {
        return Vec::new();
    }
    let numbers = NUMBERS.into_iter().map(|(name, kind, help, number)| {
        family((name, kind, help), &counted, |metrics| vec![Sample::number(number(metrics))])
    });
    let times = TIMES.into_iter().map(|(name, help, times)| {
        let sample = |metrics: &LanguageMetrics| vec![Sample::histogram(snapshot(times(metrics)))];
        family((name, Kind::Histogram, help), &counted, sample)
    });
    let ends =
        family(("vllm:request_success_total", Kind::Counter, "Answers that ended."), &counted, |metrics| {
            let sample = |(reason, count): End| {
                Sample::number(count(metrics) as f64).with_label("finished_reason", reason)
            };
            ENDS.into_iter().map(sample).collect()
        });
    numbers.chain(times).chain([ends]).collect()
}

fn family(
    (name, kind, help): (&'static str, Kind, &'static str),
    counted: &[(&str, LanguageMetrics)],
    samples: impl Fn(&LanguageMetrics) -> Vec<Sample>,
) -> Family {
    let mut family = Family::new(name, kind).with_help(help);
    for (model, metrics) in counted {
        for sample in samples(metrics) {
            family.push(sample.with_label("model_name", (*model).to_owned()));
        }
    }
    family
}

/// Buckets that count what is below them too.
fn snapshot(times: &TimeHistogram) -> HistogramSnapshot {
    let mut below = 0;
    let bounds = TIME_BUCKETS.into_iter().chain([f64::INFINITY]);
    let buckets = bounds.zip(times.buckets).map(|(bound, count)| {
        below += count;
        (bound, below)
    });
    HistogramSnapshot { count: times.count, sum: times.sum, buckets: buckets.collect(), native: None }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn buckets_count_what_is_below_them_too() {
        let mut times = TimeHistogram::default();
        for milliseconds in [1, 1, 30, 200_000] {
            times.record(Duration::from_millis(milliseconds));
        }
        let snapshot = snapshot(&times);
        assert_eq!(snapshot.buckets.first(), Some(&(0.001, 2)));
        assert_eq!(snapshot.buckets[4], (0.04, 3));
        assert_eq!(snapshot.buckets.last(), Some(&(f64::INFINITY, 4)));
        assert_eq!(snapshot.count, 4);
    }
}
