//! The normal distribution.

use std::f64::consts::{SQRT_2, TAU};

/// The probability that a standard normal variable is below `x`.
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / SQRT_2)
}

/// The value that a standard normal variable is below with `probability`; infinite at 0 and 1, NaN outside.
///
/// A rational first guess (Abramowitz and Stegun 26.2.23, good to 5e-4), then Halley's steps on
/// [`normal_cdf`], each of which triples the digits.
pub fn normal_quantile(probability: f64) -> f64 {
    if !(0.0..=1.0).contains(&probability) {
        return f64::NAN;
    }
    let tail = probability.min(1.0 - probability);
    if tail == 0.0 {
        return if probability < 0.5 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let t = (-2.0 * libm::log(tail)).sqrt();
    let guess = t
        - (2.515517 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
    let mut x = -guess;
    for _ in 0..3 {
        let step = (normal_cdf(x) - tail) * TAU.sqrt() * libm::exp(0.5 * x * x);
        x -= step / (1.0 + 0.5 * x * step);
    }
    if probability < 0.5 { x } else { -x }
}
