//! A program that has been checked and prepared, and how it runs.

use std::collections::{HashMap, HashSet};

use wharf_tensor::{Shape, Tensor};

use super::category::{OneHot, Ordinal};
use super::sheet::{LEFT_OUT, Sheet};
use super::text::TfIdf;
use super::values::{ColumnValues, Fault};
use super::{BooleanEncoding, ColumnProgram, DateEncoding, Encoding, HashingEncoding, NumberEncoding};
use crate::{MAX_BATCH_BYTES, TransformError, unknown_name};

/// A checked [`ColumnProgram`] that is ready to run. It is made once and runs often.
#[derive(Clone, Debug)]
pub struct ColumnEncoder {
    program: ColumnProgram,
    steps: Vec<Step>,
    /// The place in a row of every feature of every column.
    slots: Vec<u32>,
    width: usize,
}

#[derive(Clone, Debug)]
struct Step {
    prepared: Prepared,
    /// Where its features begin in the slots, and how many there are.
    first: usize,
    count: usize,
}

#[derive(Clone, Debug)]
enum Prepared {
    Dropped,
    Number(NumberEncoding),
    OneHot(OneHot),
    Ordinal(Ordinal),
    Boolean(BooleanEncoding),
    Date(DateEncoding),
    Hashing(HashingEncoding),
    TfIdf(TfIdf),
}

impl ColumnEncoder {
    /// Checks `program` and prepares it.
    ///
    /// # Errors
    /// As [`ColumnProgram::check`].
    pub fn new(program: &ColumnProgram) -> Result<Self, TransformError> {
        program.check()?;
        let mut first = 0;
        let mut steps = Vec::with_capacity(program.columns.len());
        for column in &program.columns {
            let count = column.encoding.features();
            steps.push(Step { prepared: Prepared::new(&column.encoding), first, count });
            first += count;
        }
        let mut slots = vec![LEFT_OUT; first];
        match &program.selected {
            None => slots.iter_mut().zip(0..).for_each(|(slot, place)| *slot = place),
            Some(selected) => {
                selected.iter().zip(0..).for_each(|(feature, place)| slots[*feature as usize] = place);
            }
        }
        Ok(Self { program: program.clone(), steps, slots, width: program.features() })
    }

    /// The program.
    pub fn program(&self) -> &ColumnProgram {
        &self.program
    }

    /// How many features a row has.
    pub fn features(&self) -> usize {
        self.width
    }

    /// The names of the features.
    pub fn feature_names(&self) -> Vec<String> {
        self.program.feature_names()
    }

