//! Typed buffers that JSON values are read into.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use wharf_infer::{ErrorCode, ServiceError};
use wharf_tensor::{DType, Shape, Tensor};

use super::error::{lossy, value_at, wrong_type};
use super::nested::{ItemShape, read_nested};
use super::{Number, Scanner};

/// Base64 with or without padding at the end, as the reference server takes it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The name of an element type in messages.
pub(crate) fn data_type_name(dtype: DType) -> &'static str {
    match dtype {
        DType::F16 => "half",
        DType::F32 => "float",
        DType::F64 => "double",
        other => other.name(),
    }
}

/// A value that one place of a tensor takes.
pub(crate) trait JsonElement: Sized {
    /// Reads it from the value at this place.
    fn read(scanner: &mut Scanner<'_>) -> Result<Self, ServiceError>;
}

/// The number at this place, where there is one.
#[inline]
fn number(scanner: &mut Scanner<'_>, expected: &str) -> Result<Number, ServiceError> {
    match scanner.peek() {
        b'0'..=b'9' | b'-' | b'N' | b'I' => scanner.number(),
        _ => Err(wrong_type(scanner, scanner.offset(), expected)),
    }
}

macro_rules! integers {
    ($($rust:ty => $convert:ident, $name:literal;)*) => {$(
        impl JsonElement for $rust {
            #[inline]
            fn read(scanner: &mut Scanner<'_>) -> Result<Self, ServiceError> {
                let start = scanner.offset();
                if let Some(value) = scanner.short_integer() {
                    return <$rust>::try_from(value).map_err(|_| wrong_type(scanner, start, $name));
                }
                let value = number(scanner, $name)?.$convert();
                match value.and_then(|value| <$rust>::try_from(value).ok()) {
                    Some(value) => Ok(value),
                    None => Err(wrong_type(scanner, start, $name)),
                }
            }
        }
    )*};
}
integers! {
    u8 => to_u64, "uint8";
    u32 => to_u64, "uint32";
    u64 => to_u64, "uint64";
    i8 => to_i64, "int8";
    i16 => to_i64, "int16";
    i32 => to_i64, "int32";
    i64 => to_i64, "int64";
}

/// The largest integer below which a float holds every integer.
const fn largest_exact_integer(mantissa_digits: u32) -> u64 {
    (1 << mantissa_digits) - 1
}

macro_rules! floats {
    ($($rust:ty => $name:literal;)*) => {$(
        impl JsonElement for $rust {
            #[inline]
            fn read(scanner: &mut Scanner<'_>) -> Result<Self, ServiceError> {
                const LIMIT: u64 = largest_exact_integer(<$rust>::MANTISSA_DIGITS);
                let start = scanner.offset();
                let number = number(scanner, $name)?;
                let value = number.to_f64();
                let is_lossy = match number {
                    Number::Integer { magnitude, .. } => magnitude > LIMIT,
                    Number::Decimal(value) => value.is_finite() && value.abs() > f64::from(<$rust>::MAX),
                };
                if is_lossy { Err(lossy(scanner, start, $name)) } else { Ok(value as $rust) }
            }
        }
    )*};
}
floats! {
    f32 => "float";
    f64 => "double";
}

impl JsonElement for bool {
    fn read(scanner: &mut Scanner<'_>) -> Result<Self, ServiceError> {
        let start = scanner.offset();
        if scanner.accept_word(b"true") {
            Ok(true)
        } else if scanner.accept_word(b"false") {
            Ok(false)
        } else {
            Err(wrong_type(scanner, start, "bool"))
        }
    }
}

impl JsonElement for Bytes {
    fn read(scanner: &mut Scanner<'_>) -> Result<Self, ServiceError> {
        scanner.take_string()?;
        match scanner.peek() {
            b'"' => scanner.string(),
            b'{' => scanner.base64_object(),
            _ => Err(wrong_type(scanner, scanner.offset(), "string")),
        }
    }
}

impl Scanner<'_> {
    /// The bytes of `{"b64": "..."}`.
    pub(crate) fn base64_object(&mut self) -> Result<Bytes, ServiceError> {
        let start = self.offset();
        if !self.is_base64_object()? {
            let (value, _) = value_at(self, start)?;
            return Err(ServiceError::invalid_argument(format!(
                "JSON Value: {value} not formatted correctly for base64 data"
            )));
        }
        self.advance(1);
        self.skip_whitespace();
        self.key()?;
        let text = self.string()?;
        self.skip_whitespace();
        self.advance(1);
        let wrong = || ServiceError::invalid_argument("Unable to base64 decode");
        // Padding may be left out, but not in part.
        if text.ends_with(b"=") && text.len() % 4 != 0 {
            return Err(wrong());
        }
        BASE64.decode(&text).map(Bytes::from).map_err(|_| wrong())
    }

