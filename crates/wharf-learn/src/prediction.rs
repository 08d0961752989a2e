//! What fitted estimators say.

/// A prediction per sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Prediction {
    /// Classification: the probability of each class.
    Probabilities {
        /// Row-major, `classes` numbers per sample that sum to one.
        values: Vec<f64>,
        /// How many classes there are.
        classes: usize,
    },
    /// Regression: a number per sample.
    Numbers(Vec<f64>),
}

impl Prediction {
    /// How many samples there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Probabilities { values, classes } => values.len() / classes,
            Self::Numbers(values) => values.len(),
        }
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The most probable class of each sample, the first of equals; `None` for numbers.
    pub fn classes(&self) -> Option<Vec<u32>> {
        match self {
            Self::Probabilities { values, classes } => {
                Some(values.chunks_exact(*classes).map(|row| first_of_largest(row) as u32).collect())
            }
            Self::Numbers(_) => None,
        }
    }

    /// The probability of one class for each sample; `None` for numbers or where there is no such class.
    pub fn probability_of(&self, class: usize) -> Option<Vec<f64>> {
        match self {
            Self::Probabilities { values, classes } if class < *classes => {
                Some(values.iter().skip(class).step_by(*classes).copied().collect())
            }
            _ => None,
        }
    }
}

/// The place of the largest value, the first of equals.
pub(crate) fn first_of_largest(values: &[f64]) -> usize {
    let mut best = 0;
    for (place, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = place;
        }
    }
    best
}

/// Scores of classes to probabilities in place.
pub(crate) fn softmax(scores: &mut [f64]) {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    scores.iter_mut().for_each(|score| *score = (*score - largest).exp());
    let sum: f64 = scores.iter().sum();
    scores.iter_mut().for_each(|score| *score /= sum);
}

/// The logistic function.
pub(crate) fn sigmoid(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}

/// `ln(1 + exp(x))` without overflow.
pub(crate) fn log_one_plus_exp(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_the_most_probable_and_the_first_of_equals() {
        let prediction = Prediction::Probabilities { values: vec![0.5, 0.5, 0.2, 0.8], classes: 2 };
        assert_eq!(prediction.classes().unwrap(), [0, 1]);
        assert_eq!(prediction.probability_of(1).unwrap(), [0.5, 0.8]);
        assert_eq!((prediction.probability_of(2), prediction.len()), (None, 2));
        assert_eq!(Prediction::Numbers(vec![1.0]).classes(), None);
    }

    #[test]
    fn softmax_takes_large_scores() {
        let mut scores = [1000.0, 1000.0, -1000.0];
        softmax(&mut scores);
        assert_eq!(scores, [0.5, 0.5, 0.0]);
        assert_eq!((log_one_plus_exp(1000.0), log_one_plus_exp(-1000.0)), (1000.0, 0.0));
        assert_eq!((sigmoid(-1000.0), sigmoid(0.0), sigmoid(1000.0)), (0.0, 0.5, 1.0));
    }
}
