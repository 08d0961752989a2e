//! Looking at what a pickle holds.

use std::fmt;

use bytes::Bytes;

use crate::node::{Node, NodeId};
use crate::{Pickle, PickleError};

/// A value in a pickle; cheap to copy. Values may be shared and may even contain themselves, so whoever follows
/// them must know how deep to go.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    pickle: &'a Pickle,
    id: NodeId,
}

/// A value by kind.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ValueKind<'a> {
    /// `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// A byte string; also a string of Python 2.
    Bytes(&'a Bytes),
    /// A text.
    Text(&'a str),
    /// A list; see [`Value::items`].
    List,
    /// A tuple; see [`Value::items`].
    Tuple,
    /// A dictionary, ordered; see [`Value::entries`].
    Dict,
    /// A class or function, by module and name.
    Global {
        /// The module.
        module: &'static str,
        /// The name in it.
        name: &'static str,
    },
    /// A call that was not made.
    Call {
        /// What would have been called, a [`ValueKind::Global`].
        callable: Value<'a>,
        /// With which arguments, a [`ValueKind::Tuple`].
        arguments: Value<'a>,
        /// What the result would have been restored from.
        state: Option<Value<'a>>,
    },
    /// A reference to data outside the pickle.
    Persistent(Value<'a>),
}

impl<'a> Value<'a> {
    pub(crate) fn new(pickle: &'a Pickle, id: NodeId) -> Self {
        Self { pickle, id }
    }

    /// The value by kind.
    pub fn kind(self) -> ValueKind<'a> {
        let at = |id: NodeId| Value { pickle: self.pickle, id };
        match self.node() {
            Node::None => ValueKind::None,
            Node::Bool(value) => ValueKind::Bool(*value),
            Node::Int(value) => ValueKind::Int(*value),
            Node::Float(value) => ValueKind::Float(*value),
            Node::Bytes(value) => ValueKind::Bytes(value),
            Node::Text(value) => ValueKind::Text(value),
            Node::List(_) => ValueKind::List,
            Node::Tuple(_) => ValueKind::Tuple,
            Node::Dict(_) => ValueKind::Dict,
            Node::Global { module, name } => ValueKind::Global { module, name },
            Node::Call { callable, arguments, state } => {
                ValueKind::Call { callable: at(*callable), arguments: at(*arguments), state: state.map(at) }
            }
            Node::Persistent(id) => ValueKind::Persistent(at(*id)),
        }
    }

    /// The items of a list or tuple.
    ///
    /// # Errors
    /// The value is neither.
    pub fn items(self) -> Result<impl ExactSizeIterator<Item = Value<'a>>, PickleError> {
        match self.node() {
            Node::List(items) | Node::Tuple(items) => {
                Ok(items.iter().map(move |&id| Value { pickle: self.pickle, id }))
            }
            _ => Err(self.unexpected("a list or tuple")),
        }
    }

    /// Just as many items of a list or tuple.
    ///
    /// # Errors
    /// The value is neither, or has another number of items.
    pub fn array<const N: usize>(self) -> Result<[Value<'a>; N], PickleError> {
        let items: Vec<Value<'a>> = self.items()?.take(N + 1).collect();
        items.try_into().map_err(|_| self.unexpected("a list or tuple of another length"))
    }

    /// Keys and values of a dictionary, in order.
    ///
    /// # Errors
    /// The value is no dictionary.
    pub fn entries(self) -> Result<impl ExactSizeIterator<Item = (Value<'a>, Value<'a>)>, PickleError> {
        let at = move |id: NodeId| Value { pickle: self.pickle, id };
        match self.node() {
            Node::Dict(entries) => Ok(entries.iter().map(move |&(key, value)| (at(key), at(value)))),
            _ => Err(self.unexpected("a dictionary")),
        }
    }

    /// What a dictionary holds under `key`, be the key a text or a byte string; where it is set more than once,
    /// the last counts, as it does in Python.
    ///
    /// # Errors
    /// The value is no dictionary, or has no such entry.
    pub fn field(self, key: &str) -> Result<Value<'a>, PickleError> {
        // Compared as they are: checking that byte strings are texts would cost their length for each.
        let is_key = |name: Value<'_>| match name.node() {
            Node::Text(name) => **name == *key,
            Node::Bytes(name) => *name == *key.as_bytes(),
            _ => false,
        };
        let found = self.entries()?.filter(|(name, _)| is_key(*name)).last();
        found.map(|(_, value)| value).ok_or_else(|| PickleError::missing_field(key))
    }

    /// An integer.
    ///
    /// # Errors
    /// The value is something else.
    pub fn int(self) -> Result<i64, PickleError> {
        match self.node() {
            Node::Int(value) => Ok(*value),
            _ => Err(self.unexpected("an integer")),
        }
    }

    /// The integers of a list or tuple.
    ///
    /// # Errors
    /// The value or an item is something else.
    pub fn ints(self) -> Result<Vec<i64>, PickleError> {
        self.items()?.map(Value::int).collect()
    }

    /// A text, or a byte string that is one.
    ///
    /// # Errors
    /// The value is something else.
    pub fn text(self) -> Result<&'a str, PickleError> {
        let text = match self.node() {
            Node::Text(text) => Some(&**text),
            Node::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        };
        text.ok_or_else(|| self.unexpected("a text"))
    }

    /// A byte string.
    ///
    /// # Errors
    /// The value is something else.
    pub fn bytes(self) -> Result<&'a Bytes, PickleError> {
        match self.node() {
            Node::Bytes(bytes) => Ok(bytes),
            _ => Err(self.unexpected("a byte string")),
        }
    }

    /// Whether this is the class or function of that module and name.
    pub fn is_global(self, module: &str, name: &str) -> bool {
        matches!(self.node(), Node::Global { module: m, name: n } if *m == module && *n == name)
    }

    /// The error that this value is not what was expected.
    pub(crate) fn unexpected(self, expected: &'static str) -> PickleError {
        PickleError::unexpected(expected, self.describe())
    }

    fn node(self) -> &'a Node {
        self.pickle.node(self.id)
    }

    fn describe(self) -> String {
        match self.node() {
            Node::None => "`None`".to_owned(),
            Node::Bool(value) => format!("the truth value {value}"),
            Node::Int(value) => format!("the integer {value}"),
            Node::Float(value) => format!("the number {value}"),
            Node::Bytes(value) => format!("a string of {} bytes", value.len()),
            Node::Text(value) => format!("a text of {} bytes", value.len()),
            Node::List(items) => format!("a list of {}", items.len()),
            Node::Tuple(items) => format!("a tuple of {}", items.len()),
            Node::Dict(entries) => format!("a dictionary of {}", entries.len()),
            Node::Global { module, name } => format!("`{module}.{name}`"),
            Node::Call { callable, .. } => {
                format!("a call of {}", Value { pickle: self.pickle, id: *callable }.describe())
            }
            Node::Persistent(_) => "a reference to other data".to_owned(),
        }
    }
}

/// Shallow, because values may contain themselves.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}
