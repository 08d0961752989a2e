//! Scale and noise of continuous columns.

use crate::error::{StatsError, check_count, check_finite, check_length};
use crate::random::{Purpose, Stream};
use crate::special::digamma;

use super::Column;

/// Where the noise of a column comes from.
#[derive(Clone, Debug)]
pub(super) enum Noise<'a> {
    Given(&'a [f64]),
    Drawn(Stream),
}

impl Noise<'_> {
    pub(super) fn feature(seed: u64, place: usize) -> Self {
        Self::Drawn(Stream::new(seed, Purpose::FeatureNoise, place as u64))
    }

    pub(super) fn target(seed: u64) -> Self {
        Self::Drawn(Stream::new(seed, Purpose::TargetNoise, 0))
    }
}

/// A column that can be measured against others.
#[derive(Clone, Debug)]
pub(super) struct Prepared<'a> {
    pub(super) column: Column<'a>,
    /// Scaled and with noise; empty for a discrete column.
    pub(super) values: Vec<f64>,
}

/// A target, with what is the same for all features.
#[derive(Clone, Debug)]
pub(super) struct Target<'a> {
    pub(super) prepared: Prepared<'a>,
    /// In nats, of the column as it was given.
    pub(super) entropy: f64,
    pub(super) digamma: DigammaTable,
}

impl<'a> Target<'a> {
    pub(super) fn new(column: Column<'a>, noise: Noise<'_>) -> Result<Self, StatsError> {
        let prepared = Prepared::new("target", column, noise)?;
        Ok(Self { prepared, entropy: column.entropy(), digamma: DigammaTable::new(column.len()) })
    }
}

/// ψ of the counts up to the number of samples: it is asked for once per sample and feature.
#[derive(Clone, Debug)]
pub(super) struct DigammaTable(Vec<f64>);

impl DigammaTable {
    fn new(samples: usize) -> Self {
        Self((0..=samples).map(|count| digamma(count as f64)).collect())
    }

    pub(super) fn of(&self, count: usize) -> f64 {
        self.0[count]
    }
}

impl<'a> Prepared<'a> {
    pub(super) fn new(name: &'static str, column: Column<'a>, noise: Noise<'_>) -> Result<Self, StatsError> {
        check_count("samples", column.len(), 1)?;
        let values = match column {
            Column::Discrete(_) => Vec::new(),
            Column::Continuous(values) => {
                check_finite(name, values)?;
                let mut values = scaled(values);
                add_noise(&mut values, noise)?;
                values
            }
        };
        Ok(Self { column, values })
    }
}

/// Divides by the standard deviation (over n), without centring; a constant column is left as it is.
fn scaled(values: &[f64]) -> Vec<f64> {
    let count = values.len() as f64;
    // Divided first, so that the sum of large values stays finite.
    let mean: f64 = values.iter().map(|value| value / count).sum();
    let variance: f64 = values.iter().map(|value| (value - mean).powi(2) / count).sum();
    // Below this a variance is rounding error of the mean: scikit-learn's bound for constant columns.
    let rounding = count * f64::EPSILON * variance + (count * mean * f64::EPSILON).powi(2);
    let deviation = if variance <= rounding || !variance.is_finite() { 1.0 } else { variance.sqrt() };
    values.iter().map(|value| value / deviation).collect()
}

fn add_noise(values: &mut [f64], noise: Noise<'_>) -> Result<(), StatsError> {
    let mean = values.iter().map(|value| value.abs() / values.len() as f64).sum::<f64>();
    let size = 1e-10 * mean.max(1.0);
    match noise {
        Noise::Given(given) => {
            check_length("noise", given.len(), values.len())?;
            values.iter_mut().zip(given).for_each(|(value, noise)| *value += size * noise);
        }
        Noise::Drawn(mut stream) => values.iter_mut().for_each(|value| *value += size * stream.normal()),
    }
    Ok(())
}
