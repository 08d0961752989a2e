//! A table through a column program, and as the tensors that a client would send.

use bytes::Bytes;
use wharf_tensor::{Shape, Tensor};
use wharf_transform::columns::{ColumnEncoder, ColumnProgram, ColumnValues, Takes};

use crate::{Column, Table, TableError};

impl Table {
    /// The features of every row, `[rows, features]`, row by row: the code that serving runs, on the columns of the
    /// program. Other columns are left alone.
    ///
    /// # Errors
    /// A column is missing, or holds a value that the program does not take.
    pub fn encode(&self, encoder: &ColumnEncoder) -> Result<Vec<f32>, TableError> {
        let columns: Vec<(&str, ColumnValues<'_>)> =
            self.columns().iter().map(|column| (column.name(), column.values())).collect();
        Ok(encoder.encode(&columns)?)
    }

    /// The columns that `program` takes, as a client sends them: one tensor `[rows]` for each, of the type that
    /// [`ColumnProgram::inputs`] says.
    ///
    /// # Errors
    /// A column is missing, or does not hold what the program takes.
    pub fn tensors(&self, program: &ColumnProgram) -> Result<Vec<(String, Tensor)>, TableError> {
        let tensor = |column: &wharf_transform::columns::ProgramColumn| {
            let tensor = tensor_of(self.column(&column.name)?, column.takes)?;
            Ok((column.name.clone(), tensor))
        };
        program.columns.iter().map(tensor).collect()
    }
}

fn tensor_of(column: &Column, takes: Takes) -> Result<Tensor, TableError> {
    let failed = |error: wharf_tensor::TensorError| TableError::setting(error.to_string());
    let shape = Shape::new(&[column.rows()]).map_err(failed)?;
    if takes == Takes::Number {
        let values = column.as_numbers().ok_or_else(|| {
            let actual = column.column_type().name();
            TableError::setting(format!("column `{}` is {actual}, expected numbers", column.name()))
        })?;
        return Tensor::from_vec(shape, values.to_vec()).map_err(failed);
    }
    let text = |row| column.text(row).map_or_else(Bytes::new, |text| text.into_owned().into());
    Tensor::from_strings(shape, (0..column.rows()).map(text).collect()).map_err(failed)
}
