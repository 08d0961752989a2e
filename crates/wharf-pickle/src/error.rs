//! What can be wrong with a pickle or a `.pth` file.

use std::error::Error;
use std::fmt;

use wharf_tensor::TensorError;

/// A pickle or `.pth` file that is not read or cannot be written; [`PickleError::kind`] says why.
#[derive(Debug)]
pub struct PickleError(Box<Inner>);

/// The reasons for which a file is not read or cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PickleErrorKind {
    /// The data ends too early.
    Truncated,
    /// The pickle uses a protocol, opcode or global that is not allowed.
    Refused,
    /// A limit is exceeded.
    Limit,
    /// The pickle contradicts itself.
    Malformed,
    /// The data is sound but not what was looked for.
    Unexpected,
    /// The archive around the pickle is malformed or of a kind that is not read.
    Archive,
    /// A tensor is malformed, or is of a type that is not supported.
    Tensor,
}

#[derive(Debug)]
enum Inner {
    Truncated { offset: usize },
    Opcode { opcode: u8, offset: usize },
    Global { module: String, name: String },
    Protocol { actual: Option<u8> },
    Limit { what: &'static str, limit: usize },
    Malformed { problem: &'static str, offset: usize },
    Unexpected { expected: &'static str, actual: String },
    MissingField { name: String },
    Archive { problem: String },
    Tensor { name: String, problem: String, source: Option<TensorError> },
}

impl PickleError {
    /// The reason.
    pub fn kind(&self) -> PickleErrorKind {
        match *self.0 {
            Inner::Truncated { .. } => PickleErrorKind::Truncated,
            Inner::Opcode { .. } | Inner::Global { .. } | Inner::Protocol { .. } => PickleErrorKind::Refused,
            Inner::Limit { .. } => PickleErrorKind::Limit,
            Inner::Malformed { .. } => PickleErrorKind::Malformed,
            Inner::Unexpected { .. } | Inner::MissingField { .. } => PickleErrorKind::Unexpected,
            Inner::Archive { .. } => PickleErrorKind::Archive,
            Inner::Tensor { .. } => PickleErrorKind::Tensor,
        }
    }

    pub(crate) fn truncated(offset: usize) -> Self {
        Self(Box::new(Inner::Truncated { offset }))
    }

    pub(crate) fn opcode(opcode: u8, offset: usize) -> Self {
        Self(Box::new(Inner::Opcode { opcode, offset }))
    }

    pub(crate) fn global(module: &str, name: &str) -> Self {
        Self(Box::new(Inner::Global { module: shortened(module), name: shortened(name) }))
    }

    pub(crate) fn protocol(actual: Option<u8>) -> Self {
        Self(Box::new(Inner::Protocol { actual }))
    }

    pub(crate) fn limit(what: &'static str, limit: usize) -> Self {
        Self(Box::new(Inner::Limit { what, limit }))
    }

    pub(crate) fn malformed(problem: &'static str, offset: usize) -> Self {
        Self(Box::new(Inner::Malformed { problem, offset }))
    }

    pub(crate) fn unexpected(expected: &'static str, actual: impl Into<String>) -> Self {
        Self(Box::new(Inner::Unexpected { expected, actual: actual.into() }))
    }

    pub(crate) fn missing_field(name: &str) -> Self {
        Self(Box::new(Inner::MissingField { name: shortened(name) }))
    }

    pub(crate) fn archive(problem: impl Into<String>) -> Self {
        Self(Box::new(Inner::Archive { problem: problem.into() }))
    }

    pub(crate) fn tensor(name: &str, problem: impl Into<String>) -> Self {
        Self(Box::new(Inner::Tensor { name: shortened(name), problem: problem.into(), source: None }))
    }

    pub(crate) fn tensor_source(name: &str, source: TensorError) -> Self {
        let problem = source.to_string();
        Self(Box::new(Inner::Tensor { name: shortened(name), problem, source: Some(source) }))
    }
}

/// What a message repeats of the input: not more than anyone would read, and no control characters.
fn shortened(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

impl fmt::Display for PickleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Inner::Truncated { offset } => write!(f, "pickle ends within what begins at byte {offset}"),
            Inner::Opcode { opcode, offset } => {
                write!(f, "pickle has opcode {opcode:#04x} at byte {offset}, which data does not need")
            }
            Inner::Global { module, name } => {
                write!(f, "pickle refers to `{module}.{name}`, which is not on the list of what is read")
            }
            Inner::Protocol { actual: Some(actual) } => {
                write!(f, "pickle has protocol {actual}, expected 2 to 4")
            }
            Inner::Protocol { actual: None } => write!(f, "data is no pickle of protocol 2 to 4"),
            Inner::Limit { what, limit } => write!(f, "pickle has too many {what}, expected at most {limit}"),
            Inner::Malformed { problem, offset } => {
                write!(f, "pickle is malformed at byte {offset}: {problem}")
            }
            Inner::Unexpected { expected, actual } => write!(f, "pickle holds {actual}, expected {expected}"),
            Inner::MissingField { name } => write!(f, "pickle has no entry `{name}`"),
            Inner::Archive { problem } => write!(f, "file is no PyTorch archive that is read: {problem}"),
            Inner::Tensor { name, problem, .. } => write!(f, "tensor `{name}`: {problem}"),
        }
    }
}

impl Error for PickleError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.0 {
            Inner::Tensor { source: Some(source), .. } => Some(source),
            _ => None,
        }
    }
}
