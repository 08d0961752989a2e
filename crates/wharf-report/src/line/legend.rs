//! The legend: rows of names between title and plot, so that it never lies over a line.

use super::Series;
use crate::canvas::{Anchor, Canvas};
use crate::drawing::MARGIN;
use crate::number::Px;
use crate::palette::SERIES_COLOURS;
use crate::text;

const ROW: f64 = 20.0;
const SAMPLE: f64 = 22.0;
const GAP: f64 = 18.0;
const FONT: f64 = 12.0;

/// The classes that colour a series.
pub(super) fn colour_class(index: usize) -> String {
    format!("wr-s{}", index % SERIES_COLOURS)
}

/// The classes of a series' line. Series past the last colour are dashed, to differ from the first ones.
pub(super) fn line_class(series: &Series, index: usize) -> &'static str {
    if series.dashed || index >= SERIES_COLOURS { "wr-line wr-dash" } else { "wr-line" }
}

/// Draws the legend from `top` on and gives the height it takes; none for a single series without a name.
pub(super) fn draw(canvas: &mut Canvas, series: &[Series], top: f64, width: f64) -> f64 {
    if series.iter().all(|one| one.name.is_empty()) {
        return 0.0;
    }
    let room = width - 2.0 * MARGIN;
    let (mut x, mut rows) = (0.0, 1.0);
    for (index, one) in series.iter().enumerate() {
        let name = text::fit(&one.name, FONT, room - SAMPLE - 6.0);
        let wide = SAMPLE + 6.0 + text::width(&name, FONT);
        if x > 0.0 && x + wide > room {
            (x, rows) = (0.0, rows + 1.0);
        }
        let y = top + ROW * (rows - 0.5);
        draw_sample(canvas, one, index, (MARGIN + x, y));
        canvas.cut_text("wr-text", (MARGIN + x + SAMPLE + 6.0, y + 4.0), Anchor::Start, &name, &one.name);
        x += wide + GAP;
    }
    rows * ROW + 4.0
}

fn draw_sample(canvas: &mut Canvas, series: &Series, index: usize, (x, y): (f64, f64)) {
    canvas.open_group(&colour_class(index));
    if series.line {
        canvas.line(line_class(series, index), (x + 1.0, y), (x + SAMPLE - 1.0, y));
    }
    if series.markers {
        dot(canvas, (x + SAMPLE / 2.0, y), None);
    }
    canvas.close_group();
}

/// A marker, with what it tells when pointed at.
pub(super) fn dot(canvas: &mut Canvas, (x, y): (f64, f64), tip: Option<&str>) {
    let (x, y) = (Px(x), Px(y));
    canvas.push(format_args!("<circle class=\"wr-dot\" cx=\"{x}\" cy=\"{y}\" r=\"3.5\""));
    match tip {
        Some(tip) => canvas.push(format_args!("><title>{}</title></circle>", text::escape(tip))),
        None => canvas.push(format_args!("/>")),
    }
}
