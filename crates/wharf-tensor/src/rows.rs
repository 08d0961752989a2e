//! Tensors joined along their first dimension, and cut along it.

use std::ops::Range;

use bytes::Bytes;

use crate::{Shape, Tensor, TensorError};

impl Tensor {
    /// How many rows there are: the size of the first dimension; `None` for a scalar.
    pub fn rows(&self) -> Option<usize> {
        self.shape().dims().first().copied()
    }

    /// Some of the rows. Numbers are shared and not copied.
    ///
    /// # Errors
    /// The tensor is a scalar, or has no such rows.
    pub fn slice_rows(&self, rows: Range<usize>) -> Result<Self, TensorError> {
        let count = self.rows().unwrap_or_default();
        if self.rows().is_none() || rows.start > rows.end || rows.end > count {
            return Err(TensorError::length_mismatch("rows", rows.end, count));
        }
        let shape = self.shape().with_rows(rows.len())?;
        let row = self.num_elements().checked_div(count).unwrap_or_default();
        let elements = rows.start * row..rows.end * row;
        match (self.bytes(), self.strings()) {
            (Some(bytes), _) => {
                let size = self.dtype().size_bytes().unwrap_or_default();
                let bytes = bytes.slice(elements.start * size..elements.end * size);
                Self::from_bytes(self.dtype(), shape, bytes)
            }
            (None, strings) => Self::from_strings(shape, strings.unwrap_or_default()[elements].to_vec()),
        }
    }

    /// The same elements in memory of their own, which shares nothing with the tensor that these may be a part of.
    ///
    /// # Errors
    /// None that a tensor which exists can cause.
    pub fn detached(&self) -> Result<Self, TensorError> {
        match self.strings() {
            Some(strings) => {
                let strings = strings.iter().map(|text| Bytes::copy_from_slice(text)).collect();
                Self::from_strings(self.shape().clone(), strings)
            }
            None => Self::from_bytes(self.dtype(), self.shape().clone(), join(&[self])),
        }
    }

    /// The rows of all of `parts`, one after the other.
    ///
    /// # Errors
    /// There are no parts, one is a scalar, they differ in type or in another dimension than the first, or
    /// together they have too many elements.
    pub fn concat_rows(parts: &[&Tensor]) -> Result<Self, TensorError> {
        let Some(first) = parts.first() else {
            return Err(TensorError::length_mismatch("parts", 1, 0));
        };
        let mut rows = 0_usize;
        for part in parts {
            let dims = part.shape().dims();
            if part.dtype() != first.dtype() {
                return Err(TensorError::dtype_mismatch(first.dtype(), part.dtype()));
            }
            if dims.is_empty() || dims.len() != first.shape().rank() || dims[1..] != first.shape().dims()[1..]
            {
                let (expected, actual) = (first.num_elements(), part.num_elements());
                return Err(TensorError::length_mismatch("elements in a row", expected, actual));
            }
            rows = rows.saturating_add(dims[0]);
        }
        let shape = first.shape().with_rows(rows)?;
        if first.strings().is_some() {
            let strings = parts.iter().flat_map(|part| part.strings().unwrap_or_default());
            return Self::from_strings(shape, strings.cloned().collect());
        }
        Self::from_bytes(first.dtype(), shape, join(parts))
    }
}

/// The data of `parts`, aligned for every element type: an engine takes it without another copy.
fn join(parts: &[&Tensor]) -> Bytes {
    let parts = parts.iter().filter_map(|part| part.bytes());
    let len: usize = parts.clone().map(Bytes::len).sum();
    let mut words = vec![0_u64; len.div_ceil(size_of::<u64>())];
    let mut rest = bytemuck::cast_slice_mut::<u64, u8>(&mut words);
    for part in parts {
        let (place, after) = rest.split_at_mut(part.len());
        place.copy_from_slice(part);
        rest = after;
    }
    Bytes::from_owner(Words(words)).slice(..len)
}

struct Words(Vec<u64>);

impl AsRef<[u8]> for Words {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

impl Shape {
    /// The same shape with another first dimension.
    ///
    /// # Errors
    /// The product overflows. A scalar has no first dimension and stays one.
    pub fn with_rows(&self, rows: usize) -> Result<Self, TensorError> {
        let mut dims = self.dims().to_vec();
        if let Some(first) = dims.first_mut() {
            *first = rows;
        }
        Self::new(&dims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;

    fn floats(dims: &[usize], start: u16) -> Tensor {
        let shape = Shape::new(dims).unwrap();
        let values = (0..shape.num_elements() as u16).map(|index| f32::from(start + index)).collect();
        Tensor::from_vec(shape, values).unwrap()
    }

    #[test]
    fn a_detached_row_shares_no_memory_with_the_others() {
        let all = floats(&[3, 2], 0);
        let row = all.slice_rows(1..2).unwrap();
        let own = row.detached().unwrap();
        assert_eq!(own, row);
        let within =
            |part: &Tensor| all.bytes().unwrap().as_ptr_range().contains(&part.bytes().unwrap().as_ptr());
        assert!(within(&row) && !within(&own));
        let text = Bytes::from(vec![b'a'; 100]);
        let strings = Tensor::from_strings(Shape::new(&[1]).unwrap(), vec![text.slice(..1)]).unwrap();
        let own = strings.detached().unwrap();
        assert_eq!(own, strings);
        assert_ne!(own.strings().unwrap()[0].as_ptr(), text.as_ptr());
    }

    #[test]
    fn rows_are_joined_and_cut_again() {
        let (one, two, none) = (floats(&[1, 2], 0), floats(&[2, 2], 2), floats(&[0, 2], 0));
        let joined = Tensor::concat_rows(&[&one, &none, &two]).unwrap();
        assert_eq!(joined, floats(&[3, 2], 0));
        assert_eq!(joined.slice_rows(0..1).unwrap(), one);
        assert_eq!(joined.slice_rows(1..3).unwrap(), two);
        assert_eq!(joined.slice_rows(1..1).unwrap(), none);
    }

    #[test]
    fn a_cut_shares_the_data() {
        let whole = floats(&[4, 3], 0);
        let cut = whole.slice_rows(2..4).unwrap();
        assert_eq!(cut.bytes().unwrap().as_ptr(), whole.bytes().unwrap()[24..].as_ptr());
    }

    #[test]
    fn strings_are_joined_and_cut_too() {
        let strings = |texts: &[&'static str]| {
            let values = texts.iter().map(|text| Bytes::from_static(text.as_bytes())).collect();
            Tensor::from_strings(Shape::new(&[texts.len()]).unwrap(), values).unwrap()
        };
        let joined = Tensor::concat_rows(&[&strings(&["a"]), &strings(&["", "c"])]).unwrap();
        assert_eq!(joined, strings(&["a", "", "c"]));
        assert_eq!(joined.slice_rows(1..3).unwrap(), strings(&["", "c"]));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let scalar = Tensor::from_vec(Shape::scalar(), vec![1.0_f32]).unwrap();
        let wide = Tensor::from_vec(Shape::new(&[1]).unwrap(), vec![1_i64]).unwrap();
        let one = floats(&[1, 2], 0);
        for parts in [vec![], vec![&scalar], vec![&one, &floats(&[1, 3], 0)], vec![&one, &wide]] {
            assert!(Tensor::concat_rows(&parts).is_err());
        }
        assert!(scalar.slice_rows(0..0).is_err());
        assert!(one.slice_rows(0..2).is_err());
        assert_eq!(one.slice_rows(1..1).unwrap().dtype(), DType::F32);
    }
}
