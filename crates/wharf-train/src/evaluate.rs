//! How a network does on pictures it was not trained on.

use wharf_data::Batch;

use crate::error::TrainError;
use crate::feed::Feed;
use crate::kernels::loss::{argmax, softmax};
use crate::metrics::{ConfusionMatrix, Evaluation};
use crate::network::Network;
use crate::report::{Mistake, SurestMistakes};
use crate::trainer::Loss;

/// Pictures evaluated at a time.
const BATCH: usize = 250;
/// Mistakes that the report shows.
const MISTAKES: usize = 24;

/// Runs all of `feed` through `network`. Gathers the surest mistakes where `mistakes` is given.
pub(crate) fn evaluate(
    network: &Network,
    loss: &Loss,
    feed: &Feed,
    labels: &[String],
    threads: usize,
    mut mistakes: Option<&mut SurestMistakes>,
) -> Result<Evaluation, TrainError> {
    let mut confusion = ConfusionMatrix::new(labels.to_vec());
    let mut loss_sum = 0.0;
    for batch in feed.in_order(BATCH, threads)? {
        let batch = batch.map_err(TrainError::data)?;
        let truth: Vec<usize> = batch.labels().iter().map(|label| *label as usize).collect();
        if truth.is_empty() {
            continue;
        }
        let logits = network.logits(batch.pixels().to_vec());
        loss_sum += f64::from(loss.of(&logits, &truth).loss) * truth.len() as f64;
        for (row, &class) in logits.chunks_exact(network.classes()).zip(&truth) {
            confusion.add(class, argmax(row));
        }
        if let Some(mistakes) = mistakes.as_deref_mut() {
            gather_mistakes(network, &batch, &logits, labels, mistakes);
        }
    }
    Ok(Evaluation::from_confusion(confusion, loss_sum))
}

fn gather_mistakes(
    network: &Network,
    batch: &Batch,
    logits: &[f32],
    labels: &[String],
    mistakes: &mut SurestMistakes,
) {
    let [channels, height, width] = network.input_shape();
    if channels != 1 && channels != 3 {
        return;
    }
    let rows = logits.chunks_exact(network.classes()).zip(batch.pixels().chunks_exact(network.input_len()));
    for ((row, planes), label) in rows.zip(batch.labels()) {
        let (truth, guess) = (*label as usize, argmax(row));
        let probability = softmax(row)[guess];
        if guess != truth && mistakes.wants(probability) {
            let shape = [height, width, channels];
            mistakes.add(Mistake::from_planes(shape, planes, &labels[truth], &labels[guess], probability));
        }
    }
}

/// An empty collection of the size that reports show.
pub(crate) fn surest_mistakes() -> SurestMistakes {
    SurestMistakes::new(MISTAKES)
}
