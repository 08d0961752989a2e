//! Sums of gradients by bin, and the best split that they show.

use super::loss::Gradient;
use crate::bins::{Binned, Bins};

/// A split needs that much second derivative on both sides.
const SMALLEST_HESSIAN: f64 = 1e-3;

/// The sums over some samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cell {
    pub(super) gradient: f64,
    pub(super) hessian: f64,
    pub(super) count: u32,
}

impl Cell {
    fn plus(self, other: Self) -> Self {
        Self {
            gradient: self.gradient + other.gradient,
            hessian: self.hessian + other.hessian,
            count: self.count.wrapping_add(other.count),
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            gradient: self.gradient - other.gradient,
            hessian: self.hessian - other.hessian,
            count: self.count.wrapping_sub(other.count),
        }
    }

    /// Twice what the best constant score takes off the loss, which is quadratic here.
    fn reduction(self, l2: f64) -> f64 {
        self.gradient * self.gradient / (self.hessian + l2)
    }

    /// The best constant score.
    pub(super) fn step(self, l2: f64) -> f64 {
        if self.hessian + l2 > 0.0 { -self.gradient / (self.hessian + l2) } else { 0.0 }
    }
}

/// What a split must leave on both sides, and what it costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) min_child: usize,
    pub(super) l2: f64,
    pub(super) min_gain: f64,
}

/// A split of a leaf's samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) feature: usize,
    /// Samples of this bin and those below go left.
    pub(super) bin: u8,
    pub(super) missing_left: bool,
    pub(super) gain: f64,
    pub(super) left: Cell,
    pub(super) right: Cell,
}

/// The sums of one feature by bin, the missing values last. `gradients` belong to `rows` one by one.
pub(super) fn build(
    binned: &Binned,
    bins: &Bins,
    feature: usize,
    rows: &[u32],
    gradients: &[Gradient],
) -> Vec<Cell> {
    let mut cells = vec![Cell::default(); bins.count(feature) + 1];
    let column = binned.column(feature);
    for (&row, &[gradient, hessian]) in rows.iter().zip(gradients) {
        let cell = &mut cells[usize::from(column[row as usize])];
        cell.gradient += f64::from(gradient);
        cell.hessian += f64::from(hessian);
        cell.count = cell.count.wrapping_add(1);
    }
    cells
}

/// The best split of one feature, if any gains more than the least.
pub(super) fn best_split(feature: usize, cells: &[Cell], total: Cell, limits: Limits) -> Option<Candidate> {
    let (missing, cells) = cells.split_last()?;
    let mut search = Search { feature, total, limits, best: None };
    if missing.count == 0 {
        // Where no sample tells, missing values go with the majority.
        search.scan(cells, Cell::default(), |left, right| left.count >= right.count);
        return search.best;
    }
    search.scan(cells, Cell::default(), |_, _| false);
    // The whole column against the missing values is seen by the first scan, so the last bin is left out.
    search.scan(&cells[..cells.len() - 1], *missing, |_, _| true);
    search.best
}

struct Search {
    feature: usize,
    total: Cell,
    limits: Limits,
    best: Option<Candidate>,
}

impl Search {
    /// Tries a split after each bin; `left` is what is on the left already.
    fn scan(&mut self, cells: &[Cell], mut left: Cell, missing_left: impl Fn(&Cell, &Cell) -> bool) {
        for (bin, cell) in cells.iter().enumerate() {
            // Without samples in the bin it is the split before.
            if cell.count == 0 {
                continue;
            }
            left = left.plus(*cell);
            let right = self.total.minus(left);
            if (right.count as usize) < self.limits.min_child {
                break;
            }
            if let Some(gain) = self.gain(left, right) {
                let missing_left = missing_left(&left, &right);
                let feature = self.feature;
                self.best = Some(Candidate { feature, bin: bin as u8, missing_left, gain, left, right });
            }
        }
    }

    /// The gain, where the split is allowed and better than what is known.
    fn gain(&self, left: Cell, right: Cell) -> Option<f64> {
        let Limits { min_child, l2, min_gain } = self.limits;
        let smallest_count = left.count.min(right.count) as usize;
        if smallest_count < min_child.max(1) || left.hessian.min(right.hessian) < SMALLEST_HESSIAN {
            return None;
        }
        let gain = left.reduction(l2) + right.reduction(l2) - self.total.reduction(l2);
        let least = self.best.map_or(min_gain, |best| best.gain);
        (gain > least).then_some(gain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { min_child: 1, l2: 0.0, min_gain: 0.0 };

    fn cell(gradient: f64, count: u32) -> Cell {
        Cell { gradient, hessian: f64::from(count), count }
    }

    fn best(cells: &[Cell], limits: Limits) -> Option<Candidate> {
        let total = cells.iter().fold(Cell::default(), |sum, cell| sum.plus(*cell));
        best_split(0, cells, total, limits)
    }

    #[test]
    fn splits_where_the_gain_is_largest() {
        // Means 1, 1, -2 with 2, 2, 2 samples: 2^2/4 * 4 + 4^2/2 - 0
        let found = best(&[cell(2.0, 2), cell(2.0, 2), cell(-4.0, 2), cell(0.0, 0)], LIMITS).unwrap();
        assert_eq!((found.bin, found.gain, found.missing_left), (1, 12.0, true));
        assert_eq!((found.left, found.right), (cell(4.0, 4), cell(-4.0, 2)));
    }

    #[test]
    fn missing_values_go_to_the_side_that_they_resemble() {
        let right = best(&[cell(2.0, 2), cell(-2.0, 2), cell(-2.0, 2)], LIMITS).unwrap();
        assert_eq!((right.bin, right.missing_left), (0, false));
        let left = best(&[cell(2.0, 2), cell(-2.0, 2), cell(2.0, 2)], LIMITS).unwrap();
        assert_eq!((left.bin, left.missing_left), (0, true));
    }

    #[test]
    fn missing_values_alone_can_be_split_off() {
        let found = best(&[cell(1.0, 2), cell(1.0, 2), cell(-2.0, 2)], LIMITS).unwrap();
        assert_eq!((found.bin, found.missing_left, found.right.count), (1, false, 2));
    }

    #[test]
    fn respects_the_limits() {
        let cells = [cell(2.0, 2), cell(-2.0, 2), cell(0.0, 0)];
        assert!(best(&cells, LIMITS).is_some());
        assert_eq!(best(&cells, Limits { min_child: 3, ..LIMITS }), None);
        assert_eq!(best(&cells, Limits { min_gain: 4.0, ..LIMITS }), None);
        assert_eq!(best(&[cell(2.0, 2), cell(0.0, 0), cell(0.0, 0)], LIMITS), None);
    }
}
