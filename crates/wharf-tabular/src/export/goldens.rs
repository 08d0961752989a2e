//! Rows as clients send them, with what training makes of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use wharf_bundle::{DEFAULT_SIGNATURE, GoldenCase, Goldens};
use wharf_learn::Prediction;
use wharf_table::Table;
use wharf_tensor::{Shape, Tensor, TensorError};

use super::signature::{CLASSES, LABELS, PREDICTION, PROBABILITIES};
use crate::TabularError;
use crate::options::Chosen;

/// One case of these rows; none where there are no rows.
pub(super) fn goldens(chosen: &Chosen, rows: &Table) -> Result<Goldens, TabularError> {
    if rows.rows() == 0 {
        return Ok(Goldens::default());
    }
    let inputs = rows.tensors(&chosen.program).map_err(TabularError::read)?;
    let predicted = chosen.predict(rows)?;
    let outputs = outputs(&predicted, &chosen.labels).map_err(TabularError::publish)?;
    let case = GoldenCase { inputs: inputs.into_iter().collect(), outputs };
    Ok(Goldens { cases: BTreeMap::from([(DEFAULT_SIGNATURE.to_owned(), case)]) })
}

fn outputs(predicted: &Prediction, labels: &[String]) -> Result<BTreeMap<String, Tensor>, TensorError> {
    let floats = |values: &[f64], dims: &[usize]| {
        Tensor::from_vec(Shape::new(dims)?, values.iter().map(|value| *value as f32).collect::<Vec<f32>>())
    };
    let rows = predicted.len();
    match predicted {
        Prediction::Numbers(numbers) => {
            Ok(BTreeMap::from([(PREDICTION.to_owned(), floats(numbers, &[rows, 1])?)]))
        }
        Prediction::Probabilities { values, classes } => {
            let winners = predicted.classes().unwrap_or_default();
            let label = |class: &u32| {
                labels.get(*class as usize).map_or_else(Bytes::new, |label| Bytes::from(label.clone()))
            };
            let names = winners.iter().map(label).collect();
            let winners: Vec<i64> = winners.iter().map(|class| i64::from(*class)).collect();
            Ok(BTreeMap::from([
                (PROBABILITIES.to_owned(), floats(values, &[rows, *classes])?),
                (CLASSES.to_owned(), Tensor::from_vec(Shape::new(&[rows])?, winners)?),
                (LABELS.to_owned(), Tensor::from_strings(Shape::new(&[rows])?, names)?),
            ]))
        }
    }
}
