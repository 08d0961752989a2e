//! What a column can still be after the cells seen so far.

use wharf_transform::columns::{parse_number, parse_time};

use crate::ColumnType;

/// The largest whole number up to which float64 has every one.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// The types that every cell seen so far fits.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    has_values: bool,
    integer: bool,
    float: bool,
    boolean: bool,
    date: bool,
    date_time: bool,
}

impl Default for Evidence {
    fn default() -> Self {
        Self { has_values: false, integer: true, float: true, boolean: true, date: true, date_time: true }
    }
}

impl Evidence {
    /// Takes a cell that is not missing into account.
    pub(super) fn see(&mut self, cell: &str) {
        self.has_values = true;
        self.integer = self.integer && is_whole(cell);
        self.float = self.float && (self.integer || is_exact_number(cell));
        self.boolean = self.boolean && is_truth_word(cell);
        self.date = self.date && cell.len() == 10 && parse_time(cell).is_some();
        self.date_time = self.date_time && (self.date || parse_time(cell).is_some());
    }

    /// The type; `None` for texts. A column without values is one of numbers.
    pub(super) fn column_type(&self) -> Option<ColumnType> {
        match () {
            () if !self.has_values => Some(ColumnType::Float),
            () if self.integer => Some(ColumnType::Integer),
            () if self.float => Some(ColumnType::Float),
            () if self.boolean => Some(ColumnType::Boolean),
            () if self.date => Some(ColumnType::Date),
            () if self.date_time => Some(ColumnType::DateTime),
            () => None,
        }
    }
}

pub(super) fn is_whole(cell: &str) -> bool {
    let digits = cell.strip_prefix(['-', '+']).unwrap_or(cell);
    let is_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_digits && (digits.len() < 16 || parse_number(cell).is_some_and(|number| number.abs() < LARGEST_WHOLE))
}

/// Long whole numbers are names of things: as float64 different ones would become the same.
fn is_exact_number(cell: &str) -> bool {
    let is_name = || cell.bytes().all(|byte| byte.is_ascii_digit()) && !is_whole(cell);
    parse_number(cell).is_some() && !is_name()
}

/// `yes` and `no` are left as texts, which they may be labels of.
fn is_truth_word(cell: &str) -> bool {
    cell.eq_ignore_ascii_case("true") || cell.eq_ignore_ascii_case("false")
}
