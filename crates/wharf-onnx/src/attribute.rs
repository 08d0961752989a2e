//! Parameters of nodes.

use bytes::Bytes;

use crate::proto::{AttributeProto, AttributeType};

/// A parameter of a node, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    name: &'static str,
    value: AttributeValue,
}

#[derive(Clone, Debug, PartialEq)]
enum AttributeValue {
    Int(i64),
    Ints(Vec<i64>),
    Float(f32),
    Text(&'static str),
}

impl Attribute {
    /// An integer.
    pub fn int(name: &'static str, value: i64) -> Self {
        Self { name, value: AttributeValue::Int(value) }
    }

    /// Integers.
    pub fn ints(name: &'static str, values: impl IntoIterator<Item = i64>) -> Self {
        Self { name, value: AttributeValue::Ints(values.into_iter().collect()) }
    }

    /// A number.
    pub fn float(name: &'static str, value: f32) -> Self {
        Self { name, value: AttributeValue::Float(value) }
    }

    /// A text.
    pub fn text(name: &'static str, value: &'static str) -> Self {
        Self { name, value: AttributeValue::Text(value) }
    }

    pub(crate) fn into_proto(self) -> AttributeProto {
        let mut proto = AttributeProto { name: self.name.to_owned(), ..AttributeProto::default() };
        let kind = match self.value {
            AttributeValue::Int(value) => {
                proto.i = Some(value);
                AttributeType::Int
            }
            AttributeValue::Ints(values) => {
                proto.ints = values;
                AttributeType::Ints
            }
            AttributeValue::Float(value) => {
                proto.f = Some(value);
                AttributeType::Float
            }
            AttributeValue::Text(value) => {
                proto.s = Some(Bytes::from_static(value.as_bytes()));
                AttributeType::String
            }
        };
        proto.set_type(kind);
        proto
    }
}
