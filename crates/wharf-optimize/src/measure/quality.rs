//! How good the answers are.

use serde::{Deserialize, Serialize};
use wharf_engine::Replica;
use wharf_tensor::{DType, Tensor};

use crate::OptimizeError;
use crate::data::{Evaluation, Targets};

/// The quality of a model's answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// `accuracy` for classes, `r2` for numbers.
    pub metric: String,
    /// Its value; more is better.
    pub value: f64,
    /// What each sample contributes; the mean of them is the value.
    #[serde(skip)]
    pub samples: Vec<f64>,
}

/// Runs all samples in batches and compares.
///
/// For classes a sample contributes 1 where the greatest score is that of its class (of equal scores the first counts), so
/// the mean is the accuracy. For numbers it contributes `1 - (y - f)^2 / var(y)`, so the mean is the coefficient of
/// determination R2.
///
/// # Errors
/// A run fails, or the output does not have a row of scores or one number for each sample.
pub fn evaluate(
    replica: &dyn Replica,
    evaluation: &Evaluation,
    batch_size: usize,
) -> Result<Quality, OptimizeError> {
    let mut samples = Vec::with_capacity(evaluation.samples.len());
    let output = evaluation.output.as_str();
    let spread = spread(&evaluation.targets);
    for rows in evaluation.samples.batches(batch_size) {
        let inputs = evaluation.samples.rows(rows.clone())?;
        let run = OptimizeError::engine("run the model on evaluation samples");
        let outputs = replica.run(&inputs, &[output]).map_err(run)?;
        let scores = rows_of(output, &outputs[0], rows.len())?;
        for (index, scores) in rows.zip(scores) {
            samples.push(match &evaluation.targets {
                Targets::Classes(classes) => right(output, &scores, classes[index])?,
                Targets::Numbers(numbers) => {
                    let difference = numbers[index] - one(output, &scores)?;
                    1.0 - difference * difference / spread
                }
            });
        }
    }
    let metric = match evaluation.targets {
        Targets::Classes(_) => "accuracy",
        Targets::Numbers(_) => "r2",
    };
    let value = samples.iter().sum::<f64>() / samples.len().max(1) as f64;
    Ok(Quality { metric: metric.to_owned(), value, samples })
}

/// The variance of the numbers; 1 where they are all the same.
fn spread(targets: &Targets) -> f64 {
    let Targets::Numbers(numbers) = targets else { return 1.0 };
    let count = numbers.len().max(1) as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let variance = numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / count;
    if variance > 0.0 { variance } else { 1.0 }
}

fn rows_of(output: &str, tensor: &Tensor, count: usize) -> Result<Vec<Vec<f64>>, OptimizeError> {
    let values: Vec<f64> = match tensor.dtype() {
        DType::F32 => tensor.as_elements::<f32>()?.iter().map(|&value| f64::from(value)).collect(),
        DType::F64 => tensor.to_vec()?,
        DType::I64 => tensor.as_elements::<i64>()?.iter().map(|&value| value as f64).collect(),
        other => {
            let problem = format!("output `{output}` has type {other}, expected float32, float64 or int64");
            return Err(OptimizeError::request(problem));
        }
    };
    if tensor.rows() != Some(count) || values.is_empty() {
        let shape = tensor.shape();
        let problem =
            format!("output `{output}` has shape {shape}, expected {count} rows, one for each sample");
        return Err(OptimizeError::request(problem));
    }
    Ok(values.chunks_exact(values.len() / count).map(<[f64]>::to_vec).collect())
}

fn right(output: &str, scores: &[f64], class: u32) -> Result<f64, OptimizeError> {
    let class = class as usize;
    if class >= scores.len() {
        let problem = format!("output `{output}` has {} scores, a sample is of class {class}", scores.len());
        return Err(OptimizeError::request(problem));
    }
    let best = (0..scores.len()).reduce(|best, next| if scores[next] > scores[best] { next } else { best });
    Ok(f64::from(u8::from(best == Some(class))))
}

fn one(output: &str, scores: &[f64]) -> Result<f64, OptimizeError> {
    match scores {
        [number] => Ok(*number),
        _ => Err(OptimizeError::request(format!(
            "output `{output}` has {} numbers for each sample, expected one",
            scores.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_scores_the_first_counts() {
        assert_eq!(right("y", &[0.5, 0.5, 0.1], 0).unwrap(), 1.0);
        assert_eq!(right("y", &[0.5, 0.5, 0.1], 1).unwrap(), 0.0);
        assert_eq!(right("y", &[f64::NAN, 0.5], 1).unwrap(), 0.0);
        let error = right("y", &[0.5], 3).unwrap_err();
        assert_eq!(error.to_string(), "output `y` has 1 scores, a sample is of class 3");
    }

    #[test]
    fn numbers_all_alike_have_a_spread_to_divide_by() {
        assert_eq!(spread(&Targets::Numbers(vec![2.0, 2.0])), 1.0);
        assert_eq!(spread(&Targets::Numbers(vec![1.0, 3.0])), 1.0);
        assert_eq!(spread(&Targets::Numbers(vec![0.0, 4.0])), 4.0);
    }
}
