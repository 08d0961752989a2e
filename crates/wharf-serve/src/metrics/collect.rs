//! The numbers as Prometheus reads them: under names of our own, and under Triton's.

use std::sync::{Arc, Weak};

use wharf_infer::ErrorCode;
use wharf_metrics::{Family, Histogram, Kind, Sample};

use super::{ModelMetrics, ServeMetrics, UNKNOWN, aliases, cache, language, sequences};
use crate::BatchSnapshot;
use crate::manager::Inner;

/// A collector of everything that a server counts, for as long as the server is there.
pub(crate) fn collector(server: &Arc<Inner>) -> impl Fn(&mut Vec<Family>) + Send + Sync + use<> {
    let server: Weak<Inner> = Arc::downgrade(server);
    move |families| {
        let Some(server) = server.upgrade() else { return };
        let loaded = server.metrics.loaded();
        families.extend(native(&server.metrics, &loaded));
        families.extend(triton(&loaded));
        families.push(aliases::first_response(&loaded));
        families.extend(aliases::of_tensorflow_serving(&server.metrics));
        families.extend(of_server(&server));
        families.extend(batches(&loaded));
        families.extend(sequences::families(&server));
        families.extend(lives(&server.metrics));
        families.extend(language::families(&server.registry.loaded_language_models()));
        if let Some(answers) = &server.cache {
            families.extend(cache::of_versions(&loaded));
            families.extend(cache::of_server(answers));
        }
    }
}

/// A family with one series for each loaded version.
pub(super) fn by_version(
    (name, kind, help): (&'static str, Kind, &'static str),
    loaded: &[Arc<ModelMetrics>],
    sample: impl Fn(&ModelMetrics) -> Sample,
) -> Family {
    let mut family = Family::new(name, kind).with_help(help);
    family.samples.extend(loaded.iter().map(|model| labelled(sample(model), model)));
    family
}

pub(super) fn labelled(mut sample: Sample, model: &ModelMetrics) -> Sample {
    let labels = [("model", model.name.clone().into()), ("version", model.version.to_string().into())];
    sample.labels.splice(0..0, labels);
    sample
}

fn native(metrics: &ServeMetrics, loaded: &[Arc<ModelMetrics>]) -> Vec<Family> {
    type Read = fn(&ModelMetrics) -> &Histogram;
    let histograms: [(&'static str, &'static str, Read); 4] = [
        ("wharf_request_duration_seconds", "From arrival to answer, of requests that succeeded.", |model| {
            &model.requests
        }),
        ("wharf_queue_duration_seconds", "From arrival to the start of the run.", |model| &model.queue),
        ("wharf_batch_wait_seconds", "From joining the line of a batch to its end.", |model| {
            &model.batch_wait
        }),
        ("wharf_compute_duration_seconds", "Runs of the engine that succeeded.", |model| &model.compute),
    ];
    let mut families: Vec<_> = histograms
        .into_iter()
        .map(|(name, help, read)| {
            let sample = |model: &ModelMetrics| Sample::histogram(read(model).snapshot());
            by_version((name, Kind::Histogram, help), loaded, sample)
        })
        .collect();
    families.push(requests(metrics, loaded));
    families.push(by_version(
        ("wharf_inferences_total", Kind::Counter, "Rows that were computed."),
        loaded,
        |model| Sample::number(model.rows.get() as f64),
    ));
    families.push(by_version(
        ("wharf_requests_waiting", Kind::Gauge, "Requests that wait for a thread."),
        loaded,
        |model| Sample::number(model.waiting.get() as f64),
    ));
    families
}

/// Requests by how they ended.
fn requests(metrics: &ServeMetrics, loaded: &[Arc<ModelMetrics>]) -> Family {
    let help = "Requests by how they ended.";
    let mut family = Family::new("wharf_requests_total", Kind::Counter).with_help(help);
    for model in loaded {
        let ok = Sample::number(model.statuses.ok() as f64).with_label("status", "OK");
        family.push(labelled(ok, model));
        for (code, count) in model.statuses.errors() {
            family.push(labelled(Sample::number(count as f64).with_label("status", code.name()), model));
        }
    }
    for (code, count) in metrics.unrouted.errors() {
        let sample = Sample::number(count as f64).with_label("model", UNKNOWN).with_label("version", "");
        family.push(sample.with_label("status", code.name()));
    }
    family
}

