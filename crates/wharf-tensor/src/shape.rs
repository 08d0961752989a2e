//! Shapes whose element count is known to fit.

use std::fmt;

use smallvec::SmallVec;

use crate::{DType, TensorError};

/// The most dimensions a tensor may have.
pub const MAX_RANK: usize = 16;

/// The dimensions of a tensor. The product of all of them times eight bytes is known to fit `isize`, so
/// arithmetic on a `Shape` cannot overflow however hostile the numbers were that it was made from.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(SmallVec<[usize; 4]>);

impl Shape {
    /// Checks and keeps `dims`.
    ///
    /// # Errors
    /// More than [`MAX_RANK`] dimensions, or a product that overflows. Zero dimensions do not hide an
    /// overflow: `[0, 2^62, 2^62]` is refused, because a later slice or concatenation could reveal it.
    pub fn new(dims: &[usize]) -> Result<Self, TensorError> {
        if dims.len() > MAX_RANK {
            return Err(TensorError::rank_too_large(dims.len()));
        }
        let limit = isize::MAX as usize / 8;
        let product =
            dims.iter().filter(|&&dim| dim != 0).try_fold(1_usize, |product, &dim| product.checked_mul(dim));
        match product {
            Some(product) if product <= limit => Ok(Self(SmallVec::from_slice(dims))),
            _ => Err(TensorError::size_overflow(dims.iter().map(|&dim| dim as u64))),
        }
    }

    /// The shape of one value: no dimensions, one element.
    pub fn scalar() -> Self {
        Self::default()
    }

    /// Checks dimensions as wires carry them.
    ///
    /// # Errors
    /// As [`Shape::new`], and where a dimension is negative.
    pub fn from_i64(dims: &[i64]) -> Result<Self, TensorError> {
        if dims.len() > MAX_RANK {
            return Err(TensorError::rank_too_large(dims.len()));
        }
        let mut checked = SmallVec::<[usize; 4]>::new();
        for (axis, &size) in dims.iter().enumerate() {
            checked.push(usize::try_from(size).map_err(|_| TensorError::negative_dim(axis, size))?);
        }
        Self::new(&checked)
    }

    /// The dimensions, outermost first.
    pub fn dims(&self) -> &[usize] {
        &self.0
    }

    /// How many dimensions there are.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// How many elements there are; 1 for a scalar.
    pub fn num_elements(&self) -> usize {
        self.0.iter().product()
    }

    /// How many bytes the elements take; `None` for strings.
    pub fn size_bytes(&self, dtype: DType) -> Option<usize> {
        dtype.size_bytes().map(|size| size * self.num_elements())
    }

    /// The dimensions as wires carry them.
    pub fn to_i64(&self) -> Vec<i64> {
        self.0.iter().map(|&dim| dim as i64).collect()
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.dims(), f)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.dims(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorErrorKind;

    #[test]
    fn refuses_products_that_wrap() {
        for dims in [
            vec![1_u64 << 4, (1 << 60) + 2],
            vec![1 << 2, (1 << 60) + 2],
            vec![1 << 62, 1 << 62],
            vec![0, 1 << 62, 1 << 62],
            vec![u64::MAX],
        ] {
            let dims: Vec<usize> = dims.into_iter().map(|dim| dim as usize).collect();
            assert_eq!(Shape::new(&dims).unwrap_err().kind(), TensorErrorKind::SizeOverflow, "{dims:?}");
        }
    }

    #[test]
    fn refuses_rank_17_and_negative_dims() {
        assert_eq!(Shape::new(&[1; 17]).unwrap_err().kind(), TensorErrorKind::RankTooLarge);
        assert_eq!(Shape::from_i64(&[1; 17]).unwrap_err().kind(), TensorErrorKind::RankTooLarge);
        let error = Shape::from_i64(&[3, -1]).unwrap_err();
        assert_eq!(error.to_string(), "dimension 1 is -1, expected zero or more");
    }

    #[test]
    fn counts_scalars_and_empty_tensors() {
        assert_eq!(Shape::scalar().num_elements(), 1);
        assert_eq!(Shape::new(&[3, 0, 5]).unwrap().num_elements(), 0);
        assert_eq!(Shape::new(&[2, 3]).unwrap().size_bytes(DType::F32), Some(24));
        assert_eq!(Shape::new(&[2, 3]).unwrap().size_bytes(DType::String), None);
    }

    proptest::proptest! {
        #[test]
        fn accepted_shapes_never_overflow(dims in proptest::collection::vec(0_u64.., 0..6)) {
            let dims: Vec<usize> = dims.into_iter().map(|dim| dim as usize).collect();
            if let Ok(shape) = Shape::new(&dims) {
                let exact = dims.iter().fold(1_u128, |product, &dim| product.saturating_mul(dim as u128));
                proptest::prop_assert_eq!(shape.num_elements() as u128, exact);
                proptest::prop_assert!(shape.size_bytes(DType::F64).is_some());
            }
        }
    }
}
