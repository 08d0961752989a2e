//! The values of one raw column, from a table or a tensor, read as what an encoding needs.

use std::borrow::Cow;

use bytes::Bytes;

use super::calendar::parse_time;
use super::parse::{parse_boolean, parse_number, write_number};

/// The truth value in [`ColumnValues::Booleans`] that stands for a missing one.
pub const MISSING_BOOLEAN: u8 = 2;

/// The code in [`ColumnValues::Coded`] that stands for a missing text.
pub const MISSING_CODE: u32 = u32::MAX;

/// The values of one column, one for each row.
#[derive(Clone, Debug)]
pub enum ColumnValues<'a> {
    /// Numbers; NaN is missing.
    Numbers(Cow<'a, [f64]>),
    /// 0 or 1; [`MISSING_BOOLEAN`] is missing.
    Booleans(Cow<'a, [u8]>),
    /// Seconds since 1970 in UTC; NaN is missing.
    Times(Cow<'a, [f64]>),
    /// Texts in UTF-8; the empty one is missing.
    Texts(&'a [Bytes]),
    /// Texts by their place in `levels`; [`MISSING_CODE`] is missing.
    Coded {
        /// The distinct texts.
        levels: &'a [Box<str>],
        /// The place of the text of each row.
        codes: &'a [u32],
    },
}

/// What is wrong with a value, and in which row where it is known.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) row: Option<usize>,
    pub(super) problem: String,
}

impl Fault {
    pub(super) fn at(row: usize, problem: impl Into<String>) -> Self {
        Self { row: Some(row), problem: problem.into() }
    }

    pub(super) fn whole(problem: impl Into<String>) -> Self {
        Self { row: None, problem: problem.into() }
    }
}

/// Values as a message shows them: the beginning is enough.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('\u{2026}');
    }
    short
}