fn triton(loaded: &[Arc<ModelMetrics>]) -> Vec<Family> {
    type Read = fn(&ModelMetrics) -> f64;
    let counters: [(&'static str, &'static str, Read); 8] = [
        ("nv_inference_request_success", "Requests that succeeded.", |model| model.statuses.ok() as f64),
        ("nv_inference_count", "Rows that were computed.", |model| model.rows.get() as f64),
        ("nv_inference_exec_count", "Runs of the engine.", |model| model.compute.count() as f64),
        ("nv_inference_request_duration_us", "From arrival to answer, in all.", |model| {
            micros_of(model.requests.sum())
        }),
        ("nv_inference_queue_duration_us", "From arrival to run, in all.", |model| {
            micros_of(model.queue.sum())
        }),
        ("nv_inference_compute_input_duration_us", "Copies of inputs: there are none.", |_| 0.0),
        (
            "nv_inference_compute_infer_duration_us",
            "Runs of the engine, for each request in them.",
            |model| micros_of(model.computed.nanos()),
        ),
        ("nv_inference_compute_output_duration_us", "Copies of outputs: there are none.", |_| 0.0),
    ];
    let counters = counters.into_iter();
    let mut families: Vec<_> = counters
        .map(|(name, help, read)| {
            by_version((name, Kind::Counter, help), loaded, |model| Sample::number(read(model)))
        })
        .collect();
    families.push(by_version(
        ("nv_inference_pending_request_count", Kind::Gauge, "Requests that wait for a run."),
        loaded,
        |model| Sample::number(model.waiting.get() as f64),
    ));
    families.push(triton_failures(loaded));
    families
}

pub(super) fn micros_of(nanos: u64) -> f64 {
    (nanos / 1000) as f64
}

/// Failures by Triton's four reasons, all of which are always there.
fn triton_failures(loaded: &[Arc<ModelMetrics>]) -> Family {
    let help = "Requests that failed, by reason.";
    let mut family = Family::new("nv_inference_request_failure", Kind::Counter).with_help(help);
    for model in loaded {
        for reason in ["REJECTED", "CANCELED", "BACKEND", "OTHER"] {
            let errors = model.statuses.errors().filter(|(code, _)| triton_reason(*code) == reason);
            let count: u64 = errors.map(|(_, count)| count).sum();
            family.push(labelled(Sample::number(count as f64).with_label("reason", reason), model));
        }
    }
    family
}

fn triton_reason(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Overloaded | ErrorCode::QuotaExceeded | ErrorCode::Unavailable => "REJECTED",
        ErrorCode::Cancelled | ErrorCode::DeadlineExceeded => "CANCELED",
        ErrorCode::Internal | ErrorCode::DataLoss => "BACKEND",
        _ => "OTHER",
    }
}

/// Joined runs: why each took no more requests, and what was in them.
fn batches(loaded: &[Arc<ModelMetrics>]) -> [Family; 4] {
    let help = "Batches that left the line, by why they took no more.";
    let mut closed = Family::new("wharf_batches_total", Kind::Counter).with_help(help);
    for model in loaded {
        let batches = model.batches.snapshot();
        for (reason, count) in [
            ("full", batches.full),
            ("delay", batches.delay),
            ("idle_worker", batches.idle_worker),
            ("key_change", batches.key_change),
            ("drain", batches.drain),
        ] {
            closed.push(labelled(Sample::number(count as f64).with_label("reason", reason), model));
        }
    }
    let counter = |name, help, read: fn(BatchSnapshot) -> u64| {
        let sample = |model: &ModelMetrics| Sample::number(read(model.batches.snapshot()) as f64);
        by_version((name, Kind::Counter, help), loaded, sample)
    };
    [
        closed,
        counter("wharf_batched_requests_total", "Requests in batches.", |batches| batches.requests),
        counter("wharf_batched_rows_total", "Rows in batches.", |batches| batches.rows),
        counter(
            "wharf_batches_split_total",
            "Batches that failed as a whole and ran one by one.",
            |batches| batches.split,
        ),
    ]
}

