//! `strftime_now`: the date, as templates ask for it.

use std::time::{SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// From the first day of 1970 on.
const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// The time `now` in UTC, by the letters of C's `strftime`; `None` where the format asks for what is not known here.
pub fn strftime(now: SystemTime, format: &str) -> Option<String> {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let month_name = MONTHS.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    let day_name = DAYS.get(usize::try_from(days % 7).ok()?)?;
    let (hour, minute) = (second / 3600, second / 60 % 60);
    let mut text = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        text.push_str(&match letters.next()? {
            'Y' => year.to_string(),
            'y' => format!("{:02}", year % 100),
            'm' => format!("{month:02}"),
            'd' => format!("{day:02}"),
            'B' => (*month_name).to_owned(),
            'b' => month_name.get(..3)?.to_owned(),
            'A' => (*day_name).to_owned(),
            'a' => day_name.get(..3)?.to_owned(),
            'H' => format!("{hour:02}"),
            'I' => format!("{:02}", (hour + 11) % 12 + 1),
            'p' => if hour < 12 { "AM" } else { "PM" }.to_owned(),
            'M' => format!("{minute:02}"),
            'S' => format!("{:02}", second % 60),
            '%' => "%".to_owned(),
            _ => return None,
        });
    }
    Some(text)
}

/// Year, month and day, so many days after the first of 1970 (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_written_as_asked() {
        for (seconds, format, expected) in [
            (0, "%Y-%m-%d %H:%M:%S %A", Some("1970-01-01 00:00:00 Thursday")),
            (951_782_400, "%d %b %Y, %a", Some("29 Feb 2000, Tue")),
            (1_764_087_639, "%B %d, %y %I:%M %p 100%%", Some("November 25, 25 04:20 PM 100%")),
            (0, "%Q", None),
            (0, "%", None),
        ] {
            let now = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(strftime(now, format).as_deref(), expected, "{format}");
        }
    }
}
