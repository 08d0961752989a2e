//! Columns of equal length.

use std::collections::HashSet;

use wharf_transform::unknown_name;

use crate::{Column, ColumnData, TableError};

/// Named columns of equal length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    columns: Vec<Column>,
    rows: usize,
    missing_tokens: Vec<String>,
}

impl Table {
    /// A table of these columns.
    ///
    /// # Errors
    /// Two of them have one name, or they differ in length.
    pub fn new(columns: Vec<Column>) -> Result<Self, TableError> {
        let rows = columns.first().map_or(0, Column::rows);
        let mut names = HashSet::new();
        for column in &columns {
            let name = column.name();
            if !names.insert(name) {
                return Err(TableError::setting(format!("two columns are called `{name}`")));
            }
            if column.rows() != rows {
                let actual = column.rows();
                return Err(TableError::setting(format!(
                    "column `{name}` has {actual} rows, expected {rows}"
                )));
            }
        }
        Ok(Self { columns, rows, missing_tokens: Vec::new() })
    }

    /// Says which texts stood for missing values where the table came from, beside the empty one.
    pub fn with_missing_tokens(mut self, tokens: Vec<String>) -> Self {
        self.missing_tokens = tokens;
        self
    }

    /// The texts that stood for missing values where the table came from.
    pub fn missing_tokens(&self) -> &[String] {
        &self.missing_tokens
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of this name.
    ///
    /// # Errors
    /// There is none; the message proposes the nearest.
    pub fn column(&self, name: &str) -> Result<&Column, TableError> {
        let found = self.columns.iter().find(|column| column.name() == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.columns.iter().map(Column::name).collect();
            TableError::missing(unknown_name("column", name, &names))
        })
    }

    /// The rows at these places, in this order.
    ///
    /// # Errors
    /// There is no such row.
    pub fn take(&self, rows: &[usize]) -> Result<Self, TableError> {
        if let Some(row) = rows.iter().find(|row| **row >= self.rows) {
            return Err(TableError::missing(format!("row {row} of a table of {} rows", self.rows)));
        }
        Ok(Self {
            columns: self.columns.iter().map(|column| column.take(rows)).collect(),
            rows: rows.len(),
            missing_tokens: self.missing_tokens.clone(),
        })
    }

    /// The table without these columns.
    ///
    /// # Errors
    /// There is no such column.
    pub fn drop(&self, names: &[&str]) -> Result<Self, TableError> {
        names.iter().try_for_each(|name| self.column(name).map(|_| ()))?;
        let stays = |column: &&Column| !names.contains(&column.name());
        let columns = self.columns.iter().filter(stays).cloned().collect();
        Ok(Self { columns, rows: self.rows, missing_tokens: self.missing_tokens.clone() })
    }

    /// The rows of `self` and then those of `other`.
    ///
    /// # Errors
    /// The columns differ in name, order or kind.
    pub fn concat(&self, other: &Self) -> Result<Self, TableError> {
        let names = |table: &Self| table.columns.iter().map(|c| c.name().to_owned()).collect::<Vec<_>>();
        if names(self) != names(other) {
            let (ours, theirs) = (names(self).join("`, `"), names(other).join("`, `"));
            return Err(TableError::setting(format!("columns `{theirs}`, expected `{ours}`")));
        }
        let mut whole = self.clone();
        for (ours, theirs) in whole.columns.iter_mut().zip(&other.columns) {
            if !ours.append(theirs) {
                let (expected, actual) = (ours.column_type().name(), theirs.column_type().name());
                let name = ours.name();
                return Err(TableError::setting(format!("column `{name}` is {actual}, expected {expected}")));
            }
        }
        whole.rows += other.rows;
        Ok(whole)
    }

    /// The rows that equal an earlier one in every column, in order. Missing values equal each other.
    pub fn duplicate_rows(&self) -> Vec<usize> {
        let mut seen = HashSet::with_capacity(self.rows);
        let is_repeated = |row: &usize| !seen.insert(self.key(*row));
        (0..self.rows).filter(is_repeated).collect()
    }

