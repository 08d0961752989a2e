//! Whether one column alone gives the target away.
//!
//! The rows at even places say what each group of a column means, and the rows at odd places check it. So a column
//! whose values never come again, such as an identifier, gives nothing away.

use super::bins::Groups;

/// Fewer rows to check say nothing.
const LEAST_ROWS: usize = 20;

/// The share, over always naming the most frequent class, of the mistakes that the column spares: 0 for none, 1 for
/// all of them. `None` where there are too few rows or one class only.
pub(super) fn class_skill(column: &Groups, target: &Groups) -> Option<f64> {
    let mut counts = vec![vec![0_u32; target.count]; column.count];
    let mut overall = vec![0_u32; target.count];
    let rows = || column.of_row.iter().zip(&target.of_row);
    for (group, class) in rows().step_by(2) {
        counts[*group as usize][*class as usize] += 1;
        overall[*class as usize] += 1;
    }
    let usual = most(&overall)?;
    let meaning: Vec<usize> = counts.iter().map(|counts| most(counts).unwrap_or(usual)).collect();
    let check = || rows().skip(1).step_by(2);
    let wrong = check().filter(|(group, class)| meaning[**group as usize] != **class as usize).count();
    let wrong_usually = check().filter(|(_, class)| usual != **class as usize).count();
    let is_enough = check().count() >= LEAST_ROWS && wrong_usually > 0;
    is_enough.then(|| 1.0 - wrong as f64 / wrong_usually as f64)
}

/// The place of the greatest count, unless all are 0.
fn most(counts: &[u32]) -> Option<usize> {
    let place = (0..counts.len()).rev().max_by_key(|place| counts[*place])?;
    (counts[place] > 0).then_some(place)
}

/// The share of the target's spread that the means of the groups explain: the coefficient of determination.
pub(super) fn number_skill(column: &Groups, target: &[f64]) -> Option<f64> {
    let mut sums = vec![(0.0, 0.0); column.count];
    let rows = || column.of_row.iter().zip(target);
    for (group, value) in rows().step_by(2).filter(|(_, value)| !value.is_nan()) {
        let (count, sum) = &mut sums[*group as usize];
        *count += 1.0;
        *sum += value;
    }
    let (count, sum) = sums.iter().fold((0.0, 0.0), |(n, s), (count, sum)| (n + count, s + sum));
    let usual = sum / count;
    let meaning: Vec<f64> =
        sums.iter().map(|(count, sum)| if *count > 0.0 { sum / count } else { usual }).collect();
    let check = || rows().skip(1).step_by(2).filter(|(_, value)| !value.is_nan());
    let wrong: f64 = check().map(|(group, value)| (value - meaning[*group as usize]).powi(2)).sum();
    let wrong_usually: f64 = check().map(|(_, value)| (value - usual).powi(2)).sum();
    let is_enough = check().count() >= LEAST_ROWS && wrong_usually > 0.0;
    is_enough.then(|| 1.0 - wrong / wrong_usually)
}
