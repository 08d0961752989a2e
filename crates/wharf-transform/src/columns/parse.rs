//! Numbers and truth values as text, read alike in files and in requests.

use std::fmt::Write as _;

/// The finite number that `text` is in decimal or scientific notation. Names of infinities and NaN are none, and
/// neither is a number too large for float64.
///
/// ```
/// use wharf_transform::columns::parse_number;
///
/// assert_eq!(parse_number("-1.5e3"), Some(-1500.0));
/// assert_eq!([parse_number("inf"), parse_number("1e999"), parse_number("1 000")], [None; 3]);
/// ```
pub fn parse_number(text: &str) -> Option<f64> {
    let starts_like_one = text.bytes().next().is_some_and(|b| b.is_ascii_digit() || b"+-.".contains(&b));
    let number: f64 = if starts_like_one { text.parse().ok()? } else { return None };
    number.is_finite().then_some(number)
}

/// The truth value that `text` is, in capitals or not: true, yes, t, y, 1, or false, no, f, n, 0.
pub fn parse_boolean(text: &str) -> Option<bool> {
    let is = |names: &[&str]| names.iter().any(|name| text.eq_ignore_ascii_case(name));
    match () {
        () if is(&["true", "yes", "t", "y", "1", "1.0"]) => Some(true),
        () if is(&["false", "no", "f", "n", "0", "0.0"]) => Some(false),
        () => None,
    }
}

/// Writes the shortest text that reads as `number`, whole numbers without a point: the level of a category that
/// was given as a number.
pub fn write_number(number: f64, out: &mut String) {
    // Minus zero is the same level as zero. Writing to a string does not fail.
    let _ = write!(out, "{}", if number == 0.0 { 0.0 } else { number });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_number() {
        for (text, expected) in [
            ("1", Some(1.0)),
            ("+.5", Some(0.5)),
            ("1e-3", Some(0.001)),
            ("", None),
            ("nan", None),
            ("-inf", None),
            ("1,5", None),
            ("0x10", None),
            ("--1", None),
        ] {
            assert_eq!(parse_number(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_are_written_short() {
        for (number, expected) in [(3.0, "3"), (-0.0, "0"), (0.1, "0.1"), (1e15, "1000000000000000")] {
            let mut text = String::new();
            write_number(number, &mut text);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn truth_values_of_any_spelling() {
        assert_eq!(
            [parse_boolean("TRUE"), parse_boolean("no"), parse_boolean("2")],
            [Some(true), Some(false), None]
        );
    }
}
