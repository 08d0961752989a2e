//! The search itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use wharf_engine::{Engine, LoadOptions, ModelSource, Replica};
use wharf_onnx::Model;

use super::candidate::{Candidate, Step};
use super::make::{Maker, static_options};
use super::outcome::{Entry, Outcome};
use super::request::{Event, Request};
use crate::OptimizeError;
use crate::fold::fold_batch_norms;
use crate::measure::{
    Latency, LatencyOptions, Quality, evaluate, layer_noise, measure_latency, paired_interval, results_of,
    sqnr_of_results,
};
use crate::prune::PrunedLayer;

/// How many of the noisiest layers are left in float, one try after the other.
const KEPT_LAYERS: [usize; 4] = [1, 2, 4, 8];

/// Makes and measures the candidates of `request`, and chooses the best that fits the budget.
///
/// Where static int8 loses more than the budget allows, the noise of each layer alone is measured, and the noisiest are
/// left in float: one, two, four, eight, until the loss fits. `observer` hears of every step.
///
/// # Errors
/// The model as it is cannot be run on the samples or has no such output. A candidate that cannot be made is skipped.
pub fn optimize(
    engine: &dyn Engine,
    request: &Request<'_>,
    observer: &mut dyn FnMut(&Event<'_>),
) -> Result<Outcome, OptimizeError> {
    let mut search = Search::begin(engine, request, observer)?;
    for candidate in &request.candidates {
        search.attempt(candidate)?;
    }
    search.keep_noisy_layers()?;
    Ok(search.finish())
}

struct Search<'a> {
    request: &'a Request<'a>,
    observer: &'a mut dyn FnMut(&Event<'_>),
    maker: Maker<'a>,
    baseline: Baseline,
    outcome: Outcome,
    /// The files of the entries that could be chosen.
    files: HashMap<usize, Vec<u8>>,
}

/// The model as it was.
struct Baseline {
    replica: Arc<dyn Replica>,
    quality: Quality,
    results: Vec<f32>,
    size_bytes: u64,
}

