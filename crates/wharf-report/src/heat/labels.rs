//! The names of rows and columns: upright where they fit, slanted where they do not, thinned out where cells are small.

use crate::canvas::{Anchor, Canvas};
use crate::text;

const FONT: f64 = 12.0;
const SMALL: f64 = 11.0;
/// The least distance between the base lines of two names.
const LINE: f64 = 12.0;
const LONGEST: f64 = 150.0;

pub(super) struct Labels<'a> {
    rows: &'a [String],
    columns: &'a [String],
    side: f64,
    /// Degrees by which column names are turned.
    slant: f64,
    font: f64,
    /// Every how many rows and columns a name stands.
    stride: usize,
    pub(super) row_width: f64,
    pub(super) column_height: f64,
}

impl<'a> Labels<'a> {
    pub(super) fn new(rows: &'a [String], columns: &'a [String], side: f64) -> Self {
        let font = if side >= 18.0 { FONT } else { SMALL };
        let stride = (LINE / side).ceil().max(1.0) as usize;
        let widest = |names: &[String]| {
            let shown = names.iter().step_by(stride).map(|name| text::width(name, font));
            shown.fold(0.0, f64::max).min(LONGEST)
        };
        let longest = widest(columns);
        let slant: f64 = match () {
            () if stride == 1 && longest <= side - 4.0 => 0.0,
            () if side >= 18.0 => 45.0,
            () => 90.0,
        };
        let column_height = if slant == 0.0 { 20.0 } else { longest * slant.to_radians().sin() + 16.0 };
        Self { rows, columns, side, slant, font, stride, row_width: widest(rows), column_height }
    }

    pub(super) fn draw(&self, canvas: &mut Canvas, (left, top, bottom): (f64, f64, f64)) {
        let class = if self.font < FONT { "wr-text wr-small" } else { "wr-text" };
        let middle = |index: usize| self.side * (index as f64 + 0.5);
        for (index, name) in self.rows.iter().enumerate().step_by(self.stride) {
            let shown = text::fit(name, self.font, LONGEST);
            canvas.cut_text(class, (left - 8.0, top + middle(index) + 4.0), Anchor::End, &shown, name);
        }
        for (index, name) in self.columns.iter().enumerate().step_by(self.stride) {
            let x = left + middle(index);
            if self.slant == 0.0 {
                canvas.text(class, (x, bottom + 16.0), Anchor::Middle, name);
                continue;
            }
            // A slanted name must not run out of the drawing on the left.
            let reach = (x - 4.0) / self.slant.to_radians().cos().max(1e-3);
            let shown = text::fit(name, self.font, LONGEST.min(reach));
            let down = if self.slant < 90.0 { 12.0 } else { 8.0 };
            canvas.slanted(class, (x + 4.0, bottom + down), self.slant, &shown, name);
        }
    }
}
