//! Texts as counts of buckets and weights of words.

use std::collections::HashMap;

use super::hashing::bucket;
use super::sheet::{Sheet, narrow};
use super::values::{ColumnValues, Fault};
use super::words::{for_each_word, lower_into};
use super::{HashUnit, HashingEncoding, TfIdfEncoding};

impl HashingEncoding {
    pub(super) fn encode(
        &self,
        values: &ColumnValues<'_>,
        missing: &[String],
        sheet: &mut Sheet<'_>,
    ) -> Result<(), Fault> {
        let mut scratch = String::new();
        values.each_text(missing, |row, text| {
            let Some(text) = text else { return Ok(()) };
            match (self.unit, self.lower_case) {
                (HashUnit::Words, lower) => {
                    for_each_word(text, lower, &mut scratch, |word| {
                        sheet.add(row, bucket(word, self.bits), 1.0)
                    });
                }
                (HashUnit::Value, false) => sheet.add(row, bucket(text, self.bits), 1.0),
                (HashUnit::Value, true) => {
                    lower_into(text, &mut scratch);
                    sheet.add(row, bucket(&scratch, self.bits), 1.0);
                }
            }
            Ok(())
        })
    }
}

/// A TF-IDF encoding with its terms looked up by hash.
#[derive(Clone, Debug)]
pub(super) struct TfIdf {
    terms: HashMap<String, u32>,
    idf: Vec<f64>,
    lower_case: bool,
}

impl TfIdf {
    pub(super) fn new(encoding: &TfIdfEncoding) -> Self {
        let terms = encoding.terms.iter().zip(0..).map(|(term, place)| (term.clone(), place)).collect();
        Self { terms, idf: encoding.idf.clone(), lower_case: encoding.lower_case }
    }

    pub(super) fn encode(
        &self,
        values: &ColumnValues<'_>,
        missing: &[String],
        sheet: &mut Sheet<'_>,
    ) -> Result<(), Fault> {
        let (mut scratch, mut found) = (String::new(), Vec::new());
        values.each_text(missing, |row, text| {
            found.clear();
            for_each_word(text.unwrap_or_default(), self.lower_case, &mut scratch, |word| {
                found.extend(self.terms.get(word));
            });
            self.set_row(row, &mut found, sheet);
            Ok(())
        })
    }

    /// Sets the weights of the terms of one text, given with repetition.
    fn set_row(&self, row: usize, found: &mut [u32], sheet: &mut Sheet<'_>) {
        found.sort_unstable();
        let weight = |run: &[u32]| run.len() as f64 * self.idf.get(run[0] as usize).copied().unwrap_or(0.0);
        let runs = || found.chunk_by(|a, b| a == b);
        let length = runs().map(|run| weight(run).powi(2)).sum::<f64>().sqrt();
        if length > 0.0 {
            runs().for_each(|run| sheet.set(row, run[0] as usize, narrow(weight(run) / length)));
        }
    }
}
