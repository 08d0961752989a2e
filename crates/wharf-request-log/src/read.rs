//! Reading a log back.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Lines};
use std::path::Path;

use crate::Record;

/// The requests of a file, in its order.
pub struct Records {
    lines: Lines<BufReader<File>>,
    number: usize,
}

/// A file that cannot be read, or a line that is no request.
#[derive(Debug)]
pub struct ReadError(String);

/// The requests in the file at `path`.
///
/// # Errors
/// The file cannot be opened.
pub fn read(path: &Path) -> Result<Records, ReadError> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| ReadError(format!("`{shown}` cannot be opened: {error}")))?;
    Ok(Records { lines: BufReader::new(file).lines(), number: 0 })
}

impl Iterator for Records {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.lines.next()?;
        self.number += 1;
        Some(parse(line).map_err(|why| ReadError(format!("line {}: {why}", self.number))))
    }
}

fn parse(line: io::Result<String>) -> Result<Record, String> {
    Record::from_line(&line.map_err(|error| error.to_string())?)
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReadError {}
