//! Horizontal bars, one for each name.

use crate::axis::Axis;
use crate::canvas::{Anchor, Canvas};
use crate::drawing::{Drawing, MARGIN, title_block};
use crate::number::{self, Unit, is_drawable};
use crate::scale::{Domain, Scale};
use crate::text::{self, counted};

const FONT: f64 = 12.0;
const GAP: f64 = 8.0;

/// Values by name, as horizontal bars in the order given, each with its value written beside it.
///
/// ```
/// use wharf_report::{BarChart, Unit};
///
/// let chart = BarChart::new("F1 by class").unit(Unit::Percent).range(0.0, 1.0);
/// let svg = chart.bar("cat", 0.93).bar("dog", 0.87).draw().to_svg();
/// assert!(svg.contains("93.0%"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BarChart {
    title: String,
    axis: Axis,
    bars: Vec<(String, f64)>,
    width: f64,
}

impl BarChart {
    /// A chart without bars yet, 720 pixels wide; its height follows from the number of bars.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), axis: Axis::default().from_zero(), bars: Vec::new(), width: 720.0 }
    }

    /// What the values are, written below their axis.
    pub fn axis_title(mut self, title: impl Into<String>) -> Self {
        self.axis.title = title.into();
        self
    }

    /// How the values are written.
    pub fn unit(mut self, unit: Unit) -> Self {
        self.axis.unit = unit;
        self
    }

    /// Lets the axis reach from `low` to `high`, as 0 to 1 for shares. Bars that go further are cut.
    /// Ignored unless `low < high`.
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.axis.range = Some((low, high));
        self
    }

    /// Adds a bar. One whose value is not finite shows a dash.
    pub fn bar(mut self, name: impl Into<String>, value: f64) -> Self {
        self.bars.push((name.into(), value));
        self
    }

    /// Width in pixels, at least 240 (and at most 10,000).
    pub fn width(mut self, width: u32) -> Self {
        self.width = f64::from(width.clamp(240, 10_000));
        self
    }

    /// Draws the chart.
    pub fn draw(&self) -> Drawing {
        let mut canvas = Canvas::default();
        let top = title_block(&mut canvas, &self.title, self.width);
        let pitch = if self.bars.len() > 30 { 18.0 } else { 26.0 };
        let bottom = top + pitch * self.bars.len() as f64 + 4.0;
        let scale = self.scale();
        for (at, label) in scale.ticks() {
            canvas.line("wr-grid", (at, top), (at, bottom));
            canvas.text("wr-mute", (at, bottom + 16.0), Anchor::Middle, &label);
        }
        for (index, (name, value)) in self.bars.iter().enumerate() {
            self.draw_bar(&mut canvas, &scale, (top + 2.0 + pitch * index as f64, pitch), name, *value);
        }
        let zero = scale.px(0.0_f64.clamp(scale.domain.low, scale.domain.high));
        canvas.line("wr-axis", (zero, top), (zero, bottom));
        let height = self.draw_axis_title(&mut canvas, bottom + 20.0);
        Drawing::new(&self.title, self.describe(), (self.width, height + MARGIN * 0.75), canvas)
    }

    fn name_room(&self) -> f64 {
        let widest = self.bars.iter().map(|(name, _)| text::width(name, FONT)).fold(0.0, f64::max);
        widest.min(self.width * 0.35)
    }

    fn scale(&self) -> Scale {
        let axis = &self.axis;
        let values = || self.bars.iter().map(|(_, value)| *value);
        let widest_value =
            values().map(|v| text::width(&number::value(v, axis.unit), FONT)).fold(0.0, f64::max) + GAP;
        let left = MARGIN + self.name_room() + GAP;
        let right = self.width - MARGIN;
        let wanted = ((right - left) / 90.0).clamp(1.0, 8.0) as usize;
        let domain = Domain::of(axis, values(), wanted, false);
        // Room for the value beside the longest bar, on the left too where bars go there.
        let before = if domain.low < 0.0 { widest_value } else { 0.0 };
        Scale::new(domain, left + before, (right - widest_value).max(left + before + 20.0))
    }

    fn draw_bar(&self, canvas: &mut Canvas, scale: &Scale, (y, pitch): (f64, f64), name: &str, value: f64) {
        let (thick, base) = (pitch * 0.68, y + pitch / 2.0 + 4.0);
        let room = self.name_room();
        let shown = text::fit(name, FONT, room + 0.01);
        canvas.cut_text("wr-text", (MARGIN + room, base), Anchor::End, &shown, name);
        let inside = |v: f64| scale.px(v.clamp(scale.domain.low, scale.domain.high));
        let zero = inside(0.0);
        if !is_drawable(value) {
            return canvas.text("wr-mute", (zero + 5.0, base), Anchor::Start, "\u{2013}");
        }
        let end = inside(value);
        let label = self.label(&scale.domain, value);
        canvas.open_group("wr-s0");
        let (x, wide) = (zero.min(end), (zero - end).abs());
        canvas.rect_with_tip(
            "wr-bar",
            x,
            y + (pitch - thick) / 2.0,
            wide,
            thick,
            &format!("{name}: {label}"),
        );
        canvas.close_group();
        let (at, anchor) = if value < 0.0 { (end - 5.0, Anchor::End) } else { (end + 5.0, Anchor::Start) };
        canvas.text("wr-text", (at, base), anchor, &label);
    }

    /// A value with as many decimals as the others, unless they do not suffice for it.
    fn label(&self, domain: &Domain, value: f64) -> String {
        let step = (domain.high - domain.low) / 200.0;
        if self.axis.unit == Unit::Count || value.abs() < step {
            number::value(value, self.axis.unit)
        } else {
            number::tick(value, step, self.axis.unit)
        }
    }

    /// Writes the axis title, if there is one, and gives where the next thing below may start.
    fn draw_axis_title(&self, canvas: &mut Canvas, top: f64) -> f64 {
        if self.axis.title.is_empty() {
            return top;
        }
        let left = MARGIN + self.name_room() + GAP;
        let shown = text::fit(&self.axis.title, FONT, self.width - MARGIN - left);
        canvas.text("wr-mute", ((left + self.width - MARGIN) / 2.0, top + 14.0), Anchor::Middle, &shown);
        top + 18.0
    }

    fn describe(&self) -> String {
        const TOLD: usize = 20;
        let told = self.bars.iter().take(TOLD);
        let told = told.map(|(name, value)| format!("{name} {}", number::value(*value, self.axis.unit)));
        let more = if self.bars.len() > TOLD { ", and more" } else { "" };
        let told = told.collect::<Vec<_>>().join(", ");
        format!("{}: {told}{more}.", counted(self.bars.len(), "bar"))
    }
}

#[cfg(test)]
mod tests;
