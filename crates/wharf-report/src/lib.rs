//! Charts as SVG and self-contained HTML reports, from plain data.
//!
//! Pure functions: data in, text out. The same data gives the same bytes, on any machine. Nothing here reads
//! a file, asks the clock, or needs a font, a browser or JavaScript.
//!
//! - Charts are [`LineChart`], [`BarChart`], [`Heatmap`] and [`ConfusionMatrix`]. Each draws itself into a
//!   [`Drawing`], which is written as a picture of its own ([`Drawing::to_svg`]) or goes into a report.
//! - A [`Report`] is one HTML file of [`Section`]s, with paragraphs, [`Facts`], [`Table`]s, charts and pictures.
//!   It follows the reader's light or dark setting, prints, and refers to nothing outside itself.
//!
//! Every text may be hostile: it is escaped, stripped of control characters and, where space is short, cut
//! with an ellipsis. Every number may be NaN or infinite: it is left out of the drawing, and the chart says so.
//!
//! ```
//! use wharf_report::{Axis, Facts, LineChart, Report, Section, Series};
//!
//! let chart = LineChart::new("Loss")
//!     .x(Axis::new("epoch").whole())
//!     .y(Axis::new("cross entropy"))
//!     .series(Series::new("train", vec![(1.0, 0.61), (2.0, 0.42), (3.0, 0.36)]).markers())
//!     .series(Series::new("eval", vec![(1.0, 0.48), (2.0, 0.43), (3.0, f64::NAN)]).markers());
//! let svg = chart.draw().to_svg();
//! assert!(svg.starts_with("<svg ") && svg.contains("1 value of eval is not drawn"));
//!
//! let html = Report::new("fashion <small>")
//!     .section(Section::new("Learning curves").chart(chart.draw()))
//!     .section(Section::new("Recipe").facts(Facts::new().add("epochs", "3").add("seed", "7")))
//!     .to_html();
//! assert!(html.contains("fashion &lt;small&gt;"));
//! ```

mod axis;
mod bar;
mod canvas;
mod drawing;
mod error;
mod heat;
mod html;
mod line;
mod number;
mod palette;
mod scale;
mod text;
mod ticks;

pub use axis::Axis;
pub use bar::BarChart;
pub use drawing::Drawing;
pub use error::{ReportError, ReportErrorKind};
pub use heat::{ConfusionMatrix, Heatmap};
pub use html::{Facts, Picture, Report, Section, Table};
pub use line::{LineChart, Series};
pub use number::Unit;
