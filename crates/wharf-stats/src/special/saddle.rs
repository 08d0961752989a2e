//! Binomial and Poisson densities at any size, without the cancellation of large logarithms
//! (Loader, "Fast and accurate computation of binomial probabilities", 2000).

use std::f64::consts::TAU;

/// `ln Γ(x + 1)` less Stirling's formula for it.
fn stirling_error(x: f64) -> f64 {
    if x < 16.0 {
        return libm::lgamma(x + 1.0) - (x + 0.5) * libm::log(x) + x - 0.5 * libm::log(TAU);
    }
    let square = 1.0 / (x * x);
    let terms = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0];
    terms.iter().rev().fold(0.0, |sum, term| sum * square + term) / x
}

/// `x ln(x / mean) + mean − x`, exact where the two are close.
fn deviance(x: f64, mean: f64) -> f64 {
    let difference = x - mean;
    if difference.abs() >= 0.1 * (x + mean) {
        return x * libm::log(x / mean) - difference;
    }
    let ratio = difference / (x + mean);
    let (mut sum, mut power) = (difference * ratio, 2.0 * x * ratio);
    for odd in (3..).step_by(2) {
        power *= ratio * ratio;
        let next = sum + power / f64::from(odd);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// `x^a e^(−x) / Γ(a + 1)`, for a, x > 0.
pub(super) fn poisson(a: f64, x: f64) -> f64 {
    libm::exp(-stirling_error(a) - deviance(a, x)) / (TAU * a).sqrt()
}

/// `x^a y^b / B(a, b)`, for a, b > 0 and x + y = 1.
pub(super) fn beta_power(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let total = a + b;
    let exponent = stirling_error(total)
        - stirling_error(a)
        - stirling_error(b)
        - deviance(a, total * x)
        - deviance(b, total * y);
    libm::exp(exponent) * (a * b / (TAU * total)).sqrt()
}
