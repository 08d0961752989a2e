//! How much two columns have to do with each other.

use super::bins::Groups;

/// Pearson's correlation over the rows in which both are there; NaN where one does not vary or fewer than two are.
pub(super) fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let pairs = || a.iter().zip(b).filter(|(a, b)| !a.is_nan() && !b.is_nan());
    let count = pairs().count() as f64;
    let (mean_a, mean_b) =
        pairs().fold((0.0, 0.0), |(sum_a, sum_b), (a, b)| (sum_a + a / count, sum_b + b / count));
    let mut sums = [0.0; 3];
    for (a, b) in pairs() {
        let (a, b) = (a - mean_a, b - mean_b);
        sums = [sums[0] + a * b, sums[1] + a * a, sums[2] + b * b];
    }
    let [both, a, b] = sums;
    let spread = (a * b).sqrt();
    if spread > 0.0 { (both / spread).clamp(-1.0, 1.0) } else { f64::NAN }
}

/// Cramer's V with the correction of Bergsma (2013) for the number of groups: 0 to 1.
pub(super) fn cramers_v(a: &Groups, b: &Groups) -> f64 {
    let rows = a.of_row.len() as f64;
    let (mut sums_a, mut sums_b) = (vec![0.0; a.count], vec![0.0; b.count]);
    let mut cells = std::collections::BTreeMap::new();
    for (a, b) in a.of_row.iter().zip(&b.of_row) {
        sums_a[*a as usize] += 1.0;
        sums_b[*b as usize] += 1.0;
        *cells.entry((*a, *b)).or_insert(0.0) += 1.0;
    }
    // The sum over empty cells is what the rest of the expected counts makes up.
    let shares =
        cells.iter().map(|((a, b), count)| count * count / (sums_a[*a as usize] * sums_b[*b as usize]));
    let phi = shares.sum::<f64>() - 1.0;
    let (groups_a, groups_b) = (a.count as f64, b.count as f64);
    let phi = (phi - (groups_a - 1.0) * (groups_b - 1.0) / (rows - 1.0)).max(0.0);
    let corrected = |groups: f64| groups - (groups - 1.0).powi(2) / (rows - 1.0);
    let most = corrected(groups_a).min(corrected(groups_b)) - 1.0;
    if most > 0.0 { (phi / most).sqrt().min(1.0) } else { f64::NAN }
}

/// The correlation ratio: the share of the spread of `values` that is between groups, as a square root; 0 to 1.
pub(super) fn correlation_ratio(groups: &Groups, values: &[f64]) -> f64 {
    let mut sums = vec![(0.0, 0.0); groups.count];
    let pairs = || groups.of_row.iter().zip(values).filter(|(_, value)| !value.is_nan());
    for (group, value) in pairs() {
        let (count, sum) = &mut sums[*group as usize];
        *count += 1.0;
        *sum += value;
    }
    let (count, sum) = sums.iter().fold((0.0, 0.0), |(n, s), (count, sum)| (n + count, s + sum));
    let mean = sum / count;
    let total: f64 = pairs().map(|(_, value)| (value - mean).powi(2)).sum();
    let filled = sums.iter().filter(|(count, _)| *count > 0.0);
    let between: f64 = filled.map(|(count, sum)| count * (sum / count - mean).powi(2)).sum();
    if total > 0.0 { (between / total).sqrt().min(1.0) } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(of_row: &[u32]) -> Groups {
        Groups { of_row: of_row.to_vec(), count: 1 + *of_row.iter().max().unwrap() as usize }
    }

    #[test]
    fn correlation_of_lines_and_of_nothing() {
        let line = [1.0, 2.0, f64::NAN, 4.0];
        assert!((pearson(&line, &[3.0, 5.0, 7.0, 9.0]) - 1.0).abs() < 1e-12);
        assert!((pearson(&line, &[-1.0, -2.0, 0.0, -4.0]) + 1.0).abs() < 1e-12);
        assert!(pearson(&line, &[2.0; 4]).is_nan());
        assert!((pearson(&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 4.0, 3.0]) - 0.6).abs() < 1e-12);
    }

    #[test]
    fn cramers_v_of_the_same_and_of_independent_groups() {
        let a: Vec<u32> = (0..400).map(|row| row % 2).collect();
        let b: Vec<u32> = (0..400).map(|row| row / 2 % 2).collect();
        assert!((cramers_v(&groups(&a), &groups(&a)) - 1.0).abs() < 1e-12);
        assert_eq!(cramers_v(&groups(&a), &groups(&b)), 0.0);
        // One of many groups each says nothing, which the uncorrected measure calls 1.
        let names: Vec<u32> = (0..400).collect();
        assert!(cramers_v(&groups(&names), &groups(&a)).is_nan());
    }

    #[test]
    fn correlation_ratio_is_the_share_between_groups() {
        let ratio = correlation_ratio(&groups(&[0, 0, 1, 1]), &[1.0, 3.0, 5.0, 7.0]);
        assert!((ratio - (16.0_f64 / 20.0).sqrt()).abs() < 1e-12);
        assert!(correlation_ratio(&groups(&[0, 1]), &[2.0, 2.0]).is_nan());
    }
}
