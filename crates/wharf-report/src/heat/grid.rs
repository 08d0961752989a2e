//! What heat map and confusion matrix have in common: a title, a key, labelled rows and columns, cells.

use super::key::Key;
use super::labels::Labels;
use crate::canvas::{Anchor, Canvas};
use crate::drawing::{Drawing, MARGIN, title_block};
use crate::palette::{LEVELS, Ramp};
use crate::text;

/// A cell as it is drawn. One without a level is empty: no value, or nothing to stress.
pub(super) struct Cell {
    pub(super) shade: Option<(Ramp, usize)>,
    pub(super) label: String,
    pub(super) tip: String,
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
    /// Draws the grid; `cell` gives the content of a row and column.
    pub(super) fn draw(self, cell: &dyn Fn(usize, usize) -> Cell) -> Drawing {
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
        self.draw_cells(&mut canvas, (left, top), side, cell);
        labels.draw(&mut canvas, (left, top, bottom));
        let mut height = bottom + labels.column_height + 8.0;
        self.draw_titles(&mut canvas, (left, top, plot_width, side * rows as f64), &mut height);
        let mut drawing = Drawing::new(self.title, self.description, (width, height + MARGIN * 0.75), canvas);
        drawing.uses_ramps = true;
        drawing
    }

    fn draw_cells(
        &self,
        canvas: &mut Canvas,
        (left, top): (f64, f64),
        side: f64,
        cell: &dyn Fn(usize, usize) -> Cell,
    ) {
        let (rows, columns) = (self.row_names.len(), self.column_names.len());
        canvas.rect("wr-none", left, top, side * columns as f64, side * rows as f64);
        let gap = if side >= 12.0 { 1.0 } else { 0.0 };
        let with_tips = rows.saturating_mul(columns) <= TIPS;
        let cells: Vec<Vec<Cell>> =
            (0..rows).map(|row| (0..columns).map(|column| cell(row, column)).collect()).collect();
        let font = fitting_font(&cells, side);
        for (row, line) in cells.iter().enumerate() {
            for (column, cell) in line.iter().enumerate() {
                let (x, y) = (left + side * column as f64, top + side * row as f64);
                draw_cell(canvas, cell, (x, y), side - gap, with_tips);
                if let Some((font, (ramp, level))) = font.zip(cell.shade) {
                    let middle = (x + (side - gap) / 2.0, y + (side - gap) / 2.0 + font * 0.36);
                    let class =
                        format!("wr-t{}{level}{}", ramp.letter(), if font < 12.0 { " wr-small" } else { "" });
                    canvas.text(&class, middle, Anchor::Middle, &cell.label);
                }
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

fn draw_cell(canvas: &mut Canvas, cell: &Cell, (x, y): (f64, f64), side: f64, with_tips: bool) {
    let class = match cell.shade {
        Some((ramp, level)) => format!("wr-{}{level}", ramp.letter()),
        None if with_tips => "wr-none".to_owned(),
        None => return,
    };
    if with_tips {
        canvas.rect_with_tip(&class, x, y, side, side, &cell.tip);
    } else {
        canvas.rect(&class, x, y, side, side);
    }
}

/// The font size at which every label fits its cell, if there is one.
fn fitting_font(cells: &[Vec<Cell>], side: f64) -> Option<f64> {
    let widest = cells.iter().flatten().map(|cell| text::width(&cell.label, 1.0)).fold(0.0, f64::max);
    [12.0, 11.0].into_iter().find(|font| side >= font * 1.7 && widest * font <= side - 4.0)
}
