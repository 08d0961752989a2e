//! Metadata.

use std::io::Read;

use crate::GgufError;
use crate::source::Source;

/// The most numbers of an array that are kept: those that a model has for each of its layers.
const MAX_NUMBERS: usize = 4096;

/// The value of a key.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// An integer of any size.
    Integer(i128),
    /// A number with a fraction.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// A text. What was no UTF-8 is replaced.
    Text(String),
    /// Texts.
    Texts(Vec<String>),
    /// Integers, of an array that is short or says what kinds the tokens are.
    Integers(Vec<i64>),
    /// Another array, of which only the type and length are kept.
    Array {
        /// The number of the elements' type.
        kind: u32,
        /// How many there are.
        length: usize,
    },
}

impl Value {
    /// As an integer that fits.
    pub fn to_u64(&self) -> Option<u64> {
        match self {
            Self::Integer(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// As a text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// How many elements an array has.
    pub fn array_length(&self) -> Option<usize> {
        match self {
            Self::Texts(texts) => Some(texts.len()),
            Self::Integers(numbers) => Some(numbers.len()),
            Self::Array { length, .. } => Some(*length),
            _ => None,
        }
    }

    /// What it is, for messages.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Bool(_) => "a boolean",
            Self::Text(_) => "a text",
            Self::Texts(_) => "an array of texts",
            Self::Integers(_) => "an array of integers",
            Self::Array { .. } => "an array",
        }
    }

    pub(crate) fn read<R: Read>(key: &str, source: &mut Source<R>) -> Result<Self, GgufError> {
        match source.u32()? {
            TEXT => source.text().map(Self::Text),
            ARRAY => Self::read_array(key, source),
            kind => Self::read_scalar(key, kind, source),
        }
    }

    fn read_scalar<R: Read>(key: &str, kind: u32, source: &mut Source<R>) -> Result<Self, GgufError> {
        Ok(match kind {
            0 => Self::Integer(source.u8()?.into()),
            1 => Self::Integer(source.i8()?.into()),
            2 => Self::Integer(source.u16()?.into()),
            3 => Self::Integer(source.i16()?.into()),
            4 => Self::Integer(source.u32()?.into()),
            5 => Self::Integer(source.i32()?.into()),
            6 => Self::Float(source.f32()?.into()),
            7 => match source.u8()? {
                byte @ 0..=1 => Self::Bool(byte == 1),
                byte => {
                    return Err(GgufError::malformed(format!("key `{}` is the boolean {byte}", shown(key))));
                }
            },
            10 => Self::Integer(source.u64()?.into()),
            11 => Self::Integer(source.i64()?.into()),
            12 => Self::Float(source.f64()?),
            _ => {
                return Err(GgufError::malformed(format!("key `{}` has a value of type {kind}", shown(key))));
            }
        })
    }

    fn read_array<R: Read>(key: &str, source: &mut Source<R>) -> Result<Self, GgufError> {
        let kind = source.u32()?;
        let size = match kind {
            TEXT => 8,
            ARRAY => {
                return Err(GgufError::malformed(format!("key `{}` has an array of arrays", shown(key))));
            }
            kind => size_of(kind).ok_or_else(|| {
                GgufError::malformed(format!("key `{}` has an array of type {kind}", shown(key)))
            })?,
        };
        let length = source.count("elements of an array", size)?;
        if kind == TEXT {
            return (0..length).map(|_| source.text()).collect::<Result<_, _>>().map(Self::Texts);
        }
        if key == TOKEN_KINDS && !matches!(kind, 4 | 5) {
            // llama.cpp takes the elements for 32 bits whatever they are.
            return Err(GgufError::malformed(format!(
                "key `{key}` has an array of type {kind}, expected 4 or 5"
            )));
        }
        if is_integer(kind) && (length <= MAX_NUMBERS || key == TOKEN_KINDS) {
            return Self::read_integers(key, kind, length, source);
        }
        source.skip(size * length as u64)?;
        Ok(Self::Array { kind, length })
    }

    fn read_integers<R: Read>(
        key: &str,
        kind: u32,
        length: usize,
        source: &mut Source<R>,
    ) -> Result<Self, GgufError> {
        let integer = |_| match Self::read_scalar(key, kind, source)? {
            Self::Integer(number) => i64::try_from(number)
                .map_err(|_| GgufError::malformed(format!("key `{}` has the number {number}", shown(key)))),
            other => Err(GgufError::malformed(format!("key `{}` has {}", shown(key), other.kind_name()))),
        };
        (0..length).map(integer).collect::<Result<_, _>>().map(Self::Integers)
    }
}

/// The key whose array says which tokens are control tokens.
pub(crate) const TOKEN_KINDS: &str = "tokenizer.ggml.token_type";
const TEXT: u32 = 8;
const ARRAY: u32 = 9;

fn is_integer(kind: u32) -> bool {
    matches!(kind, 0..=5 | 10 | 11)
}

/// Bytes of an element.
fn size_of(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// A name from the file, for messages.
pub(crate) fn shown(name: &str) -> String {
    name.chars().take(80).flat_map(char::escape_debug).collect()
}
