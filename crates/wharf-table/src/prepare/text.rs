//! Running text: which words have a feature, and their weights.

use std::collections::{HashMap, HashSet};

use wharf_transform::columns::{Encoding, HashUnit, HashingEncoding, TfIdfEncoding, for_each_word};

use super::category::Outcome;
use super::settings::{TextEncoding, TextSettings};
use super::warning::WarningKind;

pub(super) fn fit_text(
    levels: &[(String, usize)],
    rows: usize,
    settings: &TextSettings,
) -> Result<Outcome, String> {
    let TextSettings { bits, lower_case, .. } = *settings;
    match settings.encoding {
        TextEncoding::Hashing if !(1..=19).contains(&bits) => {
            Err(format!("`bits` is {bits}, expected 1 to 19"))
        }
        TextEncoding::Hashing => {
            Ok((Encoding::Hashing(HashingEncoding { bits, unit: HashUnit::Words, lower_case }), None))
        }
        TextEncoding::TfIdf => Ok(tf_idf(levels, rows, settings)),
    }
}

/// How often a word comes, and in how many texts.
#[derive(Clone, Copy, Default)]
struct Seen {
    times: usize,
    documents: usize,
}

/// `idf = ln((1 + rows) / (1 + documents)) + 1`, as scikit-learn's with its smoothing. Terms are in alphabetical order;
/// of too many, those that come most often stay, and of equals the first.
fn tf_idf(levels: &[(String, usize)], rows: usize, settings: &TextSettings) -> Outcome {
    let mut seen = count_words(levels, settings.lower_case).into_iter().collect::<Vec<_>>();
    seen.retain(|(_, seen)| seen.documents >= settings.min_documents);
    seen.sort_by(|(a, x), (b, y)| y.times.cmp(&x.times).then_with(|| a.cmp(b)));
    seen.truncate(settings.max_terms);
    seen.sort_by(|(a, _), (b, _)| a.cmp(b));
    if seen.is_empty() {
        return (Encoding::Dropped, Some(WarningKind::NoTerms));
    }
    let weight = |documents: usize| ((1 + rows) as f64 / (1 + documents) as f64).ln() + 1.0;
    let idf = seen.iter().map(|(_, seen)| weight(seen.documents)).collect();
    let terms = seen.into_iter().map(|(term, _)| term).collect();
    (Encoding::TfIdf(TfIdfEncoding { terms, idf, lower_case: settings.lower_case }), None)
}

fn count_words(levels: &[(String, usize)], lower_case: bool) -> HashMap<String, Seen> {
    let mut words: HashMap<String, Seen> = HashMap::new();
    let mut scratch = String::new();
    for (text, times) in levels {
        let mut here = HashSet::new();
        for_each_word(text, lower_case, &mut scratch, |word| {
            let is_first = here.insert(word.to_owned());
            let seen = words.entry(word.to_owned()).or_default();
            seen.times += times;
            seen.documents += if is_first { *times } else { 0 };
        });
    }
    words
}
