//! Settings within their range.

use std::ops::RangeInclusive;

use crate::LearnError;

/// Refuses a number outside `range`.
pub(crate) fn in_range(name: &str, value: f64, range: RangeInclusive<f64>) -> Result<(), LearnError> {
    if range.contains(&value) {
        return Ok(());
    }
    let (low, high) = (*range.start(), *range.end());
    let expected = match (low, high) {
        (f64::MIN_POSITIVE, f64::MAX) => "a number above 0".to_owned(),
        (f64::MIN_POSITIVE, high) => format!("above 0 and at most {high}"),
        (low, f64::MAX) => format!("{low} or more"),
        (low, high) => format!("{low} to {high}"),
    };
    Err(LearnError::setting(format!("`{name}` is {value}, expected {expected}")))
}

/// Refuses a count below `least`.
pub(crate) fn at_least(name: &str, value: usize, least: usize) -> Result<(), LearnError> {
    if value >= least {
        return Ok(());
    }
    Err(LearnError::setting(format!("`{name}` is {value}, expected {least} or more")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_setting_and_what_was_expected() {
        for (range, expected) in [
            (f64::MIN_POSITIVE..=f64::MAX, "`rate` is -1, expected a number above 0"),
            (f64::MIN_POSITIVE..=1.0, "`rate` is -1, expected above 0 and at most 1"),
            (0.0..=f64::MAX, "`rate` is -1, expected 0 or more"),
            (2.0..=255.0, "`rate` is -1, expected 2 to 255"),
        ] {
            assert_eq!(in_range("rate", -1.0, range).unwrap_err().to_string(), expected);
        }
        assert!(in_range("rate", f64::NAN, 0.0..=1.0).is_err());
        assert!(in_range("rate", 0.0, 0.0..=1.0).is_ok() && at_least("trees", 1, 1).is_ok());
        assert_eq!(at_least("trees", 0, 1).unwrap_err().to_string(), "`trees` is 0, expected 1 or more");
    }
}
