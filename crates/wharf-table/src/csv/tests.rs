use super::*;
use crate::{ColumnData, TableErrorKind};

fn read(content: &str) -> Result<Table, TableError> {
    read_csv_bytes(content.as_bytes(), &CsvOptions::default())
}

fn types(table: &Table) -> Vec<ColumnType> {
    table.columns().iter().map(|column| column.column_type()).collect()
}

#[test]
fn infers_types_over_all_rows() {
    let table = read(
        "whole,number,truth,day,moment,name,empty,long\n\
         1,1.5,True,2024-01-01,2024-01-01T10:00,a,,12345678901234567890\n\
         ?,2,false,,2024-01-02,NA,?,1\n\
         -3,1e3,TRUE,2024-02-29,2024-01-01 10:00:00Z,b,,2\n",
    )
    .unwrap();
    use ColumnType::{Boolean, Category, Date, DateTime, Float, Integer};
    assert_eq!(types(&table), [Integer, Float, Boolean, Date, DateTime, Category, Float, Category]);
    assert_eq!(table.rows(), 3);
    let whole = table.column("whole").unwrap();
    assert_eq!((whole.missing(), whole.as_numbers().unwrap()[2]), (1, -3.0));
    assert_eq!(table.column("truth").unwrap().data(), &ColumnData::Booleans(vec![1, 0, 1]));
    assert_eq!(table.column("name").unwrap().as_texts().unwrap().get(2), Some("b"));
    assert_eq!(table.column("long").unwrap().text(0).unwrap(), "12345678901234567890");
}

#[test]
fn the_last_row_counts_as_much_as_the_first() {
    let mut content = "x\n".to_owned();
    (0..20_000).for_each(|number| content.push_str(&format!("{number}\n")));
    assert_eq!(types(&read(&content).unwrap()), [ColumnType::Integer]);
    content.push_str("odd\n");
    assert_eq!(types(&read(&content).unwrap()), [ColumnType::Category]);
}

#[test]
fn finds_delimiter_quotes_and_byte_order_mark() {
    for content in [
        "a,b\n1,\"x, y\"\n2,z\n",
        "a;b\n1;\"x, y\"\n2;z\n",
        "a\tb\r\n1\tx, y\r\n2\tz\r\n",
        "a|b\n1|x, y\n2|z",
        "\u{feff}a,b\n1,\"x, y\"\n2,z\n",
        "\u{feff}\"a\",\"b\"\n 1 ,\"x, y\"\n2,z\n",
    ] {
        let table = read(content).unwrap();
        assert_eq!(table.column("a").unwrap().as_numbers(), Some(&[1.0, 2.0][..]), "{content}");
        assert_eq!(table.column("b").unwrap().text(0).unwrap(), "x, y", "{content}");
    }
}

#[test]
fn one_column_needs_no_delimiter() {
    let table = read("name\nanna maria\nbert\n").unwrap();
    assert_eq!((table.columns().len(), table.rows()), (1, 2));
}

#[test]
fn prose_is_told_from_names() {
    let mut content = "review,town\n".to_owned();
    for number in 0..30 {
        content.push_str(&format!("it was number {number} of many,New York {}\n", number % 5));
    }
    assert_eq!(types(&read(&content).unwrap()), [ColumnType::Text, ColumnType::Category]);
}

#[test]
fn mistakes_name_line_and_column() {
    for (content, expected) in [
        ("", "the file is empty"),
        ("a,b\n", "there are no rows below the header"),
        ("a,b\n1,2\n1,2,3\n", "line 3 has 3 cells, expected 2 as in line 1"),
        ("a,b\n\"1\n2\",2\n1\n", "line 4 has 1 cells, expected 2 as in line 1"),
        ("a,b,a\n1,2,3\n", "line 1: columns 1 and 3 are both called `a`"),
        ("a,,b\n1,2,3\n", "line 1: column 2 has no name"),
        ("a,b\n1,\0\n", "content is binary, with zero bytes, expected text in UTF-8"),
    ] {
        let error = read(content).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.kind()), (expected, TableErrorKind::Malformed));
    }
    for (content, expected) in [
        (&b"a,b\n1,2\n3,caf\xe9\n"[..], "line 3, column `b`: byte 0xe9 is not UTF-8"),
        (b"\xff\xfea\0", "content is UTF-16, expected text in UTF-8"),
        (b"a\xe9,b\n1,2\n", "line 1: the name of column 1 is not UTF-8"),
    ] {
        assert_eq!(read_csv_bytes(content, &CsvOptions::default()).unwrap_err().to_string(), expected);
    }
}

#[test]
fn declared_types_override_and_are_held() {
    let declare = |name: &str, column_type| CsvOptions {
        types: BTreeMap::from([(name.to_owned(), column_type)]),
        ..CsvOptions::default()
    };
    let content = b"zip,flag\n01234,yes\n5,no\n";
    let table = read_csv_bytes(content, &declare("zip", ColumnType::Category)).unwrap();
    assert_eq!(table.column("zip").unwrap().text(0).unwrap(), "01234");
    let table = read_csv_bytes(content, &declare("flag", ColumnType::Boolean)).unwrap();
    assert_eq!(table.column("flag").unwrap().data(), &ColumnData::Booleans(vec![1, 0]));
    let error = read_csv_bytes(content, &declare("flag", ColumnType::Integer)).unwrap_err();
    assert_eq!(error.to_string(), "line 2, column `flag`: `yes`, expected integer");
    let error = read_csv_bytes(content, &declare("flga", ColumnType::Integer)).unwrap_err();
    assert_eq!(error.to_string(), "unknown column `flga`, did you mean `flag`?");
}

#[test]
fn options_for_header_rows_and_missing_tokens() {
    let options = CsvOptions {
        header: false,
        rows: Some(2),
        missing: vec!["-9".to_owned()],
        delimiter: Some(';'),
        ..CsvOptions::default()
    };
    let table = read_csv_bytes(b"1;-9\n2;NA\n3\n", &options).unwrap();
    assert_eq!((table.rows(), table.columns()[1].name()), (2, "column_2"));
    assert_eq!((table.columns()[1].text(0), table.columns()[1].text(1).as_deref()), (None, Some("NA")));
    let options = CsvOptions { delimiter: Some('é'), ..CsvOptions::default() };
    assert_eq!(read_csv_bytes(b"a\n1\n", &options).unwrap_err().kind(), TableErrorKind::InvalidSetting);
}

#[test]
fn a_file_is_named_in_its_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.csv");
    std::fs::write(&path, "a,b\n1\n").unwrap();
    let message = read_csv(&path, &CsvOptions::default()).unwrap_err().to_string();
    assert!(message.contains("bad.csv") && message.contains("line 2"), "{message}");
    let error = read_csv(&folder.path().join("none.csv"), &CsvOptions::default()).unwrap_err();
    assert_eq!(error.kind(), TableErrorKind::Io);
}

#[test]
fn no_content_panics() {
    let content =
        "\u{feff}a,\"b\nc\";d|e\tf\r\n1,\"x \"\"y\"\"\",2024-01-01,\u{e9},NaN,-9e999\r\n\r\n2,,,,?,1\n"
            .as_bytes();
    let mut outcomes = [0, 0];
    for length in 0..content.len() {
        for flip in [0_u8, 1, 0x0c, 0x80, 0xff] {
            let mut content = content[..=length].to_vec();
            content[length] ^= flip;
            outcomes[usize::from(read_csv_bytes(&content, &CsvOptions::default()).is_ok())] += 1;
        }
    }
    assert!(outcomes[0] > 0 && outcomes[1] > 0, "{outcomes:?}");
}
