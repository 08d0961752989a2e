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
    Floats(Vec<f32>),
    Text(&'static str),
    Texts(Vec<&'static str>),
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

    /// Numbers.
    pub fn floats(name: &'static str, values: impl IntoIterator<Item = f32>) -> Self {
        Self { name, value: AttributeValue::Floats(values.into_iter().collect()) }
    }

    /// A text.
    pub fn text(name: &'static str, value: &'static str) -> Self {
        Self { name, value: AttributeValue::Text(value) }
    }

    /// Texts.
    pub fn texts(name: &'static str, values: impl IntoIterator<Item = &'static str>) -> Self {
        Self { name, value: AttributeValue::Texts(values.into_iter().collect()) }
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
            AttributeValue::Floats(values) => {
                proto.floats = values;
                AttributeType::Floats
            }
            AttributeValue::Text(value) => {
                proto.s = Some(Bytes::from_static(value.as_bytes()));
                AttributeType::String
            }
            AttributeValue::Texts(values) => {
                proto.strings = values.into_iter().map(|text| Bytes::from_static(text.as_bytes())).collect();
                AttributeType::Strings
            }
        };
        proto.set_type(kind);
        proto
    }
}
