//! Comparing numbers that were computed in another order.

/// Panics unless every number is within `absolute + relative * |expected|` of the expected one. NaN is close to
/// NaN only.
///
/// # Panics
/// As said; the message names the first place that is off.
#[track_caller]
pub fn assert_close(actual: &[f32], expected: &[f32], relative: f32, absolute: f32) {
    assert_eq!(actual.len(), expected.len(), "lengths differ");
    for (index, (left, right)) in actual.iter().zip(expected).enumerate() {
        let is_same = left == right || (left.is_nan() && right.is_nan());
        let is_close = (left - right).abs() <= absolute + relative * right.abs();
        assert!(is_same || is_close, "{left} at {index}, expected {right}");
    }
}

/// The largest difference between two lists of numbers of one length.
///
/// # Panics
/// The lengths differ.
#[track_caller]
pub fn max_difference(actual: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(actual.len(), expected.len(), "lengths differ");
    actual.iter().zip(expected).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max)
}
