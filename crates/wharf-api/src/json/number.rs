//! Numbers.

use wharf_infer::ServiceError;

use super::Scanner;

/// A number as its text says it, before anybody asks for a type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// No fraction, no exponent, and small enough for 64 bits.
    Integer {
        /// Whether a minus came first.
        negative: bool,
        /// The digits.
        magnitude: u64,
    },
    /// Anything else: a fraction, an exponent, an integer past 64 bits, NaN, an infinity.
    Decimal(f64),
}

impl Number {
    /// The integer where it is one and fits.
    #[inline]
    pub(crate) fn to_i64(self) -> Option<i64> {
        match self {
            Number::Integer { negative: false, magnitude } => i64::try_from(magnitude).ok(),
            Number::Integer { negative: true, magnitude } => 0_i64.checked_sub_unsigned(magnitude),
            Number::Decimal(_) => None,
        }
    }

    /// The integer where it is one and not negative.
    #[inline]
    pub(crate) fn to_u64(self) -> Option<u64> {
        match self {
            Number::Integer { negative, magnitude } if !negative || magnitude == 0 => Some(magnitude),
            _ => None,
        }
    }

    /// The nearest double.
    #[inline]
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Number::Integer { negative, magnitude } => {
                let value = magnitude as f64;
                if negative { -value } else { value }
            }
            Number::Decimal(value) => value,
        }
    }
}

/// Powers of ten that a double holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// Integers up to here are doubles exactly.
const EXACT_MANTISSA: u64 = 1 << 53;

/// Digits seen so far, as one integer.
#[derive(Default)]
struct Digits {
    value: u64,
    /// How many digits after the leading zeros went into `value`.
    significant: usize,
    seen: usize,
}

impl Scanner<'_> {
    /// The number at this place where it is an integer of few digits without a sign, as pixels and classes
    /// are; otherwise nothing is passed.
    #[inline]
    pub(crate) fn short_integer(&mut self) -> Option<u32> {
        const MOST_DIGITS: usize = 9;
        let mut value = 0;
        for (length, &byte) in self.rest().iter().enumerate().take(MOST_DIGITS + 1) {
            let digit = byte.wrapping_sub(b'0');
            if digit <= 9 && length < MOST_DIGITS {
                value = value * 10 + u32::from(digit);
                continue;
            }
            let is_whole = matches!(byte, b',' | b']' | b' ' | b'\n' | b'\r' | b'\t' | b'}');
            let is_plain = length == 1 || (length > 1 && self.peek() != b'0');
            if is_whole && is_plain {
                self.advance(length);
                return Some(value);
            }
            return None;
        }
        None
    }

    /// The number at this place.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<Number, ServiceError> {
        let start = self.offset();
        let negative = self.accept(b'-');
        let mut digits = Digits::default();
        if self.accept(b'0') {
            digits.seen = 1;
        } else {
            self.digits(&mut digits);
        }
        if digits.seen == 0 {
            return self.named_number(negative, start);
        }
        // 19 digits always fit 64 bits; a twentieth may not, and `fraction_or_exponent` sees to that.
        if !matches!(self.peek(), b'.' | b'e' | b'E') && digits.significant <= 19 {
            return Ok(Number::Integer { negative, magnitude: digits.value });
        }
        self.decimal(start, negative, digits)
    }

    /// Passes digits and gathers them.
    #[inline]
    fn digits(&mut self, digits: &mut Digits) {
        loop {
            let digit = self.peek().wrapping_sub(b'0');
            if digit > 9 {
                return;
            }
            digits.value = digits.value.wrapping_mul(10).wrapping_add(u64::from(digit));
            digits.significant += usize::from(digits.significant > 0 || digit > 0);
            digits.seen += 1;
            self.advance(1);
        }
    }

    /// The rest of a number that is no integer of up to 19 digits.
    fn decimal(&mut self, start: usize, negative: bool, mut digits: Digits) -> Result<Number, ServiceError> {
        let mut is_integer = true;
        let mut exponent = 0_i64;
        if self.accept(b'.') {
            is_integer = false;
            let whole = digits.seen;
            self.digits(&mut digits);
            if digits.seen == whole {
                return Err(self.error("Miss fraction part in number."));
            }
            exponent -= (digits.seen - whole) as i64;
        }
        if matches!(self.peek(), b'e' | b'E') {
            is_integer = false;
            exponent = exponent.saturating_add(self.exponent()?);
        }
        if is_integer && let Some(magnitude) = self.twenty_digits(start, negative) {
            return Ok(Number::Integer { negative, magnitude });
        }
        let value = match exact(&digits, exponent) {
            Some(value) if negative => -value,
            Some(value) => value,
            None => self.nearest(start)?,
        };
        Ok(Number::Decimal(value))
    }

    /// An integer of twenty digits, where 64 bits hold it.
    fn twenty_digits(&self, start: usize, negative: bool) -> Option<u64> {
        let digits = self.since(start + usize::from(negative));
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// `e`, a sign and digits. Past a million the exact figure no longer matters.
    fn exponent(&mut self) -> Result<i64, ServiceError> {
        self.advance(1);
        let negative = self.peek() == b'-';
        if matches!(self.peek(), b'+' | b'-') {
            self.advance(1);
        }
        let (mut exponent, mut seen) = (0_i64, false);
        while self.peek().is_ascii_digit() {
            exponent = (exponent * 10 + i64::from(self.peek() - b'0')).min(1_000_000);
            seen = true;
            self.advance(1);
        }
        if !seen {
            return Err(self.error("Miss exponent in number."));
        }
        Ok(if negative { -exponent } else { exponent })
    }

    /// The nearest double to the text since `start`, by the slow and always right way.
    #[cold]
    fn nearest(&self, start: usize) -> Result<f64, ServiceError> {
        let text = std::str::from_utf8(self.since(start)).unwrap_or_default();
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(super::malformed("Number too big to be stored in double.", start)),
        }
    }

    /// `NaN`, `Inf`, `Infinity`, or no number at all.
    #[cold]
    fn named_number(&mut self, negative: bool, start: usize) -> Result<Number, ServiceError> {
        let value = if self.accept_word(b"NaN") {
            f64::NAN
        } else if self.accept_word(b"Infinity") || self.accept_word(b"Inf") {
            f64::INFINITY
        } else {
            return Err(super::malformed("Invalid value.", start));
        };
        Ok(Number::Decimal(if negative { -value } else { value }))
    }
}

/// The value where one exact division or multiplication gives it (Clinger's fast path).
#[inline]
fn exact(digits: &Digits, exponent: i64) -> Option<f64> {
    if digits.significant > 19 || digits.value > EXACT_MANTISSA {
        return None;
    }
    let power = EXACT_POWERS.get(usize::try_from(exponent.unsigned_abs()).ok()?)?;
    let mantissa = digits.value as f64;
    Some(if exponent < 0 { mantissa / power } else { mantissa * power })
}
