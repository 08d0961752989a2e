//! The numbers as Prometheus reads them: under a name of our own, and under TensorFlow Serving's.

use std::collections::BTreeMap;
use std::sync::Arc;

use wharf_metrics::{Family, Kind, Sample};

use super::{Api, ApiMetrics, CallMetrics, Entry};
use crate::status::wire_status;

/// A collector of everything that is counted at the wires.
pub(crate) fn collector(metrics: &Arc<ApiMetrics>) -> impl Fn(&mut Vec<Family>) + Send + Sync + use<> {
    let metrics = Arc::clone(metrics);
    move |families| {
        let all = metrics.all();
        let calls = || all.iter().flat_map(|(name, calls)| of_model(name, calls));
        families.push(native(calls()));
        families.push(tfs_requests(calls()));
        families.push(tfs_latency(calls()));
        families.extend(tfs_examples(&all));
    }
}

type OfModel<'a> = (&'a str, Api, Entry, &'a CallMetrics);

fn of_model<'a>(name: &'a str, calls: &'a super::ModelCalls) -> impl Iterator<Item = OfModel<'a>> {
    calls.all().map(move |(api, entry, call)| (name, api, entry, call))
}

/// How often each call ended in which way, in the codes of TensorFlow Serving.
fn ends(call: &CallMetrics) -> BTreeMap<&'static str, u64> {
    let mut ends = BTreeMap::from([("OK", call.statuses.ok())]);
    for (code, count) in call.statuses.errors() {
        *ends.entry(wire_status(code).name).or_default() += count;
    }
    ends
}

fn native<'a>(calls: impl Iterator<Item = OfModel<'a>>) -> Family {
    let help = "Calls at the wires by how they ended.";
    let mut family = Family::new("wharf_api_requests_total", Kind::Counter).with_help(help);
    for (name, api, entry, call) in calls {
        for (status, count) in ends(call) {
            let sample = Sample::number(count as f64).with_label("model", name.to_owned());
            let sample = sample.with_label("api", api.name(entry)).with_label("entrypoint", entry.name());
            family.push(sample.with_label("status", status));
        }
    }
    family
}

/// Without a line of help, as TensorFlow Serving writes it.
fn tfs_requests<'a>(calls: impl Iterator<Item = OfModel<'a>>) -> Family {
    let mut totals: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (name, _, _, call) in calls.filter(|(_, api, _, _)| api.is_of_tfs()) {
        for (status, count) in ends(call) {
            *totals.entry((name, status)).or_default() += count;
        }
    }
    let mut family = Family::new(":tensorflow:serving:request_count", Kind::Counter);
    for ((name, status), count) in totals {
        let sample = Sample::number(count as f64).with_label("model_name", name.to_owned());
        family.push(sample.with_label("status", status));
    }
    family
}

/// Of calls that bring tf.Examples. The label is `model` here, and not `model_name`.
fn tfs_examples(all: &[(String, Arc<super::ModelCalls>)]) -> [Family; 2] {
    let mut counts = Family::new(":tensorflow:serving:request_example_counts", Kind::Histogram);
    let mut total = Family::new(":tensorflow:serving:request_example_count_total", Kind::Counter);
    for (name, calls) in all {
        let Some(examples) = calls.examples.get() else { continue };
        let snapshot = examples.snapshot();
        total.push(Sample::number(snapshot.sum).with_label("model", name.clone()));
        counts.push(Sample::histogram(snapshot).with_label("model", name.clone()));
    }
    [counts, total]
}

/// Of successes alone, in microseconds.
fn tfs_latency<'a>(calls: impl Iterator<Item = OfModel<'a>>) -> Family {
    let mut family = Family::new(":tensorflow:serving:request_latency", Kind::Histogram);
    for (name, api, entry, call) in calls.filter(|(_, api, _, _)| api.is_of_tfs()) {
        let snapshot = call.latency.snapshot();
        if snapshot.count > 0 {
            let sample = Sample::histogram(snapshot).with_label("model_name", name.to_owned());
            family.push(sample.with_label("API", api.name(entry)).with_label("entrypoint", entry.name()));
        }
    }
    family
}
