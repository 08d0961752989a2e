//! The closest of many samples, by brute force.

use std::cmp::Ordering;

/// How many samples are compared at once: their distances stay in the cache.
const BLOCK: usize = 4096;

/// The `k` samples closest to `query`, the closest first; of equally close ones the first. `columns` are the
/// samples column after column, `squares` their squared lengths.
///
/// Distances are compared as `|x|^2 - 2 x q`, the squared distance less what all have in common.
pub(super) fn nearest(columns: &[Vec<f32>], squares: &[f32], query: &[f32], k: usize) -> Vec<usize> {
    let mut found: Vec<(f32, usize)> = Vec::with_capacity(k + BLOCK.min(squares.len()));
    let mut distances = Vec::with_capacity(BLOCK);
    for (block, squares) in squares.chunks(BLOCK).enumerate() {
        let start = block * BLOCK;
        distances.clear();
        distances.extend_from_slice(squares);
        for (column, value) in columns.iter().zip(query) {
            let factor = -2.0 * value;
            let values = &column[start..start + squares.len()];
            distances.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value);
        }
        let farthest = if found.len() == k { found[k - 1].0 } else { f32::INFINITY };
        let closer = distances.iter().enumerate().filter(|(_, distance)| **distance < farthest);
        found.extend(closer.map(|(place, distance)| (*distance, start + place)));
        keep_closest(&mut found, k);
    }
    found.into_iter().map(|(_, sample)| sample).collect()
}

/// Leaves the `k` closest, in order.
fn keep_closest(found: &mut Vec<(f32, usize)>, k: usize) {
    let order = |a: &(f32, usize), b: &(f32, usize)| -> Ordering { a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)) };
    if found.len() > k {
        found.select_nth_unstable_by(k - 1, order);
        found.truncate(k);
    }
    found.sort_unstable_by(order);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_closest_over_all_blocks() {
        let column: Vec<f32> = (0..10_000).map(|i| ((i * 7919) % 10_007) as f32).collect();
        let squares: Vec<f32> = column.iter().map(|value| value * value).collect();
        let mut expected: Vec<usize> = (0..10_000).collect();
        expected.sort_by(|&a, &b| (column[a] - 500.2).abs().total_cmp(&(column[b] - 500.2).abs()));
        assert_eq!(nearest(&[column], &squares, &[500.2], 7), expected[..7]);
    }

    #[test]
    fn of_equally_close_samples_the_first_count() {
        let column = vec![1.0; 9000];
        assert_eq!(nearest(&[column], &[1.0; 9000], &[0.0], 3), [0, 1, 2]);
    }
}
