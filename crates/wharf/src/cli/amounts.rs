//! Amounts as people write them: shares and times.

use std::time::Duration;

/// A share as `0.5%` or `0.005`.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let (number, divisor) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    let share = number.trim().parse::<f64>().ok().map(|number| number / divisor);
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "expected a share such as 0.5%".to_owned())
}

/// A time as `5ms` or `0.2s`, in milliseconds.
pub(super) fn milliseconds(text: &str) -> Result<f64, String> {
    let (number, factor) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 1.0),
        (None, Some(number)) => (number, 1000.0),
        (None, None) => (text, 1.0),
    };
    let time = number.trim().parse::<f64>().ok().map(|number| number * factor);
    time.filter(|time| *time > 0.0 && time.is_finite())
        .ok_or_else(|| "expected a time such as 5ms".to_owned())
}

/// A time as `90s`, `5m` or `2h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    wharf_tabular::parse_duration(text).ok_or_else(|| "expected a time such as 90s, 5m or 2h".to_owned())
}

/// How many there shall be, at least one.
pub(super) fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "expected a number of at least 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_times_are_read_as_people_write_them() {
        assert_eq!((share("0.5%"), share("0.005"), share("0")), (Ok(0.005), Ok(0.005), Ok(0.0)));
        assert!(share("101%").is_err() && share("-1%").is_err() && share("much").is_err());
        assert_eq!(
            (milliseconds("5ms"), milliseconds("0.2s"), milliseconds("3")),
            (Ok(5.0), Ok(200.0), Ok(3.0))
        );
        assert!(milliseconds("0ms").is_err() && milliseconds("").is_err());
    }
}
