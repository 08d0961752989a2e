//! Neighbours on a line, by sorting.

/// Values in ascending order, with the rows that they came from.
#[derive(Clone, Debug)]
pub(super) struct Sorted {
    pub(super) values: Vec<f64>,
    pub(super) rows: Vec<u32>,
}

impl Sorted {
    /// Sorts the values of `rows`.
    pub(super) fn new(values: &[f64], rows: impl Iterator<Item = u32>) -> Self {
        let mut pairs: Vec<(f64, u32)> = rows.map(|row| (values[row as usize], row)).collect();
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (values, rows) = pairs.into_iter().unzip();
        Self { values, rows }
    }

    /// The place of each row, where every row below their number is sorted.
    pub(super) fn places(&self) -> Vec<u32> {
        let mut places = vec![0; self.rows.len()];
        self.rows.iter().zip(0..).for_each(|(row, place)| places[*row as usize] = place);
        places
    }

    /// How many values are at most `radius` from the one at `place`: it is looked for in steps that double, as
    /// most are near.
    pub(super) fn count_within(&self, place: usize, radius: f64) -> usize {
        let value = self.values[place];
        let below = reach(place + 1, |steps| value - self.values[place - steps] <= radius);
        let above = reach(self.values.len() - place, |steps| self.values[place + steps] - value <= radius);
        below + above - 1
    }
}

/// How many of the first `count` numbers are inside, given that 0 is and that none follows the first outside.
fn reach(count: usize, is_inside: impl Fn(usize) -> bool) -> usize {
    let (mut inside, mut step) = (0, 1);
    while inside + step < count && is_inside(inside + step) {
        inside += step;
        step *= 2;
    }
    // The first outside is in `inside + 1 ..= inside + step`, or past the end.
    let (mut low, mut high) = (inside + 1, (inside + step).min(count));
    while low < high {
        let middle = low + (high - low) / 2;
        if is_inside(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

/// The distance from `values[place]` to its `k`-th nearest other value, of values in ascending order; 1 ≤ k <
/// length.
pub(super) fn neighbour_distance(values: &[f64], place: usize, k: usize) -> f64 {
    let value = values[place];
    let (mut below, mut above, mut distance) = (place, place, 0.0);
    for _ in 0..k {
        let left = if below > 0 { value - values[below - 1] } else { f64::INFINITY };
        let right = values.get(above + 1).map_or(f64::INFINITY, |next| next - value);
        if left <= right {
            (below, distance) = (below.saturating_sub(1), left);
        } else {
            (above, distance) = (above + 1, right);
        }
    }
    distance
}

/// The next smaller distance: neighbours are those strictly nearer than the k-th.
pub(super) fn just_below(distance: f64) -> f64 {
    if distance > 0.0 { distance.next_down() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_a_look_at_every_value() {
        let values: Vec<f64> = (0..100).map(|row| f64::from(row * row % 61)).collect();
        let sorted = Sorted::new(&values, 0..100);
        for radius in [0.0, 0.5, 1.0, 7.0, 100.0] {
            for (row, place) in sorted.places().into_iter().enumerate() {
                let expected = values.iter().filter(|other| (*other - values[row]).abs() <= radius).count();
                assert_eq!(sorted.count_within(place as usize, radius), expected);
            }
        }
    }

    #[test]
    fn distances_are_those_of_a_look_at_every_value() {
        let values = [0.0_f64, 1.0, 1.0, 4.0, 9.0, 9.5];
        for (place, value) in values.iter().enumerate() {
            let mut all: Vec<f64> = values.iter().map(|other| (other - value).abs()).collect();
            all.sort_by(f64::total_cmp);
            (1..6).for_each(|k| assert_eq!(neighbour_distance(&values, place, k), all[k]));
        }
    }
}