impl<'a> Search<'a> {
    fn begin(
        engine: &'a dyn Engine,
        request: &'a Request<'a>,
        observer: &'a mut dyn FnMut(&Event<'_>),
    ) -> Result<Self, OptimizeError> {
        let content = request.model.to_bytes();
        let replica = load(engine, &content, request.threads)?;
        let quality = evaluate(&*replica, request.evaluation, request.batch_size)?;
        let results =
            results_of(&*replica, &request.calibration.first(request.layer_samples)?, request.batch_size)?;
        let size_bytes = content.len() as u64;
        let baseline = Baseline { replica, quality, results, size_bytes };
        let maker = Maker {
            engine,
            model: fold_batch_norms(request.model)?,
            calibration: request.calibration,
            batch_size: request.batch_size,
            ranges: HashMap::new(),
        };
        let outcome = Outcome {
            budget: request.budget,
            objective: request.objective,
            calibration_ids: request.calibration.ids().to_vec(),
            evaluation_samples: request.evaluation.samples.len(),
            seed: request.seed,
            threads: request.threads,
            ..Outcome::default()
        };
        let mut search = Self { request, observer, maker, baseline, outcome, files: HashMap::new() };
        search.add_baseline()?;
        Ok(search)
    }

    fn add_baseline(&mut self) -> Result<(), OptimizeError> {
        let replica = Arc::clone(&self.baseline.replica);
        let [latency, batch_latency] = [1, self.request.batch_size]
            .map(|batch| self.latencies(&[&replica], batch, self.request.latency.limit));
        let entry = Entry {
            name: "as it was".to_owned(),
            size_bytes: self.baseline.size_bytes,
            latency: latency?.first().copied().unwrap_or_default(),
            batch_latency: batch_latency?.first().copied().unwrap_or_default(),
            speed_up: 1.0,
            metric: self.baseline.quality.metric.clone(),
            quality: self.baseline.quality.value,
            ..Entry::default()
        };
        (self.observer)(&Event::Measured(&entry));
        self.outcome.entries.push(entry);
        Ok(())
    }

    /// Makes and measures one candidate, and gives its place; `None` where it was skipped.
    fn attempt(&mut self, candidate: &Candidate) -> Result<Option<usize>, OptimizeError> {
        let name = candidate.name();
        (self.observer)(&Event::Begun { name: &name });
        let made = self.maker.make(candidate);
        let (model, layers) = match made {
            Ok(made) => made,
            Err(error) => return Ok(self.skip(&name, &error.to_string())),
        };
        if model == self.maker.model {
            return Ok(self.skip(&name, "changes nothing in this model"));
        }
        match self.measure(candidate, &model, layers) {
            Ok(place) => Ok(Some(place)),
            Err(error) => Ok(self.skip(&name, &error.to_string())),
        }
    }

    fn skip(&mut self, name: &str, reason: &str) -> Option<usize> {
        (self.observer)(&Event::Skipped { name, reason });
        None
    }

    fn measure(
        &mut self,
        candidate: &Candidate,
        model: &Model,
        pruned: Vec<PrunedLayer>,
    ) -> Result<usize, OptimizeError> {
        let request = self.request;
        let content = model.to_bytes();
        let replica = load(self.maker.engine, &content, request.threads)?;
        let quality = evaluate(&*replica, request.evaluation, request.batch_size)?;
        let pairs = self.baseline.quality.samples.iter().zip(&quality.samples);
        let differences: Vec<f64> = pairs.map(|(before, after)| before - after).collect();
        let baseline = Arc::clone(&self.baseline.replica);
        let loss = paired_interval(&differences, request.seed);
        // What loses far too much is timed for the report only.
        let is_hopeless = request.budget.max_loss.is_some_and(|limit| loss.low > limit);
        let limit = if is_hopeless { request.latency.limit / 8 } else { request.latency.limit };
        let single = self.latencies(&[&baseline, &replica], 1, limit)?;
        let batch = self.latencies(&[&baseline, &replica], request.batch_size, limit)?;
        let samples = request.calibration.first(request.layer_samples)?;
        let sqnr_db = sqnr_of_results(&*replica, &samples, request.batch_size, &self.baseline.results)?;
        let mut entry = Entry {
            name: candidate.name(),
            steps: candidate.steps.clone(),
            size_bytes: content.len() as u64,
            latency: single[1],
            batch_latency: batch[1],
            speed_up: single[0].p50_ms / single[1].p50_ms,
            metric: quality.metric,
            quality: quality.value,
            loss,
            sqnr_db: Some(sqnr_db),
            pruned,
            ..Entry::default()
        };
        entry.refusals = request.budget.refusals(&entry);
        if entry.size_bytes >= self.baseline.size_bytes && entry.speed_up <= 1.0 {
            entry.refusals.push("is neither smaller nor faster than the model as it was".to_owned());
        }
        (self.observer)(&Event::Measured(&entry));
        let place = self.outcome.entries.len();
        if entry.refusals.is_empty() {
            self.files.insert(place, content);
        }
        self.outcome.entries.push(entry);
        Ok(place)
    }

    fn latencies(
        &self,
        replicas: &[&Arc<dyn Replica>],
        batch: usize,
        limit: Duration,
    ) -> Result<Vec<Latency>, OptimizeError> {
        let evaluation = self.request.evaluation;
        let inputs = evaluation.samples.repeated(batch.max(1))?;
        let options = LatencyOptions { limit, ..self.request.latency };
        measure_latency(replicas, &inputs, &[&evaluation.output], batch.max(1), options)
    }

    /// The noise of each layer, and static int8 with the noisiest in float where all of them lose too much.
    fn keep_noisy_layers(&mut self) -> Result<(), OptimizeError> {
        let Some((step, loss)) = self.best_static() else { return Ok(()) };
        let Step::Static { calibration, .. } = &step else { return Ok(()) };
        (self.observer)(&Event::Layers);
        let model = &self.maker.model.clone();
        let ranges = self.maker.ranges(model, *calibration, true)?;
        let samples = self.request.calibration.first(self.request.layer_samples)?;
        let options = static_options(model, &step);
        let engine = self.maker.engine;
        self.outcome.layers =
            layer_noise(engine, model, &ranges, &options, &samples, self.request.batch_size)?;
        let limit = self.request.budget.max_loss.unwrap_or(f64::INFINITY);
        let mut is_fitting = loss <= limit;
        for count in
            KEPT_LAYERS.into_iter().filter(|&count| count < self.outcome.layers.len()).collect::<Vec<_>>()
        {
            if is_fitting {
                break;
            }
            let kept = self.outcome.layers.iter().take(count).map(|noise| noise.layer.clone()).collect();
            let place = self.attempt(&Candidate::of(with_kept(&step, kept)))?;
            is_fitting = place.is_some_and(|place| self.outcome.entries[place].loss.mean <= limit);
        }
        Ok(())
    }

    /// Of the candidates that are static int8 and nothing else, the one that loses least.
    fn best_static(&self) -> Option<(Step, f64)> {
        let entries = self.outcome.entries.iter();
        let found = entries.filter_map(|entry| match entry.steps.as_slice() {
            [step @ Step::Static { per_channel: true, .. }] => Some((step.clone(), entry.loss.mean)),
            _ => None,
        });
        found.reduce(|best, next| if next.1 < best.1 { next } else { best })
    }

    fn finish(mut self) -> Outcome {
        self.outcome.decide();
        self.outcome.model = self.outcome.chosen.and_then(|place| self.files.remove(&place));
        self.outcome
    }
}

fn with_kept(step: &Step, names: Vec<String>) -> Step {
    let mut step = step.clone();
    if let Step::Static { kept, .. } = &mut step {
        *kept = names;
    }
    step
}

fn load(engine: &dyn Engine, content: &[u8], threads: usize) -> Result<Arc<dyn Replica>, OptimizeError> {
    let options = LoadOptions::default().with_intra_threads(threads);
    engine.load(ModelSource::Bytes(content), &options).map_err(OptimizeError::engine("load the model"))
}
