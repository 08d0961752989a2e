//! Looks at every column, at pairs of them, and at the target.

use super::association::{correlation_ratio, cramers_v, pearson};
use super::bins::{Groups, groups};
use super::column::ColumnProfile;
use super::finding::Finding;
use super::leak::{class_skill, number_skill};
use crate::{Column, ColumnType, Table, TableError};

/// Of more columns of numbers, the first are compared with each other.
const CORRELATED: usize = 60;

/// A whole number with at most so many values is taken for a class.
const CLASSES: usize = 20;

/// With fewer rows to a group than this, means of groups say nothing.
const ROWS_OF_GROUP: usize = 5;

/// From this skill on, a column is suspected to give the target away.
const LEAK: f64 = 0.99;

/// What a table looks like.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Profile {
    /// How many rows there are.
    pub rows: usize,
    /// What each column looks like.
    pub columns: Vec<ColumnProfile>,
    /// How many rows equal an earlier one.
    pub duplicates: usize,
    /// Columns of numbers with each other.
    pub correlations: Correlations,
    /// The target, if one was named.
    pub target: Option<TargetProfile>,
    /// What should be looked at, the worst first.
    pub findings: Vec<Finding>,
}

/// Pearson's correlations of columns of numbers.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Correlations {
    /// The columns.
    pub names: Vec<String>,
    /// A row for each; NaN where one of the two does not vary.
    pub values: Vec<Vec<f64>>,
}

/// What the target looks like.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct TargetProfile {
    /// Its column.
    pub name: String,
    /// The classes with their counts, the most frequent first; empty where it is a number to be predicted.
    pub classes: Vec<(String, usize)>,
    /// What the other columns have to do with it, the closest first.
    pub associations: Vec<Association>,
}

/// What a column has to do with the target.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Association {
    /// The column.
    pub column: String,
    /// How it was measured.
    pub measure: Measure,
    /// How much: 0 to 1, for correlations -1 to 1.
    pub value: f64,
}

/// How an [`Association`] was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Pearson's correlation, of two numbers.
    Pearson,
    /// The correlation ratio, of a number and groups.
    CorrelationRatio,
    /// Cramer's V, corrected for the number of groups, of two columns of groups.
    CramersV,
}

/// Looks at `table`, and at what its columns have to do with the column `target`.
///
/// # Errors
/// There is no column of that name, or there are no rows.
pub fn profile(table: &Table, target: Option<&str>) -> Result<Profile, TableError> {
    let target = target.map(|name| table.column(name)).transpose()?;
    if table.rows() == 0 {
        return Err(TableError::missing("the table has no rows to look at"));
    }
    let tokens = table.missing_tokens();
    let columns: Vec<ColumnProfile> = table.columns().iter().map(|c| ColumnProfile::of(c, tokens)).collect();
    let duplicates = table.duplicate_rows().len();
    let correlations = correlations(table);
    let mut findings = Vec::new();
    let target = target.map(|target| target_profile(table, target, &columns, &mut findings));
    let target_name = target.as_ref().map(|target| target.name.as_str());
    let others = columns.iter().filter(|column| Some(column.name.as_str()) != target_name);
    findings.extend(others.filter_map(|column| column_finding(column, table.rows())));
    findings.extend(same_columns(&correlations, target_name));
    if duplicates > 0 {
        findings.push(Finding::DuplicateRows { rows: duplicates });
    }
    Ok(Profile { rows: table.rows(), columns, duplicates, correlations, target, findings })
}

fn correlations(table: &Table) -> Correlations {
    let numbers: Vec<(&str, &[f64])> = table
        .columns()
        .iter()
        .filter_map(|column| column.as_numbers().map(|values| (column.name(), values)))
        .take(CORRELATED)
        .collect();
    let mut values = vec![vec![f64::NAN; numbers.len()]; numbers.len()];
    for (row, (_, a)) in numbers.iter().enumerate() {
        for (column, (_, b)) in numbers.iter().enumerate().take(row + 1) {
            let value = pearson(a, b);
            values[row][column] = value;
            values[column][row] = value;
        }
    }
    Correlations { names: numbers.iter().map(|(name, _)| (*name).to_owned()).collect(), values }
}

fn same_columns(correlations: &Correlations, target: Option<&str>) -> Vec<Finding> {
    let names = &correlations.names;
    let mut found = Vec::new();
    for (row, name) in names.iter().enumerate() {
        for (column, other) in names.iter().enumerate().take(row) {
            let is_target = [name, other].iter().any(|name| Some(name.as_str()) == target);
            if correlations.values[row][column].abs() > 1.0 - 1e-9 && !is_target {
                found.push(Finding::SameAs { column: name.clone(), other: other.clone() });
            }
        }
    }
    found
}

