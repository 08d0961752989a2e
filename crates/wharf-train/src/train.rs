//! A run: from a recipe to a trained and evaluated network.

mod options;
mod pace;
mod session;

use std::path::Path;

pub use options::{Findings, Outcome, TrainOptions};
use session::Session;

use crate::error::TrainError;
use crate::evaluate::evaluate as evaluate_feed;
use crate::event::Observer;
use crate::feed::{self, Feeds};
use crate::metrics::Evaluation;
use crate::network::Network;
use crate::recipe::Recipe;
use crate::trainer::Loss;

/// Trains what `recipe` says, in the run folder that `options` names.
///
/// The same recipe, data and seed give the same weights on any number of threads. With `options.resume`, the
/// newest checkpoint of the folder is taken up and the run ends in the same bits as one without a break.
///
/// # Errors
/// The recipe does not fit the data, pictures cannot be read, the loss is no longer a number, or the run folder
/// cannot be written or belongs to another recipe.
pub fn train(
    recipe: &Recipe,
    options: TrainOptions,
    observer: &mut dyn Observer,
) -> Result<Outcome, TrainError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads()).build();
    let pool = pool.map_err(|error| TrainError::run(format!("cannot start threads: {error}")))?;
    pool.install(|| Session::open(recipe, options, observer)?.run())
}

/// Evaluates `network` on the evaluation pictures of `recipe`.
///
/// # Errors
/// The pictures cannot be read, or the network is for others.
pub fn evaluate(
    recipe: &Recipe,
    network: &Network,
    data: Option<&Path>,
    threads: usize,
) -> Result<Evaluation, TrainError> {
    let feeds = feed::open(recipe, data, threads)?;
    evaluate_network(recipe, network, &feeds, threads)
}

pub(crate) fn evaluate_network(
    recipe: &Recipe,
    network: &Network,
    feeds: &Feeds,
    threads: usize,
) -> Result<Evaluation, TrainError> {
    session::check_classes(network, &feeds.labels)?;
    if network.input_shape() != feeds.shape() {
        let (expected, actual) = (network.input_shape(), feeds.shape());
        let problem = format!("gives pictures of {actual:?}, expected {expected:?}");
        return Err(TrainError::setting("transform", problem));
    }
    let loss = Loss::new(&recipe.loss, network.classes())?;
    evaluate_feed(network, &loss, &feeds.evaluation, &feeds.labels, threads, None)
}
