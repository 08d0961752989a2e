//! Fits each column by its type and settings.

use wharf_transform::columns::{
    BooleanEncoding, ColumnEncoder, ColumnProgram, Encoding, MISSING_BOOLEAN, ProgramColumn,
};

use super::category::{Counted, Outcome, fit_category};
use super::date::fit_date;
use super::levels::{counted_levels, most_frequent};
use super::number::fit_number;
use super::quantile::sorted_present;
use super::settings::{CategoryEncoding, ColumnSettings, Impute, Preparation, Role};
use super::text::fit_text;
use super::warning::{Warning, WarningKind};
use crate::{Column, ColumnData, ColumnType, Table, TableError};

/// A program fitted to a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// The program.
    pub program: ColumnProgram,
    /// What was noticed.
    pub warnings: Vec<Warning>,
}

impl Fitted {
    /// The program, ready to run.
    ///
    /// # Errors
    /// None that a fitted program can have.
    pub fn encoder(&self) -> Result<ColumnEncoder, TableError> {
        Ok(ColumnEncoder::new(&self.program)?)
    }
}

/// With fewer rows, a value of its own in every row says nothing.
const ROWS_FOR_IDENTIFIERS: usize = 20;

/// Fits a program to the columns of `table`, except those to be ignored. Only these rows are looked at, so what is
/// fitted to the training part knows nothing of the rest.
///
/// # Errors
/// There are no rows; a setting names a column that there is not, is out of range, or does not fit its column; no
/// column becomes a feature, or too many.
pub fn fit(table: &Table, preparation: &Preparation) -> Result<Fitted, TableError> {
    if table.rows() == 0 {
        return Err(TableError::setting("a program cannot be fitted to a table without rows"));
    }
    let named = preparation.ignore.iter().chain(preparation.columns.keys());
    named.into_iter().try_for_each(|name| table.column(name).map(|_| ()))?;
    let mut warnings = Vec::new();
    let mut columns = Vec::new();
    for column in table.columns() {
        if preparation.ignore.iter().any(|name| name == column.name()) {
            continue;
        }
        let name = column.name().to_owned();
        let (encoding, warning) = fit_column(column, preparation, table.missing_tokens())
            .map_err(|problem| TableError::setting(format!("column `{name}`: {problem}")))?;
        warnings.extend(warning.map(|kind| Warning { column: name.clone(), kind }));
        columns.push(ProgramColumn { name, takes: column.column_type().takes(), encoding });
    }
    let program =
        ColumnProgram { columns, missing: table.missing_tokens().to_vec(), ..ColumnProgram::default() };
    program.check()?;
    Ok(Fitted { program, warnings })
}

/// The rows in which no column is missing whose missing values are to drop their row; all rows without such columns.
///
/// # Errors
/// None of the table's rows is left.
pub fn rows_to_train_on(table: &Table, preparation: &Preparation) -> Result<Vec<usize>, TableError> {
    let drops = |column: &&Column| {
        let settings = preparation.columns.get(column.name());
        let impute = settings.and_then(|s| s.impute).unwrap_or(preparation.numbers.impute);
        impute == Impute::DropRows && !preparation.ignore.iter().any(|name| name == column.name())
    };
    let strict: Vec<&Column> = table.columns().iter().filter(drops).collect();
    let is_whole = |row: &usize| !strict.iter().any(|column| column.is_missing(*row));
    let rows: Vec<usize> = (0..table.rows()).filter(is_whole).collect();
    if rows.is_empty() {
        return Err(TableError::setting("every row misses a value, and such rows are to be dropped"));
    }
    Ok(rows)
}

fn fit_column(column: &Column, preparation: &Preparation, missing: &[String]) -> Result<Outcome, String> {
    let settings = preparation.columns.get(column.name()).cloned().unwrap_or_default();
    let role = settings.role.unwrap_or_else(|| role_of(column.column_type()));
    let counted = counted(column, role, missing);
    if role == Role::Drop {
        return Ok((Encoding::Dropped, None));
    }
    if counted.distinct == 0 {
        return Ok((Encoding::Dropped, Some(WarningKind::AllMissing)));
    }
    let doubt = if settings.role.is_none() { doubt(column, &counted) } else { None };
    if let Some(kind) = doubt
        && kind != WarningKind::MaybeIdentifier
    {
        return Ok((Encoding::Dropped, Some(kind)));
    }
    let (encoding, warning) = fit_as(role, column, &counted, &settings, preparation)?;
    Ok((encoding, doubt.or(warning)))
}

