//! Names that dashboards of other servers ask for, beside the counters in `collect.rs`.

use std::sync::Arc;

use wharf_metrics::{Family, Kind, Sample};

use super::collect::by_version;
use super::{ModelMetrics, ServeMetrics};

/// The bounds of Triton, in milliseconds.
const FIRST_RESPONSE: [f64; 4] = [100.0, 500.0, 2000.0, 5000.0];
/// The name of TensorFlow Serving's threads, where nobody gives them another.
const THREADS: &str = "batch_threads";

/// Triton's histogram: every request has one response.
pub(super) fn first_response(loaded: &[Arc<ModelMetrics>]) -> Family {
    let help = "From arrival to answer, in milliseconds.";
    let sample =
        |model: &ModelMetrics| Sample::histogram(model.requests.snapshot().with_bounds(&FIRST_RESPONSE, 1e3));
    by_version(("nv_inference_first_response_histogram_ms", Kind::Histogram, help), loaded, sample)
}

/// TensorFlow Serving's, which has no lines of help. The engine does not know by which call a request came, so that
/// `API` is the most usual one.
pub(super) fn of_tensorflow_serving(metrics: &ServeMetrics) -> [Family; 3] {
    let mut runtime = Family::new(":tensorflow:serving:runtime_latency", Kind::Histogram);
    for (name, life) in metrics.lives() {
        let snapshot = life.runtime.snapshot();
        if snapshot.count > 0 {
            let sample = Sample::histogram(snapshot).with_label("model_name", name);
            runtime.push(sample.with_label("API", "Predict").with_label("runtime", "ONNX"));
        }
    }
    let mut waits = Family::new(":tensorflow:serving:batching_session:queuing_latency", Kind::Histogram);
    let snapshot = metrics.joined.waits.snapshot();
    if snapshot.count > 0 {
        waits.push(Sample::histogram(snapshot).with_label("thread_pool_name", THREADS));
    }
    let mut runs = Family::new(":tensorflow:serving:batching_session:wrapped_run_count", Kind::Counter);
    runs.push(Sample::number(metrics.joined.runs.get() as f64));
    [runtime, waits, runs]
}
