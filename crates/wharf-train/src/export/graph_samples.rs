//! Pictures of a recipe as the graph of its bundle takes them, for whoever changes that graph.

use std::path::Path;

use rayon::prelude::*;
use wharf_data::{DataError, Dataset};
use wharf_tensor::{Shape, Tensor};
use wharf_transform::{Kind, Mode, Pipeline, Program, SampleKey, Scratch, Step};

use super::graph::{INPUT, LOGITS};
use super::samples::bytes_of;
use crate::error::TrainError;
use crate::feed::{self, Feed, limit};
use crate::recipe::{InputType, Recipe};

/// Pictures as the graph of a bundle takes them.
#[derive(Clone, Debug)]
pub struct GraphSamples {
    /// The graph's input.
    pub input: &'static str,
    /// The graph's output with a score for each class.
    pub output: &'static str,
    /// `[pictures, height, width, channels]`: numbers of 0 to 1, or 8-bit pixels where the recipe says so.
    pub pictures: Tensor,
    /// The class of each picture.
    pub classes: Vec<u32>,
    /// Where each picture comes from.
    pub names: Vec<String>,
}

/// At most `calibration` of the pictures that the recipe trains on, and at most `evaluation` of those that it evaluates
/// on, evenly from all classes.
///
/// # Errors
/// The pictures cannot be read.
pub fn graph_samples(
    recipe: &Recipe,
    data: Option<&Path>,
    [calibration, evaluation]: [usize; 2],
) -> Result<[GraphSamples; 2], TrainError> {
    let feeds = feed::open(recipe, data, rayon::current_num_threads())?;
    Ok([samples(recipe, &feeds.train, calibration)?, samples(recipe, &feeds.evaluation, evaluation)?])
}

fn samples(recipe: &Recipe, feed: &Feed, most: usize) -> Result<GraphSamples, TrainError> {
    let dataset = feed.pictures.dataset();
    let mut indices = feed.indices.clone();
    limit(&mut indices, dataset.labels(), Some(most));
    let pipeline = Pipeline::new(recipe.transform.clone()).map_err(TrainError::data)?;
    let kind = if dataset.is_encoded() { Kind::Encoded } else { Kind::PixelsU8 };
    let whole = pipeline.program(Mode::Evaluate).fitted_to(kind).map_err(TrainError::data)?;
    let program = whole.split_prefix().0;
    let pixels: Result<Vec<Vec<u8>>, DataError> =
        indices.par_iter().map(|index| pixels_of(&program, dataset, *index)).collect();
    let shape = feed.pictures.shape();
    let dims = [indices.len(), shape.height(), shape.width(), shape.channels()];
    let pixels = pixels.map_err(TrainError::data)?.concat();
    let pictures = Shape::new(&dims).and_then(|shape| Tensor::from_vec(shape, pixels));
    let pictures = pictures.map_err(TrainError::data)?;
    let pictures = match recipe.export.input {
        InputType::Uint8 => pictures,
        InputType::Float => {
            let to_float = Pipeline::always([Step::ToFloat]).map_err(TrainError::data)?;
            to_float.apply_tensor(&pictures).map_err(TrainError::data)?
        }
    };
    Ok(GraphSamples {
        input: INPUT,
        output: LOGITS,
        pictures,
        classes: indices.iter().filter_map(|index| dataset.labels().get(*index).copied()).collect(),
        names: indices.iter().map(|index| dataset.picture_name(*index)).collect(),
    })
}

fn pixels_of(program: &Program, dataset: &Dataset, index: usize) -> Result<Vec<u8>, DataError> {
    let (mut buffer, mut scratch) = (Vec::new(), Scratch::default());
    let source = dataset.picture(index, &mut buffer)?;
    Ok(bytes_of(program.run(source, SampleKey::default(), &mut scratch)?))
}
