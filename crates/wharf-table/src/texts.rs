//! A column of texts: each distinct one is kept once.

use std::collections::HashMap;
use std::sync::Arc;

use wharf_transform::columns::MISSING_CODE;

/// Texts by their place among the distinct ones, in the order in which they first came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Texts {
    /// Shared by all tables that were taken from one, as folds are.
    levels: Arc<Vec<Box<str>>>,
    codes: Vec<u32>,
}

impl Texts {
    /// The distinct texts. After rows were taken away, some may belong to no row.
    pub fn levels(&self) -> &[Box<str>] {
        &self.levels
    }

    /// The place of each row's text; [`MISSING_CODE`] where it is missing.
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The text of a row; `None` where it is missing or there is no such row.
    pub fn get(&self, row: usize) -> Option<&str> {
        let code = *self.codes.get(row)?;
        self.levels.get(code as usize).map(AsRef::as_ref)
    }

    /// How often each of the levels comes.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.levels.len()];
        for code in &self.codes {
            if let Some(count) = counts.get_mut(*code as usize) {
                *count += 1;
            }
        }
        counts
    }

    pub(crate) fn take(&self, rows: &[usize]) -> Self {
        let codes = rows.iter().map(|row| self.codes[*row]).collect();
        Self { levels: Arc::clone(&self.levels), codes }
    }

    pub(crate) fn append(&mut self, other: &Self) {
        let mut builder = TextsBuilder::from(std::mem::take(self));
        for row in 0..other.codes.len() {
            builder.push(other.get(row));
        }
        *self = builder.finish();
    }

    /// Whether the texts are running text rather than names of things: mostly distinct, and of several words.
    pub(crate) fn is_prose(&self) -> bool {
        const WORDS: usize = 3;
        let counts = self.counts();
        let (used, rows): (usize, usize) = counts
            .iter()
            .filter(|count| **count > 0)
            .fold((0, 0), |(used, rows), count| (used + 1, rows + count));
        let words: usize = self
            .levels
            .iter()
            .zip(&counts)
            .filter(|(_, count)| **count > 0)
            .map(|(level, _)| level.split_whitespace().take(50).count())
            .sum();
        used > 20 && used * 2 > rows && words >= WORDS * used
    }
}

impl<'a> FromIterator<Option<&'a str>> for Texts {
    fn from_iter<I: IntoIterator<Item = Option<&'a str>>>(texts: I) -> Self {
        let mut builder = TextsBuilder::default();
        texts.into_iter().for_each(|text| builder.push(text));
        builder.finish()
    }
}

/// Texts that are still being read.
#[derive(Default)]
pub(crate) struct TextsBuilder {
    places: HashMap<Box<str>, u32>,
    texts: Texts,
}

impl TextsBuilder {
    pub(crate) fn push(&mut self, text: Option<&str>) {
        let code = match text {
            None => MISSING_CODE,
            Some(text) => match self.places.get(text) {
                Some(place) => *place,
                None => self.add(text),
            },
        };
        self.texts.codes.push(code);
    }

    fn add(&mut self, text: &str) -> u32 {
        let place = self.texts.levels.len() as u32;
        Arc::make_mut(&mut self.texts.levels).push(text.into());
        self.places.insert(text.into(), place);
        place
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.codes.len()
    }

    pub(crate) fn finish(self) -> Texts {
        self.texts
    }
}

impl From<Texts> for TextsBuilder {
    fn from(texts: Texts) -> Self {
        let places = texts.levels.iter().zip(0..).map(|(level, place)| (level.clone(), place)).collect();
        Self { places, texts }
    }
}
