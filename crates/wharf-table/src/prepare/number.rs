//! Numbers: what stands for missing ones, where they are cut, how they are scaled.

use wharf_transform::columns::NumberEncoding;

use super::quantile::{median, quantile, sorted_present};
use super::settings::{Impute, NumberSettings, Scaling};

/// Fits to `values`, of which at least one is there.
pub(super) fn fit_number(values: &[f64], settings: &NumberSettings) -> Result<NumberEncoding, String> {
    let sorted = sorted_present(values);
    let mut encoding = NumberEncoding {
        impute: imputed(&sorted, settings.impute)?,
        indicator: settings.indicator.applies(sorted.len() < values.len()),
        clip: settings.clip.map(|ends| clip_range(&sorted, ends)).transpose()?,
        log: settings.log,
        ..NumberEncoding::default()
    };
    let ready: Vec<f64> = values.iter().map(|value| encoding.apply(*value)).collect();
    (encoding.centre, encoding.scale) = fit_scale(&ready, settings.scale);
    Ok(encoding)
}

fn imputed(sorted: &[f64], impute: Impute) -> Result<Option<f64>, String> {
    Ok(Some(match impute {
        Impute::Mean => mean(sorted),
        Impute::Median | Impute::DropRows => median(sorted),
        Impute::MostFrequent => most_frequent(sorted),
        Impute::Constant(value) if value.is_finite() => value,
        Impute::Constant(value) => return Err(format!("`impute` is {value}, expected a finite number")),
        Impute::Keep => return Ok(None),
    }))
}

fn clip_range(sorted: &[f64], [low, high]: [f64; 2]) -> Result<[f64; 2], String> {
    if !(0.0 <= low && low < high && high <= 1.0) {
        return Err(format!("`clip` is [{low}, {high}], expected two ascending shares of 0 to 1"));
    }
    Ok([quantile(sorted, low), quantile(sorted, high)])
}

/// Centre and factor, of the numbers that are there.
pub(super) fn fit_scale(values: &[f64], scaling: Scaling) -> (f64, f64) {
    let sorted = sorted_present(values);
    let (Some(least), Some(greatest)) = (sorted.first(), sorted.last()) else { return (0.0, 1.0) };
    let (centre, spread) = match scaling {
        Scaling::None => return (0.0, 1.0),
        Scaling::Standard => (mean(&sorted), deviation(&sorted)),
        Scaling::MinMax => (*least, greatest - least),
        Scaling::Robust => (median(&sorted), quantile(&sorted, 0.75) - quantile(&sorted, 0.25)),
    };
    // What does not vary is centred and left at its size.
    let is_constant = spread <= 10.0 * f64::EPSILON * centre.abs().max(f64::MIN_POSITIVE);
    let scale = 1.0 / spread;
    (centre, if is_constant || !scale.is_finite() { 1.0 } else { scale })
}

/// Summed from the first value on, so that large numbers that differ little keep their digits.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let first = values.first().copied().unwrap_or(f64::NAN);
    first + values.iter().map(|value| value - first).sum::<f64>() / values.len() as f64
}

/// The standard deviation of the whole, not of a sample.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / values.len() as f64).sqrt()
}

/// The most frequent of sorted numbers; the least of several.
fn most_frequent(sorted: &[f64]) -> f64 {
    let mut best: &[f64] = &[];
    for run in sorted.chunk_by(|a, b| a == b) {
        if run.len() > best.len() {
            best = run;
        }
    }
    best.first().copied().unwrap_or(f64::NAN)
}
