//! What one column looks like.

use crate::prepare::quantile;
use crate::prepare::{counted_levels, deviation, mean, sorted_present};
use crate::{Column, ColumnData, ColumnType};

/// How many levels are kept of a column.
const TOP_LEVELS: usize = 10;

/// How many bars a histogram has at most.
const BINS: usize = 20;

/// What one column looks like.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ColumnProfile {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub column_type: ColumnType,
    /// How many values are missing.
    pub missing: usize,
    /// How many different values there are.
    pub distinct: usize,
    /// The spread of numbers, and of dates in seconds since 1970; `None` for others and where all are missing.
    pub numbers: Option<NumberProfile>,
    /// The most frequent values with their counts, unless they are numbers or dates.
    pub levels: Vec<(String, usize)>,
}

/// The spread of numbers that are not missing.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct NumberProfile {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub std: f64,
    /// Least, 5 %, 25 %, 50 %, 75 %, 95 % and greatest.
    pub quantiles: [f64; 7],
    /// Bars of equal width.
    pub histogram: Vec<Bin>,
}

/// A bar of a histogram: values from `low` up to `high`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Bin {
    /// Its lower end.
    pub low: f64,
    /// Its upper end; only the last bar includes it.
    pub high: f64,
    /// How many values it has.
    pub count: usize,
}

impl ColumnProfile {
    pub(super) fn of(column: &Column, missing_tokens: &[String]) -> Self {
        let numbers = match column.data() {
            ColumnData::Numbers(values) | ColumnData::Times(values) => Some(sorted_present(values)),
            _ => None,
        };
        let (distinct, levels) = match &numbers {
            Some(sorted) => (sorted.chunk_by(|a, b| a == b).count(), Vec::new()),
            None => {
                let mut levels = counted_levels(column, missing_tokens);
                let distinct = levels.len();
                levels.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
                levels.truncate(TOP_LEVELS);
                (distinct, levels)
            }
        };
        Self {
            name: column.name().to_owned(),
            column_type: column.column_type(),
            missing: column.missing(),
            distinct,
            numbers: numbers.filter(|sorted| !sorted.is_empty()).map(|sorted| NumberProfile::of(&sorted)),
            levels,
        }
    }

    /// Whether its numbers are dates.
    pub fn is_date(&self) -> bool {
        matches!(self.column_type, ColumnType::Date | ColumnType::DateTime)
    }
}

impl NumberProfile {
    fn of(sorted: &[f64]) -> Self {
        let quantiles = [0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0].map(|share| quantile(sorted, share));
        Self { mean: mean(sorted), std: deviation(sorted), quantiles, histogram: histogram(sorted) }
    }
}

/// Few whole numbers have a bar each; others share bars of equal width.
fn histogram(sorted: &[f64]) -> Vec<Bin> {
    let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
    let are_whole = sorted.iter().all(|value| value.fract() == 0.0);
    let bars = if are_whole && high - low < BINS as f64 { (high - low) as usize + 1 } else { BINS };
    let width = if are_whole && high - low < BINS as f64 { 1.0 } else { (high - low) / bars as f64 };
    let edge = |bar: usize| low + width * bar as f64;
    let mut bins: Vec<Bin> =
        (0..bars).map(|bar| Bin { low: edge(bar), high: edge(bar + 1), count: 0 }).collect();
    for value in sorted {
        let bar = if width > 0.0 { ((value - low) / width) as usize } else { 0 };
        bins[bar.min(bars - 1)].count += 1;
    }
    bins
}
