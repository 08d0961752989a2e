//! What the training pictures look like, to tell later whether requests still look so.

use std::collections::BTreeMap;

use wharf_bundle::{Baseline, Spread};
use wharf_data::{EpochOptions, OnBadPicture, PictureOptions};
use wharf_transform::{Mode, Pipeline, Step};

use crate::error::TrainError;
use crate::feed::Feeds;

/// Pictures that the spread of the channels is taken from.
const SAMPLES: usize = 2000;

/// The spread of each channel, 0 to 1, over some training pictures without random steps, and the classes' shares.
pub(crate) fn baseline(feeds: &Feeds, threads: usize) -> Result<Baseline, TrainError> {
    let train = &feeds.train;
    let steps = feeds.pipeline.evaluation_steps().filter(|step| !matches!(step, Step::Normalise { .. }));
    let pipeline = Pipeline::always(steps.cloned()).map_err(TrainError::data)?;
    let options = PictureOptions::default().with_threads(threads).with_on_bad_picture(OnBadPicture::Skip);
    let pictures =
        train.pictures.with_pipeline(&pipeline, Mode::Evaluate, &options).map_err(TrainError::data)?;
    let pictures = std::sync::Arc::new(pictures);
    let stride = train.indices.len().div_ceil(SAMPLES).max(1);
    let chosen: Vec<usize> = train.indices.iter().step_by(stride).copied().collect();
    let samples = chosen.len() as u64;
    let shape = pictures.shape();
    let area = shape.height() * shape.width();
    let mut channels = vec![Moments::default(); shape.channels()];
    let options = EpochOptions::new(250, 0, 0).with_threads(threads);
    for batch in pictures.epoch(chosen, options).map_err(TrainError::data)? {
        let batch = batch.map_err(TrainError::data)?;
        for (plane, values) in batch.pixels().chunks_exact(area).enumerate() {
            let channel = plane % channels.len();
            channels[channel].add(values);
        }
    }
    let features: BTreeMap<String, Spread> = channels
        .iter()
        .enumerate()
        .map(|(channel, moments)| (channel_name(channel, channels.len()), moments.spread()))
        .collect();
    Ok(Baseline { samples, features, class_shares: class_shares(feeds) })
}

fn channel_name(channel: usize, channels: usize) -> String {
    match (channels, channel) {
        (1, _) => "grey".to_owned(),
        (3, 0..3) => ["red", "green", "blue"][channel].to_owned(),
        _ => format!("channel_{channel}"),
    }
}

fn class_shares(feeds: &Feeds) -> Vec<f64> {
    let labels = feeds.train.pictures.dataset().labels();
    let mut counts = vec![0_u64; feeds.labels.len()];
    for index in &feeds.train.indices {
        counts[labels[*index] as usize] += 1;
    }
    let total = feeds.train.indices.len().max(1) as f64;
    counts.into_iter().map(|count| count as f64 / total).collect()
}

/// Sums of one channel.
#[derive(Clone)]
struct Moments {
    count: f64,
    sum: f64,
    squares: f64,
    low: f64,
    high: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self { count: 0.0, sum: 0.0, squares: 0.0, low: f64::INFINITY, high: f64::NEG_INFINITY }
    }
}

impl Moments {
    fn add(&mut self, values: &[f32]) {
        for value in values.iter().copied().map(f64::from) {
            self.count += 1.0;
            self.sum += value;
            self.squares += value * value;
            (self.low, self.high) = (self.low.min(value), self.high.max(value));
        }
    }

    fn spread(&self) -> Spread {
        if self.count == 0.0 {
            return Spread { mean: 0.0, std: 0.0, min: 0.0, max: 0.0 };
        }
        let mean = self.sum / self.count;
        let variance = (self.squares / self.count - mean * mean).max(0.0);
        Spread { mean, std: variance.sqrt(), min: self.low, max: self.high }
    }
}
