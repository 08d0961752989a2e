//! What a language model counts, in the vocabulary of vLLM's metrics. Times are taken at passes, not at the wire.

use std::time::Duration;

/// Upper bounds of the buckets of times, in seconds; vLLM's for the time to the first token.
pub const TIME_BUCKETS: [f64; 20] = [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0,
    80.0, 160.0,
];

/// How often something took how long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeHistogram {
    /// How many fell at or below each bound of [`TIME_BUCKETS`] and above the one before it; the last is for the rest.
    pub buckets: [u64; TIME_BUCKETS.len() + 1],
    /// All together, in seconds.
    pub sum: f64,
    /// How many there were.
    pub count: u64,
}

impl TimeHistogram {
    /// Takes note of one more.
    pub fn record(&mut self, time: Duration) {
        let seconds = time.as_secs_f64();
        let bucket = TIME_BUCKETS.partition_point(|&bound| bound < seconds);
        self.buckets[bucket] += 1;
        self.sum += seconds;
        self.count += 1;
    }
}

/// Everything that a language model counts. Names are vLLM's without their prefix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LanguageMetrics {
    /// `num_requests_running`: answers that get tokens.
    pub requests_running: u64,
    /// `num_requests_waiting`: answers that wait for their turn.
    pub requests_waiting: u64,
    /// `kv_cache_usage_perc`, as a share of 1.
    pub cache_usage: f64,
    /// `prefix_cache_queries`: tokens of prompts that were looked for.
    pub prefix_queries: u64,
    /// `prefix_cache_hits`: those of them that were there.
    pub prefix_hits: u64,
    /// `prompt_tokens_total`.
    pub prompt_tokens: u64,
    /// `generation_tokens_total`.
    pub generation_tokens: u64,
    /// `num_preemptions_total`.
    pub preemptions: u64,
    /// Passes that were made.
    pub passes: u64,
    /// `spec_decode_num_draft_tokens_total`: guesses that were checked.
    pub guesses: u64,
    /// `spec_decode_num_accepted_tokens_total`: those of them that were right.
    pub accepted_guesses: u64,
    /// Tokens that a constraint left no choice about.
    pub forced_tokens: u64,
    /// `request_success_total{finished_reason="stop"}`: answers that came to their end.
    pub finished_stop: u64,
    /// `request_success_total{finished_reason="length"}`.
    pub finished_length: u64,
    /// Requests whose caller left, or whose time was up.
    pub cancelled: u64,
    /// Requests that failed.
    pub failed: u64,
    /// `time_to_first_token_seconds`.
    pub time_to_first_token: TimeHistogram,
    /// `inter_token_latency_seconds`.
    pub inter_token_latency: TimeHistogram,
    /// `request_queue_time_seconds`.
    pub queue_time: TimeHistogram,
    /// `e2e_request_latency_seconds`.
    pub request_time: TimeHistogram,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_the_bucket_of_their_bound() {
        let mut histogram = TimeHistogram::default();
        for milliseconds in [1, 2, 1_000_000] {
            histogram.record(Duration::from_millis(milliseconds));
        }
        assert_eq!((histogram.buckets[0], histogram.buckets[1]), (1, 1));
        assert_eq!(histogram.buckets[TIME_BUCKETS.len()], 1);
        assert_eq!(histogram.count, 3);
    }
}
