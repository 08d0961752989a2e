//! Columns read again as what they are declared to be.

use std::collections::BTreeMap;

use wharf_transform::columns::{MISSING_BOOLEAN, parse_boolean, parse_number, parse_time};

use crate::{Column, ColumnData, ColumnType, Table, TableError, Texts};

impl Table {
    /// The table with these columns as these types: what [`CsvOptions::types`](crate::CsvOptions::types) does while a
    /// file is read, for a table that is there already.
    ///
    /// # Errors
    /// There is no such column, or a value of it is not of the type; the message names column, row and value.
    pub fn with_types(&self, types: &BTreeMap<String, ColumnType>) -> Result<Self, TableError> {
        types.keys().try_for_each(|name| self.column(name).map(|_| ()))?;
        let column = |column: &Column| match types.get(column.name()) {
            Some(column_type) if *column_type != column.column_type() => retyped(column, *column_type),
            _ => Ok(column.clone()),
        };
        let columns = self.columns().iter().map(column).collect::<Result<_, _>>()?;
        Ok(Self::new(columns)?.with_missing_tokens(self.missing_tokens().to_vec()))
    }
}

fn retyped(column: &Column, column_type: ColumnType) -> Result<Column, TableError> {
    let data = match column_type {
        ColumnType::Float => ColumnData::Numbers(parsed(column, column_type, parse_number)?),
        ColumnType::Integer => {
            let whole = |text: &str| parse_number(text).filter(|number| number.fract() == 0.0);
            ColumnData::Numbers(parsed(column, column_type, whole)?)
        }
        ColumnType::Date | ColumnType::DateTime => {
            ColumnData::Times(parsed(column, column_type, parse_time)?)
        }
        ColumnType::Boolean => {
            let numbers = parsed(column, column_type, |text| parse_boolean(text).map(f64::from))?;
            let value = |number: &f64| if number.is_nan() { MISSING_BOOLEAN } else { *number as u8 };
            ColumnData::Booleans(numbers.iter().map(value).collect())
        }
        ColumnType::Category | ColumnType::Text => match column.data() {
            ColumnData::Texts(texts) => ColumnData::Texts(texts.clone()),
            _ => {
                let texts: Vec<_> = (0..column.rows()).map(|row| column.text(row)).collect();
                ColumnData::Texts(texts.iter().map(Option::as_deref).collect::<Texts>())
            }
        },
    };
    Ok(Column::new(column.name(), column_type, data))
}

/// The values by their texts; NaN where one is missing.
fn parsed(
    column: &Column,
    column_type: ColumnType,
    parse: impl Fn(&str) -> Option<f64>,
) -> Result<Vec<f64>, TableError> {
    let value = |row| match column.text(row) {
        None => Ok(f64::NAN),
        Some(text) => parse(text.trim()).ok_or_else(|| {
            let (name, shown) = (column.name(), text.chars().take(40).collect::<String>());
            let expected = column_type.name();
            TableError::malformed(format!("column `{name}`, row {row}: `{shown}`, expected {expected}"))
        }),
    };
    (0..column.rows()).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CsvOptions, read_csv_bytes};

    fn table() -> Table {
        let content = b"number,word,moment\n1,yes,2024-01-01 10:00\n2,no,2024-01-02\n,,\n";
        read_csv_bytes(content, &CsvOptions::default()).unwrap()
    }

    fn with(name: &str, column_type: ColumnType) -> Result<Table, TableError> {
        table().with_types(&BTreeMap::from([(name.to_owned(), column_type)]))
    }

    #[test]
    fn columns_become_what_they_are_declared_to_be() {
        let number = with("number", ColumnType::Category).unwrap();
        let number = number.column("number").unwrap();
        assert_eq!((number.column_type(), number.text(1).as_deref()), (ColumnType::Category, Some("2")));
        assert!(number.is_missing(2) && number.as_texts().is_some());
        let word = with("word", ColumnType::Boolean).unwrap();
        assert_eq!(word.column("word").unwrap().data(), &ColumnData::Booleans(vec![1, 0, MISSING_BOOLEAN]));
        let float = with("number", ColumnType::Float).unwrap();
        assert_eq!(float.column("number").unwrap().as_numbers().unwrap()[..2], [1.0, 2.0]);
    }

    #[test]
    fn values_of_another_type_are_named() {
        for (name, column_type, expected) in [
            ("word", ColumnType::Integer, "column `word`, row 0: `yes`, expected integer"),
            ("number", ColumnType::Boolean, "column `number`, row 1: `2`, expected boolean"),
            ("moment", ColumnType::Float, "column `moment`, row 0: `2024-01-01 10:00:00`, expected float"),
            ("wrod", ColumnType::Float, "unknown column `wrod`, did you mean `word`?"),
        ] {
            assert_eq!(with(name, column_type).unwrap_err().to_string(), expected);
        }
    }
}
