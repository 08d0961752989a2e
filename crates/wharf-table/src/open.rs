//! A table from a file of either format.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::{CsvOptions, Table, TableError, read_csv, read_parquet};

/// Reads a Parquet file where `path` is one by its first bytes, and cells as text otherwise. Of the options, rows and
/// types count for both; what divides cells, and what stands for a missing one, is for text only.
///
/// # Errors
/// As [`read_csv`] and [`read_parquet`].
pub fn read_table(path: &Path, options: &CsvOptions) -> Result<Table, TableError> {
    if !is_parquet(path)? {
        return read_csv(path, options);
    }
    let table = read_parquet(path, options.rows)?;
    table.with_types(&options.types).map_err(|error| error.in_file(&path.display().to_string()))
}

/// A pipe is never one: its first bytes can be read only once.
fn is_parquet(path: &Path) -> Result<bool, TableError> {
    let failed = |error| TableError::io(path, error);
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Ok(false);
    }
    let mut head = Vec::new();
    File::open(path).map_err(failed)?.take(4).read_to_end(&mut head).map_err(failed)?;
    Ok(head == b"PAR1")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ColumnType;

    #[test]
    fn the_first_bytes_say_what_a_file_is() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let types = BTreeMap::from([("int8".to_owned(), ColumnType::Category)]);
        let options = CsvOptions { rows: Some(2), types, ..CsvOptions::default() };
        let parquet = put("a.csv", include_bytes!("../goldens/types.parquet"));
        let csv = put("b.parquet", b"int8\n-7\n100\n3\n");
        for path in [parquet, csv] {
            let table = read_table(&path, &options).unwrap();
            let column = table.column("int8").unwrap();
            assert_eq!((table.rows(), column.column_type()), (2, ColumnType::Category));
            assert_eq!(column.text(0).as_deref(), Some("-7"));
        }
        let message = read_table(&folder.path().join("none"), &options).unwrap_err().to_string();
        assert!(message.starts_with("cannot read `") && message.contains("none`"), "{message}");
    }
}
