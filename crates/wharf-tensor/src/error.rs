//! What can be wrong with a shape or a tensor.

use std::fmt;

use crate::DType;

/// A shape or tensor that cannot be; [`TensorError::kind`] says in which way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorError(Inner);

/// The ways in which a shape or tensor can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TensorErrorKind {
    /// The name is no element type.
    UnknownDType,
    /// More dimensions than [`crate::MAX_RANK`].
    RankTooLarge,
    /// A dimension below zero.
    NegativeDim,
    /// The element or byte count does not fit the address space.
    SizeOverflow,
    /// The data is not as long as dtype and shape demand.
    LengthMismatch,
    /// The elements are of another type than asked for.
    DTypeMismatch,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Inner {
    UnknownDType { name: String },
    RankTooLarge { rank: usize },
    NegativeDim { axis: usize, size: i64 },
    SizeOverflow { dims: Vec<u64> },
    LengthMismatch { what: &'static str, expected: usize, actual: usize },
    DTypeMismatch { expected: DType, actual: DType },
}

impl TensorError {
    /// The way in which it is wrong.
    pub fn kind(&self) -> TensorErrorKind {
        match self.0 {
            Inner::UnknownDType { .. } => TensorErrorKind::UnknownDType,
            Inner::RankTooLarge { .. } => TensorErrorKind::RankTooLarge,
            Inner::NegativeDim { .. } => TensorErrorKind::NegativeDim,
            Inner::SizeOverflow { .. } => TensorErrorKind::SizeOverflow,
            Inner::LengthMismatch { .. } => TensorErrorKind::LengthMismatch,
            Inner::DTypeMismatch { .. } => TensorErrorKind::DTypeMismatch,
        }
    }

    pub(crate) fn unknown_dtype(name: &str) -> Self {
        Self(Inner::UnknownDType { name: name.chars().take(64).collect() })
    }

    pub(crate) fn rank_too_large(rank: usize) -> Self {
        Self(Inner::RankTooLarge { rank })
    }

    pub(crate) fn negative_dim(axis: usize, size: i64) -> Self {
        Self(Inner::NegativeDim { axis, size })
    }

    pub(crate) fn size_overflow(dims: impl IntoIterator<Item = u64>) -> Self {
        Self(Inner::SizeOverflow { dims: dims.into_iter().collect() })
    }

    pub(crate) fn length_mismatch(what: &'static str, expected: usize, actual: usize) -> Self {
        Self(Inner::LengthMismatch { what, expected, actual })
    }

    pub(crate) fn dtype_mismatch(expected: DType, actual: DType) -> Self {
        Self(Inner::DTypeMismatch { expected, actual })
    }
}

impl fmt::Display for TensorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::UnknownDType { name } => write!(f, "`{name}` is no element type"),
            Inner::RankTooLarge { rank } => {
                write!(f, "shape has {rank} dimensions, expected at most {}", crate::MAX_RANK)
            }
            Inner::NegativeDim { axis, size } => {
                write!(f, "dimension {axis} is {size}, expected zero or more")
            }
            Inner::SizeOverflow { dims } => write!(f, "element count of shape {dims:?} overflows"),
            Inner::LengthMismatch { what, expected, actual } => {
                write!(f, "data has {actual} {what}, expected {expected}")
            }
            Inner::DTypeMismatch { expected, actual } => {
                write!(f, "elements are {actual}, expected {expected}")
            }
        }
    }
}

impl std::error::Error for TensorError {}
