//! Densities of few points: mixtures of one bell around each (Parzen), and smoothed frequencies.

use wharf_transform::CounterRng;

/// A bell is at least that part of the range wide, and less for many points.
const NARROWEST: f64 = 0.01;

/// Bells around the points and a wide one over the whole range, all cut off at its ends and of the same weight. A bell
/// is as wide as the gap to the farther of its two neighbours (Bergstra et al. 2011).
#[derive(Clone, Debug)]
pub(super) struct Parzen {
    bells: Vec<Bell>,
    low: f64,
    high: f64,
}

#[derive(Clone, Copy, Debug)]
struct Bell {
    centre: f64,
    width: f64,
    /// What of it lies within the range.
    mass: f64,
}

impl Parzen {
    pub(super) fn new(points: &[f64], low: f64, high: f64) -> Self {
        let range = high - low;
        let middle = f64::midpoint(low, high);
        let mut centres: Vec<(f64, bool)> = points.iter().map(|&point| (point, false)).collect();
        centres.push((middle, true));
        centres.sort_by(|a, b| a.0.total_cmp(&b.0));
        let narrowest = range * NARROWEST.max(1.0 / (1.0 + points.len() as f64)).min(0.1);
        let bell = |(place, &(centre, is_prior)): (usize, &(f64, bool))| {
            let below = if place == 0 { low } else { centres[place - 1].0 };
            let above = centres.get(place + 1).map_or(high, |next| next.0);
            let gap = (centre - below).max(above - centre);
            let width = if is_prior { range } else { gap.clamp(narrowest, range) };
            let mass = cumulative((high - centre) / width) - cumulative((low - centre) / width);
            Bell { centre, width, mass }
        };
        Self { bells: centres.iter().enumerate().map(bell).collect(), low, high }
    }

    /// A random place within the range.
    pub(super) fn draw(&self, rng: &mut CounterRng) -> f64 {
        let bell = self.bells[rng.below(self.bells.len() as u64) as usize];
        loop {
            // At least half of a bell lies within the range if it is wide, nearly half if it is narrow.
            let place = bell.centre + bell.width * rng.normal();
            if (self.low..=self.high).contains(&place) {
                return place;
            }
        }
    }

    pub(super) fn log_density(&self, place: f64) -> f64 {
        let of_bell = |bell: &Bell| {
            let distance = (place - bell.centre) / bell.width;
            (-distance * distance / 2.0).exp() / (std::f64::consts::TAU.sqrt() * bell.width * bell.mass)
        };
        (self.bells.iter().map(of_bell).sum::<f64>() / self.bells.len() as f64).ln()
    }
}

/// The part of the standard normal below `x`.
fn cumulative(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

/// Frequencies as if each category had been seen once more.
#[derive(Clone, Debug)]
pub(super) struct Categories(Vec<f64>);

impl Categories {
    pub(super) fn new(places: &[usize], count: usize) -> Self {
        let mut weights = vec![1.0; count];
        places.iter().for_each(|&place| weights[place] += 1.0);
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        Self(weights)
    }

    pub(super) fn draw(&self, rng: &mut CounterRng) -> usize {
        let mut rest = rng.uniform_f64();
        for (place, probability) in self.0.iter().enumerate() {
            rest -= probability;
            if rest < 0.0 {
                return place;
            }
        }
        self.0.len() - 1
    }

    pub(super) fn probability(&self, place: usize) -> f64 {
        self.0[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn densities_sum_up_to_one_over_the_range() {
        let density = Parzen::new(&[-0.9, 0.2, 0.21, 1.0], -1.0, 1.0);
        let step = 1e-3;
        let sum: f64 = (0..2000).map(|i| density.log_density(-1.0 + (f64::from(i) + 0.5) * step).exp()).sum();
        assert!((sum * step - 1.0).abs() < 1e-4, "{}", sum * step);
        assert!(density.log_density(0.2) > density.log_density(-0.4));
    }

    #[test]
    fn draws_stay_within_the_range_and_near_the_points() {
        let density = Parzen::new(&[0.0, 0.0, 0.0, 0.01, 0.01, 0.02], 0.0, 1.0);
        let mut rng = CounterRng::new(&[1]);
        let draws: Vec<f64> = (0..2000).map(|_| density.draw(&mut rng)).collect();
        assert!(draws.iter().all(|draw| (0.0..=1.0).contains(draw)));
        assert!(draws.iter().filter(|draw| **draw < 0.5).count() > 1400);
    }

    #[test]
    fn categories_that_were_seen_are_likelier_and_none_is_impossible() {
        let categories = Categories::new(&[1, 1], 3);
        assert_eq!([0, 1, 2].map(|place| categories.probability(place)), [0.2, 0.6, 0.2]);
        let mut rng = CounterRng::new(&[2]);
        let ones = (0..1000).filter(|_| categories.draw(&mut rng) == 1).count();
        assert!((540..660).contains(&ones), "{ones}");
    }
}
