//! A finished chart: what it shows, how large it is, and its elements.

use crate::canvas::{Anchor, Canvas};
use crate::number::Px;
use crate::palette;
use crate::text::{self, escape};

/// The space between a drawing's border and its content.
pub(crate) const MARGIN: f64 = 16.0;
/// The font size of titles; those of all classes are in the palette.
pub(crate) const TITLE_SIZE: f64 = 15.0;

/// A chart that has been drawn. It is the same text every time for the same data.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) body: String,
    pub(crate) uses_ramps: bool,
}

impl Drawing {
    pub(crate) fn new(title: &str, description: String, (width, height): (f64, f64), canvas: Canvas) -> Self {
        let (title, body) = (title.to_owned(), canvas.into_body());
        Self { title, description, width, height, body, uses_ramps: false }
    }

    /// Width and height in CSS pixels.
    pub fn size(&self) -> (f64, f64) {
        (self.width, self.height)
    }

    /// Several drawings in one, side by side in rows of `columns`, under a common title.
    pub fn grid(title: &str, columns: usize, drawings: &[Drawing]) -> Self {
        let columns = columns.max(1);
        let column_width = drawings.iter().map(|d| d.width).fold(0.0, f64::max);
        let mut canvas = Canvas::default();
        let head = title_block(&mut canvas, title, column_width * columns as f64);
        let mut top = head;
        for row in drawings.chunks(columns) {
            for (column, drawing) in row.iter().enumerate() {
                let (x, y) = (Px(column as f64 * column_width), Px(top));
                let (name, body) = (escape(&drawing.title), &drawing.body);
                canvas.push(format_args!(
                    "<g transform=\"translate({x} {y})\" role=\"group\" aria-label=\"{name}\">"
                ));
                canvas.push(format_args!("{body}</g>"));
            }
            top += row.iter().map(|d| d.height).fold(0.0, f64::max);
        }
        let told = drawings.iter().map(|d| format!("{}: {}", d.title, d.description));
        let told = told.collect::<Vec<_>>().join(" ");
        let size = (column_width * drawings.len().min(columns) as f64, top);
        let mut grid = Self::new(title, told, size, canvas);
        grid.uses_ramps = drawings.iter().any(|d| d.uses_ramps);
        grid
    }

    /// A picture of its own: an SVG file, with its style inside and a surface that suits light and dark pages.
    pub fn to_svg(&self) -> String {
        let style = palette::style(self.uses_ramps);
        let mut canvas = Canvas::default();
        self.open(&mut canvas);
        canvas.push(format_args!(
            "<style>{style}</style><rect class=\"wr-bg\" width=\"100%\" height=\"100%\"/>"
        ));
        canvas.push(format_args!("{}</svg>\n", self.body));
        canvas.into_body()
    }

    /// An `svg` element for a page that carries the style already.
    pub(crate) fn to_element(&self) -> String {
        let mut canvas = Canvas::default();
        self.open(&mut canvas);
        canvas.push(format_args!("{}</svg>", self.body));
        canvas.into_body()
    }

    fn open(&self, canvas: &mut Canvas) {
        let (width, height) = (Px(self.width), Px(self.height));
        canvas.push(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"wr\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\
             <title>{}</title><desc>{}</desc>",
            escape(&self.title),
            escape(&self.description)
        ));
    }
}

/// Writes a title, if there is one, and gives the height it takes.
pub(crate) fn title_block(canvas: &mut Canvas, title: &str, width: f64) -> f64 {
    if title.is_empty() {
        return MARGIN * 0.5;
    }
    // Half-bold letters are wider than the measured ones.
    let shown = text::fit(title, TITLE_SIZE * 1.06, width - 2.0 * MARGIN);
    canvas.cut_text("wr-title", (MARGIN, 27.0), Anchor::Start, &shown, title);
    40.0
}
