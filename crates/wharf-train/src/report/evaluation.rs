//! How the finished network does: confusion matrix, classes, mistakes.

use wharf_report::{BarChart, ConfusionMatrix, Drawing, Picture, ReportError, Section, Table, Unit};

use super::Mistake;
use super::page::{count, percent};
use crate::metrics::{ClassScores, Evaluation};

/// Beyond this many classes bars say less than the table.
const BARS: usize = 40;
/// Beyond this many classes the table has to be opened.
const ROWS: usize = 40;
const CONFUSIONS: usize = 10;
const PICTURES: usize = 32;

pub(super) fn confusion(evaluation: &Evaluation) -> Result<Drawing, ReportError> {
    let confusion = &evaluation.confusion;
    let matrix =
        ConfusionMatrix::new("Confusion matrix", confusion.labels.clone(), confusion.counts.clone())?;
    Ok(matrix.draw())
}

/// The section that shows which classes the network tells apart.
pub(super) fn section(evaluation: &Evaluation, confusion: Drawing) -> Section {
    let told = "Rows are what the pictures show, columns what the network took them for. \
                The deeper a shade, the larger the share of its row.";
    let mut charts = vec![confusion];
    if (1..=BARS).contains(&evaluation.classes.len()) {
        charts.push(f1_bars(&evaluation.classes));
    }
    let section = Section::new("Evaluation").paragraph(told).charts(charts);
    let table = class_table(&evaluation.classes);
    let section = if evaluation.classes.len() <= ROWS {
        section.table(table)
    } else {
        section.folded_table(format!("All {} classes", evaluation.classes.len()), table)
    };
    match confusion_table(evaluation) {
        Some(table) => section.paragraph("The most frequent confusions:").table(table),
        None => section,
    }
}

fn f1_bars(classes: &[ClassScores]) -> Drawing {
    let chart = BarChart::new("F1 by class").unit(Unit::Percent).range(0.0, 1.0).width(326);
    classes.iter().fold(chart, |chart, class| chart.bar(&class.label, class.f1)).draw()
}

fn class_table(classes: &[ClassScores]) -> Table {
    let table =
        Table::new().text("class").number("precision").number("recall").number("F1").number("pictures");
    classes.iter().fold(table, |table, class| {
        let shares = [class.precision, class.recall, class.f1].map(percent);
        table.row([class.label.clone()].into_iter().chain(shares).chain([count(class.support)]))
    })
}

/// Pairs of classes by how often one was taken for the other; none where nothing was.
fn confusion_table(evaluation: &Evaluation) -> Option<Table> {
    let counts = &evaluation.confusion.counts;
    let cells = counts.iter().enumerate().flat_map(|(truth, row)| {
        row.iter().enumerate().map(move |(prediction, count)| (*count, truth, prediction))
    });
    let mut wrong: Vec<_> =
        cells.filter(|(count, truth, prediction)| *count > 0 && truth != prediction).collect();
    // A stable sort: of equals the first rows come first.
    wrong.sort_by_key(|(count, ..)| std::cmp::Reverse(*count));
    let table =
        Table::new().text("true class").text("taken for").number("pictures").number("share of the class");
    let label = |class: usize| evaluation.confusion.labels.get(class).cloned().unwrap_or_default();
    let row = |table: Table, (times, truth, prediction): &(u64, usize, usize)| {
        let whole: u64 = counts.get(*truth).map_or(0, |row| row.iter().sum());
        let share = percent(*times as f64 / whole.max(1) as f64);
        table.row([label(*truth), label(*prediction), count(*times), share])
    };
    (!wrong.is_empty()).then(|| wrong.iter().take(CONFUSIONS).fold(table, row))
}

/// The section with wrongly classified pictures; none where there are none to show.
pub(super) fn mistakes(mistakes: &[Mistake]) -> Option<Section> {
    let shown = mistakes.iter().take(PICTURES).filter_map(|mistake| {
        let [height, width, channels] = mistake.shape;
        let (truth, prediction) = (&mistake.truth, &mistake.prediction);
        let caption = format!("{truth}\ntaken for {prediction}\n{:.1}% sure", mistake.probability * 100.0);
        // A picture that is none is left out: the report is about the rest too.
        Picture::from_samples((height, width, channels), &mistake.samples, caption).ok()
    });
    let shown: Vec<Picture> = shown.collect();
    let told = "Pictures of the evaluation split on which the network was most sure of the wrong class.";
    (!shown.is_empty()).then(|| Section::new("Mistakes").paragraph(told).pictures(shown))
}
