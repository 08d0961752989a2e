//! What is done to a gradient before the optimiser follows it.

use serde::Serialize;

/// A bound on the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Clip {
    /// On its Euclidean length over all parameters: a longer one is shortened (PyTorch's `clip_grad_norm_`).
    Norm(f64),
    /// On the size of each of its numbers (PyTorch's `clip_grad_value_`).
    Value(f64),
}

impl Clip {
    /// Keeps `gradient` within the bound.
    pub(crate) fn apply(self, gradient: &mut [f32]) {
        match self {
            Self::Norm(longest) => {
                let squares: f64 = gradient.iter().map(|value| f64::from(*value).powi(2)).sum();
                // PyTorch adds this much to the length, so that none is divided by zero.
                let factor = longest / (squares.sqrt() + 1e-6);
                if factor < 1.0 {
                    gradient.iter_mut().for_each(|value| *value *= factor as f32);
                }
            }
            Self::Value(largest) => {
                let largest = largest as f32;
                gradient.iter_mut().for_each(|value| *value = value.clamp(-largest, largest));
            }
        }
    }
}

/// Gradients of several batches that wait for one step of the optimiser.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Accumulator {
    /// The sum of gradients, each times its batch's pictures; empty before the first.
    pub(crate) sum: Vec<f32>,
    /// Pictures of these batches.
    pub(crate) pictures: u64,
}

impl Accumulator {
    /// Adds the gradient of the mean loss of so many pictures.
    pub(crate) fn add(&mut self, gradient: &[f32], pictures: usize) {
        self.sum.resize(gradient.len(), 0.0);
        self.sum.iter_mut().zip(gradient).for_each(|(sum, value)| *sum += value * pictures as f32);
        self.pictures += pictures as u64;
    }

    /// Writes the gradient of the mean loss of all pictures, and begins anew; false where there are none.
    pub(crate) fn take(&mut self, gradient: &mut [f32]) -> bool {
        if self.pictures == 0 {
            return false;
        }
        let share = 1.0 / self.pictures as f32;
        gradient.iter_mut().zip(&self.sum).for_each(|(value, sum)| *value = sum * share);
        *self = Self::default();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_are_clipped_as_pytorch_clips() {
        let clipped = |clip: Clip| {
            let mut gradient = [3.0, -4.0, 0.0];
            clip.apply(&mut gradient);
            gradient
        };
        let short = clipped(Clip::Norm(1.0));
        assert!(
            (short[0] - 0.6).abs() < 1e-6 && (short[1] + 0.8).abs() < 1e-6 && short[2] == 0.0,
            "{short:?}"
        );
        assert_eq!(clipped(Clip::Norm(5.1)), [3.0, -4.0, 0.0]);
        assert_eq!(clipped(Clip::Value(3.5)), [3.0, -3.5, 0.0]);
        let mut nothing = [0.0; 2];
        Clip::Norm(1.0).apply(&mut nothing);
        assert_eq!(nothing, [0.0; 2]);
    }

    #[test]
    fn batches_count_by_their_pictures() {
        let (mut waiting, mut gradient) = (Accumulator::default(), [0.0; 2]);
        assert!(!waiting.take(&mut gradient));
        waiting.add(&[1.0, 2.0], 3);
        waiting.add(&[5.0, -2.0], 1);
        assert!(waiting.take(&mut gradient));
        assert_eq!(gradient, [2.0, 1.0]);
        assert_eq!(waiting, Accumulator::default());
    }
}
