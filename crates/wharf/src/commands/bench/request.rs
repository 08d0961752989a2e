//! A request to measure with: random numbers in the shape of a signature's inputs.

use anyhow::bail;
use bytes::Bytes;
use wharf_bundle::SignatureInput;
use wharf_tensor::{DType, Dim, Shape, Tensor};
use wharf_transform::CounterRng;

/// Sizes of the dimensions that a signature leaves open.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenSizes {
    /// The first dimension.
    pub(super) batch: usize,
    /// All others.
    pub(super) length: usize,
}

/// A tensor for `input`. Integers are 0 or 1, which is an index into any table and a value of any mask; floats lie
/// between the two; bytes may be any.
pub(super) fn tensor_for(input: &SignatureInput, sizes: OpenSizes) -> anyhow::Result<Tensor> {
    let size = |(axis, dim): (usize, &Dim)| match dim {
        Dim::Fixed(size) => *size,
        Dim::Dynamic if axis == 0 => sizes.batch,
        Dim::Dynamic => sizes.length,
    };
    let dims: Vec<usize> = input.spec.shape.dims().iter().enumerate().map(size).collect();
    let shape = Shape::new(&dims)?;
    let mut random = CounterRng::new(&[sizes.batch as u64]);
    let shares: Vec<f32> = (0..shape.num_elements()).map(|_| random.uniform_f32()).collect();
    let bit = |share: &f32| *share >= 0.5;
    Ok(match input.spec.dtype {
        DType::F32 => Tensor::from_vec(shape, shares)?,
        DType::F64 => Tensor::from_vec(shape, shares.into_iter().map(f64::from).collect())?,
        DType::U8 => {
            let bytes: Vec<u8> = shares.into_iter().map(|share| (share * 255.0) as u8).collect();
            Tensor::from_bytes(DType::U8, shape, Bytes::from(bytes))?
        }
        DType::I64 => Tensor::from_vec(shape, shares.iter().map(|share| i64::from(bit(share))).collect())?,
        DType::I32 => Tensor::from_vec(shape, shares.iter().map(|share| i32::from(bit(share))).collect())?,
        DType::Bool => Tensor::from_bools(shape, shares.iter().map(bit).collect())?,
        dtype => bail!(
            "input `{}` is {dtype}, expected float32, float64, uint8, int32, int64 or bool",
            input.spec.name
        ),
    })
}

#[cfg(test)]
mod tests {
    use wharf_tensor::TensorSpec;

    use super::*;

    #[test]
    fn open_dimensions_are_sized_and_integers_are_small() {
        let spec = |dtype| SignatureInput {
            spec: TensorSpec::new("x", dtype, &[-1, -1, 3]),
            graph_input: "x".to_owned(),
            transform: Vec::new(),
        };
        let sizes = OpenSizes { batch: 4, length: 16 };
        let ids = tensor_for(&spec(DType::I64), sizes).unwrap();
        assert_eq!(ids.shape().dims(), [4, 16, 3]);
        assert!(ids.to_vec::<i64>().unwrap().iter().all(|id| (0..=1).contains(id)));
        let text = tensor_for(&spec(DType::String), sizes).unwrap_err().to_string();
        assert!(text.contains("input `x` is string"), "{text}");
    }
}
