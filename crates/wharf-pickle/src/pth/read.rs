//! From a `.pth` file to tensors.

use std::collections::HashMap;

use bytes::Bytes;
use wharf_tensor::{DType, Shape, Tensor};

use super::archive::Archive;
use super::strided::View;
use super::types::{TORCH_GLOBALS, dtype_of_name, dtype_of_storage};
use crate::{Limits, Pickle, PickleError, Value, ValueKind};

/// Under which names checkpoints keep the state dict beside other things.
const STATE_DICT_KEYS: [&str; 3] = ["state_dict", "model_state_dict", "model"];

/// How much may be copied to bring elements into order beyond four times the file: a tensor may repeat one
/// element any number of times.
const COPY_ALLOWANCE_BYTES: usize = 16 << 20;

/// The longest name of a tensor; one text may name any number of them.
const MAX_TENSOR_NAME_BYTES: usize = 1024;

/// Reads the tensors of a state dict in order, by name. They share `content` where their elements lie in order.
///
/// A checkpoint that holds the state dict under `state_dict`, `model_state_dict` or `model` is read too.
///
/// # Errors
/// The file is not in the form that `torch.save` writes since PyTorch 1.6, it refers to anything but tensors
/// (see [`TORCH_GLOBALS`]), or a tensor leads out of its storage.
pub fn read_pth(content: &Bytes) -> Result<Vec<(String, Tensor)>, PickleError> {
    let archive = Archive::parse(content)?;
    let mut reader = Reader::new(archive, content.len())?;
    let pickled = reader.entry("data.pkl")?;
    let pickle = Pickle::parse(&pickled, TORCH_GLOBALS, &Limits::default().with_persistent_ids())?;
    let mut tensors: Vec<(String, Tensor)> = Vec::new();
    let mut places = HashMap::new();
    for (name, value) in state_dict(pickle.root())?.entries()? {
        let name = name.text()?;
        if name.len() > MAX_TENSOR_NAME_BYTES {
            return Err(PickleError::tensor(name, "has too long a name"));
        }
        let name = name.to_owned();
        let tensor = reader.tensor(&name, value)?;
        // As in Python, setting a key again changes its value and keeps its place.
        match places.get(&name) {
            Some(&place) => tensors[place] = (name, tensor),
            None => {
                places.insert(name.clone(), tensors.len());
                tensors.push((name, tensor));
            }
        }
    }
    Ok(tensors)
}

