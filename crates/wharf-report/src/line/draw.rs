//! Lays out a line chart: title, legend, axis title, marks, plot, ticks, axis title, notes, from top to bottom.

use super::path::{self, Frame};
use super::{LineChart, Series, legend, thin};
use crate::canvas::{Anchor, Canvas};
use crate::drawing::{Drawing, MARGIN, title_block};
use crate::number;
use crate::scale::{self, Domain, Scale};
use crate::text::{self, counted};

const FONT: f64 = 12.0;
/// Between the ends of the domain and the frame, where no tick stands at the ends.
const INSET: f64 = 8.0;

pub(super) fn draw(chart: &LineChart) -> Drawing {
    let mut canvas = Canvas::default();
    let notes = notes(chart);
    let (frame, x, y) = lay_out(chart, &mut canvas, notes.len());
    draw_axes(chart, &mut canvas, &frame, &x, &y);
    draw_marks(chart, &mut canvas, &frame, &x);
    for (index, series) in chart.series.iter().enumerate() {
        canvas.open_group(&legend::colour_class(index));
        draw_series(chart, series, index, &mut canvas, &frame, (&x, &y));
        canvas.close_group();
    }
    if chart.series.iter().all(|series| places(chart, series).all(|place| place.is_none())) {
        let middle = ((frame.left + frame.right) / 2.0, (frame.top + frame.bottom) / 2.0);
        canvas.text("wr-mute", middle, Anchor::Middle, "nothing to draw");
    }
    for (row, note) in notes.iter().rev().enumerate() {
        let y = chart.height - MARGIN * 0.75 - 16.0 * row as f64;
        let shown = text::fit(note, 11.0, chart.width - 2.0 * MARGIN);
        canvas.cut_text("wr-mute wr-small", (MARGIN, y), Anchor::Start, &shown, note);
    }
    let told = chart.description.clone().unwrap_or_else(|| describe(chart));
    let told = std::iter::once(told).chain(notes).collect::<Vec<_>>().join(" ");
    Drawing::new(&chart.title, told, (chart.width, chart.height), canvas)
}

/// Draws what stands above the plot and finds the room that is left for it.
fn lay_out(chart: &LineChart, canvas: &mut Canvas, notes: usize) -> (Frame, Scale, Scale) {
    let mut top = title_block(canvas, &chart.title, chart.width);
    top += legend::draw(canvas, &chart.series, top, chart.width);
    if !chart.y.title.is_empty() {
        let shown = text::fit(&chart.y.title, FONT, chart.width - 2.0 * MARGIN);
        canvas.cut_text("wr-mute", (MARGIN, top + 12.0), Anchor::Start, &shown, &chart.y.title);
        top += 20.0;
    }
    top += if chart.marks.is_empty() { 10.0 } else { 22.0 };
    let below =
        MARGIN * 0.75 + 18.0 + if chart.x.title.is_empty() { 0.0 } else { 18.0 } + 16.0 * notes as f64;
    let bottom = (chart.height - below).max(top + 40.0);

    let wanted = ((bottom - top) / 38.0).clamp(2.0, 10.0) as usize;
    let ys = points(chart).map(|(_, y)| y);
    let y = Domain::of(&chart.y, ys, wanted, true);
    let left = MARGIN + y.label_width(FONT) + 8.0;
    let (x, right) = fit_x(chart, left);
    let frame = Frame { left, top, right, bottom };
    let x = Scale::new(x, left + INSET, right - INSET);
    let inset = if chart.y.logarithmic { INSET } else { 0.0 };
    let y = Scale::new(y, bottom - inset, top + inset);
    (frame, x, y)
}

/// The horizontal domain with as many ticks as have room, and the right end of the plot.
fn fit_x(chart: &LineChart, left: f64) -> (Domain, f64) {
    let mut wanted = 10;
    loop {
        let x = Domain::of(&chart.x, points(chart).map(|(x, _)| x), wanted, false);
        let label = x.label_width(FONT);
        let right = chart.width - MARGIN - (label / 2.0 - INSET).max(0.0);
        let count = x.ticks.at.len().saturating_sub(1).max(1) as f64;
        if wanted <= 1 || (right - left - 2.0 * INSET) / count >= label + 14.0 {
            return (x, right.max(left + 40.0));
        }
        wanted -= 1;
    }
}

/// The points that count for the domains: those of which both values can be drawn.
fn points(chart: &LineChart) -> impl Iterator<Item = (f64, f64)> {
    chart.series.iter().flat_map(|series| places(chart, series)).flatten()
}

/// A series, with `None` for each point that cannot be drawn.
fn places(chart: &LineChart, series: &Series) -> impl Iterator<Item = Option<(f64, f64)>> {
    let shown = |(x, y): (f64, f64)| scale::shows(&chart.x, x) && scale::shows(&chart.y, y);
    series.points.iter().map(move |point| shown(*point).then_some(*point))
}

