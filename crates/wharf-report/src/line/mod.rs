//! Lines and points over two numeric axes: learning curves, latencies, trade-offs.

mod draw;
mod legend;
mod path;
mod thin;

use crate::axis::Axis;
use crate::drawing::Drawing;

/// A chart of one or more [`Series`].
#[derive(Clone, Debug, PartialEq)]
pub struct LineChart {
    title: String,
    description: Option<String>,
    x: Axis,
    y: Axis,
    series: Vec<Series>,
    marks: Vec<(f64, String)>,
    width: f64,
    height: f64,
}

/// Named points, joined in the order given.
///
/// A point that cannot be drawn (NaN, infinite, beyond 1e100, not above zero on a logarithmic axis) is a gap.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    name: String,
    points: Vec<(f64, f64)>,
    line: bool,
    dashed: bool,
    markers: bool,
}

impl Series {
    /// A plain line through `points`.
    pub fn new(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), points, line: true, dashed: false, markers: false }
    }

    /// A dot at each point, which tells its values when pointed at.
    pub fn markers(mut self) -> Self {
        self.markers = true;
        self
    }

    /// A dashed line.
    pub fn dashed(mut self) -> Self {
        self.dashed = true;
        self
    }

    /// Dots without a line, as for the candidates of a search.
    pub fn only_markers(mut self) -> Self {
        (self.line, self.markers) = (false, true);
        self
    }
}

impl LineChart {
    /// A chart without series yet, 720 by 360 pixels.
    pub fn new(title: impl Into<String>) -> Self {
        let (x, y) = (Axis::default(), Axis::default());
        Self {
            title: title.into(),
            description: None,
            x,
            y,
            series: Vec::new(),
            marks: Vec::new(),
            width: 720.0,
            height: 360.0,
        }
    }

    /// What the chart shows, for those who cannot see it; made from the data where not given.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// The horizontal axis.
    pub fn x(mut self, axis: Axis) -> Self {
        self.x = axis;
        self
    }

    /// The vertical axis.
    pub fn y(mut self, axis: Axis) -> Self {
        self.y = axis;
        self
    }

    /// Adds a series.
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Adds a dashed vertical line at `x` with a short label above the plot; none where the axis does not reach.
    pub fn mark(mut self, x: f64, label: impl Into<String>) -> Self {
        self.marks.push((x, label.into()));
        self
    }

    /// Width and height in pixels, at least 240 by 160 (and at most 10,000).
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.width = f64::from(width.clamp(240, 10_000));
        self.height = f64::from(height.clamp(160, 10_000));
        self
    }

    /// Draws the chart.
    pub fn draw(&self) -> Drawing {
        draw::draw(self)
    }
}

#[cfg(test)]
mod tests;
