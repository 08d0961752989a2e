//! The distinct values of a column as texts, and how often each comes.

use std::collections::HashMap;

use crate::{Column, ColumnData};

/// The texts of `column` as serving will see them, with their counts, sorted: by number where all are numbers, else
/// by their characters.
pub(crate) fn counted_levels(column: &Column, missing: &[String]) -> Vec<(String, usize)> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut count = |text: &str, times: usize| {
        let text = text.trim();
        if times > 0 && !text.is_empty() && !missing.iter().any(|token| token == text) {
            *counts.entry(text.to_owned()).or_default() += times;
        }
    };
    match column.data() {
        ColumnData::Texts(texts) => {
            texts.levels().iter().zip(texts.counts()).for_each(|(level, times)| count(level, times));
        }
        _ => (0..column.rows()).filter_map(|row| column.text(row)).for_each(|text| count(&text, 1)),
    }
    let mut levels: Vec<_> = counts.into_iter().collect();
    sort_levels(&mut levels);
    levels
}

fn sort_levels(levels: &mut [(String, usize)]) {
    let number = |text: &str| wharf_transform::columns::parse_number(text);
    if levels.iter().all(|(text, _)| number(text).is_some()) {
        let key = |text: &str| number(text).unwrap_or(f64::NAN);
        levels.sort_by(|(a, _), (b, _)| key(a).total_cmp(&key(b)).then_with(|| a.cmp(b)));
    } else {
        levels.sort();
    }
}

/// The most frequent; the first of several.
pub(crate) fn most_frequent(levels: &[(String, usize)]) -> Option<usize> {
    (0..levels.len()).rev().max_by_key(|place| levels[*place].1)
}