/// The dictionary of tensors: the root, or what lies in it under one of the usual names.
fn state_dict(root: Value<'_>) -> Result<Value<'_>, PickleError> {
    root.entries().map(drop)?;
    let nested = STATE_DICT_KEYS.iter().filter_map(|key| root.field(key).ok());
    let mut dicts = nested.filter(|value| matches!(value.kind(), ValueKind::Dict));
    Ok(dicts.next().unwrap_or(root))
}

struct Reader {
    archive: Archive,
    /// The folder that all entries are in.
    prefix: String,
    /// Storages that were read and whose checksums were compared.
    storages: HashMap<String, Bytes>,
    copies_left: usize,
}

impl Reader {
    fn new(archive: Archive, file_bytes: usize) -> Result<Self, PickleError> {
        let folders = archive.names().filter_map(|name| name.strip_suffix("data.pkl"));
        let folders: Vec<&str> =
            folders.filter(|folder| folder.is_empty() || folder.ends_with('/')).take(2).collect();
        let &[prefix] = folders.as_slice() else {
            return Err(PickleError::archive("it does not have just one `data.pkl`"));
        };
        let prefix = prefix.to_owned();
        let copies_left = file_bytes.saturating_mul(4).saturating_add(COPY_ALLOWANCE_BYTES);
        let reader = Self { archive, prefix, storages: HashMap::new(), copies_left };
        match reader.archive.read(&format!("{}byteorder", reader.prefix))? {
            Some(order) if order != b"little"[..] => {
                Err(PickleError::archive("its tensors are not little-endian"))
            }
            _ => Ok(reader),
        }
    }

    fn entry(&self, name: &str) -> Result<Bytes, PickleError> {
        let entry = self.archive.read(&format!("{}{name}", self.prefix))?;
        entry.ok_or_else(|| PickleError::archive(format!("it has no entry `{}`", name.escape_debug())))
    }

    /// A tensor, or a parameter, which is a tensor that is trained.
    fn tensor(&mut self, name: &str, value: Value<'_>) -> Result<Tensor, PickleError> {
        let ValueKind::Call { callable, arguments, .. } = value.kind() else {
            return Err(PickleError::tensor(name, format!("is no tensor but {value:?}")));
        };
        let ValueKind::Global { module: "torch._utils", name: function } = callable.kind() else {
            return Err(PickleError::tensor(name, format!("is no tensor but {value:?}")));
        };
        // No more than are looked at: many names may share one long list.
        let arguments: Vec<Value<'_>> = arguments.items()?.take(8).collect();
        match (function, arguments.as_slice()) {
            ("_rebuild_parameter", &[inner, ..]) => match inner.kind() {
                ValueKind::Call { callable, .. }
                    if !callable.is_global("torch._utils", "_rebuild_parameter") =>
                {
                    self.tensor(name, inner)
                }
                _ => Err(PickleError::tensor(name, "is a parameter that holds no tensor")),
            },
            ("_rebuild_tensor_v2", &[storage, offset, size, stride, ..]) => {
                self.view(name, storage, None, offset, (size, stride))
            }
            ("_rebuild_tensor_v3", &[storage, offset, size, stride, _, _, dtype, ..]) => {
                self.view(name, storage, Some(dtype), offset, (size, stride))
            }
            _ => Err(PickleError::tensor(name, "has too few arguments")),
        }
    }

    fn view(
        &mut self,
        name: &str,
        storage: Value<'_>,
        dtype: Option<Value<'_>>,
        offset: Value<'_>,
        (size, stride): (Value<'_>, Value<'_>),
    ) -> Result<Tensor, PickleError> {
        let (dtype, item, storage) = self.storage(name, storage, dtype)?;
        let shape =
            Shape::from_i64(&size.ints()?).map_err(|source| PickleError::tensor_source(name, source))?;
        let outside = || PickleError::tensor(name, "leads out of its storage");
        let offset = usize::try_from(offset.int()?).map_err(|_| outside())?;
        let strides: Result<Vec<usize>, _> = stride.ints()?.into_iter().map(usize::try_from).collect();
        let strides = strides.map_err(|_| outside())?;
        let view = View { storage: &storage, item, offset, shape: &shape, strides: &strides };
        if !view.fits() {
            return Err(outside());
        }
        // Truth values are looked at one by one, so they cost as much as if they were copied.
        let cost = if dtype == DType::Bool { shape.num_elements() } else { view.copied_bytes() };
        self.copies_left = self
            .copies_left
            .checked_sub(cost)
            .ok_or_else(|| PickleError::tensor(name, "repeats its elements too many times"))?;
        let elements = view.to_contiguous();
        if dtype == DType::Bool && elements.iter().any(|&byte| byte > 1) {
            return Err(PickleError::tensor(name, "holds truth values that are neither 0 nor 1"));
        }
        Tensor::from_bytes(dtype, shape, elements).map_err(|source| PickleError::tensor_source(name, source))
    }

    /// Element type, element size and bytes of what a persistent id refers to: `('storage', class, key, device,
    /// number of elements)`.
    fn storage(
        &mut self,
        name: &str,
        storage: Value<'_>,
        dtype: Option<Value<'_>>,
    ) -> Result<(DType, usize, Bytes), PickleError> {
        let ValueKind::Persistent(id) = storage.kind() else {
            return Err(PickleError::tensor(name, "has no storage"));
        };
        let [kind, class, key, _device, count] = id.array()?;
        if kind.text()? != "storage" {
            return Err(PickleError::tensor(name, "has no storage"));
        }
        let dtype = dtype_of(class, dtype)
            .ok_or_else(|| PickleError::tensor(name, "has an element type that is not supported"))?;
        let item = dtype.size_bytes().unwrap_or(1);
        // An untyped storage counts bytes.
        let width = if class.is_global("torch.storage", "UntypedStorage") { 1 } else { item };
        let bytes = self.storage_bytes(key.text()?)?;
        let expected = usize::try_from(count.int()?).ok().and_then(|count| count.checked_mul(width));
        if expected != Some(bytes.len()) {
            return Err(PickleError::tensor(name, "has a storage of another size than it says"));
        }
        Ok((dtype, item, bytes))
    }

    fn storage_bytes(&mut self, key: &str) -> Result<Bytes, PickleError> {
        if let Some(known) = self.storages.get(key) {
            return Ok(known.clone());
        }
        let bytes = self.entry(&format!("data/{key}"))?;
        self.storages.insert(key.to_owned(), bytes.clone());
        Ok(bytes)
    }
}

/// The element type that a storage class means, or that the tensor names where its storage is untyped.
fn dtype_of(class: Value<'_>, named: Option<Value<'_>>) -> Option<DType> {
    match (class.kind(), named.map(Value::kind)) {
        (ValueKind::Global { module: "torch", name }, None) => dtype_of_storage(name),
        (
            ValueKind::Global { module: "torch.storage", name: "UntypedStorage" },
            Some(ValueKind::Global { module: "torch", name }),
        ) => dtype_of_name(name),
        _ => None,
    }
}
