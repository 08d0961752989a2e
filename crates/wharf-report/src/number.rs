//! Numbers as text: coordinates, tick labels, values.

use std::fmt;

/// How the values of an axis or a chart are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// As they are; large ones as `12k` or `3.4M`, tiny ones as `5e-4`.
    #[default]
    Plain,
    /// Shares of one, written as per cent.
    Percent,
    /// Counts, in full.
    Count,
}

/// A number beyond this is treated as infinite, so that differences and squares stay finite.
pub(crate) const LARGEST: f64 = 1e100;

/// Whether a value can be drawn at all.
pub(crate) fn is_drawable(value: f64) -> bool {
    value.is_finite() && value.abs() <= LARGEST
}

/// A coordinate with at most two decimals and no trailing zeros.
#[derive(Clone, Copy)]
pub(crate) struct Px(pub(crate) f64);

impl fmt::Display for Px {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&trimmed(self.0, 2))
    }
}

/// `value` rounded to `decimals`, without trailing zeros and without a negative zero.
fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// The label of a tick at `value` when neighbouring ticks are `step` apart.
pub(crate) fn tick(value: f64, step: f64, unit: Unit) -> String {
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    match unit {
        Unit::Percent => format!("{}%", minus(fixed(value * 100.0, step * 100.0))),
        Unit::Count => minus(grouped(&fixed(value, step))),
        Unit::Plain => minus(plain_tick(value, step)),
    }
}

fn plain_tick(value: f64, step: f64) -> String {
    let (size, suffix) = suffix(value.abs());
    match () {
        () if value == 0.0 => "0".to_owned(),
        () if !(1e-4..1e15).contains(&step) || value.abs() >= 1e15 => {
            scientific(value, decimals(step / power(value)))
        }
        () if size > 1.0 => format!("{}{suffix}", trimmed(value / size, decimals(step / size))),
        () => fixed(value, step),
    }
}

/// A single value with about four digits, as a chart or a tooltip shows it.
pub(crate) fn value(value: f64, unit: Unit) -> String {
    match unit {
        _ if !value.is_finite() => "\u{2013}".to_owned(),
        Unit::Percent => format!("{}%", minus(trimmed(value * 100.0, 2))),
        Unit::Count => minus(grouped(&trimmed(value, 2))),
        Unit::Plain => minus(plain(value)),
    }
}

fn plain(value: f64) -> String {
    let (size, suffix) = suffix(value.abs());
    match value.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-4..1e15).contains(&size) => scientific(value, 3),
        _ if size > 1.0 => format!("{}{suffix}", trimmed(value / size, 2)),
        size => trimmed(value, if size >= 100.0 { 1 } else { decimals(size) + 3 }),
    }
}

/// From ten thousand on, values are written in thousands, millions and so on.
fn suffix(size: f64) -> (f64, &'static str) {
    match size {
        s if s >= 1e12 => (1e12, "T"),
        s if s >= 1e9 => (1e9, "G"),
        s if s >= 1e6 => (1e6, "M"),
        s if s >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    }
}

fn scientific(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$e}");
    match text.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => {
            format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

fn power(value: f64) -> f64 {
    10f64.powf(value.abs().log10().floor())
}

/// How many decimals tell values apart that are `step` apart.
fn decimals(step: f64) -> usize {
    let needed = -(step.log10() + 1e-9).floor();
    if needed.is_finite() && needed > 0.0 { needed.min(12.0) as usize } else { 0 }
}

fn fixed(value: f64, step: f64) -> String {
    format!("{value:.*}", decimals(step))
}

/// `12345` as `12 345`, with narrow spaces that do not break.
fn grouped(text: &str) -> String {
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let (sign, digits) = whole.split_at(usize::from(whole.starts_with('-')));
    let mut out = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len() > 4 && (digits.len() - index).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out + rest
}

/// A minus sign as wide as the plus sign.
fn minus(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) => format!("\u{2212}{rest}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tick_labels_have_as_many_decimals_as_the_step_needs() {
        let cases = [
            (0.5, 0.1, Unit::Plain, "0.5"),
            (1.0, 0.1, Unit::Plain, "1.0"),
            (2.0, 1.0, Unit::Plain, "2"),
            (0.0, 0.1, Unit::Plain, "0"),
            (-2.0, 1.0, Unit::Plain, "\u{2212}2"),
            (20_000.0, 5_000.0, Unit::Plain, "20k"),
            (12_500.0, 500.0, Unit::Plain, "12.5k"),
            (5_000.0, 5_000.0, Unit::Plain, "5000"),
            (2e6, 1e6, Unit::Plain, "2M"),
            (0.001, 0.0005, Unit::Plain, "0.0010"),
            (5e-5, 1e-5, Unit::Plain, "5e-5"),
            (1.5e-5, 5e-6, Unit::Plain, "1.5e-5"),
            (1e20, 1e19, Unit::Plain, "1e20"),
            (0.25, 0.05, Unit::Percent, "25%"),
            (0.925, 0.005, Unit::Percent, "92.5%"),
            (20_000.0, 10_000.0, Unit::Count, "20\u{202f}000"),
            (1e-18, 0.1, Unit::Plain, "0"),
        ];
        for (value, step, unit, expected) in cases {
            assert_eq!(tick(value, step, unit), expected, "{value} by {step}");
        }
    }

    #[test]
    fn values_keep_about_four_digits() {
        let cases = [
            (0.0, Unit::Plain, "0"),
            (0.123_456, Unit::Plain, "0.1235"),
            (12.345_678, Unit::Plain, "12.346"),
            (1234.5, Unit::Plain, "1234.5"),
            (45_678.0, Unit::Plain, "45.68k"),
            (0.000_012_345, Unit::Plain, "1.234e-5"),
            (0.893_44, Unit::Percent, "89.34%"),
            (1.0, Unit::Percent, "100%"),
            (-1_234_567.0, Unit::Count, "\u{2212}1\u{202f}234\u{202f}567"),
            (f64::NAN, Unit::Plain, "\u{2013}"),
        ];
        for (given, unit, expected) in cases {
            assert_eq!(value(given, unit), expected, "{given}");
        }
    }

    #[test]
    fn coordinates_are_short_and_never_minus_zero() {
        for (given, expected) in [(1.0, "1"), (1.256, "1.26"), (10.10, "10.1"), (-0.001, "0"), (100.0, "100")]
        {
            assert_eq!(Px(given).to_string(), expected);
        }
    }
}
