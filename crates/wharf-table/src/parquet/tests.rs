use super::*;
use crate::{ColumnData, ColumnType, TableErrorKind};

/// Made by `goldens/make_parquet.py`: 3 rows of every type that is read, the last one missing; in two row groups.
const TYPES: &[u8] = include_bytes!("../../goldens/types.parquet");

/// The same with a column of lists, and with one of times of day.
const NESTED: &[u8] = include_bytes!("../../goldens/nested.parquet");
const TIMES: &[u8] = include_bytes!("../../goldens/times.parquet");

fn types(rows: Option<usize>) -> Table {
    read_parquet_bytes(Bytes::from_static(TYPES), rows).unwrap()
}

#[test]
fn common_types_are_read() {
    let table = types(None);
    assert_eq!(table.rows(), 3);
    for (name, column_type, first, second) in [
        ("int8", ColumnType::Integer, "-7", "100"),
        ("int64", ColumnType::Integer, "-5000000000", "3"),
        ("uint32", ColumnType::Integer, "4000000000", "0"),
        ("long", ColumnType::Category, "9007199254740993", "-9007199254740995"),
        ("ulong", ColumnType::Category, "18446744073709551615", "1"),
        ("float32", ColumnType::Float, "0.5", "-1.25"),
        ("float64", ColumnType::Float, "0.1", "1e-300"),
        ("float16", ColumnType::Float, "1.5", "-2"),
        ("truth", ColumnType::Boolean, "true", "false"),
        ("text", ColumnType::Category, "élan", "b"),
        ("dictionary", ColumnType::Category, "x", "y"),
        ("decimal9", ColumnType::Float, "-12.34", "0.01"),
        ("decimal18", ColumnType::Float, "1234567890.5", "-0.125"),
        ("decimal38", ColumnType::Float, "-1.5", "2.25"),
        ("date", ColumnType::Date, "2024-02-29", "1969-12-31"),
        ("millis", ColumnType::DateTime, "2024-02-29 10:11:12.500000", "1970-01-01"),
        ("micros", ColumnType::DateTime, "2024-02-29 10:11:12.500000", "1970-01-01"),
        ("nanos", ColumnType::DateTime, "2024-02-29 10:11:12.500000", "1970-01-01"),
    ] {
        let column = table.column(name).unwrap();
        assert_eq!(column.column_type(), column_type, "{name}");
        let text = |row| column.text(row).unwrap().into_owned();
        if name == "float64" {
            assert_eq!(column.as_numbers().unwrap()[..2], [0.1, 1e-300]);
        } else {
            assert_eq!((text(0).as_str(), text(1).as_str()), (first, second), "{name}");
        }
        assert!(column.is_missing(2), "{name}");
    }
    assert_eq!(table.column("nothing").unwrap().missing(), 3);
    assert_eq!(table.column("required").unwrap().data(), &ColumnData::Numbers(vec![1.0, 2.0, 3.0]));
}

#[test]
fn old_timestamps_are_read() {
    let old = read_parquet_bytes(Bytes::from_static(include_bytes!("../../goldens/int96.parquet")), None);
    assert_eq!(old.unwrap().column("t").unwrap().text(0).unwrap(), "2024-02-29 10:11:12.500000");
}

#[test]
fn rows_are_limited() {
    assert_eq!([types(Some(0)).rows(), types(Some(1)).rows(), types(Some(9)).rows()], [0, 1, 3]);
}

#[test]
fn other_types_are_refused_by_name() {
    for (content, expected) in [
        (NESTED, "column `list.list.element` is nested, which is not read"),
        (TIMES, "column `time` is INT32"),
    ] {
        let error = read_parquet_bytes(Bytes::from_static(content), None).unwrap_err();
        assert_eq!(error.kind(), TableErrorKind::Unsupported);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn damaged_files_are_errors() {
    for length in (0..TYPES.len()).step_by(97) {
        assert!(read_parquet_bytes(Bytes::from_static(&TYPES[..length]), None).is_err(), "cut to {length}");
    }
    let error = read_parquet_bytes(Bytes::from_static(b"a,b\n1,2\n"), None).unwrap_err();
    assert_eq!(error.kind(), TableErrorKind::Malformed);
    // Any outcome but a panic: a changed byte may be one of a value.
    for at in (0..TYPES.len()).step_by(13) {
        let mut content = TYPES.to_vec();
        content[at] ^= 0x55;
        let _ = read_parquet_bytes(content.into(), None);
    }
}
