//! Floating point as TensorFlow Serving writes it: six significant digits where those read back as the same
//! number, and otherwise as many as always do; `.0` after whole numbers; bare `NaN`, `Infinity`, `-Infinity`.

use std::fmt::{self, Write as _};

/// How many digits are tried first.
const SHORT_DIGITS: usize = 6;

/// A float that can be written.
pub(crate) trait Decimal: Copy {
    /// As many digits as always read back as the same number.
    const FULL_DIGITS: usize;

    /// What has no digits, or only a zero.
    fn special(self) -> Option<&'static str>;
    /// Whether it is below zero.
    fn is_negative(self) -> bool;
    /// Its size.
    fn abs(self) -> Self;
    /// The fewest digits that read back as this number; it must be finite, above zero and not subnormal.
    fn shortest(self) -> Digits;
    /// Just so many digits, correctly rounded.
    fn rounded(self, count: usize) -> Digits;
    /// Whether it is so small that it has fewer bits than others.
    fn is_subnormal(self) -> bool;
    /// Whether these digits read back as this number.
    fn reads_back(self, digits: &Digits) -> bool;
}

macro_rules! decimal {
    ($float:ty, $full:literal, $rounded:expr) => {
        impl Decimal for $float {
            const FULL_DIGITS: usize = $full;

            fn special(self) -> Option<&'static str> {
                match self {
                    value if value.is_nan() => Some("NaN"),
                    Self::INFINITY => Some("Infinity"),
                    Self::NEG_INFINITY => Some("-Infinity"),
                    value if value == 0.0 => Some(if value.is_sign_negative() { "-0.0" } else { "0.0" }),
                    _ => None,
                }
            }

            fn is_negative(self) -> bool {
                self < 0.0
            }

            fn abs(self) -> Self {
                <$float>::abs(self)
            }

            fn shortest(self) -> Digits {
                Digits::parse(zmij::Buffer::new().format_finite(self).as_bytes())
            }

            fn rounded(self, count: usize) -> Digits {
                let quick: fn($float, usize) -> Option<Digits> = $rounded;
                quick(self, count).unwrap_or_else(|| Digits::format(format_args!("{self:.*e}", count - 1)))
            }

            fn is_subnormal(self) -> bool {
                <$float>::is_subnormal(self)
            }

            fn reads_back(self, digits: &Digits) -> bool {
                digits.to_text().as_str().parse() == Ok(self)
            }
        }
    };
}
decimal!(f32, 9, round_f32);
decimal!(f64, 17, |_, _| None);

/// Significant digits without trailing zeros, and the power of ten of the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Digits {
    digits: [u8; 17],
    count: usize,
    exponent: i32,
}

impl Digits {
    /// Reads `d.ddde-x`, `ddd.ddd` or `0.00ddd`, which is how formatters write a finite positive number.
    fn parse(text: &[u8]) -> Self {
        let mut parsed = Self { digits: [0; 17], count: 0, exponent: 0 };
        let mut point = None;
        let mut place = 0_i32;
        for (index, &byte) in text.iter().enumerate() {
            match byte {
                b'.' => point = Some(place),
                b'e' => {
                    let power = text.get(index + 1..).unwrap_or_default();
                    parsed.exponent = std::str::from_utf8(power).unwrap_or_default().parse().unwrap_or(0);
                    break;
                }
                b'0' if parsed.count == 0 => {
                    // Zeros before the first digit count only behind the point.
                    parsed.exponent -= i32::from(point.is_some());
                    continue;
                }
                digit => parsed.push(digit),
            }
            place += i32::from(byte != b'.');
        }
        let whole_digits = point.unwrap_or(place);
        parsed.exponent += whole_digits - 1;
        parsed.trim()
    }

    /// The digits that `text` formats to.
    fn format(text: fmt::Arguments<'_>) -> Self {
        let mut buffer = ShortText::default();
        // A number of at most 17 digits always fits.
        let _ = buffer.write_fmt(text);
        Self::parse(buffer.as_bytes())
    }

    fn from_integer(mut value: u64, exponent: i32) -> Self {
        let mut digits = itoa::Buffer::new();
        while value >= 10 && value.is_multiple_of(10) {
            value /= 10;
        }
        let mut parsed = Self { digits: [0; 17], count: 0, exponent };
        digits.format(value).bytes().for_each(|digit| parsed.push(digit));
        parsed
    }

    fn push(&mut self, digit: u8) {
        if let Some(place) = self.digits.get_mut(self.count) {
            *place = digit;
            self.count += 1;
        }
    }

    fn trim(mut self) -> Self {
        while self.count > 1 && self.digits.get(self.count - 1) == Some(&b'0') {
            self.count -= 1;
        }
        self
    }

    fn as_bytes(&self) -> &[u8] {
        self.digits.get(..self.count).unwrap_or_default()
    }

