//! Rows of a recipe's table as the graph of its bundle takes them, for whoever changes that graph.

use std::path::Path;

use wharf_learn::{FEATURES_INPUT, PREDICTION_OUTPUT, PROBABILITIES_OUTPUT};
use wharf_tensor::{Shape, Tensor};
use wharf_transform::columns::{ColumnEncoder, ColumnProgram};

use crate::TabularError;
use crate::data::{Sample, parts};
use crate::recipe::TableRecipe;
use crate::target::Learned;

/// What the answers for some rows should be.
#[derive(Clone, Debug, PartialEq)]
pub enum GraphTargets {
    /// The class of each row.
    Classes(Vec<u32>),
    /// A number for each row.
    Numbers(Vec<f64>),
}

/// Rows as the graph of a bundle takes them.
#[derive(Clone, Debug)]
pub struct GraphSamples {
    /// The graph's input.
    pub input: &'static str,
    /// The graph's output that answers.
    pub output: &'static str,
    /// `[rows, features]`.
    pub features: Tensor,
    /// What the answers should be.
    pub targets: GraphTargets,
}

/// At most `calibration` of the rows that the recipe learns from, and at most `evaluation` of those that are held out,
/// as features by `program`.
///
/// # Errors
/// The table cannot be read, or does not fit the program.
pub fn graph_samples(
    recipe: &TableRecipe,
    program: &ColumnProgram,
    data: Option<&Path>,
    [calibration, evaluation]: [usize; 2],
) -> Result<[GraphSamples; 2], TabularError> {
    let parts = parts(recipe, data)?;
    let encoder = ColumnEncoder::new(program).map_err(TabularError::read)?;
    Ok([samples(&parts.train, &encoder, calibration)?, samples(&parts.evaluation, &encoder, evaluation)?])
}

fn samples(sample: &Sample, encoder: &ColumnEncoder, most: usize) -> Result<GraphSamples, TabularError> {
    let rows: Vec<usize> = (0..sample.rows().min(most)).collect();
    let sample = sample.select(&rows)?;
    let values = sample.table.encode(encoder).map_err(TabularError::read)?;
    let shape = Shape::new(&[rows.len(), encoder.feature_names().len()]);
    let features = shape.and_then(|shape| Tensor::from_vec(shape, values)).map_err(TabularError::read)?;
    let (targets, output) = match sample.learned {
        Learned::Classes { indices, .. } => (GraphTargets::Classes(indices), PROBABILITIES_OUTPUT),
        Learned::Numbers(numbers) => (GraphTargets::Numbers(numbers), PREDICTION_OUTPUT),
    };
    Ok(GraphSamples { input: FEATURES_INPUT, output, features, targets })
}
