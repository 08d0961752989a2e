//! What can be wrong with samples and settings.

use std::fmt;

/// Why something could not be computed.
#[derive(Clone, Debug, PartialEq)]
pub struct StatsError(Inner);

/// The kinds of [`StatsError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatsErrorKind {
    /// Two columns differ in length, or a matrix is ragged.
    Shape,
    /// A value is not a number, or outside what the computation is defined for.
    Value,
    /// There are too few samples, classes or groups.
    TooFew,
    /// A setting makes no sense.
    Setting,
}

#[derive(Clone, Debug, PartialEq)]
enum Inner {
    Shape { name: &'static str, length: usize, expected: usize },
    Value { name: &'static str, row: usize, value: f64, expected: &'static str },
    Column { column: usize, source: Box<StatsError> },
    TooFew { name: &'static str, count: usize, least: usize },
    Setting(String),
}

impl StatsError {
    /// Which kind of mistake it is.
    pub fn kind(&self) -> StatsErrorKind {
        match &self.0 {
            Inner::Shape { .. } => StatsErrorKind::Shape,
            Inner::Value { .. } => StatsErrorKind::Value,
            Inner::TooFew { .. } => StatsErrorKind::TooFew,
            Inner::Setting(_) => StatsErrorKind::Setting,
            Inner::Column { source, .. } => source.kind(),
        }
    }

    /// The column that the mistake is in, where several were given.
    pub fn column(&self) -> Option<usize> {
        match &self.0 {
            Inner::Column { column, .. } => Some(*column),
            _ => None,
        }
    }

    /// The row of the value at fault.
    pub fn row(&self) -> Option<usize> {
        match &self.0 {
            Inner::Value { row, .. } => Some(*row),
            Inner::Column { source, .. } => source.row(),
            _ => None,
        }
    }

    pub(crate) fn in_column(self, column: usize) -> Self {
        Self(Inner::Column { column, source: Box::new(self) })
    }

    pub(crate) fn value(name: &'static str, row: usize, value: f64, expected: &'static str) -> Self {
        Self(Inner::Value { name, row, value, expected })
    }

    pub(crate) fn setting(text: impl Into<String>) -> Self {
        Self(Inner::Setting(text.into()))
    }
}

/// Checks that `length` values of `name` are as many as expected.
pub(crate) fn check_length(name: &'static str, length: usize, expected: usize) -> Result<(), StatsError> {
    if length == expected { Ok(()) } else { Err(StatsError(Inner::Shape { name, length, expected })) }
}

/// Checks that there are at least `least` of `name`.
pub(crate) fn check_count(name: &'static str, count: usize, least: usize) -> Result<(), StatsError> {
    if count >= least { Ok(()) } else { Err(StatsError(Inner::TooFew { name, count, least })) }
}

/// Checks that every value is a number that is not infinite.
pub(crate) fn check_finite(name: &'static str, values: &[f64]) -> Result<(), StatsError> {
    check_each(name, values, "a finite number", f64::is_finite)
}

/// Checks that every value holds to `rule`.
pub(crate) fn check_each(
    name: &'static str,
    values: &[f64],
    expected: &'static str,
    rule: impl Fn(f64) -> bool,
) -> Result<(), StatsError> {
    match values.iter().position(|value| !rule(*value)) {
        Some(row) => Err(StatsError::value(name, row, values[row], expected)),
        None => Ok(()),
    }
}

/// Checks that a share lies strictly between 0 and 1.
pub(crate) fn check_share(name: &'static str, share: f64) -> Result<(), StatsError> {
    if share > 0.0 && share < 1.0 {
        Ok(())
    } else {
        Err(StatsError::setting(format!("{name} is {share}, expected more than 0 and less than 1")))
    }
}

impl fmt::Display for StatsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Shape { name, length, expected } => {
                write!(out, "{name} has {length} rows, expected {expected}")
            }
            Inner::Value { name, row, value, expected } => {
                write!(out, "{name} is {value} in row {row}, expected {expected}")
            }
            Inner::Column { column, source } => write!(out, "column {column}: {source}"),
            Inner::TooFew { name, count, least } => write!(out, "{count} {name}, expected at least {least}"),
            Inner::Setting(text) => out.write_str(text),
        }
    }
}

impl std::error::Error for StatsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_where_and_what_was_expected() {
        let error = check_finite("feature", &[1.0, f64::NAN]).unwrap_err().in_column(4);
        assert_eq!(error.to_string(), "column 4: feature is NaN in row 1, expected a finite number");
        assert_eq!((error.kind(), error.column(), error.row()), (StatsErrorKind::Value, Some(4), Some(1)));
        let error = check_length("target", 2, 3).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.row()), ("target has 2 rows, expected 3", None));
        assert_eq!(check_count("samples", 1, 2).unwrap_err().kind(), StatsErrorKind::TooFew);
        assert_eq!(check_share("fraction", 1.0).unwrap_err().kind(), StatsErrorKind::Setting);
    }
}
