//! What is learned: classes or numbers.

use crate::LearnError;

/// Beyond it differences leave the range of float32.
const LARGEST_NUMBER: f64 = 1e30;

/// What is to be predicted, one entry per sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Classification: the index of each sample's class.
    Classes {
        /// `0..count`, one per sample.
        indices: Vec<u32>,
        /// How many classes there are, at least two.
        count: usize,
    },
    /// Regression: a number per sample.
    Numbers(Vec<f64>),
}

impl Target {
    /// Classes by index.
    ///
    /// # Errors
    /// There are fewer than two classes, or an index is not below `count`.
    pub fn classes(indices: Vec<u32>, count: usize) -> Result<Self, LearnError> {
        if count < 2 {
            return Err(LearnError::data(format!("target has {count} classes, expected at least 2")));
        }
        match indices.iter().position(|&index| index as usize >= count) {
            None => Ok(Self::Classes { indices, count }),
            Some(row) => Err(LearnError::data(format!(
                "target of row {row} is class {}, expected less than {count}",
                indices[row]
            ))),
        }
    }

    /// Numbers.
    ///
    /// # Errors
    /// One of them is NaN, or larger than 1e30 in size: the graphs compute in float32.
    pub fn numbers(values: Vec<f64>) -> Result<Self, LearnError> {
        match values.iter().position(|value| value.is_nan() || value.abs() > LARGEST_NUMBER) {
            None => Ok(Self::Numbers(values)),
            Some(row) => {
                let message = format!("target of row {row} is {}, expected a number up to 1e30", values[row]);
                Err(LearnError::data(message))
            }
        }
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { indices, .. } => indices.len(),
            Self::Numbers(values) => values.len(),
        }
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries at `rows`, in that order.
    ///
    /// # Panics
    /// There are not that many entries.
    pub fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Classes { indices, count } => {
                Self::Classes { indices: rows.iter().map(|&row| indices[row]).collect(), count: *count }
            }
            Self::Numbers(values) => Self::Numbers(rows.iter().map(|&row| values[row]).collect()),
        }
    }

    /// Weights under which all classes count the same, `n / (classes * n_class)` for each sample as
    /// scikit-learn's `balanced`; `None` for numbers.
    pub fn balanced_weights(&self) -> Option<Vec<f64>> {
        let Self::Classes { indices, count } = self else { return None };
        let mut counts = vec![0_usize; *count];
        indices.iter().for_each(|&index| counts[index as usize] += 1);
        let present = counts.iter().filter(|&&count| count > 0).count();
        let weight = |&index: &u32| indices.len() as f64 / (present as f64 * counts[index as usize] as f64);
        Some(indices.iter().map(weight).collect())
    }

    /// The weight of each sample's class; `None` for numbers.
    ///
    /// # Errors
    /// There is not one weight per class, or one is negative or no number.
    pub fn class_weights(&self, per_class: &[f64]) -> Result<Option<Vec<f64>>, LearnError> {
        let Self::Classes { indices, count } = self else { return Ok(None) };
        if per_class.len() != *count {
            let message = format!("there are {} class weights, expected {count}", per_class.len());
            return Err(LearnError::setting(message));
        }
        if let Some(class) = per_class.iter().position(|weight| !weight.is_finite() || *weight < 0.0) {
            let message = format!("weight of class {class} is {}, expected 0 or more", per_class[class]);
            return Err(LearnError::setting(message));
        }
        Ok(Some(indices.iter().map(|&index| per_class[index as usize]).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_targets_that_cannot_be_learned() {
        let cases = [
            (Target::classes(vec![0], 1), "1 classes, expected at least 2"),
            (Target::classes(vec![0, 2], 2), "row 1 is class 2, expected less than 2"),
            (Target::numbers(vec![0.0, f64::NAN]), "row 1 is NaN, expected a number"),
            (Target::numbers(vec![-1e31]), "row 0 is -10000000000000000000000000000000, expected a number"),
        ];
        for (result, expected) in cases {
            let error = result.unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn balanced_weights_give_each_class_the_same_sum() {
        let target = Target::classes(vec![0, 0, 0, 1], 2).unwrap();
        let weights = target.balanced_weights().unwrap();
        assert!((weights[..3].iter().sum::<f64>() - weights[3]).abs() < 1e-12);
        assert!((weights.iter().sum::<f64>() - 4.0).abs() < 1e-12);
        assert_eq!(Target::numbers(vec![1.0]).unwrap().balanced_weights(), None);
    }

    #[test]
    fn class_weights_are_looked_up_and_checked() {
        let target = Target::classes(vec![1, 0], 2).unwrap();
        assert_eq!(target.class_weights(&[1.0, 3.0]).unwrap().unwrap(), [3.0, 1.0]);
        assert!(target.class_weights(&[1.0]).is_err());
        assert!(target.class_weights(&[1.0, -1.0]).is_err());
    }

    #[test]
    fn selects_entries() {
        let target = Target::numbers(vec![1.0, 2.0, 3.0]).unwrap();
        assert_eq!(target.select(&[2, 0]), Target::Numbers(vec![3.0, 1.0]));
        let classes = Target::classes(vec![0, 1, 1], 2).unwrap();
        assert_eq!(classes.select(&[1]), Target::Classes { indices: vec![1], count: 2 });
    }
}
