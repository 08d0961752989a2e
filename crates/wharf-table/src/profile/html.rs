//! A profile as a page.

use wharf_report::{BarChart, Drawing, Heatmap, Report, Section, Table, Unit};
use wharf_transform::columns::time_text;

use super::text::{percent, short};
use super::{ColumnProfile, Profile, TargetProfile};

/// Of more columns, the first have a chart.
const CHARTS: usize = 200;

/// The width of a chart that stands beside others.
const NARROW: u32 = 420;

/// The profile as a page of its own, `title` above it.
pub fn html(profile: &Profile, title: &str) -> String {
    let cells = profile.rows * profile.columns.len();
    let missing = profile.columns.iter().map(|column| column.missing).sum();
    let mut report = Report::new(title)
        .figure("rows", profile.rows.to_string())
        .figure("columns", profile.columns.len().to_string())
        .figure("missing cells", percent(missing, cells))
        .figure("repeated rows", profile.duplicates.to_string());
    if !profile.findings.is_empty() {
        let section = Section::new("To look at");
        let told = profile.findings.iter().map(ToString::to_string);
        report = report.section(told.fold(section, Section::paragraph));
    }
    if let Some(target) = &profile.target {
        report = report.section(target_section(target));
    }
    report = report.section(Section::new("Columns").table(column_table(profile)));
    let charts: Vec<Drawing> = profile.columns.iter().take(CHARTS).filter_map(distribution).collect();
    if !charts.is_empty() {
        report = report.section(Section::new("Distributions").charts(charts));
    }
    match correlation_chart(profile) {
        Some(chart) => report.section(Section::new("Correlations").chart(chart)).to_html(),
        None => report.to_html(),
    }
}

fn target_section(target: &TargetProfile) -> Section {
    let mut section = Section::new(format!("Target {}", target.name));
    if !target.classes.is_empty() {
        let chart = BarChart::new("Rows of each class").unit(Unit::Count);
        let classes = target.classes.iter().take(50);
        let chart = classes.fold(chart, |chart, (class, count)| chart.bar(class, *count as f64));
        section = section.chart(chart.draw());
    }
    let known = target.associations.iter().filter(|association| !association.value.is_nan()).take(50);
    let chart = BarChart::new("What columns have to do with it")
        .axis_title("correlation, correlation ratio (a number and groups), Cramer's V (groups)");
    let chart = known.fold(chart, |chart, association| chart.bar(&association.column, association.value));
    section.chart(chart.draw())
}

fn column_table(profile: &Profile) -> Table {
    let mut table = Table::new().text("column").text("type");
    for name in
        ["missing", "distinct", "mean", "std", "least", "5 %", "25 %", "50 %", "75 %", "95 %", "greatest"]
    {
        table = table.number(name);
    }
    for column in &profile.columns {
        let missing = if column.missing == 0 { "0".into() } else { percent(column.missing, profile.rows) };
        let mut cells = vec![
            column.name.clone(),
            column.column_type.name().to_owned(),
            missing,
            column.distinct.to_string(),
        ];
        let write = |number: f64| if column.is_date() { time_text(number) } else { short(number) };
        if let Some(numbers) = &column.numbers {
            let deviation = if column.is_date() { String::new() } else { short(numbers.std) };
            cells.extend([write(numbers.mean), deviation]);
            cells.extend(numbers.quantiles.map(write));
        }
        table = table.row(cells);
    }
    table
}

/// The distribution of a column; `None` where it has no values.
fn distribution(column: &ColumnProfile) -> Option<Drawing> {
    let chart = BarChart::new(&column.name).unit(Unit::Count).width(NARROW);
    if let Some(numbers) = &column.numbers {
        let is_each = numbers.histogram.iter().all(|bin| bin.high - bin.low == 1.0 && bin.low.fract() == 0.0);
        let name = |low: f64, high: f64| match (column.is_date(), is_each) {
            (true, _) => time_text(low.floor()),
            (false, true) => short(low),
            (false, false) => format!("{} to {}", short(low), short(high)),
        };
        let bins = numbers.histogram.iter();
        let chart = bins.fold(chart, |chart, bin| chart.bar(name(bin.low, bin.high), bin.count as f64));
        return Some(chart.draw());
    }
    let levels = column.levels.iter();
    let chart = levels.fold(chart, |chart, (level, count)| chart.bar(level, *count as f64));
    (!column.levels.is_empty()).then(|| chart.draw())
}

fn correlation_chart(profile: &Profile) -> Option<Drawing> {
    let correlations = &profile.correlations;
    let names = correlations.names.clone();
    let map =
        Heatmap::new("Pearson's correlation", names.clone(), names, correlations.values.clone()).ok()?;
    (correlations.names.len() > 1).then(|| map.draw())
}
