//! The incomplete beta function.

use super::gamma::away_from_zero;
use super::saddle::beta_power;

const TERMS: u32 = 1_000_000;

/// I_x(a, b): the share of B(a, b) below `x`. NaN unless a, b > 0 and 0 ≤ x ≤ 1.
///
/// Continued fraction (Abramowitz and Stegun 26.5.8) on the side where it converges fast.
pub fn beta_regularised(a: f64, b: f64, x: f64) -> f64 {
    share(a, b, x, 1.0 - x)
}

/// The probability that an F variable is above `value`. NaN where a degree of freedom is not positive.
pub fn f_survival(value: f64, numerator: f64, denominator: f64) -> f64 {
    if value.is_nan() {
        return f64::NAN;
    }
    if value.is_infinite() {
        return if value > 0.0 { 0.0 } else { 1.0 };
    }
    let scaled = numerator * value.max(0.0);
    let total = scaled + denominator;
    share(denominator / 2.0, numerator / 2.0, denominator / total, scaled / total)
}

/// I_x(a, b) where `y` is 1 − x, given apart so that neither loses digits.
pub(super) fn share(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if !(a > 0.0 && b > 0.0 && a.is_finite() && b.is_finite() && x >= 0.0 && y >= 0.0) {
        return f64::NAN;
    }
    if x == 0.0 || y == 0.0 {
        return if x == 0.0 { 0.0 } else { 1.0 };
    }
    let front = beta_power(a, b, x, y);
    if x * (a + b + 2.0) < a + 1.0 {
        front * fraction(a, b, x) / a
    } else {
        1.0 - front * fraction(b, a, y) / b
    }
}

fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..TERMS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            value *= c * d;
            change = c * d;
        }
        if (change - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}
