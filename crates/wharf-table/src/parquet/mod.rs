//! Tables from Parquet files, whose columns must not be nested.

mod kind;
mod read;
mod sink;

use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::Path;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, FileReader};
use parquet::file::serialized_reader::SerializedFileReader;

use crate::{Table, TableError};
use kind::Kind;

/// Reads a Parquet file; at most the first `rows` rows where they are limited.
///
/// Numbers, decimals, truth values, texts, dates and timestamps are read, plain or in dictionaries, compressed with
/// Snappy, Zstandard or gzip or not at all. Whole numbers beyond 2^53 become texts, so that they stay distinct.
///
/// # Errors
/// The file cannot be read or is damaged, or has a column of another type, which the message names.
pub fn read_parquet(path: &Path, rows: Option<usize>) -> Result<Table, TableError> {
    let file = File::open(path).map_err(|error| TableError::io(path, error))?;
    read(file, rows).map_err(|error| error.in_file(&path.display().to_string()))
}

/// Reads the content of such a file.
///
/// # Errors
/// As [`read_parquet`], without the name of the file.
pub fn read_parquet_bytes(content: Bytes, rows: Option<usize>) -> Result<Table, TableError> {
    read(content, rows)
}

/// The library checks most of what a damaged file can say, and panics at the rest: that ends here as an error too.
fn read<R: ChunkReader + 'static>(content: R, rows: Option<usize>) -> Result<Table, TableError> {
    let read = std::panic::catch_unwind(AssertUnwindSafe(|| read_columns(content, rows)));
    read.unwrap_or_else(|_| {
        Err(TableError::malformed("content is not a whole Parquet file: it contradicts itself"))
    })
}

fn read_columns<R: ChunkReader + 'static>(content: R, rows: Option<usize>) -> Result<Table, TableError> {
    let length = content.len();
    let reader = SerializedFileReader::new(content).map_err(failed)?;
    check_places(reader.metadata(), length)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let kinds: Vec<Kind> =
        schema.columns().iter().map(|column| Kind::of(column)).collect::<Result<_, _>>()?;
    let limit = rows.unwrap_or(usize::MAX);
    let columns = kinds.into_iter().enumerate();
    let columns = columns.map(|(index, kind)| {
        let name = schema.column(index).name().to_owned();
        read::column(&reader, index, kind, limit)
            .map_err(|error| TableError::new(error.kind(), format!("column `{name}`: {error}")))
            .map(|(column_type, data)| crate::Column::new(name, column_type, data))
    });
    Table::new(columns.collect::<Result<_, _>>()?)
}

/// Whether the parts of every column lie within the file.
fn check_places(metadata: &ParquetMetaData, length: u64) -> Result<(), TableError> {
    let columns = metadata.row_groups().iter().flat_map(|group| group.columns());
    for column in columns {
        let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
        let range = u64::try_from(start).ok().zip(u64::try_from(column.compressed_size()).ok());
        let end = range.and_then(|(start, size)| start.checked_add(size));
        if end.is_none_or(|end| end > length) {
            let name = column.column_path().string();
            return Err(TableError::malformed(format!("column `{name}` lies outside of the file")));
        }
    }
    Ok(())
}

fn failed(error: ParquetError) -> TableError {
    TableError::malformed(format!("content is not a whole Parquet file: {error}")).with_source(error)
}

#[cfg(test)]
mod tests;
