//! Checks of a program, which may come from a hostile manifest.

use std::collections::HashSet;

use super::{
    ColumnProgram, DateEncoding, DateForm, Encoding, MAX_COLUMNS, MAX_FEATURES, NumberEncoding,
    OneHotEncoding, Otherwise, TfIdfEncoding,
};
use crate::TransformError;

impl ColumnProgram {
    /// Checks what the types alone do not say.
    ///
    /// # Errors
    /// No columns or more than [`MAX_COLUMNS`]; no features or more than [`MAX_FEATURES`]; a name that is empty or
    /// comes twice; a number that is not finite or out of its range; selected features that there are not, or that
    /// are out of order.
    pub fn check(&self) -> Result<(), TransformError> {
        let fail = |problem: String| Err(TransformError::pipeline(problem));
        if !(1..=MAX_COLUMNS).contains(&self.columns.len()) {
            return fail(format!("{} columns, expected 1 to {MAX_COLUMNS}", self.columns.len()));
        }
        let mut names = HashSet::new();
        for column in &self.columns {
            if column.name.is_empty() || !names.insert(column.name.as_str()) {
                return fail(format!("column name `{}` is empty or comes twice", column.name));
            }
            if let Some(fault) = encoding_fault(&column.encoding) {
                return fail(format!("column `{}`: {fault}", column.name));
            }
        }
        let all = self.all_features();
        if all > MAX_FEATURES {
            return fail(format!("{all} features, expected at most {MAX_FEATURES}"));
        }
        self.check_selected(all)
    }

    fn check_selected(&self, all: usize) -> Result<(), TransformError> {
        let selected = self.selected.as_deref();
        let is_sorted = selected.is_none_or(|places| places.windows(2).all(|pair| pair[0] < pair[1]));
        let last = selected.and_then(|places| places.last()).map_or(0, |last| *last as usize);
        if !is_sorted || (self.selected.is_some() && last >= all) {
            return Err(TransformError::pipeline(format!(
                "`selected` is not a list of ascending places below {all}"
            )));
        }
        if self.features() == 0 {
            return Err(TransformError::pipeline("no column becomes a feature"));
        }
        Ok(())
    }
}

fn encoding_fault(encoding: &Encoding) -> Option<String> {
    match encoding {
        Encoding::Dropped => None,
        Encoding::Number(number) => number_fault(number),
        Encoding::OneHot(one_hot) => one_hot_fault(one_hot),
        Encoding::Ordinal(ordinal) => finite_fault(&[f64::from(ordinal.unseen), f64::from(ordinal.missing)])
            .or_else(|| distinct_fault("levels", &ordinal.levels)),
        Encoding::Boolean(boolean) => finite_fault(&[f64::from(boolean.missing)]),
        Encoding::Date(date) => date_fault(date),
        Encoding::Hashing(hashing) => (!(1..=19).contains(&hashing.bits))
            .then(|| format!("`bits` is {}, expected 1 to 19", hashing.bits)),
        Encoding::TfIdf(tf_idf) => tf_idf_fault(tf_idf),
    }
}

fn number_fault(number: &NumberEncoding) -> Option<String> {
    let [low, high] = number.clip.unwrap_or([0.0, 0.0]);
    finite_fault(&[number.centre, number.scale, low, high, number.impute.unwrap_or(0.0)])
        .or_else(|| (low > high).then(|| format!("`clip` is [{low}, {high}], expected the lower end first")))
}

fn one_hot_fault(one_hot: &OneHotEncoding) -> Option<String> {
    let levels = one_hot.levels.len();
    let beyond = [one_hot.unseen, one_hot.missing].into_iter().find_map(|otherwise| match otherwise {
        Otherwise::Level(level) if level as usize >= levels => Some(level),
        _ => None,
    });
    beyond
        .map(|level| format!("level {level} stands for others, but there are {levels}"))
        .or_else(|| distinct_fault("levels", &one_hot.levels))
}

fn date_fault(date: &DateEncoding) -> Option<String> {
    let numbers: Vec<f64> =
        date.features.iter().flat_map(|feature| [feature.centre, feature.scale]).collect();
    let endless = date.features.iter().find(|f| f.form != DateForm::Value && f.part.round().is_none());
    finite_fault(&numbers)
        .or_else(|| finite_fault(&[date.impute]))
        .or_else(|| endless.map(|f| format!("`{}` does not come round, it has no sine", f.part.name())))
        .or_else(|| (date.features.len() > 64).then(|| "more than 64 features of one date".to_owned()))
}

fn tf_idf_fault(tf_idf: &TfIdfEncoding) -> Option<String> {
    let (terms, weights) = (tf_idf.terms.len(), tf_idf.idf.len());
    (terms != weights)
        .then(|| format!("{terms} terms and {weights} weights, expected one for each"))
        .or_else(|| finite_fault(&tf_idf.idf))
        .or_else(|| distinct_fault("terms", &tf_idf.terms))
}

fn finite_fault(numbers: &[f64]) -> Option<String> {
    let number = numbers.iter().find(|number| !number.is_finite())?;
    Some(format!("holds {number}, expected finite numbers"))
}

fn distinct_fault(what: &str, texts: &[String]) -> Option<String> {
    let mut seen = HashSet::new();
    let twice = texts.iter().find(|text| text.is_empty() || !seen.insert(text.as_str()))?;
    Some(format!("`{twice}` of its {what} is empty or comes twice"))
}