impl ColumnValues<'_> {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        match self {
            Self::Numbers(values) | Self::Times(values) => values.len(),
            Self::Booleans(values) => values.len(),
            Self::Texts(values) => values.len(),
            Self::Coded { codes, .. } => codes.len(),
        }
    }

    /// What the values are, for messages.
    fn kind(&self) -> &'static str {
        match self {
            Self::Numbers(_) => "numbers",
            Self::Booleans(_) => "truth values",
            Self::Times(_) => "dates",
            Self::Texts(_) | Self::Coded { .. } => "texts",
        }
    }

    /// The values as numbers; texts are parsed. NaN is missing.
    pub(super) fn numbers(&self, missing: &[String]) -> Result<Cow<'_, [f64]>, Fault> {
        match self {
            Self::Numbers(values) => {
                all_finite(values)?;
                Ok(Cow::Borrowed(values))
            }
            Self::Booleans(values) => {
                let number =
                    |value: &u8| if *value == MISSING_BOOLEAN { f64::NAN } else { f64::from(*value) };
                Ok(Cow::Owned(values.iter().map(number).collect()))
            }
            Self::Texts(_) | Self::Coded { .. } => self.parsed(missing, parse_number, "a number"),
            Self::Times(_) => Err(self.unfit("numbers")),
        }
    }

    /// The values as seconds since 1970; texts are parsed, numbers are seconds. NaN is missing.
    pub(super) fn times(&self, missing: &[String]) -> Result<Cow<'_, [f64]>, Fault> {
        match self {
            Self::Times(values) | Self::Numbers(values) => {
                all_finite(values)?;
                Ok(Cow::Borrowed(values))
            }
            Self::Texts(_) | Self::Coded { .. } => self.parsed(missing, parse_time, "a date in ISO 8601"),
            Self::Booleans(_) => Err(self.unfit("dates")),
        }
    }

    /// The values as truth values; texts and numbers are parsed. [`MISSING_BOOLEAN`] is missing.
    pub(super) fn booleans(&self, missing: &[String]) -> Result<Cow<'_, [u8]>, Fault> {
        match self {
            Self::Booleans(values) => Ok(Cow::Borrowed(values)),
            Self::Numbers(values) => {
                let value = |(row, value): (usize, &f64)| match *value {
                    number if number.is_nan() => Ok(MISSING_BOOLEAN),
                    0.0 => Ok(0),
                    1.0 => Ok(1),
                    number => Err(Fault::at(row, format!("{number} is no truth value, expected 0 or 1"))),
                };
                values.iter().enumerate().map(value).collect::<Result<_, _>>().map(Cow::Owned)
            }
            Self::Texts(_) | Self::Coded { .. } => {
                let parse = |text: &str| parse_boolean(text).map(f64::from);
                let numbers = self.parsed(missing, parse, "`true` or `false`")?;
                let value = |number: &f64| if number.is_nan() { MISSING_BOOLEAN } else { *number as u8 };
                Ok(Cow::Owned(numbers.iter().map(value).collect()))
            }
            Self::Times(_) => Err(self.unfit("truth values")),
        }
    }

    /// Calls `each` with row and text of every value, `None` where it is missing. Blanks around a text do not
    /// count; numbers and truth values are given as their shortest text.
    pub(super) fn each_text<F>(&self, missing: &[String], mut each: F) -> Result<(), Fault>
    where
        F: FnMut(usize, Option<&str>) -> Result<(), String>,
    {
        let present = |text: &str| !text.is_empty() && !missing.iter().any(|token| token == text);
        let mut each = |row: usize, text: Option<&str>| {
            let text = text.map(str::trim).filter(|text| present(text));
            each(row, text).map_err(|problem| Fault::at(row, problem))
        };
        match self {
            Self::Texts(texts) => texts.iter().enumerate().try_for_each(|(row, bytes)| {
                let text = std::str::from_utf8(bytes).map_err(|_| Fault::at(row, "the text is not UTF-8"))?;
                each(row, Some(text))
            }),
            Self::Coded { levels, codes } => {
                let text = |code: u32| levels.get(code as usize).map(AsRef::as_ref);
                codes.iter().enumerate().try_for_each(|(row, code)| each(row, text(*code)))
            }
            Self::Numbers(numbers) => {
                all_finite(numbers)?;
                let mut text = String::new();
                numbers.iter().enumerate().try_for_each(|(row, number)| {
                    text.clear();
                    write_number(*number, &mut text);
                    each(row, (!number.is_nan()).then_some(text.as_str()))
                })
            }
            Self::Booleans(values) => values.iter().enumerate().try_for_each(|(row, value)| {
                each(row, [Some("false"), Some("true"), None][usize::from(*value).min(2)])
            }),
            Self::Times(_) => Err(self.unfit("texts")),
        }
    }

    /// Calls `find` for every distinct text as far as they are known, and for every row otherwise; then `each` with
    /// row and result.
    pub(super) fn each_found<T: Copy>(
        &self,
        missing: &[String],
        mut find: impl FnMut(Option<&str>) -> Result<T, String>,
        mut each: impl FnMut(usize, T),
    ) -> Result<(), Fault> {
        let Self::Coded { levels, codes } = self else {
            return self.each_text(missing, |row, text| find(text).map(|found| each(row, found)));
        };
        let mut found: Vec<Option<T>> = vec![None; levels.len() + 1];
        for (row, code) in codes.iter().enumerate() {
            let place = (*code as usize).min(levels.len());
            let value = match found[place] {
                Some(value) => value,
                None => {
                    let one = Self::Coded { levels, codes: std::slice::from_ref(code) };
                    one.each_text(missing, |_, text| find(text).map(|value| found[place] = Some(value)))
                        .map_err(|fault| Fault::at(row, fault.problem))?;
                    found[place].ok_or_else(|| Fault::at(row, "the text was not looked up"))?
                }
            };
            each(row, value);
        }
        Ok(())
    }

    fn parsed(
        &self,
        missing: &[String],
        parse: impl Fn(&str) -> Option<f64>,
        what: &str,
    ) -> Result<Cow<'_, [f64]>, Fault> {
        let mut numbers = Vec::with_capacity(self.rows());
        let find = |text: Option<&str>| match text {
            None => Ok(f64::NAN),
            Some(text) => parse(text).ok_or_else(|| format!("`{}` is not {what}", shown(text))),
        };
        self.each_found(missing, find, |_, number| numbers.push(number))?;
        Ok(Cow::Owned(numbers))
    }

    fn unfit(&self, wanted: &str) -> Fault {
        Fault::whole(format!("holds {}, expected {wanted}", self.kind()))
    }
}

fn all_finite(values: &[f64]) -> Result<(), Fault> {
    match values.iter().position(|value| value.is_infinite()) {
        Some(row) => Err(Fault::at(row, format!("{} is not finite; a missing number is NaN", values[row]))),
        None => Ok(()),
    }
}
