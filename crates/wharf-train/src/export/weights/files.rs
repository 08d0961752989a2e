//! The two file formats.

use std::collections::HashMap;
use std::path::Path;

use bytes::Bytes;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use wharf_pickle::{read_pth, write_pth};
use wharf_tensor::{DType, Shape, Tensor};

use crate::error::TrainError;

/// How a state dict is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Torch,
    Safetensors,
}

impl Format {
    /// The format that the extension of `path` says.
    pub(super) fn of(path: &Path) -> Result<Self, TrainError> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("pth" | "pt") => Ok(Self::Torch),
            Some("safetensors") => Ok(Self::Safetensors),
            _ => {
                let problem = "is no weight file, expected the extension `.pth`, `.pt` or `.safetensors`";
                Err(TrainError::model(vec![format!("`{}` {problem}", path.display())]))
            }
        }
    }

    /// The content of a file.
    pub(super) fn write(self, tensors: &[(String, Tensor)]) -> Result<Vec<u8>, String> {
        match self {
            Self::Torch => write_pth(tensors).map_err(|error| error.to_string()),
            Self::Safetensors => write_safetensors(tensors),
        }
    }

    /// The tensors in a file, in its order.
    pub(super) fn read(self, content: &Bytes) -> Result<Vec<(String, Tensor)>, String> {
        match self {
            Self::Torch => read_pth(content).map_err(|error| error.to_string()),
            Self::Safetensors => read_safetensors(content),
        }
    }
}

fn write_safetensors(tensors: &[(String, Tensor)]) -> Result<Vec<u8>, String> {
    let views = tensors.iter().map(|(name, tensor)| Ok((name.as_str(), view(name, tensor)?)));
    let views = views.collect::<Result<Vec<_>, String>>()?;
    // Loaders ask this field in whose layout the tensors are; `pt` is PyTorch.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    serialize(views, Some(metadata)).map_err(|error| error.to_string())
}

fn view<'a>(name: &str, tensor: &'a Tensor) -> Result<TensorView<'a>, String> {
    let unsupported = || format!("tensor `{name}` is of type {}", tensor.dtype());
    let (_, dtype) = DTYPES.into_iter().find(|(ours, _)| *ours == tensor.dtype()).ok_or_else(unsupported)?;
    let bytes = tensor.bytes().ok_or_else(unsupported)?;
    TensorView::new(dtype, tensor.shape().dims().to_vec(), bytes).map_err(|error| error.to_string())
}

fn read_safetensors(content: &Bytes) -> Result<Vec<(String, Tensor)>, String> {
    let file = SafeTensors::deserialize(content).map_err(|error| error.to_string())?;
    file.iter().map(|(name, view)| Ok((name.to_owned(), tensor_of(name, content, &view)?))).collect()
}

fn tensor_of(name: &str, content: &Bytes, view: &TensorView<'_>) -> Result<Tensor, String> {
    let found = DTYPES.into_iter().find(|(_, theirs)| *theirs == view.dtype());
    let (dtype, _) = found.ok_or_else(|| {
        format!("tensor `{}` is of type {}, expected floating point", name.escape_debug(), view.dtype())
    })?;
    Shape::new(view.shape())
        .and_then(|shape| Tensor::from_bytes(dtype, shape, content.slice_ref(view.data())))
        .map_err(|error| error.to_string())
}

/// Our element types and the format's.
const DTYPES: [(DType, Dtype); 13] = [
    (DType::Bool, Dtype::BOOL),
    (DType::U8, Dtype::U8),
    (DType::U16, Dtype::U16),
    (DType::U32, Dtype::U32),
    (DType::U64, Dtype::U64),
    (DType::I8, Dtype::I8),
    (DType::I16, Dtype::I16),
    (DType::I32, Dtype::I32),
    (DType::I64, Dtype::I64),
    (DType::F16, Dtype::F16),
    (DType::BF16, Dtype::BF16),
    (DType::F32, Dtype::F32),
    (DType::F64, Dtype::F64),
];