/// What became of versions, also of those that are gone or never came.
fn lives(metrics: &ServeMetrics) -> [Family; 5] {
    let family = |name, help| Family::new(name, Kind::Counter).with_help(help);
    let mut loads = family("wharf_model_loads_total", "Versions that were loaded.");
    let mut seconds = family("wharf_model_load_seconds_total", "What loading them took.");
    let mut failures = family("wharf_model_load_failures_total", "Versions that could not be loaded.");
    let mut unloads = family("wharf_model_unloads_total", "Versions that were unloaded.");
    let mut rollbacks = family(
        "wharf_rollbacks_total",
        "Versions that lost their part of the requests by breaking their bounds.",
    );
    for (name, life) in metrics.lives() {
        let of_model = |value: f64| Sample::number(value).with_label("model", name.clone());
        loads.push(of_model(life.loads.count() as f64));
        seconds.push(of_model(life.loads.nanos() as f64 * 1e-9));
        unloads.push(of_model(life.unloads.get() as f64));
        failures.push(of_model(life.failures.get() as f64));
        rollbacks.push(of_model(life.rollbacks.get() as f64));
    }
    [loads, seconds, failures, unloads, rollbacks]
}

/// How busy the server is, and where its versions stand.
fn of_server(server: &Inner) -> Vec<Family> {
    let one = |name, help, value: usize| {
        let mut family = Family::new(name, Kind::Gauge).with_help(help);
        family.push(Sample::number(value as f64));
        family
    };
    let help = "1 for the state in which a version is.";
    let mut states = Family::new("wharf_model_version_state", Kind::Gauge).with_help(help);
    for (name, version, state) in server.registry.all() {
        let sample = Sample::number(1.0).with_label("model", name).with_label("version", version.to_string());
        states.push(sample.with_label("state", state.name()));
    }
    let help = "Times that the process of a model was started again.";
    let mut restarts = Family::new("wharf_worker_restarts_total", Kind::Counter).with_help(help);
    for served in server.registry.routes().answering() {
        let Some(count) = served.model.replica().restarts() else { continue };
        restarts.push(labelled(Sample::number(count as f64), &served.metrics));
    }
    vec![
        restarts,
        one("wharf_requests_in_flight", "Requests under way.", server.admission.in_flight()),
        one("wharf_requests_queued", "Requests of all models that wait for a thread.", server.pool.waiting()),
        states,
        traffic(server),
        shadows(server),
    ]
}

/// What came of copies of requests.
fn shadows(server: &Inner) -> Family {
    let help = "Copies of requests that a shadow had, by how its answers compare.";
    let mut copies = Family::new("wharf_shadow_requests_total", Kind::Counter).with_help(help);
    for (name, traffic) in server.registry.all_traffic() {
        let Some((shadow, report)) = traffic.shadow.zip(server.registry.shadow(&name)) else { continue };
        for (result, count) in [
            ("same", report.same),
            ("close", report.close),
            ("different", report.different),
            ("failed", report.failed),
            ("dropped", report.dropped),
        ] {
            let sample = Sample::number(count as f64).with_label("model", name.clone());
            let sample = sample.with_label("version", shadow.version.to_string());
            copies.push(sample.with_label("result", result));
        }
    }
    copies
}

/// Which part of the requests goes where.
fn traffic(server: &Inner) -> Family {
    let help = "Parts of the requests that name no version, by version.";
    let mut weights = Family::new("wharf_traffic_weight", Kind::Gauge).with_help(help);
    for (name, traffic) in server.registry.all_traffic() {
        for (version, weight) in traffic.weights {
            let sample = Sample::number(f64::from(weight)).with_label("model", name.clone());
            weights.push(sample.with_label("version", version.to_string()));
        }
    }
    weights
}
