//! One named column.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use wharf_transform::columns::{ColumnValues, MISSING_BOOLEAN, MISSING_CODE, Takes, time_text, write_number};

use crate::Texts;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// Whole numbers.
    Integer,
    /// Numbers.
    Float,
    /// True or false.
    Boolean,
    /// Days, as ISO 8601.
    Date,
    /// Moments, as ISO 8601, in UTC where they do not say otherwise.
    DateTime,
    /// Names of things, of which some come often.
    Category,
    /// Running text.
    Text,
}

impl ColumnType {
    /// The name in settings and messages.
    pub fn name(self) -> &'static str {
        match self {
            ColumnType::Integer => "integer",
            ColumnType::Float => "float",
            ColumnType::Boolean => "boolean",
            ColumnType::Date => "date",
            ColumnType::DateTime => "date_time",
            ColumnType::Category => "category",
            ColumnType::Text => "text",
        }
    }

    /// What a signature asks for.
    pub fn takes(self) -> Takes {
        match self {
            ColumnType::Integer | ColumnType::Float => Takes::Number,
            ColumnType::Boolean => Takes::Boolean,
            ColumnType::Date | ColumnType::DateTime => Takes::Date,
            ColumnType::Category | ColumnType::Text => Takes::Text,
        }
    }
}

/// The values of a column, one for each row.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnData {
    /// Numbers; NaN is missing.
    Numbers(Vec<f64>),
    /// 0 or 1; [`MISSING_BOOLEAN`] is missing.
    Booleans(Vec<u8>),
    /// Seconds since 1970 in UTC; NaN is missing.
    Times(Vec<f64>),
    /// Texts.
    Texts(Texts),
}

/// A named column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    name: String,
    column_type: ColumnType,
    data: ColumnData,
}

impl Column {
    /// A column of numbers; NaN is missing. Its type is integer where all of them are whole.
    pub fn numbers(name: impl Into<String>, values: Vec<f64>) -> Self {
        let is_whole = |value: &f64| value.is_nan() || value.fract() == 0.0;
        let has_some = values.iter().any(|value| !value.is_nan());
        let is_integer = has_some && values.iter().all(is_whole);
        let column_type = if is_integer { ColumnType::Integer } else { ColumnType::Float };
        Self { name: name.into(), column_type, data: ColumnData::Numbers(values) }
    }

    /// A column of texts, of type text where they are prose and category where not.
    pub fn texts(name: impl Into<String>, texts: Texts) -> Self {
        let column_type = if texts.is_prose() { ColumnType::Text } else { ColumnType::Category };
        Self { name: name.into(), column_type, data: ColumnData::Texts(texts) }
    }

    pub(crate) fn new(name: impl Into<String>, column_type: ColumnType, data: ColumnData) -> Self {
        Self { name: name.into(), column_type, data }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its values are.
    pub fn column_type(&self) -> ColumnType {
        self.column_type
    }

    /// Its values.
    pub fn data(&self) -> &ColumnData {
        &self.data
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        match &self.data {
            ColumnData::Numbers(values) | ColumnData::Times(values) => values.len(),
            ColumnData::Booleans(values) => values.len(),
            ColumnData::Texts(texts) => texts.codes().len(),
        }
    }

    /// Its numbers, where it has numbers.
    pub fn as_numbers(&self) -> Option<&[f64]> {
        match &self.data {
            ColumnData::Numbers(values) => Some(values),
            _ => None,
        }
    }

    /// Its texts, where it has texts.
    pub fn as_texts(&self) -> Option<&Texts> {
        match &self.data {
            ColumnData::Texts(texts) => Some(texts),
            _ => None,
        }
    }

    /// Its values as a column program takes them.
    pub fn values(&self) -> ColumnValues<'_> {
        match &self.data {
            ColumnData::Numbers(values) => ColumnValues::Numbers(Cow::Borrowed(values)),
            ColumnData::Booleans(values) => ColumnValues::Booleans(Cow::Borrowed(values)),
            ColumnData::Times(values) => ColumnValues::Times(Cow::Borrowed(values)),
            ColumnData::Texts(texts) => ColumnValues::Coded { levels: texts.levels(), codes: texts.codes() },
        }
    }

    /// Whether the value of `row` is missing; also where there is no such row.
    pub fn is_missing(&self, row: usize) -> bool {
        match &self.data {
            ColumnData::Numbers(values) | ColumnData::Times(values) => {
                values.get(row).is_none_or(|v| v.is_nan())
            }
            ColumnData::Booleans(values) => values.get(row).is_none_or(|value| *value == MISSING_BOOLEAN),
            ColumnData::Texts(texts) => texts.codes().get(row).is_none_or(|code| *code == MISSING_CODE),
        }
    }

    /// How many values are missing.
    pub fn missing(&self) -> usize {
        (0..self.rows()).filter(|row| self.is_missing(*row)).count()
    }

    /// The value of a row as text; `None` where it is missing. Numbers are written as short as they can be.
    pub fn text(&self, row: usize) -> Option<Cow<'_, str>> {
        if self.is_missing(row) {
            return None;
        }
        Some(match &self.data {
            ColumnData::Numbers(values) => {
                let mut text = String::new();
                write_number(values[row], &mut text);
                text.into()
            }
            ColumnData::Times(values) => time_text(values[row]).into(),
            ColumnData::Booleans(values) => if values[row] == 1 { "true" } else { "false" }.into(),
            ColumnData::Texts(texts) => texts.get(row)?.into(),
        })
    }

    pub(crate) fn into_data(self) -> ColumnData {
        self.data
    }

    /// The rows at these places, all of which there are.
    pub(crate) fn take(&self, rows: &[usize]) -> Self {
        let floats = |values: &[f64]| rows.iter().map(|row| values[*row]).collect();
        let data = match &self.data {
            ColumnData::Numbers(values) => ColumnData::Numbers(floats(values)),
            ColumnData::Times(values) => ColumnData::Times(floats(values)),
            ColumnData::Booleans(values) => {
                ColumnData::Booleans(rows.iter().map(|row| values[*row]).collect())
            }
            ColumnData::Texts(texts) => ColumnData::Texts(texts.take(rows)),
        };
        Self { name: self.name.clone(), column_type: self.column_type, data }
    }

    /// Adds the rows of `other`; false where it holds something else.
    pub(crate) fn append(&mut self, other: &Self) -> bool {
        match (&mut self.data, &other.data) {
            (ColumnData::Numbers(ours), ColumnData::Numbers(theirs))
            | (ColumnData::Times(ours), ColumnData::Times(theirs)) => ours.extend(theirs),
            (ColumnData::Booleans(ours), ColumnData::Booleans(theirs)) => ours.extend(theirs),
            (ColumnData::Texts(ours), ColumnData::Texts(theirs)) => ours.append(theirs),
            _ => return false,
        }
        if self.column_type == ColumnType::Integer {
            self.column_type = other.column_type;
        }
        true
    }
}