    fn to_text(self) -> ShortText {
        let mut text = ShortText::default();
        let digits = std::str::from_utf8(self.as_bytes()).unwrap_or_default();
        let (first, rest) = digits.split_at(digits.len().min(1));
        // At most 17 digits, a point and an exponent always fit.
        let _ = write!(text, "{first}.{rest}e{}", self.exponent);
        text
    }
}

/// Room for one formatted number.
#[derive(Default)]
struct ShortText {
    bytes: [u8; 32],
    length: usize,
}

impl ShortText {
    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Write for ShortText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// As many powers of ten as leave room for a mantissa of 24 bits.
const POWERS_OF_TEN: [u128; 31] = {
    let mut powers = [1; 31];
    let mut power = 1;
    while power < powers.len() {
        powers[power] = powers[power - 1] * 10;
        power += 1;
    }
    powers
};

/// Nine digits of a single-precision number by integer arithmetic, for sizes from about 1e-22 to 2^24, where
/// probabilities and pixels live. Other sizes take the general way.
fn round_f32(value: f32, count: usize) -> Option<Digits> {
    let bits = value.to_bits();
    let biased = i32::try_from(bits >> 23 & 0xff).ok()?;
    let mantissa = u128::from(bits & 0x7f_ffff | 0x80_0000);
    // value = mantissa * 2^-shift
    let shift = u32::try_from(150 - biased).ok().filter(|shift| biased > 0 && *shift < 100)?;
    let wanted = i32::try_from(count).ok()?;
    let mut exponent = ((biased - 127) * 1233) >> 12;
    loop {
        let scale = u32::try_from(wanted - 1 - exponent).ok()?;
        let product = mantissa * POWERS_OF_TEN.get(scale as usize)?;
        let whole = product >> shift;
        let rest = product - (whole << shift);
        let half = (1_u128 << shift) >> 1;
        let up = rest > half || (rest == half && shift > 0 && whole & 1 == 1);
        let rounded = whole + u128::from(up);
        if rounded >= *POWERS_OF_TEN.get(count)? {
            exponent += 1;
        } else if rounded < *POWERS_OF_TEN.get(count - 1)? {
            exponent -= 1;
        } else {
            return Some(Digits::from_integer(u64::try_from(rounded).ok()?, exponent));
        }
    }
}

/// Appends `value` to `out`.
pub(crate) fn write_decimal<T: Decimal>(out: &mut Vec<u8>, value: T) {
    if let Some(text) = value.special() {
        return out.extend_from_slice(text.as_bytes());
    }
    if value.is_negative() {
        out.push(b'-');
    }
    let (digits, precision) = digits_of(value.abs());
    lay_out(out, &digits, precision);
}

/// The digits to write, and how many of them were asked for: that decides when an exponent appears.
fn digits_of<T: Decimal>(value: T) -> (Digits, usize) {
    // Of the numbers with six digits, at most one reads back as a given float, unless the float is subnormal.
    // So where the shortest text has six digits at most, it is the one that rounding to six digits gives.
    let short = if value.is_subnormal() { value.rounded(SHORT_DIGITS) } else { value.shortest() };
    if short.count <= SHORT_DIGITS && (!value.is_subnormal() || value.reads_back(&short)) {
        return (short, SHORT_DIGITS);
    }
    (value.rounded(T::FULL_DIGITS), T::FULL_DIGITS)
}

/// The layout of printf's `%g`, and `.0` where neither point nor exponent says that it is no integer.
fn lay_out(out: &mut Vec<u8>, digits: &Digits, precision: usize) {
    let bytes = digits.as_bytes();
    match usize::try_from(digits.exponent) {
        Err(_) if digits.exponent >= -4 => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + digits.exponent.unsigned_abs() as usize - 1, b'0');
            out.extend_from_slice(bytes);
        }
        Ok(exponent) if exponent < precision => {
            let whole = exponent + 1;
            out.extend_from_slice(bytes.get(..whole).unwrap_or(bytes));
            out.resize(out.len() + whole.saturating_sub(bytes.len()), b'0');
            out.push(b'.');
            out.extend_from_slice(bytes.get(whole..).filter(|rest| !rest.is_empty()).unwrap_or(b"0"));
        }
        _ => lay_out_with_exponent(out, bytes, digits.exponent),
    }
}

fn lay_out_with_exponent(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    let (first, rest) = digits.split_at(digits.len().min(1));
    out.extend_from_slice(first);
    if !rest.is_empty() {
        out.push(b'.');
        out.extend_from_slice(rest);
    }
    out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
    let size = exponent.unsigned_abs();
    if size < 10 {
        out.push(b'0');
    }
    out.extend_from_slice(itoa::Buffer::new().format(size).as_bytes());
}
