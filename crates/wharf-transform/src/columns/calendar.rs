//! ISO 8601 text to seconds since 1970 in UTC, and back to the parts of a date.
//!
//! Days and dates are converted by counting in eras of 400 years that start on 1 March, so that the leap day is
//! the last of its year; the calendar is the Gregorian one, also before it was in use.

const DAY_SECONDS: i64 = 86_400;

/// The parts of a moment in UTC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// The year; 0 is the one before 1.
    pub year: i64,
    /// The month, 1 to 12.
    pub month: u32,
    /// The day of the month, 1 to 31.
    pub day: u32,
    /// The day of the week, Monday 0 to Sunday 6.
    pub weekday: u32,
    /// The hour with its fraction.
    pub hour: f64,
}

impl Moment {
    /// The parts of `seconds` since 1970. Moments beyond some 250 million years are moved to the nearest that
    /// can be told.
    pub fn of(seconds: f64) -> Self {
        let days = (seconds / DAY_SECONDS as f64).floor().clamp(-1e11, 1e11);
        let hour = ((seconds - days * DAY_SECONDS as f64) / 3600.0).clamp(0.0, 24.0);
        let days = days as i64;
        let (year, month, day) = date_of(days);
        // 1970 began on a Thursday.
        Self { year, month, day, weekday: (days + 3).rem_euclid(7) as u32, hour }
    }
}

/// Seconds since 1970 in UTC of an ISO 8601 text: `2024-05-31`, or that with `T` or a space and `13:45`,
/// `13:45:10` or `13:45:10.25`, and then nothing (UTC), `Z`, `+02:00`, `+0200` or `+02`. `None` for anything else,
/// also for days that there are not.
///
/// ```
/// use wharf_transform::columns::parse_time;
///
/// assert_eq!(parse_time("1970-01-02"), Some(86_400.0));
/// assert_eq!(parse_time("1970-01-01T02:00:00.5+02:00"), Some(0.5));
/// assert_eq!(parse_time("2023-02-29"), None);
/// ```
pub fn parse_time(text: &str) -> Option<f64> {
    let (date, rest) = text.split_at_checked(10)?;
    let date = date.as_bytes();
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let (year, month, day) = (number(&date[..4])?, number(&date[5..7])?, number(&date[8..])?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    let midnight = days_of(year, month, day) * DAY_SECONDS;
    let Some(rest) = rest.strip_prefix(['T', 't', ' ']) else {
        return rest.is_empty().then_some(midnight as f64);
    };
    let (clock, offset) = split_offset(rest)?;
    let (seconds, fraction) = clock_seconds(clock)?;
    Some((midnight + seconds - offset) as f64 + fraction)
}

/// The ISO 8601 text of a moment, to the microsecond: `2024-05-31`, or `2024-05-31 13:45:10` where it is not
/// midnight, and `2024-05-31 13:45:10.250000` where it is within a second.
pub fn time_text(seconds: f64) -> String {
    let whole = seconds.floor();
    let micros = ((seconds - whole) * 1e6).round() as u32;
    let (whole, micros) = if micros >= 1_000_000 { (whole + 1.0, 0) } else { (whole, micros) };
    let Moment { year, month, day, .. } = Moment::of(whole);
    let date = format!("{year:04}-{month:02}-{day:02}");
    let second = whole.rem_euclid(DAY_SECONDS as f64) as u32;
    let clock = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    match (second, micros) {
        (0, 0) => date,
        (_, 0) => format!("{date} {clock}"),
        _ => format!("{date} {clock}.{micros:06}"),
    }
}

/// The clock and the offset from UTC in seconds.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = text.find(['+', '-']) else { return Some((text, 0)) };
    let (clock, offset) = text.split_at(at);
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let digits = offset.as_bytes().get(1..)?;
    let (hours, minutes) = match digits.len() {
        2 => (number(digits)?, 0),
        4 => (number(&digits[..2])?, number(&digits[2..])?),
        5 if digits[2] == b':' => (number(&digits[..2])?, number(&digits[3..])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some((clock, sign * (hours * 3600 + minutes * 60)))
}

fn clock_seconds(clock: &str) -> Option<(i64, f64)> {
    let (whole, fraction) = match clock.split_once('.') {
        Some((whole, digits)) if whole.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit()) => {
            (whole, format!("0.{digits}").parse().ok()?)
        }
        Some(_) => return None,
        None => (clock, 0.0),
    };
    let bytes = whole.as_bytes();
    let second = match bytes.len() {
        5 => 0,
        8 if bytes[5] == b':' => number(&bytes[6..])?,
        _ => return None,
    };
    let (hour, minute) = (number(&bytes[..2])?, number(&bytes[3..5])?);
    let is_clock = bytes[2] == b':' && hour < 24 && minute < 60 && second < 60;
    is_clock.then_some((hour * 3600 + minute * 60 + second, fraction))
}

fn number(digits: &[u8]) -> Option<i64> {
    let digit = |sum: i64, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'));
    digits.iter().try_fold(0, digit)
}

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 of a date.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

/// The date of a day since 1970.
fn date_of(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * of_era + of_era / 4 - of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = of_era + era * 400 + i64::from(month <= 2);
    (year, month as u32, (day_of_year - (153 * shifted + 2) / 5 + 1) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        for (text, expected) in [
            ("1970-01-01", 0.0),
            ("2000-03-01", 951_868_800.0),
            ("1969-12-31 23:59", -60.0),
            ("2019-03-23 20:21:09", 1_553_372_469.0),
            ("2019-03-23T20:21:09.250Z", 1_553_372_469.25),
            ("2019-03-23T20:21:09+0130", 1_553_367_069.0),
            ("2019-03-23T20:21-05", 1_553_390_460.0),
            ("0000-02-29", -62_162_121_600.0),
        ] {
            assert_eq!(parse_time(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_date() {
        for text in [
            "",
            "2024",
            "2024-13-01",
            "2024-00-10",
            "2023-02-29",
            "2024-01-32",
            "2024-01-01X",
            "2024-01-01 24:00",
            "2024-01-01 1:00",
            "2024-01-01 10:60",
            "2024-01-01 10:00:00.x",
            "2024-01-01 10:00+1",
            "24-01-01",
            "2024/01/01",
            "２０24-01-01",
            "2024-01-01T",
            "2024-01-01 10:00.5",
            "2024-1-1   ",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn days_and_dates_are_each_others_inverse() {
        for days in (-800_000..800_000).step_by(37) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_of(year, i64::from(month), i64::from(day)), days);
        }
    }

    #[test]
    fn parts_and_text_of_a_moment() {
        let moment = Moment::of(1_553_372_469.0);
        assert_eq!((moment.year, moment.month, moment.day, moment.weekday), (2019, 3, 23, 5));
        assert!((moment.hour - 20.3525).abs() < 1e-9);
        assert_eq!(time_text(1_553_372_469.0), "2019-03-23 20:21:09");
        assert_eq!(time_text(-86_400.0), "1969-12-31");
        assert_eq!(time_text(-0.75), "1969-12-31 23:59:59.250000");
        assert_eq!(parse_time(&time_text(1_553_372_469.123_456)), Some(1_553_372_469.123_456));
        assert_eq!(time_text(0.999_999_9), "1970-01-01 00:00:01");
    }

    #[test]
    fn no_number_of_seconds_panics() {
        for seconds in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 1e18] {
            let _ = (Moment::of(seconds), time_text(seconds));
        }
    }
}
