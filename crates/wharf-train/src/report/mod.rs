//! What a run leaves for people to look at: `curves.svg`, `confusion.svg` and `report.html`.

mod curves;
mod environment;
mod evaluation;
mod mistakes;
mod page;

use std::path::Path;
use std::time::Duration;

pub use environment::environment;
pub use mistakes::{Mistake, SurestMistakes};

use wharf_runs::write_atomically;

use crate::error::TrainError;
use crate::metrics::{EpochMetrics, Evaluation};

/// Everything that the report of a run tells.
#[derive(Clone, Copy, Debug)]
pub struct RunReport<'a> {
    /// The run's name, which is the heading.
    pub name: &'a str,
    /// One entry per finished epoch.
    pub epochs: &'a [EpochMetrics],
    /// How the finished network does; absent while a run goes on, or where the recipe has no such split.
    pub evaluation: Option<&'a Evaluation>,
    /// Pictures that were classified wrongly, as [`SurestMistakes`] gathers them; may be empty.
    pub mistakes: &'a [Mistake],
    /// The recipe, as it was read.
    pub recipe: &'a str,
    /// Names and values of what else decides the outcome: seed, digests, [`environment()`].
    pub environment: &'a [(String, String)],
    /// What the run spent its time on.
    pub timings: &'a [(String, Duration)],
}

/// Writes `curves.svg`, `confusion.svg` (where there is an evaluation) and `report.html` into a run's folder.
///
/// Each file is there whole or not at all, also when a former one is replaced. The same report gives the same bytes.
///
/// # Errors
/// If a file cannot be written, or the evaluation's confusion matrix is not square.
pub fn write_report(run_dir: &Path, report: &RunReport<'_>) -> Result<(), TrainError> {
    let confusion = report.evaluation.map(evaluation::confusion).transpose();
    let confusion = confusion.map_err(|error| TrainError::run(format!("cannot draw the report: {error}")))?;
    let write = |name: &str, text: String| write_atomically(&run_dir.join(name), text.as_bytes());
    write("curves.svg", curves::all(report.epochs).to_svg())?;
    if let Some(confusion) = &confusion {
        write("confusion.svg", confusion.to_svg())?;
    }
    Ok(write("report.html", page::page(report, confusion).to_html())?)
}

#[cfg(test)]
mod tests;
