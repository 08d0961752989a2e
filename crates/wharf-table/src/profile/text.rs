//! A profile for a terminal.

use std::fmt::Write as _;

use wharf_transform::columns::time_text;

use super::{ColumnProfile, Measure, NumberProfile, Profile};

/// The profile as text: a line for each column, then the target, then what should be looked at.
pub fn text(profile: &Profile) -> String {
    let mut out = format!("{} rows, {} columns\n\n", profile.rows, profile.columns.len());
    let head = ["column", "type", "missing", "distinct", "values"].map(str::to_owned).to_vec();
    let rows = profile.columns.iter().map(|column| column_cells(column, profile.rows));
    push_table(&mut out, std::iter::once(head).chain(rows).collect(), &[2, 3]);
    push_target(&mut out, profile);
    if !profile.findings.is_empty() {
        out.push_str("\nTo look at\n");
        for finding in &profile.findings {
            let _ = writeln!(out, "  {finding}");
        }
    }
    out
}

fn column_cells(column: &ColumnProfile, rows: usize) -> Vec<String> {
    vec![
        cut(&column.name, 32),
        column.column_type.name().to_owned(),
        if column.missing == 0 { "-".to_owned() } else { percent(column.missing, rows) },
        column.distinct.to_string(),
        values(column, rows),
    ]
}

fn values(column: &ColumnProfile, rows: usize) -> String {
    match &column.numbers {
        Some(numbers) if column.is_date() => {
            let [first, .., last] = numbers.quantiles;
            format!("{} to {}", time_text(first), time_text(last))
        }
        Some(numbers) => number_values(numbers),
        None => {
            let level =
                |(level, count): &(String, usize)| format!("{} {}", cut(level, 24), percent(*count, rows));
            column.levels.iter().take(3).map(level).collect::<Vec<_>>().join(", ")
        }
    }
}

fn number_values(numbers: &NumberProfile) -> String {
    let [least, _, _, median, _, _, greatest] = numbers.quantiles.map(short);
    let (mean, std) = (short(numbers.mean), short(numbers.std));
    format!("{least} to {greatest}, median {median}, mean {mean}, std {std}")
}

fn push_target(out: &mut String, profile: &Profile) {
    let Some(target) = &profile.target else { return };
    let _ = writeln!(out, "\nTarget `{}`", target.name);
    for (class, count) in target.classes.iter().take(20) {
        let _ = writeln!(out, "  {}  {count} ({})", cut(class, 32), percent(*count, profile.rows));
    }
    out.push('\n');
    let associations = target.associations.iter().filter(|a| !a.value.is_nan()).take(15);
    let rows = associations.map(|association| {
        let (column, measure) = (cut(&association.column, 32), association.measure.name().to_owned());
        vec![format!("  {column}"), format!("{:.3}", association.value), measure]
    });
    push_table(out, rows.collect(), &[1]);
}

impl Measure {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Measure::Pearson => "correlation",
            Measure::CorrelationRatio => "correlation ratio",
            Measure::CramersV => "Cramer's V",
        }
    }
}

/// Cells in columns as wide as their widest, those of `right` at the right.
fn push_table(out: &mut String, rows: Vec<Vec<String>>, right: &[usize]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = match right.contains(&column) {
                true => write!(line, "{cell:>width$}  "),
                false => write!(line, "{cell:<width$}  "),
            };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

pub(super) fn percent(part: usize, whole: usize) -> String {
    format!("{:.1}%", 100.0 * part as f64 / whole.max(1) as f64)
}

/// About four digits.
pub(super) fn short(number: f64) -> String {
    let size = number.abs();
    let text = match size {
        _ if !number.is_finite() => return "-".to_owned(),
        0.0 => return "0".to_owned(),
        size if !(1e-4..1e7).contains(&size) => return format!("{number:.3e}"),
        size if size >= 1000.0 => format!("{number:.0}"),
        size => format!("{number:.*}", (3.0 - size.log10().floor()).clamp(0.0, 7.0) as usize),
    };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    text.to_owned()
}

/// A name on one line and not too long.
fn cut(text: &str, most: usize) -> String {
    let mut short: String = text.chars().take(most).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(most).is_some() {
        short.pop();
        short.push('\u{2026}');
    }
    short
}
