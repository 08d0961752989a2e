use super::*;
use crate::goldens::{golden, rows};

fn close(ours: f64, theirs: f64, relative: f64) -> bool {
    (ours - theirs).abs() <= relative * theirs.abs()
}

#[test]
fn digamma_is_scipys() {
    for row in rows(&golden("special")["digamma"]) {
        let (x, expected) = (row[0], row[1]);
        let difference = (digamma(x) - expected).abs();
        assert!(difference <= 1e-14 * expected.abs().max(1.0), "{x}: {} {expected}", digamma(x));
    }
    assert!(digamma(0.0).is_nan() && digamma(-3.0).is_nan());
}

#[test]
fn incomplete_gamma_is_scipys() {
    for row in rows(&golden("special")["gamma"]) {
        let (a, x, lower, upper) = (row[0], row[1], row[2], row[3]);
        assert!((gamma_lower(a, x) - lower).abs() < 1e-12, "{a} {x}");
        assert!(close(gamma_upper(a, x), upper, 1e-10), "{a} {x}: {} {upper}", gamma_upper(a, x));
    }
    assert!(gamma_upper(-1.0, 1.0).is_nan() && gamma_lower(1.0, f64::NAN).is_nan());
    assert_eq!((chi_squared_survival(0.0, 3.0), chi_squared_survival(f64::INFINITY, 3.0)), (1.0, 0.0));
}

#[test]
fn incomplete_beta_is_scipys() {
    for row in rows(&golden("special")["beta"]) {
        let (a, b, x, expected) = (row[0], row[1], row[2], row[3]);
        assert!(close(beta_regularised(a, b, x), expected, 1e-10), "{a} {b} {x}: {expected}");
    }
    for row in rows(&golden("special")["f"]) {
        let (value, numerator, denominator, expected) = (row[0], row[1], row[2], row[3]);
        let ours = f_survival(value, numerator, denominator);
        assert!(close(ours, expected, 1e-10), "{value} {numerator} {denominator}: {ours} {expected}");
    }
    assert!(beta_regularised(1.0, 0.0, 0.5).is_nan());
    assert_eq!((f_survival(f64::INFINITY, 1.0, 2.0), f_survival(0.0, 1.0, 2.0)), (0.0, 1.0));
}

#[test]
fn distributions_are_scipys() {
    let special = golden("special");
    for row in rows(&special["normal"]) {
        assert!(close(normal_quantile(row[0]), row[1], 1e-13) || row[1].abs() < 1e-15, "{row:?}");
        // The tail at -30 changes 900 times as fast, relatively, as its argument.
        assert!(close(normal_cdf(row[1]), row[0], 1e-12), "{row:?}");
    }
    for row in rows(&special["student"]) {
        let (degrees, probability, expected) = (row[0], row[1], row[2]);
        let ours = student_quantile(probability, degrees);
        assert!(close(ours, expected, 1e-10) || expected.abs() < 1e-12, "{row:?}: {ours}");
        assert!(close(student_cdf(expected, degrees), probability, 1e-10), "{row:?}");
    }
}

#[test]
fn quantiles_at_the_ends() {
    assert_eq!((normal_quantile(0.0), normal_quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
    assert_eq!((student_quantile(0.5, 4.0), student_quantile(1.0, 4.0)), (0.0, f64::INFINITY));
    assert!(normal_quantile(1.5).is_nan() && student_quantile(-0.1, 3.0).is_nan());
}