/// Counts the values. The texts of numbers are made only where they are levels: that is most of the time that fitting
/// takes.
fn counted(column: &Column, role: Role, missing: &[String]) -> Counted {
    if let (Role::Number | Role::Date | Role::Drop, ColumnData::Numbers(values) | ColumnData::Times(values)) =
        (role, column.data())
    {
        let sorted = sorted_present(values);
        let distinct = sorted.chunk_by(|a, b| a == b).count();
        return Counted { levels: Vec::new(), distinct, missing: values.len() - sorted.len() };
    }
    let levels = counted_levels(column, missing);
    let present: usize = levels.iter().map(|(_, count)| count).sum();
    Counted { distinct: levels.len(), levels, missing: column.rows() - present }
}

fn role_of(column_type: ColumnType) -> Role {
    match column_type {
        ColumnType::Integer | ColumnType::Float => Role::Number,
        ColumnType::Boolean => Role::Boolean,
        ColumnType::Date | ColumnType::DateTime => Role::Date,
        ColumnType::Category => Role::Category,
        ColumnType::Text => Role::Text,
    }
}

/// Whether there is a reason not to use the column.
fn doubt(column: &Column, counted: &Counted) -> Option<WarningKind> {
    let distinct = counted.distinct;
    if distinct == 1 && counted.missing == 0 {
        return Some(WarningKind::Constant);
    }
    let is_all_distinct = distinct + counted.missing == column.rows() && distinct >= ROWS_FOR_IDENTIFIERS;
    match column.column_type() {
        _ if !is_all_distinct => None,
        ColumnType::Category => Some(WarningKind::Identifier),
        ColumnType::Integer if is_gapless(column) => Some(WarningKind::Identifier),
        ColumnType::Integer => Some(WarningKind::MaybeIdentifier),
        _ => None,
    }
}

/// Whether distinct whole numbers are a range without gaps, as numbers of rows are.
fn is_gapless(column: &Column) -> bool {
    let present = || column.as_numbers().unwrap_or_default().iter().copied().filter(|value| !value.is_nan());
    let (least, greatest) = (present().fold(f64::INFINITY, f64::min), present().fold(f64::MIN, f64::max));
    greatest - least + 1.0 == present().count() as f64
}

fn fit_as(
    role: Role,
    column: &Column,
    counted: &Counted,
    settings: &ColumnSettings,
    preparation: &Preparation,
) -> Result<Outcome, String> {
    let numbers = preparation.numbers.with(settings);
    let levels = settings.levels.as_deref();
    let category =
        |encoding: CategoryEncoding| fit_category(counted, encoding, &preparation.categories, levels);
    let unfit = || {
        let actual = column.column_type().name();
        Err(format!("is {actual}, which cannot be prepared as {role:?}").to_lowercase())
    };
    match (role, column.data()) {
        (Role::Drop, _) => Ok((Encoding::Dropped, None)),
        (Role::Number, ColumnData::Numbers(values)) => {
            Ok((Encoding::Number(fit_number(values, &numbers)?), None))
        }
        (Role::Number, ColumnData::Booleans(values)) => {
            let number = |value: &u8| if *value == MISSING_BOOLEAN { f64::NAN } else { f64::from(*value) };
            let values: Vec<f64> = values.iter().map(number).collect();
            Ok((Encoding::Number(fit_number(&values, &numbers)?), None))
        }
        (Role::Boolean, ColumnData::Booleans(_)) => {
            let place = most_frequent(&counted.levels);
            let is_true = place.is_some_and(|place| counted.levels[place].0 == "true");
            let indicator = numbers.indicator.applies(counted.missing > 0);
            let missing = f32::from(u8::from(is_true));
            Ok((Encoding::Boolean(BooleanEncoding { missing, indicator }), None))
        }
        (Role::Date, ColumnData::Times(seconds)) => {
            let date = fit_date(seconds, &preparation.dates, numbers.scale, numbers.indicator);
            Ok((Encoding::Date(date), None))
        }
        (_, ColumnData::Times(_)) | (Role::Number | Role::Boolean | Role::Date, _) => unfit(),
        (Role::Text, _) => fit_text(&counted.levels, column.rows(), &preparation.texts),
        (Role::Category, _) => category(preparation.categories.encoding),
        (Role::OneHot, _) => category(CategoryEncoding::OneHot),
        (Role::Ordinal, _) => category(CategoryEncoding::Ordinal),
        (Role::Hashing, _) => category(CategoryEncoding::Hashing),
    }
}
