//! Extents and histograms of float32, with the arithmetic of `numpy.histogram`, so that bins and edges are the same to
//! the last bit.

/// How far values reach.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Extent {
    /// The least value; 0 where there is none.
    pub low: f32,
    /// The greatest value; 0 where there is none.
    pub high: f32,
    /// The least absolute value.
    pub abs_low: f32,
    /// The greatest absolute value.
    pub abs_high: f32,
    count: u64,
}

impl Extent {
    /// Widens the extent to hold `values`.
    pub fn add(&mut self, values: &[f32]) {
        for &value in values {
            if self.count == 0 {
                *self =
                    Self { low: value, high: value, abs_low: value.abs(), abs_high: value.abs(), count: 0 };
            }
            self.low = self.low.min(value);
            self.high = self.high.max(value);
            self.abs_low = self.abs_low.min(value.abs());
            self.abs_high = self.abs_high.max(value.abs());
            self.count += 1;
        }
    }
}

/// Counts of values in bins of one width.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    /// How many values each bin holds.
    pub(super) counts: Vec<u64>,
    /// The edges: one more than there are bins.
    pub(super) edges: Vec<f32>,
    is_absolute: bool,
}

impl Histogram {
    /// Empty bins from `first` to `last`, at least one; a range of no width is widened by a half on each side.
    pub(super) fn new(first: f32, last: f32, bins: usize, is_absolute: bool) -> Self {
        let (first, last) = if first == last { (first - 0.5, last + 0.5) } else { (first, last) };
        let bins = bins.max(1);
        let step = (last - first) / bins as f32;
        let mut edges: Vec<f32> = (0..=bins).map(|index| index as f32 * step + first).collect();
        edges[bins] = last;
        Self { counts: vec![0; bins], edges, is_absolute }
    }

    /// Counts `values`, or their absolute values where the histogram is one of those. Values beyond the edges are left
    /// out.
    pub(super) fn add(&mut self, values: &[f32]) {
        let bins = self.counts.len();
        let (first, last) = (self.edges[0], self.edges[bins]);
        for &value in values {
            let value = if self.is_absolute { value.abs() } else { value };
            if !(first..=last).contains(&value) {
                continue;
            }
            let mut bin = (((value - first) / (last - first) * bins as f32) as usize).min(bins - 1);
            // The division may be off by a unit in the last place; the edges decide.
            if value < self.edges[bin] {
                bin = bin.saturating_sub(1);
            }
            if value >= self.edges[bin + 1] && bin != bins - 1 {
                bin += 1;
            }
            self.counts[bin] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bin_holds_its_upper_edge() {
        let mut histogram = Histogram::new(0.0, 4.0, 4, false);
        histogram.add(&[0.0, 0.5, 1.0, 3.999, 4.0, 4.1, -0.1]);
        assert_eq!(histogram.counts, [2, 1, 0, 2]);
        assert_eq!(histogram.edges, [0.0, 1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn a_range_of_no_width_is_widened() {
        let mut histogram = Histogram::new(2.0, 2.0, 2, true);
        histogram.add(&[-2.0, 2.0]);
        assert_eq!((histogram.edges[0], histogram.edges[2]), (1.5, 2.5));
        assert_eq!(histogram.counts, [0, 2]);
    }

    #[test]
    fn extents_know_values_and_absolute_values() {
        let mut extent = Extent::default();
        extent.add(&[-3.0, 2.0]);
        extent.add(&[1.0]);
        assert_eq!((extent.low, extent.high, extent.abs_low, extent.abs_high), (-3.0, 2.0, 1.0, 3.0));
    }
}
