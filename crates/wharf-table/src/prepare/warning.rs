//! What was noticed while a program was fitted.

use std::fmt;

/// Something about a column that its owner should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The column.
    pub column: String,
    /// What it is about.
    pub kind: WarningKind,
}

/// What a [`Warning`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarningKind {
    /// All values are missing; the column is dropped.
    AllMissing,
    /// All values are the same; the column is dropped.
    Constant,
    /// Every row has a text of its own, or its own number; the column is dropped.
    Identifier,
    /// Every row has a whole number of its own, which may be a name; the column is kept.
    MaybeIdentifier,
    /// Only some of the levels have a feature.
    RareLevels {
        /// How many levels there are.
        levels: usize,
        /// How many of them have a feature.
        kept: usize,
    },
    /// A text column without a word that comes often enough; the column is dropped.
    NoTerms,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column `{}`: ", self.column)?;
        match &self.kind {
            WarningKind::AllMissing => f.write_str("all values are missing; dropped"),
            WarningKind::Constant => f.write_str("all values are the same; dropped"),
            WarningKind::Identifier => f.write_str("every row has its own value, as an identifier; dropped"),
            WarningKind::MaybeIdentifier => {
                f.write_str("every row has its own whole number; drop it if it is an identifier")
            }
            WarningKind::RareLevels { levels, kept } => {
                write!(f, "{kept} of {levels} levels have a feature, the others share one")
            }
            WarningKind::NoTerms => f.write_str("no word comes often enough; dropped"),
        }
    }
}
