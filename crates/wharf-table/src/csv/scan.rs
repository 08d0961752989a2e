//! The first pass: names, shape, encoding, and what each column holds.

use std::collections::HashMap;

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder, Trim};
use wharf_transform::unknown_name;

use super::evidence::Evidence;
use super::source::Source;
use super::{CsvOptions, MAX_CSV_COLUMNS};
use crate::{ColumnType, TableError};

/// A column and its type; `None` for texts of which it is not known yet whether they are prose.
pub(super) type ColumnPlan = (String, Option<ColumnType>);

/// Reads everything once and says what the columns are.
pub(super) fn scan(
    source: &Source,
    delimiter: u8,
    options: &CsvOptions,
) -> Result<Vec<ColumnPlan>, TableError> {
    let mut reader = open(source, delimiter, options)?;
    let names = column_names(&mut reader, options)?;
    check_declared(options, &names)?;
    let mut evidence = vec![Evidence::default(); names.len()];
    let rows = each_record(&mut reader, options, |line, record| {
        for (index, evidence) in evidence.iter_mut().enumerate() {
            let cell = cell(record, index, line, &names[index])?;
            if !options.is_missing(cell) {
                evidence.see(cell);
            }
        }
        Ok(())
    })?;
    if rows == 0 {
        return Err(TableError::malformed("there are no rows below the header"));
    }
    let plan = names.into_iter().zip(evidence).map(|(name, evidence)| {
        let declared = options.types.get(&name).copied();
        (name, declared.or_else(|| evidence.column_type()))
    });
    Ok(plan.collect())
}

pub(super) type CsvReader<'a> = Reader<Box<dyn std::io::Read + 'a>>;

pub(super) fn open<'a>(
    source: &'a Source,
    delimiter: u8,
    options: &CsvOptions,
) -> Result<CsvReader<'a>, TableError> {
    let reader = source.reader()?;
    let mut builder = ReaderBuilder::new();
    builder.delimiter(delimiter).has_headers(options.header).trim(Trim::All).buffer_capacity(1 << 16);
    Ok(builder.from_reader(reader))
}

/// The names of the columns, all there and all different.
pub(super) fn column_names(
    reader: &mut CsvReader<'_>,
    options: &CsvOptions,
) -> Result<Vec<String>, TableError> {
    let header = reader.byte_headers().map_err(csv_error)?;
    if header.is_empty() {
        return Err(TableError::malformed("the file is empty"));
    }
    if header.len() > MAX_CSV_COLUMNS {
        let count = header.len();
        return Err(TableError::malformed(format!("{count} columns, expected at most {MAX_CSV_COLUMNS}")));
    }
    if !options.header {
        return Ok((1..=header.len()).map(|number| format!("column_{number}")).collect());
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut names = Vec::with_capacity(header.len());
    for (index, name) in header.iter().enumerate() {
        let number = index + 1;
        let name = std::str::from_utf8(name).map_err(|_| {
            TableError::malformed(format!("line 1: the name of column {number} is not UTF-8"))
        })?;
        if name.is_empty() {
            return Err(TableError::malformed(format!("line 1: column {number} has no name")));
        }
        if let Some(first) = seen.insert(name.to_owned(), number) {
            return Err(TableError::malformed(format!(
                "line 1: columns {first} and {number} are both called `{name}`"
            )));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

fn check_declared(options: &CsvOptions, names: &[String]) -> Result<(), TableError> {
    let unknown = options.types.keys().find(|name| !names.contains(name));
    unknown.map_or(Ok(()), |name| {
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        Err(TableError::setting(unknown_name("column", name, &known)))
    })
}

/// Calls `each` with line number and record, up to the wanted number of rows; how many there were.
pub(super) fn each_record(
    reader: &mut CsvReader<'_>,
    options: &CsvOptions,
    mut each: impl FnMut(u64, &ByteRecord) -> Result<(), TableError>,
) -> Result<usize, TableError> {
    let mut record = ByteRecord::new();
    let limit = options.rows.unwrap_or(usize::MAX);
    let mut rows = 0;
    while rows < limit && reader.read_byte_record(&mut record).map_err(csv_error)? {
        let line = record.position().map_or(0, csv::Position::line);
        each(line, &record)?;
        rows += 1;
    }
    Ok(rows)
}

/// A cell as text.
pub(super) fn cell<'r>(
    record: &'r ByteRecord,
    index: usize,
    line: u64,
    name: &str,
) -> Result<&'r str, TableError> {
    let bytes = record.get(index).unwrap_or_default();
    std::str::from_utf8(bytes).map_err(|error| {
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        TableError::malformed(format!("line {line}, column `{name}`: byte 0x{byte:02x} is not UTF-8"))
    })
}

fn csv_error(error: csv::Error) -> TableError {
    match error.kind() {
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            TableError::malformed(format!(
                "line {line} has {len} cells, expected {expected_len} as in line 1"
            ))
        }
        _ => TableError::malformed(error.to_string()).with_source(error),
    }
}
