//! Golden inputs with the outputs that training saw, as `goldens.safetensors`.
//!
//! The tensors are called `input.<signature>.<name>` and `output.<signature>.<name>`. The format has no strings:
//! a tensor of strings is stored as two, `...#bytes` with all the strings end to end, and `...#lengths` with the
//! length of each, in the shape of the tensor.

use std::collections::BTreeMap;

use bytes::Bytes;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use wharf_tensor::{DType, Shape, Tensor};

use crate::{Bundle, BundleError};

/// The file name of the goldens.
pub const GOLDENS_FILE: &str = "goldens.safetensors";

const MAX_GOLDENS_BYTES: u64 = 256 << 20;
const BYTES_SUFFIX: &str = "#bytes";
const LENGTHS_SUFFIX: &str = "#lengths";

/// What goes into one signature, and what came out of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GoldenCase {
    /// The inputs, by name.
    pub inputs: BTreeMap<String, Tensor>,
    /// The outputs, by name.
    pub outputs: BTreeMap<String, Tensor>,
}

/// One golden case for each signature that has one, by the signature's name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Goldens {
    /// The cases.
    pub cases: BTreeMap<String, GoldenCase>,
}

impl Goldens {
    /// The content of the file.
    ///
    /// # Errors
    /// The name of a signature holds a dot or is empty, or the name of a tensor holds a `#`.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BundleError> {
        let mut parts = Vec::new();
        for (signature, case) in &self.cases {
            for (role, tensors) in [("input", &case.inputs), ("output", &case.outputs)] {
                for (name, tensor) in tensors {
                    if signature.is_empty() || signature.contains('.') || name.contains('#') {
                        let problem = format!("`{signature}` and `{name}` cannot be names of a golden");
                        return Err(BundleError::goldens(problem));
                    }
                    parts.extend(to_parts(format!("{role}.{signature}.{name}"), tensor)?);
                }
            }
        }
        let views = parts.iter().map(|(name, part)| Ok((name.as_str(), view(part)?)));
        let views = views.collect::<Result<Vec<_>, BundleError>>()?;
        serialize(views, None).map_err(BundleError::safetensors)
    }

    /// Reads the content of the file; the tensors share it.
    ///
    /// # Errors
    /// The header is malformed, a tensor is called something else than goldens are, or is of a type that
    /// models do not take, or the lengths of strings do not add up.
    pub fn from_bytes(content: &Bytes) -> Result<Self, BundleError> {
        let file = SafeTensors::deserialize(content).map_err(BundleError::safetensors)?;
        let mut goldens = Self::default();
        for (full_name, view) in file.iter() {
            if let Some(name) = full_name.strip_suffix(BYTES_SUFFIX) {
                // Read together with its lengths, which have to be there.
                file.tensor(&format!("{name}{LENGTHS_SUFFIX}")).map_err(BundleError::safetensors)?;
                continue;
            }
            let (name, tensor) = match full_name.strip_suffix(LENGTHS_SUFFIX) {
                Some(name) => {
                    let strings = file.tensor(&format!("{name}{BYTES_SUFFIX}"));
                    let strings = strings.map_err(BundleError::safetensors)?;
                    (
                        name,
                        join_strings(name, &tensor_of(content, &view)?, content.slice_ref(strings.data()))?,
                    )
                }
                None => (full_name, tensor_of(content, &view)?),
            };
            goldens.insert(name, tensor)?;
        }
        Ok(goldens)
    }

    fn insert(&mut self, full_name: &str, tensor: Tensor) -> Result<(), BundleError> {
        let mut parts = full_name.splitn(3, '.');
        let (role, signature, name) = (parts.next(), parts.next(), parts.next());
        let (Some(role), Some(signature), Some(name)) = (role, signature, name) else {
            return Err(BundleError::goldens(format!("`{full_name}` is not `<role>.<signature>.<name>`")));
        };
        let case = self.cases.entry(signature.to_owned()).or_default();
        let tensors = match role {
            "input" => &mut case.inputs,
            "output" => &mut case.outputs,
            _ => {
                return Err(BundleError::goldens(format!("`{full_name}` is neither an input nor an output")));
            }
        };
        match tensors.insert(name.to_owned(), tensor) {
            None => Ok(()),
            Some(_) => Err(BundleError::goldens(format!("`{full_name}` is there twice"))),
        }
    }
}

impl Bundle {
    /// The golden inputs and outputs, where there are some.
    ///
    /// # Errors
    /// The file cannot be read, is longer than 256 MiB, or is malformed.
    pub fn goldens(&self) -> Result<Option<Goldens>, BundleError> {
        if self.manifest().file(GOLDENS_FILE).is_none() {
            return Ok(None);
        }
        let content = self.read_file(GOLDENS_FILE, MAX_GOLDENS_BYTES)?;
        Goldens::from_bytes(&Bytes::from(content)).map(Some)
    }
}

/// The tensor itself, or the two that stand for a tensor of strings.
fn to_parts(name: String, tensor: &Tensor) -> Result<Vec<(String, Tensor)>, BundleError> {
    let Some(strings) = tensor.strings() else { return Ok(vec![(name, tensor.clone())]) };
    let lengths: Vec<u64> = strings.iter().map(|string| string.len() as u64).collect();
    let joined = strings.concat();
    let fail = |error: wharf_tensor::TensorError| BundleError::goldens(error.to_string());
    let shape = Shape::new(&[joined.len()]).map_err(fail)?;
    Ok(vec![
        (format!("{name}{BYTES_SUFFIX}"), Tensor::from_vec(shape, joined).map_err(fail)?),
        (format!("{name}{LENGTHS_SUFFIX}"), Tensor::from_vec(tensor.shape().clone(), lengths).map_err(fail)?),
    ])
}

fn view(tensor: &Tensor) -> Result<TensorView<'_>, BundleError> {
    let fail = || BundleError::goldens(format!("{} tensors cannot be stored", tensor.dtype()));
    let (_, dtype) = DTYPES.into_iter().find(|(ours, _)| *ours == tensor.dtype()).ok_or_else(fail)?;
    let bytes = tensor.bytes().ok_or_else(fail)?;
    TensorView::new(dtype, tensor.shape().dims().to_vec(), bytes).map_err(BundleError::safetensors)
}

fn tensor_of(content: &Bytes, view: &TensorView<'_>) -> Result<Tensor, BundleError> {
    let fail = || BundleError::goldens(format!("{} is no element type of a golden", view.dtype()));
    let (dtype, _) = DTYPES.into_iter().find(|(_, theirs)| *theirs == view.dtype()).ok_or_else(fail)?;
    let shape = Shape::new(view.shape());
    shape
        .and_then(|shape| Tensor::from_bytes(dtype, shape, content.slice_ref(view.data())))
        .map_err(|error| BundleError::goldens(error.to_string()))
}

fn join_strings(name: &str, lengths: &Tensor, mut joined: Bytes) -> Result<Tensor, BundleError> {
    let fail = |error: wharf_tensor::TensorError| BundleError::goldens(error.to_string());
    let mut strings = Vec::new();
    for &length in lengths.as_elements::<u64>().map_err(fail)?.iter() {
        match usize::try_from(length) {
            Ok(length) if length <= joined.len() => strings.push(joined.split_to(length)),
            _ => return Err(BundleError::goldens(format!("the strings of `{name}` are too short"))),
        }
    }
    if !joined.is_empty() {
        return Err(BundleError::goldens(format!("the strings of `{name}` are too long")));
    }
    Tensor::from_strings(lengths.shape().clone(), strings).map_err(fail)
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
