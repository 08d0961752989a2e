//! Student's t distribution.

use super::beta::share;
use super::normal_quantile;

/// The probability that a t variable is below `t`. NaN where `degrees` is not positive.
pub fn student_cdf(t: f64, degrees: f64) -> f64 {
    let tail = 0.5 * student_two_sided(t, degrees);
    if t < 0.0 { tail } else { 1.0 - tail }
}

/// The probability that a t variable is further from zero than `t`.
pub fn student_two_sided(t: f64, degrees: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    let total = degrees + t * t;
    share(degrees / 2.0, 0.5, degrees / total, t * t / total)
}

/// The value that a t variable is below with `probability`; infinite at 0 and 1, NaN outside.
///
/// Newton's steps on the tail from the normal quantile, halved where they leave the bracket.
pub fn student_quantile(probability: f64, degrees: f64) -> f64 {
    let tail = probability.min(1.0 - probability);
    if !(0.0..=1.0).contains(&probability) || degrees <= 0.0 || tail == 0.0 || tail == 0.5 {
        return if tail == 0.5 && degrees > 0.0 { 0.0 } else { normal_quantile(probability) };
    }
    let (mut low, mut high) = bracket(tail, degrees);
    let mut t = -normal_quantile(tail);
    for _ in 0..200 {
        if !(low..=high).contains(&t) {
            t = 0.5 * (low + high);
        }
        let excess = 0.5 * student_two_sided(t, degrees) - tail;
        if excess > 0.0 {
            low = t
        } else {
            high = t
        }
        let next = t + excess / density(t, degrees);
        if (next - t).abs() <= 1e-15 * t.abs() || high - low <= 1e-15 * high {
            break;
        }
        t = next;
    }
    if probability < 0.5 { -t } else { t }
}

/// Two values with the quantile of an upper `tail` between them.
fn bracket(tail: f64, degrees: f64) -> (f64, f64) {
    let mut high = 1.0;
    while 0.5 * student_two_sided(high, degrees) > tail && high < 1e300 {
        high *= 2.0;
    }
    (0.0, high)
}

fn density(t: f64, degrees: f64) -> f64 {
    let log = libm::lgamma(0.5 * (degrees + 1.0))
        - libm::lgamma(0.5 * degrees)
        - 0.5 * libm::log(degrees * std::f64::consts::PI)
        - 0.5 * (degrees + 1.0) * libm::log1p(t * t / degrees);
    libm::exp(log)
}
