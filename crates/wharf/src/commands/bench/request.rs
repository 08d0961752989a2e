//! A request to measure with: random numbers in the shape of a signature's inputs.

use anyhow::{Context, bail};
use bytes::Bytes;
use wharf_bundle::{Signature, SignatureInput};
use wharf_tensor::{DType, Dim, Shape, Tensor};
use wharf_transform::CounterRng;

/// The signatures that are measured, the first that a model has: `float` reaches the engine without a
/// conversion, so that the wire is compared with the engine and not with a transform.
const SIGNATURES: [&str; 2] = ["float", "serving_default"];

/// The name and the signature to measure.
pub(super) fn signature_of<'a>(
    signatures: impl IntoIterator<Item = (&'a String, &'a Signature)>,
) -> anyhow::Result<(String, &'a Signature)> {
    let signatures: Vec<_> = signatures.into_iter().collect();
    let by_name = |wanted: &&str| signatures.iter().find(|(name, _)| name == wanted);
    let (name, signature) =
        SIGNATURES.iter().find_map(by_name).context("the model has neither `float` nor `serving_default`")?;
    Ok(((*name).clone(), signature))
}

/// A tensor for `input` with `batch` rows.
pub(super) fn tensor_for(input: &SignatureInput, batch: usize) -> anyhow::Result<Tensor> {
    let size = |(axis, dim): (usize, &Dim)| match dim {
        Dim::Fixed(size) => *size,
        Dim::Dynamic if axis == 0 => batch,
        Dim::Dynamic => 1,
    };
    let dims: Vec<usize> = input.spec.shape.dims().iter().enumerate().map(size).collect();
    let shape = Shape::new(&dims)?;
    let mut rng = CounterRng::new(&[batch as u64]);
    let mut values = || (0..shape.num_elements()).map(|_| rng.uniform_f32()).collect::<Vec<f32>>();
    match input.spec.dtype {
        DType::F32 => Ok(Tensor::from_vec(shape.clone(), values())?),
        DType::U8 => {
            let bytes: Vec<u8> = values().into_iter().map(|value| (value * 255.0) as u8).collect();
            Ok(Tensor::from_bytes(DType::U8, shape, Bytes::from(bytes))?)
        }
        dtype => bail!("input `{}` is {dtype}, expected float32 or uint8", input.spec.name),
    }
}

/// The elements as a flat list of JSON numbers.
pub(super) fn json_numbers(tensor: &Tensor) -> anyhow::Result<Vec<String>> {
    Ok(match tensor.dtype() {
        DType::F32 => tensor.to_vec::<f32>()?.iter().map(f32::to_string).collect(),
        _ => tensor.to_vec::<u8>()?.iter().map(u8::to_string).collect(),
    })
}
