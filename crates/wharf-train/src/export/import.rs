//! Networks whose weights were trained elsewhere.

use std::path::Path;

use wharf_transform::{Mode, Pipeline};

use super::graph::check_labels;
use super::{Goldens, PublishRequest, load_weights};
use crate::error::TrainError;
use crate::feed;
use crate::network::Network;
use crate::recipe::Recipe;
use crate::train::{Findings, evaluate_network};

/// A recipe's network with weights out of a file, ready to be published.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Imported {
    /// The recipe.
    pub recipe: Recipe,
    /// The network.
    pub network: Network,
    /// The classes' names, in order.
    pub labels: Vec<String>,
    /// What is replayed before the bundle is published.
    pub goldens: Goldens,
    /// What the recipe's data say of the network; `None` where they were not at hand.
    pub findings: Option<Findings>,
    /// The name of the weight file.
    pub file_name: String,
}

/// Reads weights (`.pth` or `.safetensors`) into the network of `recipe`, and evaluates it on the recipe's
/// pictures, in the folder `data` if given. `threads` is for reading pictures; all cores where 0.
///
/// # Errors
/// The pictures cannot be read, the layers do not fit them, or the file does not fit the layers; see
/// [`load_weights`].
pub fn import_weights(
    recipe: &Recipe,
    path: &Path,
    data: Option<&Path>,
    threads: usize,
) -> Result<Imported, TrainError> {
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let feeds = feed::open(recipe, data, threads)?;
    let network = network_of(recipe, feeds.shape(), path)?;
    let findings = Findings {
        evaluation: evaluate_network(recipe, &network, &feeds, threads)?,
        data_sha256: feeds.train.pictures.dataset().sha256().map_err(TrainError::data)?,
        baseline: crate::baseline::baseline(&feeds, threads)?,
        goldens: Goldens::gather(recipe, &feeds.evaluation, &network)?,
    };
    let goldens = findings.goldens.clone();
    Ok(imported(recipe, network, feeds.labels, goldens, Some(findings), path))
}

/// Reads weights as [`import_weights`] does, where the data are not at hand: `labels` are the classes' names in
/// order, and `shape` the `[channels, height, width]` that the network takes, needed where the recipe's
/// transform does not say. Nothing is known of the network's quality, and the goldens are of noise.
///
/// # Errors
/// The shape is neither given nor said by the transform, the labels are not as many as the classes, or as for
/// [`import_weights`].
pub fn import_weights_alone(
    recipe: &Recipe,
    path: &Path,
    labels: Vec<String>,
    shape: Option<[usize; 3]>,
) -> Result<Imported, TrainError> {
    let shape = shape.map_or_else(|| shape_of(recipe), Ok)?;
    let network = network_of(recipe, shape, path)?;
    check_labels(&network, &labels)?;
    let goldens = Goldens::made_up(recipe, &network)?;
    Ok(imported(recipe, network, labels, goldens, None, path))
}

impl Imported {
    /// What [`super::publish()`] takes.
    pub fn request(&self) -> PublishRequest<'_> {
        PublishRequest {
            findings: self.findings.as_ref(),
            origin: format!("weights imported from {}", self.file_name),
            ..PublishRequest::new(&self.recipe, &self.network, &self.labels, &self.goldens)
        }
    }
}

fn imported(
    recipe: &Recipe,
    network: Network,
    labels: Vec<String>,
    goldens: Goldens,
    findings: Option<Findings>,
    path: &Path,
) -> Imported {
    let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Imported { recipe: recipe.clone(), network, labels, goldens, findings, file_name }
}

fn network_of(recipe: &Recipe, shape: [usize; 3], path: &Path) -> Result<Network, TrainError> {
    let mut network = Network::new(shape, &recipe.layers, recipe.seed).map_err(TrainError::layers)?;
    load_weights(&mut network, path)?;
    Ok(network)
}

/// The `[channels, height, width]` to which the recipe's transform brings pictures of any size.
fn shape_of(recipe: &Recipe) -> Result<[usize; 3], TrainError> {
    let pipeline = Pipeline::new(recipe.transform.clone()).map_err(TrainError::data)?;
    let shape = pipeline.program(Mode::Evaluate).output_shape(None).map_err(TrainError::data)?;
    let shape = shape.map(|shape| [shape.channels(), shape.height(), shape.width()]);
    let problem = "does not say the size of the pictures; give it, or add `resize` and `rgb` or `grayscale`";
    shape.ok_or_else(|| TrainError::setting("transform", problem))
}
