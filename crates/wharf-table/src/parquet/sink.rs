//! Values of a column that is being read.

use wharf_transform::columns::MISSING_BOOLEAN;

use super::kind::Kind;
use crate::texts::TextsBuilder;
use crate::{Column, ColumnData, ColumnType, TableError};

/// The largest whole number up to which float64 has every one.
const LARGEST_WHOLE: u64 = 1 << 53;

/// Values of a column that is being read.
pub(super) enum Sink {
    Numbers(Vec<f64>),
    Booleans(Vec<u8>),
    Times(Vec<f64>),
    Texts(TextsBuilder),
}

/// Why a value cannot be kept.
pub(super) enum Refusal {
    /// It is a whole number that float64 does not have.
    TooLong,
    /// It is wrong, in these words.
    Wrong(String),
}

impl Sink {
    pub(super) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Boolean => Self::Booleans(Vec::new()),
            Kind::Date | Kind::Timestamp { .. } | Kind::OldTimestamp => Self::Times(Vec::new()),
            Kind::Text | Kind::LongInteger { .. } => Self::Texts(TextsBuilder::default()),
            _ => Self::Numbers(Vec::new()),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Numbers(values) | Self::Times(values) => values.len(),
            Self::Booleans(values) => values.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    pub(super) fn push_missing(&mut self) {
        match self {
            Self::Numbers(values) | Self::Times(values) => values.push(f64::NAN),
            Self::Booleans(values) => values.push(MISSING_BOOLEAN),
            Self::Texts(texts) => texts.push(None),
        }
    }

    /// A number, or seconds.
    pub(super) fn push_number(&mut self, value: f64) -> Result<(), Refusal> {
        match self {
            _ if value.is_infinite() => return Err(Refusal::Wrong(format!("{value} is not finite"))),
            Self::Numbers(values) | Self::Times(values) => values.push(value),
            Self::Booleans(_) | Self::Texts(_) => return Err(misplaced()),
        }
        Ok(())
    }

    /// A whole number, into texts where some are long.
    pub(super) fn push_integer(&mut self, value: i128) -> Result<(), Refusal> {
        match self {
            Self::Texts(texts) => texts.push(Some(&value.to_string())),
            _ if value.unsigned_abs() > u128::from(LARGEST_WHOLE) => return Err(Refusal::TooLong),
            _ => return self.push_number(value as f64),
        }
        Ok(())
    }

    pub(super) fn push_boolean(&mut self, value: bool) -> Result<(), Refusal> {
        let Self::Booleans(values) = self else { return Err(misplaced()) };
        values.push(u8::from(value));
        Ok(())
    }

    /// A text; the empty one is missing, as in other files.
    pub(super) fn push_text(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let Self::Texts(texts) = self else { return Err(misplaced()) };
        let text = std::str::from_utf8(bytes)
            .map_err(|_| Refusal::Wrong("the value is binary, expected text in UTF-8".to_owned()))?;
        texts.push((!text.trim().is_empty()).then_some(text));
        Ok(())
    }

    pub(super) fn finish(self, kind: Kind) -> (ColumnType, ColumnData) {
        match self {
            Self::Numbers(values) => {
                // Pandas writes whole numbers with missing ones among them as floating point.
                let column = Column::numbers("", values);
                (column.column_type(), column.into_data())
            }
            Self::Booleans(values) => (ColumnType::Boolean, ColumnData::Booleans(values)),
            Self::Times(values) if kind == Kind::Date => (ColumnType::Date, ColumnData::Times(values)),
            Self::Times(values) => (ColumnType::DateTime, ColumnData::Times(values)),
            Self::Texts(texts) => {
                let column = Column::texts("", texts.finish());
                (column.column_type(), column.into_data())
            }
        }
    }
}

fn misplaced() -> Refusal {
    Refusal::Wrong("the value is of another type than the column".to_owned())
}

impl Refusal {
    pub(super) fn at(self, row: usize) -> TableError {
        TableError::malformed(match self {
            Refusal::TooLong => format!("row {row}: the number is too long"),
            Refusal::Wrong(problem) => format!("row {row}: {problem}"),
        })
    }
}
