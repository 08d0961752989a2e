//! A tensor over shared bytes.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use crate::{DType, Element, Shape, TensorError};

/// Elements of one type in row-major order. Cloning shares the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    dtype: DType,
    shape: Shape,
    data: Data,
}

#[derive(Clone, Debug, PartialEq)]
enum Data {
    /// Little-endian elements without gaps; not necessarily aligned.
    Raw(Bytes),
    Strings(Arc<[Bytes]>),
}

/// Lets `Bytes` own a vector of any element type, so that a computed vector becomes a tensor without a copy.
struct OwnedElements<T>(Vec<T>);

impl<T: Element> AsRef<[u8]> for OwnedElements<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

impl Tensor {
    /// A tensor over little-endian `data`, which is shared and not copied.
    ///
    /// # Errors
    /// `dtype` is [`DType::String`], or `data` is not as long as `dtype` and `shape` demand.
    pub fn from_bytes(dtype: DType, shape: Shape, data: Bytes) -> Result<Self, TensorError> {
        let expected =
            shape.size_bytes(dtype).ok_or_else(|| TensorError::dtype_mismatch(DType::U8, DType::String))?;
        if data.len() != expected {
            return Err(TensorError::length_mismatch("bytes", expected, data.len()));
        }
        Ok(Self { dtype, shape, data: Data::Raw(data) })
    }

    /// A tensor that takes over `values`.
    ///
    /// # Errors
    /// `shape` has another number of elements.
    pub fn from_vec<T: Element>(shape: Shape, values: Vec<T>) -> Result<Self, TensorError> {
        check_count(&shape, values.len())?;
        let data = Bytes::from_owner(OwnedElements(values));
        Ok(Self { dtype: T::DTYPE, shape, data: Data::Raw(data) })
    }

    /// A tensor of truth values.
    ///
    /// # Errors
    /// `shape` has another number of elements.
    pub fn from_bools(shape: Shape, values: Vec<bool>) -> Result<Self, TensorError> {
        let bytes: Vec<u8> = values.into_iter().map(u8::from).collect();
        check_count(&shape, bytes.len())?;
        Ok(Self { dtype: DType::Bool, shape, data: Data::Raw(Bytes::from(bytes)) })
    }

    /// A tensor of byte strings.
    ///
    /// # Errors
    /// `shape` has another number of elements.
    pub fn from_strings(shape: Shape, values: Vec<Bytes>) -> Result<Self, TensorError> {
        check_count(&shape, values.len())?;
        Ok(Self { dtype: DType::String, shape, data: Data::Strings(values.into()) })
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The dimensions.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// How many elements there are.
    pub fn num_elements(&self) -> usize {
        self.shape.num_elements()
    }

    /// The little-endian elements; `None` for strings.
    pub fn bytes(&self) -> Option<&Bytes> {
        match &self.data {
            Data::Raw(bytes) => Some(bytes),
            Data::Strings(_) => None,
        }
    }

    /// The byte strings; `None` for other element types.
    pub fn strings(&self) -> Option<&[Bytes]> {
        match &self.data {
            Data::Raw(_) => None,
            Data::Strings(strings) => Some(strings),
        }
    }

    /// The elements in place where the data is aligned for `T`, and a copy of them where it is not.
    ///
    /// # Errors
    /// The elements are not of type `T`.
    pub fn as_elements<T: Element>(&self) -> Result<Cow<'_, [T]>, TensorError> {
        let bytes = match &self.data {
            Data::Raw(bytes) if self.dtype == T::DTYPE => bytes,
            _ => return Err(TensorError::dtype_mismatch(T::DTYPE, self.dtype)),
        };
        Ok(match bytemuck::try_cast_slice(bytes) {
            Ok(elements) => Cow::Borrowed(elements),
            Err(_) => Cow::Owned(bytemuck::pod_collect_to_vec(bytes)),
        })
    }

    /// A copy of the elements.
    ///
    /// # Errors
    /// The elements are not of type `T`.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>, TensorError> {
        self.as_elements().map(Cow::into_owned)
    }

    /// The same data under other dimensions.
    ///
    /// # Errors
    /// `shape` has another number of elements.
    pub fn reshape(self, shape: Shape) -> Result<Self, TensorError> {
        check_count(&shape, self.num_elements())?;
        Ok(Self { shape, ..self })
    }
}

fn check_count(shape: &Shape, actual: usize) -> Result<(), TensorError> {
    let expected = shape.num_elements();
    if expected == actual { Ok(()) } else { Err(TensorError::length_mismatch("elements", expected, actual)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(dims: &[usize]) -> Shape {
        Shape::new(dims).unwrap()
    }

    #[test]
    fn vector_becomes_tensor_without_copy() {
        let values = vec![1.5_f32, -2.0];
        let address = values.as_ptr();
        let tensor = Tensor::from_vec(shape(&[2]), values).unwrap();
        assert_eq!(tensor.as_elements::<f32>().unwrap().as_ptr(), address);
    }

    #[test]
    fn misaligned_slice_reads_the_same_values() {
        let whole = Bytes::from([&[0_u8][..], &7_i64.to_le_bytes(), &[0; 8]].concat());
        for offset in 1..=8 {
            let expected = i64::from_le_bytes(whole[offset..offset + 8].try_into().unwrap());
            let tensor =
                Tensor::from_bytes(DType::I64, shape(&[1]), whole.slice(offset..offset + 8)).unwrap();
            assert_eq!(tensor.to_vec::<i64>().unwrap(), [expected]);
        }
    }

    #[test]
    fn wrong_lengths_and_types_are_errors() {
        let error = Tensor::from_bytes(DType::F32, shape(&[2]), Bytes::from_static(&[0; 7])).unwrap_err();
        assert_eq!(error.to_string(), "data has 7 bytes, expected 8");
        assert!(Tensor::from_bytes(DType::String, shape(&[0]), Bytes::new()).is_err());
        assert!(Tensor::from_vec(shape(&[3]), vec![1_u8]).is_err());
        let tensor = Tensor::from_vec(shape(&[1]), vec![1_u8]).unwrap();
        assert_eq!(tensor.to_vec::<i8>().unwrap_err().to_string(), "elements are uint8, expected int8");
        assert!(tensor.reshape(shape(&[2])).is_err());
    }

    #[test]
    fn strings_keep_any_bytes() {
        let tensor = Tensor::from_strings(shape(&[1]), vec![Bytes::from_static(b"\xff\0")]).unwrap();
        assert_eq!(tensor.strings().unwrap()[0], b"\xff\0"[..]);
        assert!(tensor.bytes().is_none());
    }
}
