//! What a fit takes besides the data.

use std::fmt;

use crate::{LearnError, Matrix, Target};

/// What a fit takes besides the data: weights, the seed, and when to stop.
#[derive(Clone, Copy)]
pub struct FitOptions<'a> {
    /// The weight of each sample, 0 or more; 1 where there are none. They should be about 1 on average, because
    /// penalties are measured against their sum.
    pub weights: Option<&'a [f64]>,
    /// What random choices come from: the same seed gives the same result on any number of threads.
    pub seed: u64,
    /// Asked between iterations; the fit ends with [`crate::LearnErrorKind::Stopped`] once it says yes.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

impl FitOptions<'_> {
    /// No weights, this seed, never stopped.
    pub fn new(seed: u64) -> Self {
        Self { weights: None, seed, stop: &|| false }
    }
}

impl<'a> FitOptions<'a> {
    /// The same with a weight per sample.
    pub fn with_weights(self, weights: Option<&'a [f64]>) -> Self {
        Self { weights, ..self }
    }

    /// The same with a condition to stop.
    pub fn with_stop(self, stop: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self { stop, ..self }
    }

    pub(crate) fn check_stop(&self) -> Result<(), LearnError> {
        if (self.stop)() { Err(LearnError::stopped()) } else { Ok(()) }
    }

    /// The weight of a sample.
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// Refuses data of different lengths, no data, weights that are none, and a class that is alone.
    pub(crate) fn check(&self, features: &Matrix, target: &Target) -> Result<(), LearnError> {
        let rows = features.rows();
        if rows == 0 {
            return Err(LearnError::data("there are no samples, expected at least one"));
        }
        if target.len() != rows {
            let message = format!("target has {} entries, expected {rows} as there are rows", target.len());
            return Err(LearnError::data(message));
        }
        self.check_weights(rows)?;
        if let Target::Classes { indices, .. } = target {
            let mut used = (0..rows).filter(|&row| self.weight(row) > 0.0).map(|row| indices[row]);
            let first = used.next();
            if let Some(only) = first.filter(|&first| used.all(|index| index == first)) {
                let message = format!("all samples are of class {only}, expected at least 2 classes");
                return Err(LearnError::data(message));
            }
        }
        Ok(())
    }

    fn check_weights(&self, rows: usize) -> Result<(), LearnError> {
        let Some(weights) = self.weights else { return Ok(()) };
        if weights.len() != rows {
            return Err(LearnError::data(format!("there are {} weights, expected {rows}", weights.len())));
        }
        if let Some(row) = weights.iter().position(|weight| !weight.is_finite() || *weight < 0.0) {
            let message = format!("weight of row {row} is {}, expected 0 or more", weights[row]);
            return Err(LearnError::data(message));
        }
        if weights.iter().all(|&weight| weight == 0.0) {
            return Err(LearnError::data("all weights are 0, expected one above"));
        }
        Ok(())
    }
}

impl fmt::Debug for FitOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weights = self.weights.map(<[f64]>::len);
        f.debug_struct("FitOptions")
            .field("weights", &weights)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_data_that_do_not_fit() {
        let features = Matrix::new(vec![0.0, 1.0], 1).unwrap();
        let classes = |indices: &[u32]| Target::classes(indices.to_vec(), 2).unwrap();
        let cases = [
            (&[0_u32][..], None, "target has 1 entries, expected 2"),
            (&[1, 1], None, "all samples are of class 1"),
            (&[0, 1], Some(&[1.0][..]), "1 weights, expected 2"),
            (&[0, 1], Some(&[1.0, f64::NAN]), "weight of row 1 is NaN"),
            (&[0, 1], Some(&[0.0, 0.0]), "all weights are 0"),
            (&[0, 1], Some(&[1.0, 0.0]), "all samples are of class 0"),
        ];
        for (indices, weights, expected) in cases {
            let options = FitOptions::new(0).with_weights(weights);
            let error = options.check(&features, &classes(indices)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert!(FitOptions::new(0).check(&features, &classes(&[0, 1])).is_ok());
        let empty = Matrix::new(Vec::new(), 1).unwrap();
        assert!(FitOptions::new(0).check(&empty, &classes(&[])).is_err());
    }
}
