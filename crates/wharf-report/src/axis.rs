//! What a caller says about an axis.

use crate::number::Unit;

/// One axis of a [`LineChart`](crate::LineChart) or the value axis of a [`BarChart`](crate::BarChart).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    pub(crate) title: String,
    pub(crate) logarithmic: bool,
    pub(crate) whole: bool,
    pub(crate) from_zero: bool,
    pub(crate) unit: Unit,
    pub(crate) range: Option<(f64, f64)>,
}

impl Axis {
    /// A linear axis that covers its data. An empty title shows none.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// A logarithmic scale. Values that are not above zero are left out, and the chart says so.
    pub fn logarithmic(mut self) -> Self {
        self.logarithmic = true;
        self
    }

    /// Ticks at whole numbers only, as for epochs.
    pub fn whole(mut self) -> Self {
        self.whole = true;
        self
    }

    /// Starts at zero, whatever the data. Says nothing to a logarithmic scale.
    pub fn from_zero(mut self) -> Self {
        self.from_zero = true;
        self
    }

    /// How the values are written.
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// Covers `low..=high` instead of the data; lines are clipped there. Ignored unless `low < high`.
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }
}
