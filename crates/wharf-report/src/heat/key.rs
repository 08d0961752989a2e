//! The key of a shaded grid: strips of the shades with their values, between title and grid.

use super::grid::level;
use crate::canvas::{Anchor, Canvas};
use crate::drawing::MARGIN;
use crate::palette::Ramp;
use crate::text;

const STRIP: f64 = 120.0;
const STEPS: usize = 24;
const GAP: f64 = 28.0;

/// One strip: its name, the values at its ends, and the shade at a share of its length.
pub(super) struct Key {
    pub(super) name: String,
    pub(super) low: String,
    pub(super) high: String,
    pub(super) shade: fn(f64) -> (Ramp, f64),
}

impl Key {
    fn name_width(&self) -> f64 {
        if self.name.is_empty() { 0.0 } else { text::width(&self.name, 12.0) + 10.0 }
    }

    fn strip_width(&self) -> f64 {
        // The values stand below the strip, one at each end.
        STRIP.max(text::width(&self.low, 11.0) + text::width(&self.high, 11.0) + 8.0)
    }

    /// The width of all strips beside each other.
    pub(super) fn width(keys: &[Key]) -> f64 {
        keys.iter().map(|key| key.name_width() + key.strip_width() + GAP).sum::<f64>() - GAP
    }

    /// Draws the strips beside each other and gives where the next thing below them may start.
    pub(super) fn draw_all(keys: &[Key], canvas: &mut Canvas, top: f64) -> f64 {
        let mut x = MARGIN;
        for key in keys {
            key.draw(canvas, (x, top));
            x += key.name_width() + key.strip_width() + GAP;
        }
        if keys.is_empty() { top } else { top + 42.0 }
    }

    fn draw(&self, canvas: &mut Canvas, (x, top): (f64, f64)) {
        canvas.text("wr-text", (x, top + 10.0), Anchor::Start, &self.name);
        let (x, wide) = (x + self.name_width(), self.strip_width());
        let step = wide / STEPS as f64;
        for index in 0..STEPS {
            let (ramp, share) = (self.shade)((index as f64 + 0.5) / STEPS as f64);
            let class = format!("wr-{}{}", ramp.letter(), level(share));
            // Half a pixel of overlap, so that no seams show.
            let overlap = if index + 1 < STEPS { 0.5 } else { 0.0 };
            canvas.rect(&class, x + step * index as f64, top, step + overlap, 12.0);
        }
        canvas.text("wr-mute wr-small", (x, top + 26.0), Anchor::Start, &self.low);
        canvas.text("wr-mute wr-small", (x + wide, top + 26.0), Anchor::End, &self.high);
    }
}