fn draw_axes(chart: &LineChart, canvas: &mut Canvas, frame: &Frame, x: &Scale, y: &Scale) {
    for (at, label) in y.ticks() {
        canvas.line("wr-grid", (frame.left, at), (frame.right, at));
        canvas.text("wr-mute", (frame.left - 8.0, at + 4.0), Anchor::End, &label);
    }
    canvas.line("wr-axis", (frame.left, frame.bottom), (frame.right, frame.bottom));
    for (at, label) in x.ticks() {
        canvas.line("wr-axis", (at, frame.bottom), (at, frame.bottom + 4.0));
        canvas.text("wr-mute", (at, frame.bottom + 18.0), Anchor::Middle, &label);
    }
    if !chart.x.title.is_empty() {
        let middle = ((frame.left + frame.right) / 2.0, frame.bottom + 37.0);
        let shown = text::fit(&chart.x.title, FONT, frame.right - frame.left);
        canvas.cut_text("wr-mute", middle, Anchor::Middle, &shown, &chart.x.title);
    }
}

fn draw_marks(chart: &LineChart, canvas: &mut Canvas, frame: &Frame, x: &Scale) {
    for (value, label) in chart.marks.iter().filter(|(value, _)| scale::shows(&chart.x, *value)) {
        let at = x.px(*value);
        if !frame.holds((at, frame.top)) {
            continue;
        }
        canvas.line("wr-mark", (at, frame.top - 2.0), (at, frame.bottom));
        let shown = text::fit(label, 11.0, frame.right - frame.left);
        let half = text::width(&shown, 11.0) / 2.0;
        let middle = at.clamp(frame.left + half, (frame.right - half).max(frame.left + half));
        canvas.cut_text("wr-mute wr-small", (middle, frame.top - 7.0), Anchor::Middle, &shown, label);
    }
}

fn draw_series(
    chart: &LineChart,
    series: &Series,
    index: usize,
    canvas: &mut Canvas,
    frame: &Frame,
    (x, y): (&Scale, &Scale),
) {
    let pixel = |(a, b): (f64, f64)| (x.px(a), y.px(b));
    let runs = path::runs(places(chart, series).map(|place| place.map(pixel)));
    for run in runs.into_iter().filter(|_| series.line) {
        if let ([alone], false) = (run.as_slice(), series.markers) {
            // A point between two gaps has no line that shows it.
            if frame.holds(*alone) {
                legend::dot(canvas, *alone, None);
            }
            continue;
        }
        let d = path::outline(&thin::thin(run), frame);
        if !d.is_empty() {
            canvas.push(format_args!("<path class=\"{}\" d=\"{d}\"/>", legend::line_class(series, index)));
        }
    }
    if series.markers {
        draw_dots(chart, series, canvas, frame, &pixel);
    }
}

fn draw_dots(
    chart: &LineChart,
    series: &Series,
    canvas: &mut Canvas,
    frame: &Frame,
    pixel: &dyn Fn((f64, f64)) -> (f64, f64),
) {
    for (x, y) in places(chart, series).flatten().filter(|place| frame.holds(pixel(*place))) {
        let (at, to) = (number::value(x, chart.x.unit), number::value(y, chart.y.unit));
        let x_title = if chart.x.title.is_empty() { "x" } else { &chart.x.title };
        let tip = format!("{}{x_title} {at}: {to}", prefix(&series.name));
        legend::dot(canvas, pixel((x, y)), Some(&tip));
    }
}

fn prefix(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("{name}, ") }
}

/// One sentence for each series that has points which cannot be drawn.
fn notes(chart: &LineChart) -> Vec<String> {
    let left_out = |series: &Series| places(chart, series).filter(Option::is_none).count();
    let told = chart.series.iter().filter_map(|series| {
        let count = left_out(series);
        let verb = if count == 1 { "is" } else { "are" };
        let name = if series.name.is_empty() { "the series" } else { &series.name };
        (count > 0).then(|| format!("{} of {name} {verb} not drawn.", counted(count, "value")))
    });
    told.collect()
}

/// What the chart shows, in words: each series' first and last value.
fn describe(chart: &LineChart) -> String {
    let sentence = |series: &Series| {
        let name = if series.name.is_empty() { "The series" } else { &series.name };
        let drawn: Vec<_> = places(chart, series).flatten().collect();
        let say = |value: f64| number::value(value, chart.y.unit);
        match drawn.as_slice() {
            [] => format!("{name}: no values."),
            [(_, only)] => format!("{name}: {}.", say(*only)),
            [(_, first), .., (_, last)] => {
                format!("{name}: {}, from {} to {}.", counted(drawn.len(), "value"), say(*first), say(*last))
            }
        }
    };
    let told: Vec<_> = chart.series.iter().map(sentence).collect();
    if told.is_empty() { "No series.".to_owned() } else { told.join(" ") }
}
