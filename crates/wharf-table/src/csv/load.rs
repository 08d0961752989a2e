//! The second pass: cells to values.

use wharf_transform::columns::{MISSING_BOOLEAN, parse_boolean, parse_number, parse_time};

use super::CsvOptions;
use super::evidence::is_whole;
use super::scan::{ColumnPlan, cell, column_names, each_record, open};
use super::source::Source;
use crate::texts::TextsBuilder;
use crate::{Column, ColumnData, ColumnType, TableError};

pub(super) fn load(
    source: &Source,
    delimiter: u8,
    options: &CsvOptions,
    plan: &[ColumnPlan],
) -> Result<Vec<Column>, TableError> {
    let mut reader = open(source, delimiter, options)?;
    if column_names(&mut reader, options)?.iter().ne(plan.iter().map(|(name, _)| name)) {
        return Err(TableError::malformed("the file changed while it was read"));
    }
    let mut builders: Vec<Builder> = plan.iter().map(|(_, column_type)| Builder::new(*column_type)).collect();
    each_record(&mut reader, options, |line, record| {
        for (index, builder) in builders.iter_mut().enumerate() {
            let name = &plan[index].0;
            let cell = cell(record, index, line, name)?;
            let value = (!options.is_missing(cell)).then_some(cell);
            builder.push(value).ok_or_else(|| bad_cell(line, name, cell, plan[index].1))?;
        }
        Ok(())
    })?;
    let columns = builders.into_iter().zip(plan);
    Ok(columns.map(|(builder, (name, column_type))| builder.finish(name, *column_type)).collect())
}

fn bad_cell(line: u64, name: &str, cell: &str, column_type: Option<ColumnType>) -> TableError {
    let shown: String = cell.chars().take(40).collect();
    let expected = column_type.map_or("text", ColumnType::name);
    TableError::malformed(format!("line {line}, column `{name}`: `{shown}`, expected {expected}"))
}

/// Values of a column that is still being read.
enum Builder {
    Numbers { values: Vec<f64>, whole: bool },
    Booleans(Vec<u8>),
    Times(Vec<f64>),
    Texts(TextsBuilder),
}

impl Builder {
    fn new(column_type: Option<ColumnType>) -> Self {
        match column_type {
            Some(ColumnType::Integer) => Self::Numbers { values: Vec::new(), whole: true },
            Some(ColumnType::Float) => Self::Numbers { values: Vec::new(), whole: false },
            Some(ColumnType::Boolean) => Self::Booleans(Vec::new()),
            Some(ColumnType::Date | ColumnType::DateTime) => Self::Times(Vec::new()),
            Some(ColumnType::Category | ColumnType::Text) | None => Self::Texts(TextsBuilder::default()),
        }
    }

    /// Adds a value; `None` where it is not of the type.
    fn push(&mut self, cell: Option<&str>) -> Option<()> {
        match self {
            Self::Numbers { values, whole } => values.push(match cell {
                None => f64::NAN,
                Some(cell) if *whole && !is_whole(cell) => return None,
                Some(cell) => parse_number(cell)?,
            }),
            Self::Booleans(values) => values.push(match cell {
                None => MISSING_BOOLEAN,
                Some(cell) => u8::from(parse_boolean(cell)?),
            }),
            Self::Times(values) => values.push(match cell {
                None => f64::NAN,
                Some(cell) => parse_time(cell)?,
            }),
            Self::Texts(texts) => texts.push(cell),
        }
        Some(())
    }

    fn finish(self, name: &str, column_type: Option<ColumnType>) -> Column {
        let known = |data, fallback| Column::new(name, column_type.unwrap_or(fallback), data);
        match self {
            Self::Numbers { values, .. } => known(ColumnData::Numbers(values), ColumnType::Float),
            Self::Booleans(values) => known(ColumnData::Booleans(values), ColumnType::Boolean),
            Self::Times(values) => known(ColumnData::Times(values), ColumnType::DateTime),
            Self::Texts(texts) => {
                let texts = texts.finish();
                match column_type {
                    Some(column_type) => Column::new(name, column_type, ColumnData::Texts(texts)),
                    None => Column::texts(name, texts),
                }
            }
        }
    }
}
