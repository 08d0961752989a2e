//! What heat map and confusion matrix have in common: a title, a key, labelled rows and columns, cells.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::key::Key;
use super::labels::Labels;
use crate::canvas::{Anchor, Canvas};
use crate::drawing::{Drawing, MARGIN, title_block};
use crate::number::Px;
use crate::palette::{LEVELS, Ramp};
use crate::text;

/// The shade of a cell: the ramp and how deep.
pub(super) type Shade = (Ramp, usize);

/// What stands in the cells, asked for only where it is drawn.
pub(super) trait Cells {
    /// None for a cell that is empty: no value, or nothing to stress.
    fn shade(&self, row: usize, column: usize) -> Option<Shade>;
    /// What a shaded cell shows, if there is room.
    fn label(&self, row: usize, column: usize) -> String;
    /// What a cell tells when pointed at.
    fn tip(&self, row: usize, column: usize) -> String;
}

pub(super) struct Grid<'a> {
    pub(super) title: &'a str,
    pub(super) description: String,
    pub(super) row_title: &'a str,
    pub(super) column_title: &'a str,
    pub(super) row_names: &'a [String],
    pub(super) column_names: &'a [String],
    pub(super) key: Vec<Key>,
}

const CELLS: f64 = 560.0;
/// Up to this many cells each tells its value when pointed at.
const TIPS: usize = 2500;

/// The level of a share between 0 and 1 (more is cut); every share above 0 has at least the first shade.
pub(super) fn level(share: f64) -> usize {
    // A share that is not a number has none.
    let level = (share.clamp(0.0, 1.0) * LEVELS as f64).round() as usize;
    if share > 0.0 { level.max(1) } else { 0 }
}

impl Grid<'_> {
    /// Draws the grid with its cells.
    pub(super) fn draw(self, cells: &dyn Cells) -> Drawing {
        let (rows, columns) = (self.row_names.len(), self.column_names.len());
        let side = (CELLS / rows.max(columns).max(1) as f64).clamp(1.0, 52.0);
        let labels = Labels::new(self.row_names, self.column_names, side);
        let left = MARGIN + if self.row_title.is_empty() { 0.0 } else { 20.0 } + labels.row_width + 8.0;
        let plot_width = side * columns as f64;
        let heading = Key::width(&self.key).max(text::width(self.title, 16.0).min(480.0));
        let width = (left + plot_width + MARGIN).max(heading + 2.0 * MARGIN);

        let mut canvas = Canvas::default();
        let mut top = title_block(&mut canvas, self.title, width);
        top = Key::draw_all(&self.key, &mut canvas, top);
        let bottom = top + side * rows as f64;
        self.draw_cells(&mut canvas, (left, top), side, cells);
        labels.draw(&mut canvas, (left, top, bottom));
        let mut height = bottom + labels.column_height + 8.0;
        self.draw_titles(&mut canvas, (left, top, plot_width, side * rows as f64), &mut height);
        let mut drawing = Drawing::new(self.title, self.description, (width, height + MARGIN * 0.75), canvas);
        drawing.uses_ramps = true;
        drawing
    }

    fn draw_cells(&self, canvas: &mut Canvas, (left, top): (f64, f64), side: f64, cells: &dyn Cells) {
        let (rows, columns) = (self.row_names.len(), self.column_names.len());
        canvas.rect("wr-none", left, top, side * columns as f64, side * rows as f64);
        if rows.saturating_mul(columns) > TIPS {
            return draw_dense(canvas, (rows, columns), (left, top), side, cells);
        }
        let gap = if side >= 12.0 { 1.0 } else { 0.0 };
        let inner = side - gap;
        let font = fitting_font((rows, columns), inner, cells);
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            let (x, y) = (left + side * column as f64, top + side * row as f64);
            let shade = cells.shade(row, column);
            let class = shade.map_or_else(|| "wr-none".to_owned(), |shade| class("", shade));
            canvas.rect_with_tip(&class, x, y, inner, inner, &cells.tip(row, column));
            if let Some((font, shade)) = font.zip(shade) {
                draw_label(
                    canvas,
                    (x + inner / 2.0, y + inner / 2.0),
                    font,
                    shade,
                    &cells.label(row, column),
                );
            }
        }
    }

    fn draw_titles(
        &self,
        canvas: &mut Canvas,
        (left, top, wide, high): (f64, f64, f64, f64),
        height: &mut f64,
    ) {
        if !self.row_title.is_empty() {
            let shown = text::fit(self.row_title, 12.0, high.max(60.0));
            let (x, y) = (MARGIN + 8.0, top + high / 2.0);
            canvas.upright("wr-mute", (x, y), &shown);
        }
        if !self.column_title.is_empty() {
            let shown = text::fit(self.column_title, 12.0, wide.max(60.0));
            canvas.text("wr-mute", (left + wide / 2.0, *height + 12.0), Anchor::Middle, &shown);
            *height += 18.0;
        }
    }
}

/// The class of a shade, or with the prefix `t` that of text on it.
fn class(prefix: &str, (ramp, level): Shade) -> String {
    format!("wr-{prefix}{}{level}", ramp.letter())
}

fn draw_label(canvas: &mut Canvas, (x, y): (f64, f64), font: f64, shade: Shade, label: &str) {
    let small = if font < 12.0 { " wr-small" } else { "" };
    // Digits are about 0.72 of the font size high.
    canvas.text(&format!("{}{small}", class("t", shade)), (x, y + font * 0.36), Anchor::Middle, label);
}

/// Very many cells, without tips: one path for each shade.
fn draw_dense(
    canvas: &mut Canvas,
    (rows, columns): (usize, usize),
    (left, top): (f64, f64),
    side: f64,
    cells: &dyn Cells,
) {
    let mut paths = BTreeMap::<String, String>::new();
    let wide = Px(side);
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        if let Some(shade) = cells.shade(row, column) {
            let (x, y) = (Px(left + side * column as f64), Px(top + side * row as f64));
            let path = paths.entry(class("", shade)).or_default();
            // Writing to a string cannot fail.
            let _ = write!(path, "M{x} {y}h{wide}v{wide}h-{wide}z");
        }
    }
    for (class, path) in paths {
        canvas.push(format_args!("<path class=\"{class}\" d=\"{path}\"/>"));
    }
}

/// The font size at which every label fits its cell, if there is one.
fn fitting_font((rows, columns): (usize, usize), inner: f64, cells: &dyn Cells) -> Option<f64> {
    let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let shaded = places.filter(|(row, column)| cells.shade(*row, *column).is_some());
    let widths = shaded.map(|(row, column)| text::width(&cells.label(row, column), 1.0));
    let widest = widths.fold(0.0, f64::max);
    [12.0, 11.0].into_iter().find(|font| inner >= font * 1.7 && widest * font <= inner - 3.0)
}
