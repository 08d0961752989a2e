//! Writes the elements of a drawing. Whatever text goes through here is escaped.

use std::fmt;

use crate::number::Px;
use crate::text::escape;

/// The content of an `svg` element, as it grows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Canvas {
    body: String,
}

/// Where a text stands relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    fn class(self) -> &'static str {
        match self {
            Self::Start => "",
            Self::Middle => " wr-m",
            Self::End => " wr-e",
        }
    }
}

impl Canvas {
    pub(crate) fn into_body(self) -> String {
        self.body
    }

    /// Appends formatted markup; its variable parts are numbers, class names of ours or escaped text.
    pub(crate) fn push(&mut self, markup: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = fmt::write(&mut self.body, markup);
    }

    pub(crate) fn rect(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        self.open_rect(class, x, y, width, height);
        self.body.push_str("/>");
    }

    /// A rectangle that shows `tip` when pointed at.
    pub(crate) fn rect_with_tip(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64, tip: &str) {
        self.open_rect(class, x, y, width, height);
        self.push(format_args!("><title>{}</title></rect>", escape(tip)));
    }

    fn open_rect(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        let (x, y, width, height) = (Px(x), Px(y), Px(width.max(0.0)), Px(height.max(0.0)));
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\""
        ));
    }

    pub(crate) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let (x1, y1, x2, y2) = (Px(x1), Px(y1), Px(x2), Px(y2));
        self.push(format_args!("<path class=\"{class}\" d=\"M{x1} {y1}L{x2} {y2}\"/>"));
    }

    pub(crate) fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let (x, y, anchor, text) = (Px(x), Px(y), anchor.class(), escape(text));
        self.push(format_args!("<text class=\"{class}{anchor}\" x=\"{x}\" y=\"{y}\">{text}</text>"));
    }

    /// A text that says all of `full` when pointed at, where `shown` is a part of it.
    pub(crate) fn cut_text(
        &mut self,
        class: &str,
        (x, y): (f64, f64),
        anchor: Anchor,
        shown: &str,
        full: &str,
    ) {
        if shown == full {
            return self.text(class, (x, y), anchor, shown);
        }
        let (x, y, anchor) = (Px(x), Px(y), anchor.class());
        let (shown, full) = (escape(shown), escape(full));
        self.push(format_args!(
            "<text class=\"{class}{anchor}\" x=\"{x}\" y=\"{y}\">{shown}<title>{full}</title></text>"
        ));
    }

    /// A text that runs upwards at an angle and ends at its point.
    pub(crate) fn slanted(&mut self, class: &str, (x, y): (f64, f64), degrees: f64, shown: &str, full: &str) {
        let (x, y, degrees, text) = (Px(x), Px(y), Px(-degrees), escape(shown));
        self.push(format_args!(
            "<text class=\"{class} wr-e\" transform=\"translate({x} {y})rotate({degrees})\">{text}"
        ));
        if shown != full {
            self.push(format_args!("<title>{}</title>", escape(full)));
        }
        self.body.push_str("</text>");
    }

    /// A text that runs upwards and has its middle at its point.
    pub(crate) fn upright(&mut self, class: &str, (x, y): (f64, f64), text: &str) {
        let (x, y, text) = (Px(x), Px(y), escape(text));
        self.push(format_args!(
            "<text class=\"{class} wr-m\" transform=\"translate({x} {y})rotate(-90)\">{text}</text>"
        ));
    }

    pub(crate) fn open_group(&mut self, class: &str) {
        self.push(format_args!("<g class=\"{class}\">"));
    }

    pub(crate) fn close_group(&mut self) {
        self.body.push_str("</g>");
    }
}
