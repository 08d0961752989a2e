//! The numbers of the response cache.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use wharf_metrics::{Family, Kind, Sample, TimeCounter};

use super::ModelMetrics;
use super::collect::{by_version, micros_of};
use crate::cache::ResponseCache;

/// What came of lookups under Triton's names, for the versions whose answers are remembered.
pub(super) fn of_versions(loaded: &[Arc<ModelMetrics>]) -> [Family; 4] {
    type Read = fn(&ModelMetrics) -> &TimeCounter;
    let cached: Vec<_> =
        loaded.iter().filter(|model| model.is_cached.load(Ordering::Relaxed)).cloned().collect();
    let count = |name, help, read: Read| {
        by_version((name, Kind::Counter, help), &cached, |model| Sample::number(read(model).count() as f64))
    };
    let micros = |name, help, read: Read| {
        let sample = |model: &ModelMetrics| Sample::number(micros_of(read(model).nanos()));
        by_version((name, Kind::Counter, help), &cached, sample)
    };
    let hits: Read = |model| &model.cache_hits;
    let misses: Read = |model| &model.cache_misses;
    [
        count("nv_cache_num_hits_per_model", "Requests that were answered as one before.", hits),
        count("nv_cache_num_misses_per_model", "Requests whose answer was not known.", misses),
        micros("nv_cache_hit_duration_per_model", "Looking up answers that were known.", hits),
        micros("nv_cache_miss_duration_per_model", "Looking up others, and remembering them.", misses),
    ]
}

/// How full the cache is.
pub(super) fn of_server(cache: &ResponseCache) -> [Family; 3] {
    let fill = cache.fill();
    let one = |name, kind, help, value: f64| {
        let mut family = Family::new(name, kind).with_help(help);
        family.push(Sample::number(value));
        family
    };
    [
        one("wharf_cache_entries", Kind::Gauge, "Answers that are remembered.", fill.entries as f64),
        one("wharf_cache_bytes", Kind::Gauge, "What they take.", fill.bytes as f64),
        one(
            "wharf_cache_evictions_total",
            Kind::Counter,
            "Answers that made place for others.",
            fill.evictions as f64,
        ),
    ]
}
