//! A grid of values: correlations, attention, latency by load and batch size.

use super::grid::{Cells, Grid, Shade, level};
use super::key::Key;
use crate::drawing::Drawing;
use crate::error::{ReportError, check_grid};
use crate::number::{self, Unit, is_drawable};
use crate::palette::Ramp;
use crate::text::counted;

/// Values of rows and columns, shaded from the least to the greatest; around zero where some are negative.
///
/// ```
/// use wharf_report::Heatmap;
///
/// let features = ["age", "income"].map(str::to_owned).to_vec();
/// let correlations = vec![vec![1.0, -0.3], vec![-0.3, 1.0]];
/// let map = Heatmap::new("Correlation", features.clone(), features, correlations)?;
/// assert!(map.draw().to_svg().contains("age, income: \u{2212}0.3"));
/// # Ok::<(), wharf_report::ReportError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Heatmap {
    title: String,
    row_title: String,
    column_title: String,
    row_names: Vec<String>,
    column_names: Vec<String>,
    values: Vec<Vec<f64>>,
    unit: Unit,
}

impl Heatmap {
    /// A heat map of `values[row][column]`. A value that is not finite leaves its cell empty.
    ///
    /// # Errors
    /// If there is not a row of values for each row name, or in one of them not a value for each column name.
    pub fn new(
        title: impl Into<String>,
        row_names: Vec<String>,
        column_names: Vec<String>,
        values: Vec<Vec<f64>>,
    ) -> Result<Self, ReportError> {
        check_grid(row_names.len(), column_names.len(), &values)?;
        let (row_title, column_title) = (String::new(), String::new());
        let unit = Unit::Plain;
        Ok(Self { title: title.into(), row_title, column_title, row_names, column_names, values, unit })
    }

    /// What rows and columns are.
    pub fn axes(mut self, row_title: impl Into<String>, column_title: impl Into<String>) -> Self {
        (self.row_title, self.column_title) = (row_title.into(), column_title.into());
        self
    }

    /// How values are written.
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// Draws the heat map.
    pub fn draw(&self) -> Drawing {
        let (low, high) = self.extent();
        let grid = Grid {
            title: &self.title,
            description: self.describe(low, high),
            row_title: &self.row_title,
            column_title: &self.column_title,
            row_names: &self.row_names,
            column_names: &self.column_names,
            key: vec![self.key(low, high)],
        };
        grid.draw(&Values { map: self, low, high })
    }

    fn extent(&self) -> (f64, f64) {
        let values = self.values.iter().flatten().filter(|value| is_drawable(**value));
        let (low, high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
        match (low, high) {
            _ if low > high => (0.0, 0.0),
            _ if low < 0.0 => (low.min(-high), high.max(-low)),
            _ => (low, high),
        }
    }

    fn key(&self, low: f64, high: f64) -> Key {
        let shade: fn(f64) -> (Ramp, f64) = match () {
            () if low < 0.0 => |share| (sign(share - 0.5), (2.0 * share - 1.0).abs()),
            () if low == high => |_| (Ramp::A, 0.0),
            () => |share| (Ramp::A, share),
        };
        let (low, high) = (number::value(low, self.unit), number::value(high, self.unit));
        Key { name: String::new(), low, high, shade }
    }

    fn describe(&self, low: f64, high: f64) -> String {
        let (rows, columns) =
            (counted(self.row_names.len(), "row"), counted(self.column_names.len(), "column"));
        let (low, high) = (number::value(low, self.unit), number::value(high, self.unit));
        format!("{rows} and {columns}, shaded from {low} to {high}.")
    }
}

/// The values, with the ends of the shading.
struct Values<'a> {
    map: &'a Heatmap,
    low: f64,
    high: f64,
}

impl Cells for Values<'_> {
    fn shade(&self, row: usize, column: usize) -> Option<Shade> {
        let (value, low, high) = (self.map.values[row][column], self.low, self.high);
        match () {
            () if !is_drawable(value) => None,
            () if low < 0.0 => Some((sign(value), level(value.abs() / high))),
            () if low == high => Some((Ramp::A, 0)),
            () => Some((Ramp::A, level((value - low) / (high - low)))),
        }
    }

    fn label(&self, row: usize, column: usize) -> String {
        let value = self.map.values[row][column];
        // Cells are small: they show about a hundred steps of the whole range.
        let step = (self.high - self.low) / 100.0;
        if self.map.unit != Unit::Count && step > 0.0 {
            number::tick(value, step, self.map.unit)
        } else {
            number::value(value, self.map.unit)
        }
    }

    fn tip(&self, row: usize, column: usize) -> String {
        let value = number::value(self.map.values[row][column], self.map.unit);
        format!("{}, {}: {value}", self.map.row_names[row], self.map.column_names[column])
    }
}

fn sign(value: f64) -> Ramp {
    if value < 0.0 { Ramp::B } else { Ramp::A }
}
