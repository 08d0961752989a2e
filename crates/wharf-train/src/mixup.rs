//! Mixup: training on blends of pictures (Zhang, Cissé, Dauphin and Lopez-Paz, 2018).

use wharf_transform::CounterRng;

use crate::kernels::loss::BatchLoss;
use crate::random::Purpose;

/// How one batch is blended with itself in another order: a function of seed and step alone, so that a resumed
/// run blends as the unbroken one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mixup {
    /// The share of a picture that is its own.
    share: f32,
    /// The picture that the rest is of.
    partner: Vec<usize>,
}

impl Mixup {
    /// Draws the share from Beta(alpha, alpha) and the order from the permutations of `pictures`.
    pub(crate) fn draw(alpha: f64, pictures: usize, seed: u64, step: u64) -> Self {
        let mut random = CounterRng::new(&[seed, Purpose::Mixup as u64, step]);
        let (first, second) = (gamma(&mut random, alpha), gamma(&mut random, alpha));
        // Both can be too small for a number where alpha is tiny: the law then has all its weight at the ends.
        let share = if first + second > 0.0 { first / (first + second) } else { 1.0 };
        Self { share: share as f32, partner: random.permutation(pictures) }
    }

    /// Blends pictures that lie one after the other.
    pub(crate) fn blend(&self, pictures: &mut [f32]) {
        let size = pictures.len() / self.partner.len().max(1);
        if size == 0 {
            return;
        }
        let originals = pictures.to_vec();
        for (picture, partner) in pictures.chunks_exact_mut(size).zip(&self.partner) {
            let other = &originals[partner * size..(partner + 1) * size];
            for (value, other) in picture.iter_mut().zip(other) {
                *value = self.share * *value + (1.0 - self.share) * other;
            }
        }
    }

    /// The loss of both labels of each picture, by their shares. Right is a prediction of the label with the
    /// larger share.
    pub(crate) fn loss(&self, labels: &[usize], loss: impl Fn(&[usize]) -> BatchLoss) -> BatchLoss {
        let others: Vec<usize> = self.partner.iter().map(|partner| labels[*partner]).collect();
        let (own, other) = (loss(labels), loss(&others));
        let blend = |own: f32, other: f32| self.share * own + (1.0 - self.share) * other;
        let gradient = own.gradient.iter().zip(&other.gradient);
        BatchLoss {
            loss: blend(own.loss, other.loss),
            correct: if self.share >= 0.5 { own.correct } else { other.correct },
            gradient: gradient.map(|(own, other)| blend(*own, *other)).collect(),
        }
    }
}

/// A number of the gamma law with this shape and scale 1 (Marsaglia and Tsang, 2000).
fn gamma(random: &mut CounterRng, shape: f64) -> f64 {
    if shape < 1.0 {
        let power = (1.0 - random.uniform_f64()).powf(1.0 / shape);
        return gamma(random, shape + 1.0) * power;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let normal = random.normal();
        let cube = (1.0 + c * normal).powi(3);
        let uniform = 1.0 - random.uniform_f64();
        if cube > 0.0 && uniform.ln() < 0.5 * normal * normal + d * (1.0 - cube + cube.ln()) {
            return d * cube;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_mean_and_variance_of_the_law() {
        for alpha in [0.2_f64, 1.0, 4.0] {
            let shares: Vec<f64> =
                (0..20_000).map(|step| f64::from(Mixup::draw(alpha, 1, 9, step).share)).collect();
            let mean = shares.iter().sum::<f64>() / shares.len() as f64;
            let variance =
                shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / shares.len() as f64;
            let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            assert!(
                (mean - 0.5).abs() < 0.01 && (variance - expected).abs() < 0.005,
                "{alpha}: {mean} {variance}"
            );
        }
    }

    #[test]
    fn a_batch_is_blended_as_its_labels_are() {
        let mixup = Mixup { share: 0.75, partner: vec![1, 0] };
        let mut pictures = [0.0, 4.0, 8.0, 0.0];
        mixup.blend(&mut pictures);
        assert_eq!(pictures, [2.0, 3.0, 6.0, 1.0]);
        let loss = |labels: &[usize]| BatchLoss {
            loss: labels[0] as f32,
            correct: labels[0],
            gradient: labels.iter().map(|label| *label as f32).collect(),
        };
        let blended = mixup.loss(&[4, 8], loss);
        assert_eq!((blended.loss, blended.correct), (5.0, 4));
        assert_eq!(blended.gradient, [5.0, 7.0]);
        let rather_the_other = Mixup { share: 0.25, partner: vec![1, 0] };
        assert_eq!(rather_the_other.loss(&[4, 8], loss).correct, 8);
    }

    #[test]
    fn a_blend_is_a_function_of_seed_and_step() {
        let draw = |seed, step| Mixup::draw(0.4, 50, seed, step);
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
        assert!((0.0..=1.0).contains(&Mixup::draw(1e-9, 3, 1, 1).share));
        Mixup::draw(1.0, 0, 1, 1).blend(&mut []);
    }
}
