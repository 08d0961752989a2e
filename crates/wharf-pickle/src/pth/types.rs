//! What PyTorch calls the element types, in the two forms in which it stores tensors.

use wharf_tensor::DType;

use crate::Globals;

/// What a state dict refers to.
pub const TORCH_GLOBALS: Globals = &[
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_tensor_v3"),
    ("torch._utils", "_rebuild_parameter"),
    ("torch.storage", "UntypedStorage"),
    ("torch", "BoolStorage"),
    ("torch", "ByteStorage"),
    ("torch", "CharStorage"),
    ("torch", "ShortStorage"),
    ("torch", "IntStorage"),
    ("torch", "LongStorage"),
    ("torch", "HalfStorage"),
    ("torch", "BFloat16Storage"),
    ("torch", "FloatStorage"),
    ("torch", "DoubleStorage"),
    ("torch", "uint16"),
    ("torch", "uint32"),
    ("torch", "uint64"),
];

/// Types that have a storage class of their own, in the module `torch`.
const STORAGES: [(&str, DType); 10] = [
    ("BoolStorage", DType::Bool),
    ("ByteStorage", DType::U8),
    ("CharStorage", DType::I8),
    ("ShortStorage", DType::I16),
    ("IntStorage", DType::I32),
    ("LongStorage", DType::I64),
    ("HalfStorage", DType::F16),
    ("BFloat16Storage", DType::BF16),
    ("FloatStorage", DType::F32),
    ("DoubleStorage", DType::F64),
];

/// Types that came later: their storage is untyped, and the tensor names the type.
const NAMED: [(&str, DType); 3] = [("uint16", DType::U16), ("uint32", DType::U32), ("uint64", DType::U64)];

/// How PyTorch stores a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TorchType {
    /// In a storage class of this name.
    Storage(&'static str),
    /// In an untyped storage, and the tensor has this type.
    Named(&'static str),
}

pub(crate) fn torch_type(dtype: DType) -> Option<TorchType> {
    let find = |table: &[(&'static str, DType)]| {
        table.iter().find(|(_, known)| *known == dtype).map(|(name, _)| *name)
    };
    find(&STORAGES).map(TorchType::Storage).or_else(|| find(&NAMED).map(TorchType::Named))
}

pub(crate) fn dtype_of_storage(name: &str) -> Option<DType> {
    STORAGES.iter().find(|(known, _)| *known == name).map(|(_, dtype)| *dtype)
}

pub(crate) fn dtype_of_name(name: &str) -> Option<DType> {
    NAMED.iter().find(|(known, _)| *known == name).map(|(_, dtype)| *dtype)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_but_strings_has_a_form_that_is_allowed() {
        for dtype in DType::ALL {
            match torch_type(dtype) {
                Some(TorchType::Storage(name)) => {
                    assert_eq!(dtype_of_storage(name), Some(dtype));
                    assert!(TORCH_GLOBALS.contains(&("torch", name)));
                }
                Some(TorchType::Named(name)) => {
                    assert_eq!(dtype_of_name(name), Some(dtype));
                    assert!(TORCH_GLOBALS.contains(&("torch", name)));
                }
                None => assert_eq!(dtype, DType::String),
            }
        }
    }
}
