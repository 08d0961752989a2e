//! Neighbours on a line, by sorting.

/// Values in ascending order, with the rows that they came from.
#[derive(Clone, Debug)]
pub(super) struct Sorted {
    pub(super) values: Vec<f64>,
    pub(super) rows: Vec<u32>,
}

impl Sorted {
    /// Sorts the values of `rows`.
    pub(super) fn new(values: &[f64], mut rows: Vec<u32>) -> Self {
        rows.sort_unstable_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]).then(a.cmp(b)));
        Self { values: rows.iter().map(|row| values[*row as usize]).collect(), rows }
    }

    /// The distance from the value at `place` to its `k`-th nearest other value, 1 ≤ k < length.
    pub(super) fn neighbour_distance(&self, place: usize, k: usize) -> f64 {
        let value = self.values[place];
        let (mut below, mut above, mut distance) = (place, place, 0.0);
        for _ in 0..k {
            let left = if below > 0 { value - self.values[below - 1] } else { f64::INFINITY };
            let right = self.values.get(above + 1).map_or(f64::INFINITY, |next| next - value);
            if left <= right {
                (below, distance) = (below.saturating_sub(1), left);
            } else {
                (above, distance) = (above + 1, right);
            }
        }
        distance
    }

    /// How many values are at most `radius` from `value`.
    pub(super) fn count_within(&self, value: f64, radius: f64) -> usize {
        let first = self.values.partition_point(|other| value - other > radius);
        let end = self.values.partition_point(|other| other - value <= radius);
        end.saturating_sub(first)
    }
}

/// The next smaller distance: neighbours are those strictly nearer than the k-th.
pub(super) fn just_below(distance: f64) -> f64 {
    if distance > 0.0 { distance.next_down() } else { 0.0 }
}
