//! Tables from text in cells.
//!
//! The file is read twice: once to find what each column holds, over all rows, and once to keep the values. So no
//! cell is kept as text that becomes a number, and no type is guessed from the first rows alone.

mod evidence;
mod load;
mod scan;
mod sniff;
mod source;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{ColumnType, Table, TableError};
use source::Source;

/// The most columns of a file.
pub const MAX_CSV_COLUMNS: usize = 65_536;

/// Texts that stand for a missing value unless told otherwise; the empty cell always does.
pub const MISSING_TOKENS: [&str; 8] = ["NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"];

/// How a file is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CsvOptions {
    /// What divides the cells, an ASCII character; found from the first lines where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// Whether the first line names the columns. Where not, they are called `column_1` and so on.
    pub header: bool,
    /// Texts that stand for a missing value, beside the empty cell.
    pub missing: Vec<String>,
    /// The most rows that are read; all where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// What columns hold, by name, where it shall not be inferred.
    pub types: BTreeMap<String, ColumnType>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: None,
            header: true,
            missing: MISSING_TOKENS.map(str::to_owned).to_vec(),
            rows: None,
            types: BTreeMap::new(),
        }
    }
}

impl CsvOptions {
    fn is_missing(&self, cell: &str) -> bool {
        cell.is_empty() || self.missing.iter().any(|token| token == cell)
    }
}

/// Reads a file of cells divided by commas, semicolons, tabs or bars, in UTF-8, with or without quotes and a byte
/// order mark. Blanks around cells do not count.
///
/// # Errors
/// The file cannot be read, is not UTF-8, has a line with another number of cells than the header, a column
/// without a name or two of one name, no columns or no rows, or a cell that is not of its declared type. Messages
/// name file, line and column.
pub fn read_csv(path: &Path, options: &CsvOptions) -> Result<Table, TableError> {
    read(&Source::open(path)?, options).map_err(|error| error.in_file(&path.display().to_string()))
}

/// Reads the content of such a file.
///
/// # Errors
/// As [`read_csv`], without the name of the file.
pub fn read_csv_bytes(content: &[u8], options: &CsvOptions) -> Result<Table, TableError> {
    read(&Source::Bytes(content.to_vec()), options)
}

fn read(source: &Source, options: &CsvOptions) -> Result<Table, TableError> {
    let delimiter = match options.delimiter {
        None => sniff::delimiter(&source.head()?),
        Some(character) if character.is_ascii() && !['"', '\r', '\n'].contains(&character) => character as u8,
        Some(character) => {
            return Err(TableError::setting(format!(
                "delimiter `{character}` is not an ASCII character that can divide cells"
            )));
        }
    };
    sniff::check_encoding(&source.head()?)?;
    let types = scan::scan(source, delimiter, options)?;
    let columns = load::load(source, delimiter, options, &types)?;
    Ok(Table::new(columns)?.with_missing_tokens(options.missing.clone()))
}

#[cfg(test)]
mod tests;
