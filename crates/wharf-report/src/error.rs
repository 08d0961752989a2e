//! What can be wrong with the data of a chart: only its form, for any number can be drawn or left out.

use std::fmt;

/// Why a chart could not be made of the data given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportError(Inner);

/// The kinds of [`ReportError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportErrorKind {
    /// Names and values disagree in number.
    Shape,
    /// A picture is of a kind that browsers do not show, or has not the samples it should.
    Picture,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Inner {
    Rows { names: usize, rows: usize },
    Columns { row: usize, names: usize, columns: usize },
    NotAPicture,
    NotSamples { shape: [usize; 3], samples: usize },
}

impl ReportError {
    pub(crate) fn not_a_picture() -> Self {
        Self(Inner::NotAPicture)
    }

    pub(crate) fn not_samples(shape: [usize; 3], samples: usize) -> Self {
        Self(Inner::NotSamples { shape, samples })
    }

    /// Which kind of mistake it is.
    pub fn kind(&self) -> ReportErrorKind {
        match self.0 {
            Inner::Rows { .. } | Inner::Columns { .. } => ReportErrorKind::Shape,
            Inner::NotAPicture | Inner::NotSamples { .. } => ReportErrorKind::Picture,
        }
    }
}

/// Checks that `values` has a row for each of `rows` names and a column for each of `columns` names.
pub(crate) fn check_grid<T>(rows: usize, columns: usize, values: &[Vec<T>]) -> Result<(), ReportError> {
    if values.len() != rows {
        return Err(ReportError(Inner::Rows { names: rows, rows: values.len() }));
    }
    match values.iter().enumerate().find(|(_, row)| row.len() != columns) {
        Some((row, found)) => Err(ReportError(Inner::Columns { row, names: columns, columns: found.len() })),
        None => Ok(()),
    }
}

impl fmt::Display for ReportError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Inner::Rows { names, rows } => write!(out, "grid has {rows} rows of values, expected {names}"),
            Inner::Columns { row, names, columns } => {
                write!(out, "row {row} of the grid has {columns} values, expected {names}")
            }
            Inner::NotSamples { shape, samples } => write!(
                out,
                "{samples} samples, expected a picture of shape {shape:?} with sides of 1 to 4096 and 1 or 3 channels"
            ),
            Inner::NotAPicture => out.write_str("picture is neither PNG nor JPEG"),
        }
    }
}

impl std::error::Error for ReportError {}
