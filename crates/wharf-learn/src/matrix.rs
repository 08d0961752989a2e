//! The features of samples.

use crate::LearnError;

/// Features, row-major: one row per sample, one column per feature. NaN stands for a missing value.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    values: Vec<f32>,
    columns: usize,
}

impl Matrix {
    /// A matrix over `values`, row after row.
    ///
    /// # Errors
    /// There is no column, the last row is incomplete, or a value is infinite.
    pub fn new(values: Vec<f32>, columns: usize) -> Result<Self, LearnError> {
        if columns == 0 {
            return Err(LearnError::data("features have no column, expected at least one"));
        }
        if !values.len().is_multiple_of(columns) {
            let message = format!("features have {} values, expected a multiple of {columns}", values.len());
            return Err(LearnError::data(message));
        }
        if let Some(place) = values.iter().position(|value| value.is_infinite()) {
            let (row, column) = (place / columns, place % columns);
            let message = format!("feature {column} of row {row} is infinite, expected a number or NaN");
            return Err(LearnError::data(message));
        }
        Ok(Self { values, columns })
    }

    /// How many samples there are.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    /// How many features there are.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// All values, row after row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// One sample.
    ///
    /// # Panics
    /// There are not that many rows.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.columns..][..self.columns]
    }

    /// The samples at `rows`, in that order; a row may occur several times.
    ///
    /// # Panics
    /// There are not that many rows.
    pub fn select(&self, rows: &[usize]) -> Self {
        let values = rows.iter().flat_map(|&row| self.row(row)).copied().collect();
        Self { values, columns: self.columns }
    }

    /// Refuses missing values, for estimators that have no way of their own with them.
    pub(crate) fn require_complete(&self, estimator: &str) -> Result<(), LearnError> {
        match self.values.iter().position(|value| value.is_nan()) {
            None => Ok(()),
            Some(place) => Err(LearnError::data(format!(
                "feature {} of row {} is missing, which {estimator} cannot take; impute it first",
                place % self.columns,
                place / self.columns
            ))),
        }
    }

    /// Refuses another number of columns than what was fitted.
    pub(crate) fn require_columns(&self, expected: usize) -> Result<(), LearnError> {
        if self.columns == expected {
            return Ok(());
        }
        Err(LearnError::data(format!("features have {} columns, expected {expected}", self.columns)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_values_that_are_no_matrix() {
        for (values, columns, expected) in [
            (vec![1.0; 4], 0, "no column"),
            (vec![1.0; 4], 3, "4 values, expected a multiple of 3"),
            (vec![1.0, 2.0, 3.0, f32::INFINITY], 2, "feature 1 of row 1 is infinite"),
        ] {
            let error = Matrix::new(values, columns).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn selects_rows_in_the_given_order() {
        let matrix = Matrix::new(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0], 2).unwrap();
        assert_eq!(matrix.select(&[2, 0, 2]).values(), [4.0, 5.0, 0.0, 1.0, 4.0, 5.0]);
        assert_eq!((matrix.rows(), matrix.columns(), matrix.row(1)), (3, 2, &[2.0, 3.0][..]));
    }

    #[test]
    fn names_the_place_of_a_missing_value() {
        let matrix = Matrix::new(vec![0.0, 1.0, f32::NAN, 3.0], 2).unwrap();
        let error = matrix.require_complete("ridge regression").unwrap_err();
        assert!(error.to_string().contains("feature 0 of row 1 is missing"), "{error}");
        assert!(matrix.require_columns(3).unwrap_err().to_string().contains("2 columns, expected 3"));
    }
}
