//! Tensors that a configuration describes: zeros, made-up numbers, or the contents of a file.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use wharf_infer::{ErrorCode, ServiceError};
use wharf_tensor::{DType, Shape, Tensor};

/// The most bytes of one tensor.
pub(super) const MAX_BYTES: usize = 64 << 20;

/// A tensor that a configuration describes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Content {
    pub(crate) dtype: DType,
    pub(crate) shape: Shape,
    pub(crate) data: Data,
}

/// Where its elements come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Zero,
    /// Made up, the same every time.
    Random,
    /// A file of this name.
    File(String),
}

impl Content {
    /// The tensor, with files from the folder `part` in the model's `folder`. Blocks.
    ///
    /// # Errors
    /// A file is missing, or does not hold what the shape needs.
    pub(crate) fn tensor(&self, folder: &Path, part: &str) -> Result<Tensor, ServiceError> {
        let Some(size) = self.shape.size_bytes(self.dtype) else { return self.strings(folder, part) };
        let bytes = match &self.data {
            Data::Zero => vec![0; size],
            Data::Random => random(self.dtype, size),
            Data::File(name) => contents(folder, part, name)?,
        };
        Ok(Tensor::from_bytes(self.dtype, self.shape.clone(), Bytes::from(bytes))?)
    }

    /// Empty strings, or those of a file: each after its length, u32 little-endian.
    fn strings(&self, folder: &Path, part: &str) -> Result<Tensor, ServiceError> {
        let Data::File(name) = &self.data else {
            let strings = vec![Bytes::new(); self.shape.num_elements()];
            return Ok(Tensor::from_strings(self.shape.clone(), strings)?);
        };
        let contents = contents(folder, part, name)?;
        let (mut rest, mut strings) = (contents.as_slice(), Vec::new());
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
            let (string, after) = after.split_at_checked(length).ok_or_else(|| no_strings(name))?;
            strings.push(Bytes::copy_from_slice(string));
            rest = after;
        }
        if !rest.is_empty() {
            return Err(no_strings(name));
        }
        Ok(Tensor::from_strings(self.shape.clone(), strings)?)
    }
}

fn no_strings(name: &str) -> ServiceError {
    ServiceError::new(ErrorCode::DataLoss, format!("`{name}` does not hold strings, each after its length"))
}

fn contents(folder: &Path, part: &str, name: &str) -> Result<Vec<u8>, ServiceError> {
    let path = folder.join(part).join(name);
    let missing = |error: std::io::Error| {
        ServiceError::new(ErrorCode::DataLoss, format!("`{part}/{name}` cannot be read: {}", error.kind()))
    };
    match fs::metadata(&path).map_err(missing)?.len() {
        size if size > MAX_BYTES as u64 => {
            let text = format!("`{part}/{name}` has {size} bytes, expected at most {MAX_BYTES}");
            Err(ServiceError::new(ErrorCode::DataLoss, text))
        }
        _ => fs::read(&path).map_err(missing),
    }
}

/// Floats in 0..1, whole numbers of 0 or 1: valid indices as a rule. The same every time, so that a start is like
/// the one before.
fn random(dtype: DType, size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // Marsaglia's xorshift64, "Xorshift RNGs", 2003.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        let draw = next();
        let unit = (draw >> 40) as f32 / (1_u64 << 24) as f32;
        match dtype {
            DType::F32 => bytes.extend_from_slice(&unit.to_le_bytes()),
            DType::F64 => bytes.extend_from_slice(&f64::from(unit).to_le_bytes()),
            DType::F16 => bytes.extend_from_slice(&half::f16::from_f32(unit).to_le_bytes()),
            DType::BF16 => bytes.extend_from_slice(&half::bf16::from_f32(unit).to_le_bytes()),
            _ => {
                let mut number = [0; 8];
                number[0] = (draw & 1) as u8;
                bytes.extend_from_slice(&number[..dtype.size_bytes().unwrap_or(1)]);
            }
        }
    }
    bytes
}
