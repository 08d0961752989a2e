//! Which class was taken for which.

use super::grid::{Cells, Grid, Shade, level};
use super::key::Key;
use crate::drawing::Drawing;
use crate::error::{ReportError, check_grid};
use crate::number::{self, Unit};
use crate::palette::Ramp;

/// Counts of true class (row) and predicted class (column), each shaded by its share of its row: one colour
/// for what was right, another for what was wrong.
///
/// ```
/// use wharf_report::ConfusionMatrix;
///
/// let labels = vec!["cat".to_owned(), "dog".to_owned()];
/// let matrix = ConfusionMatrix::new("Confusion matrix", labels, vec![vec![48, 2], vec![5, 45]])?;
/// assert!(matrix.draw().to_svg().contains("dog taken for cat: 5 (10%)"));
/// # Ok::<(), wharf_report::ReportError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ConfusionMatrix {
    title: String,
    labels: Vec<String>,
    counts: Vec<Vec<u64>>,
}

impl ConfusionMatrix {
    /// A matrix of `counts[truth][prediction]` over the classes `labels`.
    ///
    /// Names are cut where long. Where cells are small, counts are left out, then names thinned.
    ///
    /// # Errors
    /// If the counts are not square, with a row and a column for each label.
    pub fn new(
        title: impl Into<String>,
        labels: Vec<String>,
        counts: Vec<Vec<u64>>,
    ) -> Result<Self, ReportError> {
        check_grid(labels.len(), labels.len(), &counts)?;
        Ok(Self { title: title.into(), labels, counts })
    }

    /// Draws the matrix.
    pub fn draw(&self) -> Drawing {
        let totals: Vec<f64> = self.counts.iter().map(|row| sum(row)).collect();
        let key = |name: &str, shade| Key {
            name: name.to_owned(),
            low: "0%".to_owned(),
            high: "100%".to_owned(),
            shade,
        };
        let grid = Grid {
            title: &self.title,
            description: self.describe(&totals),
            row_title: "true class",
            column_title: "predicted class",
            row_names: &self.labels,
            column_names: &self.labels,
            key: vec![
                key("right", |share| (Ramp::A, depth(share))),
                key("wrong", |share| (Ramp::B, depth(share))),
            ],
        };
        grid.draw(&Counts { matrix: self, totals: &totals })
    }

    fn describe(&self, totals: &[f64]) -> String {
        let total = totals.iter().sum::<f64>();
        let right = self.counts.iter().enumerate().map(|(class, row)| row[class] as f64).sum::<f64>();
        let classes = match self.labels.len() {
            1 => "1 class".to_owned(),
            count => format!("{count} classes"),
        };
        let share = if total > 0.0 { number::value(right / total, Unit::Percent) } else { "none".to_owned() };
        let total = number::value(total, Unit::Count);
        format!(
            "{classes}, {total} examples, {share} right. Rows are true classes, columns predicted ones.{}",
            self.worst()
        )
    }

    /// The most frequent mistake, in words.
    fn worst(&self) -> String {
        let cells = self.counts.iter().enumerate();
        let cells = cells.flat_map(|(row, line)| {
            line.iter().enumerate().map(move |(column, count)| (*count, row, column))
        });
        let mistakes = cells.filter(|(count, row, column)| *count > 0 && row != column);
        // Of equals the first.
        let first_greatest = mistakes.reduce(|best, next| if next.0 > best.0 { next } else { best });
        match first_greatest {
            Some((count, row, column)) => format!(
                " Most frequent mistake: {} taken for {}, {} times.",
                self.labels[row], self.labels[column], count
            ),
            None => String::new(),
        }
    }
}

/// The counts, with the sums of their rows.
struct Counts<'a> {
    matrix: &'a ConfusionMatrix,
    totals: &'a [f64],
}

impl Counts<'_> {
    fn share(&self, row: usize, column: usize) -> f64 {
        let total = self.totals[row];
        if total > 0.0 { self.matrix.counts[row][column] as f64 / total } else { 0.0 }
    }
}

impl Cells for Counts<'_> {
    fn shade(&self, row: usize, column: usize) -> Option<Shade> {
        let ramp = if row == column { Ramp::A } else { Ramp::B };
        let shade = (ramp, level(depth(self.share(row, column))));
        (self.matrix.counts[row][column] > 0).then_some(shade)
    }

    fn label(&self, row: usize, column: usize) -> String {
        short_count(self.matrix.counts[row][column])
    }

    fn tip(&self, row: usize, column: usize) -> String {
        let (truth, prediction) = (&self.matrix.labels[row], &self.matrix.labels[column]);
        let count = number::value(self.matrix.counts[row][column] as f64, Unit::Count);
        let share = number::value(self.share(row, column), Unit::Percent);
        format!("{truth} taken for {prediction}: {count} ({share})")
    }
}

/// How deep the shade of a share is. The root lifts small shares, which is where mistakes are.
fn depth(share: f64) -> f64 {
    share.max(0.0).sqrt()
}

fn sum(row: &[u64]) -> f64 {
    row.iter().map(|count| *count as f64).sum()
}

/// A count in a few characters.
fn short_count(count: u64) -> String {
    if count < 10_000 { count.to_string() } else { number::value(count as f64, Unit::Plain) }
}
