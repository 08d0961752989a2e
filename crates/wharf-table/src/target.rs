//! The column that is to be predicted.

use std::collections::HashMap;

use crate::prepare::counted_levels;
use crate::{Column, TableError};

/// The classes of a column, and which of them each row has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes {
    /// Their names: in the order of their numbers where all are numbers, else by their characters.
    pub names: Vec<String>,
    /// The place of each row's class among the names.
    pub of_row: Vec<u32>,
}

impl Column {
    /// The values as classes to be told apart.
    ///
    /// # Errors
    /// A value is missing, or all are the same.
    pub fn classes(&self) -> Result<Classes, TableError> {
        self.check_whole()?;
        let names: Vec<String> = counted_levels(self, &[]).into_iter().map(|(name, _)| name).collect();
        if names.len() < 2 {
            let name = self.name();
            let only = names.first().map_or("", String::as_str);
            return Err(TableError::setting(format!(
                "target `{name}` has the one class `{only}`, expected at least 2"
            )));
        }
        let places: HashMap<&str, u32> = names.iter().map(String::as_str).zip(0..).collect();
        let place = |row| {
            let text = self.text(row);
            let found = text.as_deref().and_then(|text| places.get(text.trim()).copied());
            found
                .ok_or_else(|| TableError::setting(format!("target `{}` is empty in row {row}", self.name())))
        };
        let of_row = (0..self.rows()).map(place).collect::<Result<_, _>>()?;
        Ok(Classes { names, of_row })
    }

    /// The values as numbers to be predicted.
    ///
    /// # Errors
    /// The column does not hold numbers, or a value is missing, or all are the same.
    pub fn numbers_to_predict(&self) -> Result<&[f64], TableError> {
        let name = self.name();
        let values = self.as_numbers().ok_or_else(|| {
            let actual = self.column_type().name();
            TableError::setting(format!("target `{name}` is {actual}, expected numbers"))
        })?;
        self.check_whole()?;
        match values.first() {
            Some(first) if values.iter().all(|value| value == first) => {
                Err(TableError::setting(format!("target `{name}` is {first} in every row")))
            }
            _ => Ok(values),
        }
    }

    fn check_whole(&self) -> Result<(), TableError> {
        match (0..self.rows()).find(|row| self.is_missing(*row)) {
            None => Ok(()),
            Some(first) => {
                let (name, missing) = (self.name(), self.missing());
                Err(TableError::setting(format!(
                    "target `{name}` is missing in {missing} rows, the first is row {first}"
                )))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{CsvOptions, Table, read_csv_bytes};

    fn table(content: &str) -> Table {
        read_csv_bytes(content.as_bytes(), &CsvOptions::default()).unwrap()
    }

    #[test]
    fn classes_are_in_order() {
        let table = table("a,b,c\n10,yes,true\n9,no,false\n10,no,true\n");
        for (name, names, of_row) in [
            ("a", ["9", "10"], [1, 0, 1]),
            ("b", ["no", "yes"], [1, 0, 0]),
            ("c", ["false", "true"], [1, 0, 1]),
        ] {
            let classes = table.column(name).unwrap().classes().unwrap();
            assert_eq!((classes.names, classes.of_row), (names.map(str::to_owned).to_vec(), of_row.to_vec()));
        }
        assert_eq!(table.column("a").unwrap().numbers_to_predict().unwrap(), [10.0, 9.0, 10.0]);
    }

    #[test]
    fn targets_that_cannot_be_learned_are_refused() {
        let table = table("a,b,c\n1,x,2\n,x,2\n3,x,2\n");
        let class = |name: &str| table.column(name).unwrap().classes().unwrap_err().to_string();
        let number = |name: &str| table.column(name).unwrap().numbers_to_predict().unwrap_err().to_string();
        assert_eq!(class("a"), "target `a` is missing in 1 rows, the first is row 1");
        assert_eq!(class("b"), "target `b` has the one class `x`, expected at least 2");
        assert_eq!(number("b"), "target `b` is category, expected numbers");
        assert_eq!(number("c"), "target `c` is 2 in every row");
    }
}