    /// Features of tensors, as serving needs them.
    ///
    /// # Shapes
    /// Every input is `[n]` or `[n, 1]`, of any element type that its column can be read from; the result is
    /// float32 `[n, features]`.
    ///
    /// # Errors
    /// A column is missing or one is given that the program does not have; an input has another shape or type, or
    /// another number of rows than the others; a value cannot be read (the message names column and row); the
    /// result would take more than [`MAX_BATCH_BYTES`].
    pub fn run(&self, inputs: &[(&str, &Tensor)]) -> Result<Tensor, TransformError> {
        self.check_names(inputs.iter().map(|(name, _)| *name))?;
        let columns = inputs.iter().map(|(name, tensor)| {
            let values = ColumnValues::from_tensor(tensor).map_err(|error| in_column(name, error))?;
            Ok((*name, values))
        });
        let columns: Vec<(&str, ColumnValues<'_>)> = columns.collect::<Result<_, TransformError>>()?;
        let rows = columns.first().map_or(0, |(_, values)| values.rows());
        if self.width.saturating_mul(rows).saturating_mul(4) > MAX_BATCH_BYTES {
            let width = self.width;
            return Err(TransformError::too_large(format!(
                "{rows} rows of {width} features take more than {MAX_BATCH_BYTES} bytes"
            )));
        }
        let features = self.encode(&columns)?;
        Ok(Tensor::from_vec(Shape::new(&[rows, self.width])?, features)?)
    }

    /// Features `[rows, features]`, row by row. Columns that the program does not have are left alone.
    ///
    /// # Errors
    /// A column is missing, or is not as long as the others; a value cannot be read (the message names column and
    /// row); the result would not fit into memory at all.
    pub fn encode(&self, columns: &[(&str, ColumnValues<'_>)]) -> Result<Vec<f32>, TransformError> {
        let given: HashMap<&str, &ColumnValues<'_>> =
            columns.iter().map(|(name, values)| (*name, values)).collect();
        let mut rows = None;
        let mut found = Vec::with_capacity(self.steps.len());
        for column in &self.program.columns {
            let name = column.name.as_str();
            let values = given.get(name);
            let values =
                *values.ok_or_else(|| TransformError::input(format!("column `{name}` is missing")))?;
            let expected = *rows.get_or_insert(values.rows());
            if values.rows() != expected {
                let actual = values.rows();
                return Err(TransformError::input(format!(
                    "column `{name}` has {actual} rows, expected {expected} as of the first"
                )));
            }
            found.push((name, values));
        }
        self.fill(rows.unwrap_or(0), &found)
    }

    fn fill(&self, rows: usize, columns: &[(&str, &ColumnValues<'_>)]) -> Result<Vec<f32>, TransformError> {
        let cells = rows.checked_mul(self.width).filter(|cells| *cells <= isize::MAX as usize / 4);
        let too_large = || {
            let width = self.width;
            TransformError::too_large(format!("{rows} rows of {width} features do not fit into memory"))
        };
        let mut values = vec![0.0; cells.ok_or_else(too_large)?];
        for (step, (name, column)) in self.steps.iter().zip(columns) {
            let slots = &self.slots[step.first..step.first + step.count];
            let mut sheet = Sheet { values: &mut values, width: self.width, slots };
            let done = step.prepared.encode(column, &self.program.missing, &mut sheet);
            done.map_err(|fault| fault_in_column(name, &fault))?;
        }
        Ok(values)
    }

    fn check_names<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<(), TransformError> {
        let known: Vec<&str> = self.program.columns.iter().map(|column| column.name.as_str()).collect();
        let is_known: HashSet<&str> = known.iter().copied().collect();
        let mut seen = HashSet::new();
        for name in names {
            if !is_known.contains(name) {
                return Err(TransformError::input(unknown_name("column", name, &known)));
            }
            if !seen.insert(name) {
                return Err(TransformError::input(format!("column `{name}` is given twice")));
            }
        }
        Ok(())
    }
}

impl Prepared {
    fn new(encoding: &Encoding) -> Self {
        match encoding {
            Encoding::Dropped => Prepared::Dropped,
            Encoding::Number(number) => Prepared::Number(number.clone()),
            Encoding::OneHot(one_hot) => Prepared::OneHot(OneHot::new(one_hot)),
            Encoding::Ordinal(ordinal) => Prepared::Ordinal(Ordinal::new(ordinal)),
            Encoding::Boolean(boolean) => Prepared::Boolean(boolean.clone()),
            Encoding::Date(date) => Prepared::Date(date.clone()),
            Encoding::Hashing(hashing) => Prepared::Hashing(hashing.clone()),
            Encoding::TfIdf(tf_idf) => Prepared::TfIdf(TfIdf::new(tf_idf)),
        }
    }

    fn encode(
        &self,
        values: &ColumnValues<'_>,
        missing: &[String],
        sheet: &mut Sheet<'_>,
    ) -> Result<(), Fault> {
        match self {
            Prepared::Dropped => {}
            Prepared::Number(number) => number.encode(&values.numbers(missing)?, sheet),
            Prepared::OneHot(one_hot) => one_hot.encode(values, missing, sheet)?,
            Prepared::Ordinal(ordinal) => ordinal.encode(values, missing, sheet)?,
            Prepared::Boolean(boolean) => boolean.encode(&values.booleans(missing)?, sheet),
            Prepared::Date(date) => date.encode(&values.times(missing)?, sheet),
            Prepared::Hashing(hashing) => hashing.encode(values, missing, sheet)?,
            Prepared::TfIdf(tf_idf) => tf_idf.encode(values, missing, sheet)?,
        }
        Ok(())
    }
}

fn in_column(name: &str, error: TransformError) -> TransformError {
    TransformError::input(format!("column `{name}` {error}"))
}

fn fault_in_column(name: &str, fault: &Fault) -> TransformError {
    TransformError::input(match fault.row {
        Some(row) => format!("column `{name}`, row {row}: {}", fault.problem),
        None => format!("column `{name}` {}", fault.problem),
    })
}