fn column_finding(column: &ColumnProfile, rows: usize) -> Option<Finding> {
    let name = || column.name.clone();
    let is_named = matches!(column.column_type, ColumnType::Category | ColumnType::Integer);
    match column.missing {
        missing if missing == rows => Some(Finding::AllMissing { column: name() }),
        0 if column.distinct == 1 && rows > 1 => Some(Finding::Constant { column: name() }),
        0 if column.distinct == rows && rows >= 20 && is_named => {
            Some(Finding::Identifier { column: name() })
        }
        missing if missing * 2 > rows => {
            Some(Finding::MostlyMissing { column: name(), share: missing as f64 / rows as f64 })
        }
        _ => None,
    }
}

/// The target as it is compared with other columns.
enum Compared<'a> {
    Classes(Groups),
    Numbers(&'a [f64]),
}

fn target_profile(
    table: &Table,
    target: &Column,
    columns: &[ColumnProfile],
    findings: &mut Vec<Finding>,
) -> TargetProfile {
    let distinct = columns.iter().find(|c| c.name == target.name()).map_or(0, |column| column.distinct);
    let compared = match target.as_numbers() {
        Some(values) if target.column_type() == ColumnType::Float || distinct > CLASSES => {
            Compared::Numbers(values)
        }
        _ => Compared::Classes(groups(target)),
    };
    let mut classes = Vec::new();
    if let Compared::Classes(_) = compared {
        classes = crate::prepare::counted_levels(target, table.missing_tokens());
        classes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    }
    target_findings(target, distinct, &classes, findings);
    let mut associations = Vec::new();
    for column in table.columns().iter().filter(|column| column.name() != target.name()) {
        let of_column = groups(column);
        let skill = match &compared {
            Compared::Classes(classes) => class_skill(&of_column, classes),
            Compared::Numbers(values) => number_skill(&of_column, values),
        };
        let association = associate(column, &of_column, &compared);
        let straight = association.measure == Measure::Pearson;
        let straight = if straight { association.value.powi(2) } else { f64::NAN };
        // A straight line may explain what groups of equal size leave open at far ends.
        let skill = skill.map(|skill| skill.max(straight)).filter(|skill| *skill > LEAK);
        findings.extend(skill.map(|skill| Finding::Leak { column: column.name().to_owned(), skill }));
        associations.push(association);
    }
    let size =
        |association: &Association| if association.value.is_nan() { -1.0 } else { association.value.abs() };
    associations.sort_by(|a, b| size(b).total_cmp(&size(a)));
    TargetProfile { name: target.name().to_owned(), classes, associations }
}

fn target_findings(
    target: &Column,
    distinct: usize,
    classes: &[(String, usize)],
    findings: &mut Vec<Finding>,
) {
    let missing = target.missing();
    if missing > 0 {
        findings.push(Finding::TargetMissing { rows: missing });
    }
    if distinct < 2 {
        findings.push(Finding::OneClass);
    }
    let rows = target.rows() - missing;
    let is_rare = |count: usize| count < 10 || count * 100 < rows;
    let rare = classes.iter().filter(|(_, count)| is_rare(*count) && distinct >= 2).take(5);
    findings.extend(rare.map(|(class, rows)| Finding::RareClass { class: class.clone(), rows: *rows }));
}

fn associate(column: &Column, of_column: &Groups, target: &Compared<'_>) -> Association {
    let (measure, value) = match (column.as_numbers(), target) {
        (Some(values), Compared::Numbers(target)) => (Measure::Pearson, pearson(values, target)),
        (Some(values), Compared::Classes(classes)) => {
            (Measure::CorrelationRatio, correlation_ratio(classes, values))
        }
        // Groups of a row or two have the means of their rows, whatever those are.
        (None, Compared::Numbers(target)) if of_column.count * ROWS_OF_GROUP > target.len() => {
            (Measure::CorrelationRatio, f64::NAN)
        }
        (None, Compared::Numbers(target)) => {
            (Measure::CorrelationRatio, correlation_ratio(of_column, target))
        }
        (None, Compared::Classes(classes)) => (Measure::CramersV, cramers_v(of_column, classes)),
    };
    Association { column: column.name().to_owned(), measure, value }
}
