//! Moments as RFC 3339 has them, in UTC.

const DAY: u64 = 86_400_000_000;
const SECOND: u64 = 1_000_000;

/// `1970-01-01T00:00:00.000000Z` for 0.
pub(crate) fn to_text(micros: u64) -> String {
    let (mut days, rest) = (micros / DAY, micros % DAY);
    let mut year = 1970;
    while days >= days_of(year) {
        days -= days_of(year);
        year += 1;
    }
    let mut month = 1;
    while days >= days_in(year, month) {
        days -= days_in(year, month);
        month += 1;
    }
    let (seconds, fraction) = (rest / SECOND, rest % SECOND);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z", days + 1)
}

/// The moment, in microseconds since 1970; `None` for what is no moment since then in UTC.
pub(crate) fn from_text(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix(['Z', 'z'])?.split_once(['T', 't'])?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let is_date = year >= 1970 && (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    // A leap second counts as the one after it.
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let before: u64 = (1970..year).map(days_of).chain((1..month).map(|month| days_in(year, month))).sum();
    let seconds = ((before + day - 1) * 24 + hour) * 3600 + minute * 60 + second;
    Some(seconds * SECOND + fraction_micros(fraction)?)
}

/// Digits after the point; what is finer than a microsecond is cut off.
fn fraction_micros(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let padded: String = digits.chars().chain("000000".chars()).take(6).collect();
    is_number.then(|| padded.parse().ok())?
}

fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut read = [0; 3];
    for (number, width) in read.iter_mut().zip(widths) {
        let digits = parts.next().filter(|part| part.len() == width)?;
        *number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    }
    parts.next().is_none().then_some(read)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of(year: u64) -> u64 {
    365 + u64::from(is_leap(year))
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_go_both_ways() {
        // Computed by `date -u -d`.
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (951_868_799_999_999, "2000-02-29T23:59:59.999999Z"),
            (951_868_800_000_000, "2000-03-01T00:00:00.000000Z"),
            (1_700_000_000_000_001, "2023-11-14T22:13:20.000001Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
        ] {
            assert_eq!(to_text(micros), text);
            assert_eq!(from_text(text), Some(micros), "{text}");
        }
        for (text, micros) in [
            ("1970-01-02T00:00:00Z", 86_400_000_000),
            ("1970-01-01t00:00:00.5z", 500_000),
            ("1970-01-01T00:00:00.1234569Z", 123_456),
        ] {
            assert_eq!(from_text(text), Some(micros), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "Z",
            "1970-01-01",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:00+00:00",
            "1969-12-31T23:59:59Z",
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-00-01T00:00:00Z",
            "2023-01-01T24:00:00Z",
            "2023-01-01T00:00:00.Z",
            "2023-01-01T00:00:00.xZ",
            "2023-1-01T00:00:00Z",
            "+023-01-01T00:00:00Z",
            "2023-01-01-01T00:00:00Z",
        ] {
            assert_eq!(from_text(text), None, "{text}");
        }
    }
}
