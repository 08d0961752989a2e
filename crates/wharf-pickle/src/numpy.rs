//! Arrays of numpy, as it pickles them: a call of `_reconstruct` whose state is version, shape, type, order and
//! data.

use bytes::Bytes;
use wharf_tensor::{DType, Shape, Tensor};

use crate::{PickleError, Value, ValueKind};

/// An array of numpy: little-endian, rows first.
#[derive(Clone, Debug, PartialEq)]
pub struct NdArray {
    /// The element type.
    pub dtype: DType,
    /// The dimensions.
    pub shape: Shape,
    /// The elements; as many as type and shape demand.
    pub bytes: Bytes,
}

impl NdArray {
    /// The same as a tensor, which shares the data.
    ///
    /// # Errors
    /// The fields were changed and no longer fit each other.
    pub fn into_tensor(self) -> Result<Tensor, PickleError> {
        Tensor::from_bytes(self.dtype, self.shape, self.bytes)
            .map_err(|source| PickleError::tensor_source("array", source))
    }
}

/// Reads an array, which shares its data with the pickle.
///
/// # Errors
/// The value is no array, its type is none that models take (objects least of all), it is big-endian or columns
/// first, or its data is not as long as its shape demands.
pub fn numpy_array(value: Value<'_>) -> Result<NdArray, PickleError> {
    let expected = "an array of numpy";
    let ValueKind::Call { callable, state: Some(state), .. } = value.kind() else {
        return Err(value.unexpected(expected));
    };
    if !RECONSTRUCT_MODULES.iter().any(|module| callable.is_global(module, "_reconstruct")) {
        return Err(value.unexpected(expected));
    }
    let [_version, dims, dtype, columns_first, data] = state.array()?;
    let shape =
        Shape::from_i64(&dims.ints()?).map_err(|source| PickleError::tensor_source("array", source))?;
    let dtype = dtype_of(dtype)?;
    if is_true(columns_first) && shape.rank() > 1 {
        return Err(PickleError::tensor("array", "is stored columns first, expected rows first"));
    }
    let bytes = data.bytes()?.clone();
    let expected = shape.size_bytes(dtype).unwrap_or(0);
    if bytes.len() != expected {
        let problem = format!("has {} bytes, expected {expected} for {shape} of {dtype}", bytes.len());
        return Err(PickleError::tensor("array", problem));
    }
    Ok(NdArray { dtype, shape, bytes })
}

const RECONSTRUCT_MODULES: [&str; 2] = ["numpy.core.multiarray", "numpy._core.multiarray"];

/// The element type that a call of `numpy.dtype` means; its state begins with a version and the byte order.
fn dtype_of(value: Value<'_>) -> Result<DType, PickleError> {
    let ValueKind::Call { callable, arguments, state } = value.kind() else {
        return Err(value.unexpected("a type of numpy"));
    };
    if !callable.is_global("numpy", "dtype") {
        return Err(value.unexpected("a type of numpy"));
    }
    if let Some(order) = state.map(|state| state.items()).transpose()?.and_then(|mut items| items.nth(1))
        && order.text()? == ">"
    {
        return Err(PickleError::tensor("array", "is big-endian, expected little-endian"));
    }
    let code = match arguments.items()?.next() {
        Some(code) => code.text()?,
        None => return Err(arguments.unexpected("the name of a type")),
    };
    let found = CODES.iter().find(|(name, _)| *name == code);
    found.map(|(_, dtype)| *dtype).ok_or_else(|| {
        let code: String = code.chars().take(16).flat_map(char::escape_debug).collect();
        PickleError::tensor("array", format!("has elements of type `{code}`, expected plain numbers"))
    })
}

fn is_true(value: Value<'_>) -> bool {
    !matches!(value.kind(), ValueKind::Bool(false) | ValueKind::Int(0))
}

/// What numpy calls the types.
const CODES: [(&str, DType); 12] = [
    ("b1", DType::Bool),
    ("u1", DType::U8),
    ("u2", DType::U16),
    ("u4", DType::U32),
    ("u8", DType::U64),
    ("i1", DType::I8),
    ("i2", DType::I16),
    ("i4", DType::I32),
    ("i8", DType::I64),
    ("f2", DType::F16),
    ("f4", DType::F32),
    ("f8", DType::F64),
];
