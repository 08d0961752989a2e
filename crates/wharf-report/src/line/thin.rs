//! Fewer points for the same picture: of all points in one column of pixels, the first, the last and the extremes.

/// Beyond this many points a line is thinned.
const DENSE: usize = 2000;

/// Which points of `line` (in pixels) to draw. Every one, unless they are very many and run from left to right.
pub(super) fn thin(line: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if line.len() <= DENSE || line.windows(2).any(|pair| pair[1].0 < pair[0].0) {
        return line;
    }
    let mut kept = Vec::with_capacity(DENSE);
    for column in line.chunk_by(|a, b| a.0.floor() == b.0.floor()) {
        push_column(&mut kept, column);
    }
    kept
}

fn push_column(kept: &mut Vec<(f64, f64)>, column: &[(f64, f64)]) {
    let by_height = |(_, a): &(usize, &(f64, f64)), (_, b): &(usize, &(f64, f64))| a.1.total_cmp(&b.1);
    let lowest = column.iter().enumerate().min_by(by_height).map(|(index, _)| index);
    let highest = column.iter().enumerate().max_by(by_height).map(|(index, _)| index);
    let mut chosen = [Some(0), lowest, highest, column.len().checked_sub(1)];
    chosen.sort_unstable();
    let mut before = None;
    for index in chosen.into_iter().flatten().filter(|index| before.replace(*index) != Some(*index)) {
        kept.extend(column.get(index));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dense_lines_keep_their_extremes() {
        let mut line: Vec<_> = (0..100_000).map(|i| (f64::from(i) / 200.0, f64::from(i % 7))).collect();
        line[50_001].1 = -90.0;
        line[70_001].1 = 90.0;
        let kept = thin(line.clone());
        assert!(kept.len() <= 4 * 500, "{}", kept.len());
        assert!(kept.contains(&line[50_001]) && kept.contains(&line[70_001]));
        assert_eq!((kept.first(), kept.last()), (line.first(), line.last()));
    }

    #[test]
    fn loops_are_left_alone() {
        let line: Vec<_> = (0..5000).map(|i| (f64::from(i % 100), f64::from(i))).collect();
        assert_eq!(thin(line.clone()), line);
    }
}
