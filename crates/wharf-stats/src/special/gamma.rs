//! The incomplete gamma function.

use super::saddle::poisson;

/// Far more terms than any argument up to 1e9 needs.
const TERMS: u32 = 1_000_000;

/// P(a, x): the share of Γ(a) that lies below `x`. NaN unless a > 0 and x ≥ 0.
pub fn gamma_lower(a: f64, x: f64) -> f64 {
    parts(a, x).0
}

/// Q(a, x): the share of Γ(a) that lies above `x`. NaN unless a > 0 and x ≥ 0.
pub fn gamma_upper(a: f64, x: f64) -> f64 {
    parts(a, x).1
}

/// The probability that a chi-squared variable is above `x`.
pub fn chi_squared_survival(x: f64, degrees: f64) -> f64 {
    if x <= 0.0 { 1.0 } else { gamma_upper(degrees / 2.0, x / 2.0) }
}

/// Series below the hump, continued fraction above it (Abramowitz and Stegun 6.5.29, 6.5.31).
fn parts(a: f64, x: f64) -> (f64, f64) {
    if !(a > 0.0 && x >= 0.0 && a.is_finite()) {
        return (f64::NAN, f64::NAN);
    }
    if x == 0.0 || x.is_infinite() {
        return if x == 0.0 { (0.0, 1.0) } else { (1.0, 0.0) };
    }
    if x < a + 1.0 {
        let lower = poisson(a, x) * series(a, x);
        (lower, 1.0 - lower)
    } else {
        let upper = poisson(a, x) * a * fraction(a, x);
        (1.0 - upper, upper)
    }
}

fn series(a: f64, x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for n in 1..TERMS {
        term *= x / (a + f64::from(n));
        sum += term;
        if term < sum * f64::EPSILON {
            break;
        }
    }
    sum
}

/// Lentz's evaluation of the fraction, whose value is `Q Γ(a) e^x x^(−a)`.
fn fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let mut c = 1e300;
    let mut d = 1.0 / b;
    let mut value = d;
    for n in 1..TERMS {
        let n = f64::from(n);
        let term = n * (a - n);
        b += 2.0;
        d = 1.0 / away_from_zero(term * d + b);
        c = away_from_zero(b + term / c);
        value *= c * d;
        if (c * d - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}

/// What Lentz's method divides by.
pub(super) fn away_from_zero(value: f64) -> f64 {
    if value.abs() < 1e-300 { 1e-300 } else { value }
}
