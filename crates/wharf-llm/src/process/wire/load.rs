//! How busy a model is and what it has counted, as messages.

use wharf_infer::language::{LanguageLoad, LanguageMetrics, LanguageModel, TimeHistogram};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct LoadMessage {
    #[prost(uint32, tag = "1")]
    running: u32,
    #[prost(uint32, tag = "2")]
    waiting: u32,
    #[prost(uint32, tag = "3")]
    cells: u32,
    #[prost(uint32, tag = "4")]
    cells_used: u32,
    #[prost(uint64, tag = "5")]
    steps: u64,
    #[prost(message, required, tag = "6")]
    metrics: MetricsMessage,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TimesMessage {
    #[prost(uint64, repeated, tag = "1")]
    buckets: Vec<u64>,
    #[prost(double, tag = "2")]
    sum: f64,
    #[prost(uint64, tag = "3")]
    count: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MetricsMessage {
    #[prost(uint64, tag = "1")]
    requests_running: u64,
    #[prost(uint64, tag = "2")]
    requests_waiting: u64,
    #[prost(uint64, tag = "3")]
    prefix_queries: u64,
    #[prost(uint64, tag = "4")]
    prefix_hits: u64,
    #[prost(uint64, tag = "5")]
    prompt_tokens: u64,
    #[prost(uint64, tag = "6")]
    generation_tokens: u64,
    #[prost(uint64, tag = "7")]
    preemptions: u64,
    #[prost(uint64, tag = "8")]
    passes: u64,
    #[prost(uint64, tag = "9")]
    guesses: u64,
    #[prost(uint64, tag = "10")]
    accepted_guesses: u64,
    #[prost(uint64, tag = "11")]
    forced_tokens: u64,
    #[prost(uint64, tag = "12")]
    finished_stop: u64,
    #[prost(uint64, tag = "13")]
    finished_length: u64,
    #[prost(uint64, tag = "14")]
    cancelled: u64,
    #[prost(uint64, tag = "15")]
    failed: u64,
    #[prost(double, tag = "16")]
    cache_usage: f64,
    #[prost(message, required, tag = "17")]
    time_to_first_token: TimesMessage,
    #[prost(message, required, tag = "18")]
    inter_token_latency: TimesMessage,
    #[prost(message, required, tag = "19")]
    queue_time: TimesMessage,
    #[prost(message, required, tag = "20")]
    request_time: TimesMessage,
}

impl LoadMessage {
    /// That of a model, as it is now.
    pub(crate) fn of(model: &dyn LanguageModel) -> Self {
        Self::new(model.load(), model.metrics())
    }

    fn new(load: LanguageLoad, metrics: LanguageMetrics) -> Self {
        Self {
            running: load.running,
            waiting: load.waiting,
            cells: load.cells,
            cells_used: load.cells_used,
            steps: load.steps,
            metrics: metrics.into(),
        }
    }

    /// What it says.
    pub(crate) fn read(self) -> (LanguageLoad, LanguageMetrics) {
        let load = LanguageLoad {
            running: self.running,
            waiting: self.waiting,
            cells: self.cells,
            cells_used: self.cells_used,
            steps: self.steps,
        };
        (load, self.metrics.into())
    }
}

impl From<TimeHistogram> for TimesMessage {
    fn from(TimeHistogram { buckets, sum, count }: TimeHistogram) -> Self {
        Self { buckets: buckets.to_vec(), sum, count }
    }
}

impl From<TimesMessage> for TimeHistogram {
    /// Both ends are one program, so that there are as many buckets here as there.
    fn from(TimesMessage { buckets, sum, count }: TimesMessage) -> Self {
        Self { buckets: buckets.try_into().unwrap_or_default(), sum, count }
    }
}

impl From<LanguageMetrics> for MetricsMessage {
    fn from(metrics: LanguageMetrics) -> Self {
        Self {
            requests_running: metrics.requests_running,
            requests_waiting: metrics.requests_waiting,
            prefix_queries: metrics.prefix_queries,
            prefix_hits: metrics.prefix_hits,
            prompt_tokens: metrics.prompt_tokens,
            generation_tokens: metrics.generation_tokens,
            preemptions: metrics.preemptions,
            passes: metrics.passes,
            guesses: metrics.guesses,
            accepted_guesses: metrics.accepted_guesses,
            forced_tokens: metrics.forced_tokens,
            finished_stop: metrics.finished_stop,
            finished_length: metrics.finished_length,
            cancelled: metrics.cancelled,
            failed: metrics.failed,
            cache_usage: metrics.cache_usage,
            time_to_first_token: metrics.time_to_first_token.into(),
            inter_token_latency: metrics.inter_token_latency.into(),
            queue_time: metrics.queue_time.into(),
            request_time: metrics.request_time.into(),
        }
    }
}

impl From<MetricsMessage> for LanguageMetrics {
    fn from(message: MetricsMessage) -> Self {
        Self {
            requests_running: message.requests_running,
            requests_waiting: message.requests_waiting,
            prefix_queries: message.prefix_queries,
            prefix_hits: message.prefix_hits,
            prompt_tokens: message.prompt_tokens,
            generation_tokens: message.generation_tokens,
            preemptions: message.preemptions,
            passes: message.passes,
            guesses: message.guesses,
            accepted_guesses: message.accepted_guesses,
            forced_tokens: message.forced_tokens,
            finished_stop: message.finished_stop,
            finished_length: message.finished_length,
            cancelled: message.cancelled,
            failed: message.failed,
            cache_usage: message.cache_usage,
            time_to_first_token: message.time_to_first_token.into(),
            inter_token_latency: message.inter_token_latency.into(),
            queue_time: message.queue_time.into(),
            request_time: message.request_time.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prost::Message as _;

    use super::*;

    #[test]
    fn loads_and_metrics_come_back_as_they_went() {
        let load = LanguageLoad { running: 1, waiting: 2, cells: 3, cells_used: 4, steps: 5 };
        let mut metrics = LanguageMetrics {
            requests_running: 1,
            cache_usage: 0.5,
            forced_tokens: 7,
            failed: u64::MAX,
            ..LanguageMetrics::default()
        };
        metrics.time_to_first_token.record(Duration::from_millis(3));
        metrics.request_time.record(Duration::from_secs(1000));
        let bytes = LoadMessage::new(load, metrics.clone()).encode_to_vec();
        assert_eq!(LoadMessage::decode(&bytes[..]).unwrap().read(), (load, metrics));
    }
}
