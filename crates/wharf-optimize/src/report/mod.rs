//! The report of a search: one page, and the same as JSON.

mod charts;
mod page;
mod tables;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use crate::OptimizeError;
use crate::search::Outcome;

/// The page's file name.
pub const REPORT_FILE: &str = "report.html";
/// The file name of the outcome as JSON.
pub const OUTCOME_FILE: &str = "optimise.json";

/// The report as one HTML file without references. `title` is the model's name, `environment` names and values of what
/// else decides the outcome, such as the processor. The same outcome gives the same bytes.
pub fn report_html(title: &str, outcome: &Outcome, environment: &[(String, String)]) -> String {
    page::page(title, outcome, environment).to_html()
}

/// The outcome as JSON, without the model itself.
///
/// # Errors
/// None that can be caused from outside.
pub fn outcome_json(outcome: &Outcome) -> Result<String, OptimizeError> {
    let text = serde_json::to_string_pretty(outcome).map_err(io::Error::other);
    text.map(|text| text + "\n").map_err(OptimizeError::io("write the outcome"))
}

/// Writes [`REPORT_FILE`] and [`OUTCOME_FILE`] into `folder`, each whole or not at all.
///
/// # Errors
/// A file cannot be written.
pub fn write_report(
    folder: &Path,
    title: &str,
    outcome: &Outcome,
    environment: &[(String, String)],
) -> Result<(), OptimizeError> {
    let failed = || OptimizeError::io("write the report");
    write(folder, OUTCOME_FILE, &outcome_json(outcome)?).map_err(failed())?;
    write(folder, REPORT_FILE, &report_html(title, outcome, environment)).map_err(failed())?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed())
}

/// Writes `text` beside its place, brings it to the disk, and moves it there.
fn write(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let staged = folder.join(format!(".{name}.partial"));
    let written = File::create(&staged).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let moved = written.and_then(|()| fs::rename(&staged, folder.join(name)));
    if moved.is_err() {
        // The first error is the one to tell; what it left behind is overwritten next time.
        let _ = fs::remove_file(&staged);
    }
    moved
}
