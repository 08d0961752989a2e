//! Samples: what a model is calibrated and measured on.

use std::ops::Range;

use serde::Serialize;
use wharf_tensor::Tensor;

use crate::OptimizeError;

/// Inputs of a graph by name, each with one row for each sample, and what the samples are called.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    inputs: Vec<(String, Tensor)>,
    ids: Vec<String>,
}

impl Samples {
    /// Samples whose `inputs` all have as many rows as there are `ids`.
    ///
    /// # Errors
    /// An input has another number of rows, or there are no samples.
    pub fn new(inputs: Vec<(String, Tensor)>, ids: Vec<String>) -> Result<Self, OptimizeError> {
        if ids.is_empty() || inputs.is_empty() {
            return Err(OptimizeError::data("there are no samples, expected at least one"));
        }
        for (name, tensor) in &inputs {
            if tensor.rows() != Some(ids.len()) {
                let (shape, count) = (tensor.shape(), ids.len());
                let problem =
                    format!("input `{name}` has shape {shape}, expected {count} rows, one for each sample");
                return Err(OptimizeError::data(problem));
            }
        }
        Ok(Self { inputs, ids })
    }

    /// How many there are; at least one.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// False: there is at least one sample.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// What the samples are called, in order.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// The inputs of some samples, without a copy.
    ///
    /// # Errors
    /// There are no such samples.
    pub fn rows(&self, rows: Range<usize>) -> Result<Vec<(&str, Tensor)>, OptimizeError> {
        self.inputs
            .iter()
            .map(|(name, tensor)| Ok((name.as_str(), tensor.slice_rows(rows.clone())?)))
            .collect()
    }

    /// The rows of batches of `size` samples, the last with what is left.
    pub fn batches(&self, size: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let (count, size) = (self.len(), size.max(1));
        (0..count).step_by(size).map(move |start| start..(start + size).min(count))
    }

    /// The inputs of `size` samples, which repeat where there are fewer.
    ///
    /// # Errors
    /// The inputs of so many samples are too large.
    pub fn repeated(&self, size: usize) -> Result<Vec<(&str, Tensor)>, OptimizeError> {
        self.inputs
            .iter()
            .map(|(name, tensor)| {
                let rounds = size.div_ceil(self.len());
                let all = Tensor::concat_rows(&vec![tensor; rounds])?;
                Ok((name.as_str(), all.slice_rows(0..size)?))
            })
            .collect()
    }

    /// The first samples, at most `count` and at least one.
    ///
    /// # Errors
    /// None that can be caused from outside.
    pub fn first(&self, count: usize) -> Result<Self, OptimizeError> {
        let count = count.clamp(1, self.len());
        let cut = |(name, tensor): &(String, Tensor)| Ok((name.clone(), tensor.slice_rows(0..count)?));
        let inputs = self.inputs.iter().map(cut).collect::<Result<_, OptimizeError>>()?;
        Ok(Self { inputs, ids: self.ids[..count].to_vec() })
    }
}

/// What the answers should be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Targets {
    /// The class of each sample. An answer is right where its greatest number is that of the class.
    Classes(Vec<u32>),
    /// A number for each sample. An answer is as good as its squared difference is small.
    Numbers(Vec<f64>),
}

impl Targets {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Samples with what their answers should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// What goes in.
    pub samples: Samples,
    /// What should come out.
    pub targets: Targets,
    /// The output of the graph that is compared: scores `[samples, classes]`, or numbers `[samples]` or `[samples, 1]`.
    pub output: String,
}

impl Evaluation {
    /// An evaluation with one target for each sample.
    ///
    /// # Errors
    /// There are not as many targets as samples.
    pub fn new(samples: Samples, targets: Targets, output: impl Into<String>) -> Result<Self, OptimizeError> {
        let (targets_count, samples_count) = (targets.len(), samples.len());
        if targets_count != samples_count {
            let problem =
                format!("there are {targets_count} targets, expected {samples_count}, one for each sample");
            return Err(OptimizeError::data(problem));
        }
        Ok(Self { samples, targets, output: output.into() })
    }
}

#[cfg(test)]
mod tests {
    use wharf_tensor::Shape;

    use super::*;

    fn samples(count: usize) -> Samples {
        let values: Vec<f32> = (0..count * 2).map(|value| value as f32).collect();
        let tensor = Tensor::from_vec(Shape::new(&[count, 2]).unwrap(), values).unwrap();
        Samples::new(vec![("x".into(), tensor)], (0..count).map(|id| id.to_string()).collect()).unwrap()
    }

    #[test]
    fn batches_cover_every_sample_once() {
        let ranges: Vec<_> = samples(5).batches(2).collect();
        assert_eq!(ranges, [0..2, 2..4, 4..5]);
        assert_eq!(samples(5).rows(4..5).unwrap()[0].1.to_vec::<f32>().unwrap(), [8.0, 9.0]);
    }

    #[test]
    fn samples_repeat_to_fill_a_batch() {
        let two = samples(2);
        let repeated = two.repeated(3).unwrap();
        assert_eq!(repeated[0].1.to_vec::<f32>().unwrap(), [0.0, 1.0, 2.0, 3.0, 0.0, 1.0]);
        assert_eq!(samples(9).first(4).unwrap().len(), 4);
    }

    #[test]
    fn counts_that_do_not_match_are_refused() {
        let tensor = Tensor::from_vec(Shape::new(&[3]).unwrap(), vec![0.0_f32; 3]).unwrap();
        let error = Samples::new(vec![("x".into(), tensor)], vec!["a".into()]).unwrap_err();
        assert_eq!(error.to_string(), "input `x` has shape [3], expected 1 rows, one for each sample");
        assert!(Samples::new(Vec::new(), Vec::new()).is_err());
        let error = Evaluation::new(samples(2), Targets::Classes(vec![1]), "y").unwrap_err();
        assert_eq!(error.to_string(), "there are 1 targets, expected 2, one for each sample");
    }
}
