//! The column to predict, as classes or numbers.

use wharf_learn::Target;
use wharf_table::{Classes, Column, ColumnType};

use crate::TabularError;
use crate::recipe::TableTask;

/// A column of whole numbers with at most so many values is one of classes.
const MAX_CLASSES_OF_NUMBERS: usize = 10;
/// More classes than this are a mistake.
const MAX_CLASSES: usize = 1000;

/// What is learned, one entry for each row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Learned {
    /// Classes, by their place among the labels.
    Classes {
        /// One for each row.
        indices: Vec<u32>,
        /// The classes' names, sorted: numbers by value, texts by their letters.
        labels: Vec<String>,
    },
    /// Numbers.
    Numbers(Vec<f64>),
}

impl Learned {
    /// What `column`, in which nothing is missing, holds for `task`; the task is seen from the column where absent.
    ///
    /// # Errors
    /// There is one class alone, or too many; numbers are asked for and there are none.
    pub(crate) fn of(column: &Column, task: Option<TableTask>) -> Result<Self, TabularError> {
        let task = task.unwrap_or_else(|| task_of(column));
        match task {
            TableTask::Classification => classes(column),
            TableTask::Regression => numbers(column),
        }
    }

    /// The classes of another column, by the same labels.
    ///
    /// # Errors
    /// A class is not among the labels, or there are no numbers.
    pub(crate) fn alike(&self, column: &Column) -> Result<Self, TabularError> {
        let Self::Classes { labels, .. } = self else { return numbers(column) };
        let place = |row: usize| {
            let text = column.text(row).unwrap_or_default();
            let found = labels.iter().position(|label| *label == text);
            found.map(|place| place as u32).ok_or_else(|| {
                let (name, row) = (column.name(), row + 1);
                TabularError::data(format!(
                    "target `{name}` is `{text}` in row {row}, which was not trained on"
                ))
            })
        };
        let indices = (0..column.rows()).map(place).collect::<Result<_, _>>()?;
        Ok(Self::Classes { indices, labels: labels.clone() })
    }

    /// Whether classes or numbers are learned.
    pub(crate) fn task(&self) -> TableTask {
        match self {
            Self::Classes { .. } => TableTask::Classification,
            Self::Numbers(_) => TableTask::Regression,
        }
    }

    /// The classes' names; none for numbers.
    pub(crate) fn labels(&self) -> &[String] {
        match self {
            Self::Classes { labels, .. } => labels,
            Self::Numbers(_) => &[],
        }
    }

    /// The entries of `rows`, in that order.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Classes { indices, labels } => Self::Classes {
                indices: rows.iter().map(|row| indices[*row]).collect(),
                labels: labels.clone(),
            },
            Self::Numbers(numbers) => Self::Numbers(rows.iter().map(|row| numbers[*row]).collect()),
        }
    }

    /// As estimators take it.
    pub(crate) fn target(&self) -> Target {
        match self {
            Self::Classes { indices, labels } => {
                Target::Classes { indices: indices.clone(), count: labels.len() }
            }
            Self::Numbers(numbers) => Target::Numbers(numbers.clone()),
        }
    }
}

fn task_of(column: &Column) -> TableTask {
    let numbers = match column.column_type() {
        ColumnType::Float => return TableTask::Regression,
        ColumnType::Integer => column.as_numbers().unwrap_or_default(),
        _ => return TableTask::Classification,
    };
    match distinct(numbers).len() {
        0..=MAX_CLASSES_OF_NUMBERS => TableTask::Classification,
        _ => TableTask::Regression,
    }
}

fn distinct(numbers: &[f64]) -> Vec<f64> {
    let mut values = numbers.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    values
}

fn numbers(column: &Column) -> Result<Learned, TabularError> {
    let numbers = column.numbers_to_predict().map_err(TabularError::from_table)?;
    Ok(Learned::Numbers(numbers.to_vec()))
}

fn classes(column: &Column) -> Result<Learned, TabularError> {
    let Classes { names, of_row } = column.classes().map_err(TabularError::from_table)?;
    if names.len() > MAX_CLASSES {
        let (name, count, rows) = (column.name(), names.len(), column.rows());
        return Err(TabularError::data(format!(
            "target `{name}` has {count} classes in {rows} rows, expected at most {MAX_CLASSES}; for numbers set `task = \
             \"regression\"`"
        )));
    }
    Ok(Learned::Classes { indices: of_row, labels: names })
}

#[cfg(test)]
mod tests {
    use wharf_table::{CsvOptions, read_csv_bytes};

    use super::*;

    fn column(values: &[&str]) -> Column {
        let text = format!("x\n{}\n", values.join("\n"));
        read_csv_bytes(text.as_bytes(), &CsvOptions::default()).unwrap().column("x").unwrap().clone()
    }

    #[test]
    fn few_whole_numbers_and_texts_are_classes() {
        let Learned::Classes { indices, labels } = Learned::of(&column(&["10", "9", "10"]), None).unwrap()
        else {
            panic!("not classes")
        };
        assert_eq!((indices, labels), (vec![1, 0, 1], vec!["9".to_owned(), "10".to_owned()]));
        let learned = Learned::of(&column(&["b", "a", "b"]), None).unwrap();
        assert_eq!(learned.labels(), ["a", "b"]);
        assert_eq!(learned.alike(&column(&["a", "a"])).unwrap().target().len(), 2);
        let error = learned.alike(&column(&["a", "c"])).unwrap_err();
        assert_eq!(error.to_string(), "target `x` is `c` in row 2, which was not trained on");
    }

    #[test]
    fn many_numbers_are_numbers_unless_told_otherwise() {
        let many: Vec<String> = (0..11).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(Learned::of(&column(&many), None).unwrap().task(), TableTask::Regression);
        let told = Learned::of(&column(&many), Some(TableTask::Classification)).unwrap();
        assert_eq!(told.labels().len(), 11);
        assert_eq!(Learned::of(&column(&["0.5", "1"]), None).unwrap().task(), TableTask::Regression);
    }

    #[test]
    fn what_cannot_be_learned_is_named() {
        for (values, task, expected) in [
            (vec!["a", "a"], None, "target `x` has the one class `a`, expected at least 2"),
            (vec!["1.5", "1.5"], None, "target `x`"),
            (vec!["a", "b"], Some(TableTask::Regression), "target `x`"),
        ] {
            let error = Learned::of(&column(&values), task).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
