//! The logarithmic derivative of the gamma function.

/// Bernoulli numbers over twice their index: the terms of the asymptotic series.
const SERIES: [f64; 8] = [
    1.0 / 12.0,
    -1.0 / 120.0,
    1.0 / 252.0,
    -1.0 / 240.0,
    1.0 / 132.0,
    -691.0 / 32760.0,
    1.0 / 12.0,
    -3617.0 / 8160.0,
];

/// Where the series is exact to the last bits.
const LARGE: f64 = 12.0;

/// ψ(x), to 1e-14 of the larger of 1 and |ψ|; NaN at zero and the negative whole numbers, its poles.
///
/// Recurrence up to 12, then the asymptotic series (Abramowitz and Stegun 6.3.5, 6.3.18); reflection (6.3.7)
/// below zero.
pub fn digamma(x: f64) -> f64 {
    if x <= 0.0 {
        if x == x.floor() {
            return f64::NAN;
        }
        let turn = std::f64::consts::PI * (x - x.floor());
        return digamma(1.0 - x) - std::f64::consts::PI / libm::tan(turn);
    }
    let (mut x, mut below) = (x, 0.0);
    while x < LARGE {
        below += 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let tail = SERIES.iter().rev().fold(0.0, |sum, term| (sum + term) * square);
    libm::log(x) - 0.5 / x - tail - below
}