    /// The table without the rows that equal an earlier one, and how many those were.
    ///
    /// # Errors
    /// None that a table of this crate can have.
    pub fn without_duplicates(&self) -> Result<(Self, usize), TableError> {
        let duplicates = self.duplicate_rows();
        let gone: HashSet<usize> = duplicates.iter().copied().collect();
        let kept: Vec<usize> = (0..self.rows).filter(|row| !gone.contains(row)).collect();
        Ok((self.take(&kept)?, duplicates.len()))
    }

    /// Bits that are equal just for equal rows: of texts their place, since each is kept once.
    fn key(&self, row: usize) -> Vec<u64> {
        let bits = |number: f64| match number {
            number if number.is_nan() => f64::NAN.to_bits(),
            0.0 => 0,
            number => number.to_bits(),
        };
        let key = |column: &Column| match column.data() {
            ColumnData::Numbers(values) | ColumnData::Times(values) => bits(values[row]),
            ColumnData::Booleans(values) => u64::from(values[row]),
            ColumnData::Texts(texts) => u64::from(texts.codes()[row]),
        };
        self.columns.iter().map(key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CsvOptions, TableErrorKind, read_csv_bytes};

    fn table(content: &str) -> Table {
        read_csv_bytes(content.as_bytes(), &CsvOptions::default()).unwrap()
    }

    #[test]
    fn rows_are_taken_in_the_order_asked_for() {
        let table = table("a,b\n1,x\n2,y\n3,\n").take(&[2, 0, 0]).unwrap();
        assert_eq!(table.column("a").unwrap().as_numbers(), Some(&[3.0, 1.0, 1.0][..]));
        let b = table.column("b").unwrap();
        assert_eq!((b.text(0), b.text(1).as_deref()), (None, Some("x")));
        let error = table.take(&[3]).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (TableErrorKind::Missing, "row 3 of a table of 3 rows")
        );
    }

    #[test]
    fn columns_are_found_dropped_and_missed_by_name() {
        let table = table("age,job\n1,x\n2,y\n");
        assert_eq!(table.drop(&["age"]).unwrap().columns().len(), 1);
        let message = table.drop(&["jbo"]).unwrap_err().to_string();
        assert_eq!(message, "unknown column `jbo`, did you mean `job`?");
    }

    #[test]
    fn tables_are_joined_end_to_end() {
        let (first, second) = (table("a,b\n1,x\n2,y\n"), table("a,b\n2.5,z\n3,x\n"));
        let whole = first.concat(&second).unwrap();
        assert_eq!((whole.rows(), whole.column("b").unwrap().as_texts().unwrap().levels().len()), (4, 3));
        assert_eq!(whole.column("b").unwrap().text(3).unwrap(), "x");
        assert_eq!(whole.column("a").unwrap().column_type(), crate::ColumnType::Float);
        let message = first.concat(&table("a,b\nx,z\n")).unwrap_err().to_string();
        assert_eq!(message, "column `a` is category, expected integer");
        let message = first.concat(&table("b,a\nx,1\n")).unwrap_err().to_string();
        assert_eq!(message, "columns `b`, `a`, expected `a`, `b`");
    }

    #[test]
    fn repeated_rows_are_found_with_missing_values_equal() {
        let table = table("a,b\n1,x\n,x\n1,y\n1,x\n,x\n-0,x\n0,x\n");
        assert_eq!(table.duplicate_rows(), [3, 4, 6]);
        let (unique, gone) = table.without_duplicates().unwrap();
        assert_eq!((unique.rows(), gone), (4, 3));
    }

    #[test]
    fn columns_of_one_name_or_of_other_lengths_make_no_table() {
        let column = |name: &str, rows| Column::numbers(name, vec![0.0; rows]);
        assert!(Table::new(vec![column("a", 1), column("a", 1)]).is_err());
        let message = Table::new(vec![column("a", 1), column("b", 2)]).unwrap_err().to_string();
        assert_eq!(message, "column `b` has 2 rows, expected 1");
    }
}
