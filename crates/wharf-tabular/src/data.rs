//! The table of a recipe, read, cleaned and parted into what is learned from and what is held out.

use std::collections::HashMap;
use std::path::Path;

use wharf_stats::Fold;
use wharf_table::profile::{Finding, profile};
use wharf_table::{Column, ColumnData, Table};

use crate::TabularError;
use crate::folds::{Bond, hold_out};
use crate::recipe::{MissingTarget, TableData, TableRecipe};
use crate::target::Learned;

/// Rows with what is to be predicted from them.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// The columns that models may see.
    pub(crate) table: Table,
    /// What they are to predict.
    pub(crate) learned: Learned,
    /// What keeps the rows together or apart.
    pub(crate) bond: Bond,
}

impl Sample {
    /// These rows, in that order.
    pub(crate) fn select(&self, rows: &[usize]) -> Result<Self, TabularError> {
        Ok(Self {
            table: self.table.take(rows).map_err(TabularError::read)?,
            learned: self.learned.select(rows),
            bond: self.bond.select(rows),
        })
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.table.rows()
    }
}

/// All that a run learns from.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    /// What is learned from.
    pub(crate) train: Sample,
    /// What the result is evaluated on.
    pub(crate) evaluation: Sample,
    /// The digest of the file.
    pub(crate) sha256: String,
    /// What was noticed.
    pub(crate) notes: Vec<String>,
}

/// Reads the table of `recipe`, from `given` where that is another file.
///
/// # Errors
/// A file cannot be read, a column that is named is not there, a target is missing, or there is nothing to learn.
pub(crate) fn parts(recipe: &TableRecipe, given: Option<&Path>) -> Result<Parts, TabularError> {
    let path = recipe.data_path(given);
    let mut notes = Vec::new();
    let all = sample(&path, &recipe.data, None, &mut notes)?;
    let sha256 = wharf_bundle::sha256(&wharf_runs::read(&path)?);
    if let Some(evaluation) = &recipe.data.evaluation {
        let evaluation =
            sample(&recipe.folder.join(evaluation), &recipe.data, Some(&all.learned), &mut notes)?;
        return Ok(Parts { train: all, evaluation, sha256, notes });
    }
    let Fold { train, test } = hold_out(&all.learned, &all.bond, recipe.validation.holdout, recipe.seed)?;
    Ok(Parts { train: all.select(&train)?, evaluation: all.select(&test)?, sha256, notes })
}

/// Reads a file as the recipe says: CSV, or Parquet by its ending.
fn sample(
    path: &Path,
    data: &TableData,
    like: Option<&Learned>,
    notes: &mut Vec<String>,
) -> Result<Sample, TabularError> {
    let table = wharf_table::read_table(path, &data.csv).map_err(TabularError::read)?;
    let within = |error: TabularError| error.in_file(path);
    let table = without_missing_targets(table, data, notes).map_err(within)?;
    let table = without_duplicates(table, data, notes)?;
    let target = table.column(&data.target).map_err(TabularError::read)?;
    let learned = match like {
        Some(like) => like.alike(target),
        None => Learned::of(target, data.task),
    };
    let learned = learned.map_err(within)?;
    let bond = bond(&table, data).map_err(within)?;
    let hidden = [Some(&data.target), data.group.as_ref()].into_iter().flatten().chain(&data.drop);
    let mut hidden: Vec<&str> = hidden.map(String::as_str).collect();
    hidden.sort_unstable();
    hidden.dedup();
    if like.is_none() {
        notes.extend(leaks(&table, data)?);
    }
    let table = table.drop(&hidden).map_err(TabularError::read)?;
    if table.columns().is_empty() {
        return Err(within(TabularError::data(
            "the target is the only column, expected others to predict it from",
        )));
    }
    Ok(Sample { table, learned, bond })
}

/// The columns that give the target away by themselves: a model that goes by them is of no use where they are not yet
/// known.
fn leaks(table: &Table, data: &TableData) -> Result<Vec<String>, TabularError> {
    let dropped: Vec<&str> = data.drop.iter().map(String::as_str).collect();
    let seen = table.drop(&dropped).map_err(TabularError::read)?;
    let profile = profile(&seen, Some(&data.target)).map_err(TabularError::read)?;
    let leaks = profile.findings.iter().filter(|finding| matches!(finding, Finding::Leak { .. }));
    Ok(leaks.map(|leak| format!("{leak} `drop` leaves it out")).collect())
}

fn without_missing_targets(
    table: Table,
    data: &TableData,
    notes: &mut Vec<String>,
) -> Result<Table, TabularError> {
    let target = table.column(&data.target).map_err(TabularError::read)?;
    let missing = target.missing();
    if missing == 0 {
        return Ok(table);
    }
    let kept: Vec<usize> = (0..table.rows()).filter(|row| !target.is_missing(*row)).collect();
    if kept.is_empty() {
        return Err(TabularError::data(format!("target `{}` is missing in every row", data.target)));
    }
    if data.missing_target == MissingTarget::Fail {
        let first = (0..table.rows()).find(|row| target.is_missing(*row)).unwrap_or_default() + 1;
        return Err(TabularError::data(format!(
            "target `{}` is missing in {missing} rows, the first of which is row {first}; `missing_target = \"drop\"` \
             leaves them out",
            data.target
        )));
    }
    notes.push(format!("{missing} rows without a target are left out"));
    table.take(&kept).map_err(TabularError::read)
}

fn without_duplicates(
    table: Table,
    data: &TableData,
    notes: &mut Vec<String>,
) -> Result<Table, TabularError> {
    if !data.drop_duplicates {
        return Ok(table);
    }
    let (table, gone) = table.without_duplicates().map_err(TabularError::read)?;
    if gone > 0 {
        notes.push(format!("{gone} rows that occur more than once are left out"));
    }
    Ok(table)
}

fn bond(table: &Table, data: &TableData) -> Result<Bond, TabularError> {
    if let Some(name) = &data.group {
        return Ok(groups(table.column(name).map_err(TabularError::read)?));
    }
    match &data.time {
        Some(name) => times(table.column(name).map_err(TabularError::read)?),
        None => Ok(Bond::Free),
    }
}

/// Rows without a group are a group of their own each: nothing is known that ties them.
fn groups(column: &Column) -> Bond {
    let (mut known, mut groups, mut next) = (HashMap::new(), Vec::with_capacity(column.rows()), 0_u32);
    for row in 0..column.rows() {
        let group = match column.text(row) {
            Some(text) => *known.entry(text.into_owned()).or_insert(next),
            None => next,
        };
        next += u32::from(group == next);
        groups.push(group);
    }
    Bond::Group(groups)
}

fn times(column: &Column) -> Result<Bond, TabularError> {
    let (ColumnData::Numbers(times) | ColumnData::Times(times)) = column.data() else {
        let (name, actual) = (column.name(), column.column_type().name());
        let problem = format!("`time` is column `{name}` of type {actual}, expected dates or numbers");
        return Err(TabularError::data(problem));
    };
    if let Some(row) = times.iter().position(|time| !time.is_finite()) {
        let (name, row) = (column.name(), row + 1);
        return Err(TabularError::data(format!("`time` is column `{name}`, which is missing in row {row}")));
    }
    Ok(Bond::Time(times.clone()))
}
