//! A text as a tree.

use crate::{Fields, Position};

/// A message: its fields in the order of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// The fields. A repeated one is there once for each value.
    pub fields: Vec<Field>,
}

impl Message {
    /// Gives the fields out by name; errors call the message `kind`.
    pub fn fields(&self, kind: &'static str) -> Fields<'_> {
        Fields::new(self, kind)
    }
}

/// A field with one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// Where its name is.
    pub position: Position,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Anything but a message.
    Scalar(Scalar),
    /// A message.
    Message(Message),
}

/// A value that is no message, as far as the text alone can tell.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// A string: bytes, which need not be UTF-8.
    String(Vec<u8>),
    /// A word: an enumerator, `true`, `inf`; with `-` where one was before it.
    Word(String),
    /// A whole number.
    Integer {
        /// Whether a minus came first.
        is_negative: bool,
        /// The number without its sign.
        magnitude: u64,
    },
    /// A number with a fraction or an exponent, or too large for a whole one.
    Float(f64),
}
