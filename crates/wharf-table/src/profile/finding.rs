//! What the owner of a table should look at.

use std::fmt;

/// Something in a table that its owner should look at before a model is trained on it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// A column alone predicts the target nearly perfectly.
    Leak {
        /// The column.
        column: String,
        /// How much of the target it gives away, of 1, on rows that were held back.
        skill: f64,
    },
    /// All values of a column are missing.
    AllMissing {
        /// The column.
        column: String,
    },
    /// All values of a column are the same.
    Constant {
        /// The column.
        column: String,
    },
    /// Every row has its own value, as in a column of names or row numbers.
    Identifier {
        /// The column.
        column: String,
    },
    /// More than half of a column is missing.
    MostlyMissing {
        /// The column.
        column: String,
        /// Which share.
        share: f64,
    },
    /// Rows that equal an earlier one.
    DuplicateRows {
        /// How many.
        rows: usize,
    },
    /// Two columns of numbers say the same.
    SameAs {
        /// The one.
        column: String,
        /// The other.
        other: String,
    },
    /// Rows without a target.
    TargetMissing {
        /// How many.
        rows: usize,
    },
    /// The target does not vary.
    OneClass,
    /// A class that few rows have.
    RareClass {
        /// The class.
        class: String,
        /// How many rows have it.
        rows: usize,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Leak { column, skill } => write!(
                f,
                "`{column}` alone gives {:.1} % of the target away: is it known when the model is asked?",
                skill * 100.0
            ),
            Finding::AllMissing { column } => write!(f, "`{column}` has no values"),
            Finding::Constant { column } => write!(f, "`{column}` has the same value in every row"),
            Finding::Identifier { column } => write!(f, "`{column}` has a value of its own in every row"),
            Finding::MostlyMissing { column, share } => {
                write!(f, "`{column}` is missing in {:.1} % of the rows", share * 100.0)
            }
            Finding::DuplicateRows { rows: 1 } => f.write_str("1 row equals an earlier one"),
            Finding::DuplicateRows { rows } => write!(f, "{rows} rows equal an earlier one"),
            Finding::SameAs { column, other } => write!(f, "`{column}` says the same as `{other}`"),
            Finding::TargetMissing { rows: 1 } => f.write_str("1 row has no target"),
            Finding::TargetMissing { rows } => write!(f, "{rows} rows have no target"),
            Finding::OneClass => f.write_str("the target is the same in every row"),
            Finding::RareClass { class, rows: 1 } => write!(f, "only 1 row has the class `{class}`"),
            Finding::RareClass { class, rows } => write!(f, "only {rows} rows have the class `{class}`"),
        }
    }
}