    /// Whether the value at this place is an object with the one key `b64` and a string under it.
    pub(crate) fn is_base64_object(&self) -> Result<bool, ServiceError> {
        let mut ahead = self.clone();
        ahead.skip_whitespace();
        if !ahead.accept(b'{') {
            return Ok(false);
        }
        ahead.skip_whitespace();
        if ahead.peek() != b'"' || &*ahead.key()? != b"b64" || ahead.peek() != b'"' {
            return Ok(false);
        }
        ahead.leap_value()?;
        ahead.skip_whitespace();
        Ok(ahead.peek() == b'}')
    }
}

/// The elements of one tensor as they are read.
#[derive(Debug)]
pub(crate) enum Buffer {
    Bool(Vec<bool>),
    U8(Vec<u8>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    String(Vec<Bytes>),
}

/// Runs `$body` with `$values` bound to the vector inside, whatever its type.
macro_rules! each_buffer {
    ($buffer:expr, $values:ident => $body:expr) => {
        match $buffer {
            Buffer::Bool($values) => $body,
            Buffer::U8($values) => $body,
            Buffer::U32($values) => $body,
            Buffer::U64($values) => $body,
            Buffer::I8($values) => $body,
            Buffer::I16($values) => $body,
            Buffer::I32($values) => $body,
            Buffer::I64($values) => $body,
            Buffer::F32($values) => $body,
            Buffer::F64($values) => $body,
            Buffer::String($values) => $body,
        }
    };
}

impl Buffer {
    /// An empty buffer for `dtype`.
    ///
    /// # Errors
    /// JSON has no form for `dtype` on this wire.
    pub(crate) fn new(dtype: DType) -> Result<Self, ServiceError> {
        Ok(match dtype {
            DType::Bool => Self::Bool(Vec::new()),
            DType::U8 => Self::U8(Vec::new()),
            DType::U32 => Self::U32(Vec::new()),
            DType::U64 => Self::U64(Vec::new()),
            DType::I8 => Self::I8(Vec::new()),
            DType::I16 => Self::I16(Vec::new()),
            DType::I32 => Self::I32(Vec::new()),
            DType::I64 => Self::I64(Vec::new()),
            DType::F32 => Self::F32(Vec::new()),
            DType::F64 => Self::F64(Vec::new()),
            DType::String => Self::String(Vec::new()),
            other => {
                let message = format!("Conversion of JSON Value to type: {}", data_type_name(other));
                return Err(ServiceError::new(ErrorCode::Unimplemented, message));
            }
        })
    }

    /// Reads the value or nested list at this place behind what is there, and says what shape it has.
    pub(crate) fn read_item(&mut self, scanner: &mut Scanner<'_>) -> Result<ItemShape, ServiceError> {
        let mut shape = ItemShape::default();
        each_buffer!(self, values => read_nested(scanner, values, &mut shape))?;
        Ok(shape)
    }

    /// How many elements there are.
    pub(crate) fn len(&self) -> usize {
        each_buffer!(self, values => values.len())
    }

    /// The tensor of these elements.
    pub(crate) fn into_tensor(self, dims: &[usize]) -> Result<Tensor, ServiceError> {
        let shape = Shape::new(dims)?;
        Ok(match self {
            Self::Bool(values) => Tensor::from_bools(shape, values),
            Self::U8(values) => Tensor::from_vec(shape, values),
            Self::U32(values) => Tensor::from_vec(shape, values),
            Self::U64(values) => Tensor::from_vec(shape, values),
            Self::I8(values) => Tensor::from_vec(shape, values),
            Self::I16(values) => Tensor::from_vec(shape, values),
            Self::I32(values) => Tensor::from_vec(shape, values),
            Self::I64(values) => Tensor::from_vec(shape, values),
            Self::F32(values) => Tensor::from_vec(shape, values),
            Self::F64(values) => Tensor::from_vec(shape, values),
            Self::String(values) => Tensor::from_strings(shape, values),
        }?)
    }
}
