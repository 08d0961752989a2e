//! A header as a whole.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use crate::source::Source;
use crate::value::shown;
use crate::{GgufError, TensorInfo, Value};

/// A key takes this many bytes at least: a length, a type, one byte.
const LEAST_ENTRY: u64 = 13;
/// A tensor takes this many bytes at least: a length, a count, a type, an offset.
const LEAST_TENSOR: u64 = 24;
/// The longest key of the format.
const MAX_KEY: usize = 65_535;
/// Where the file does not say.
const DEFAULT_ALIGNMENT: u64 = 32;

/// The header of a file, whose sizes are all within the file.
#[derive(Clone, Debug)]
pub struct Header {
    version: u32,
    metadata: BTreeMap<String, Value>,
    tensors: Vec<TensorInfo>,
    data_offset: u64,
}

impl Header {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// It cannot be read, or is no GGUF file that is whole.
    pub fn open(path: &Path) -> Result<Self, GgufError> {
        let file = File::open(path).map_err(GgufError::read)?;
        let metadata = file.metadata().map_err(GgufError::read)?;
        if !metadata.is_file() {
            return Err(GgufError::not_gguf("what is at the path is no file"));
        }
        Self::read(BufReader::with_capacity(1 << 16, file), metadata.len())
    }

    /// Reads a header from the beginning of a file that has `length` bytes.
    ///
    /// # Errors
    /// As [`Header::open`].
    pub fn read(reader: impl Read, length: u64) -> Result<Self, GgufError> {
        let mut source = Source::new(reader, length);
        let version = read_version(&mut source)?;
        let tensors = source.count("tensors", LEAST_TENSOR)?;
        let entries = source.count("keys", LEAST_ENTRY)?;
        let metadata = read_metadata(&mut source, entries)?;
        let alignment = alignment(&metadata)?;
        let tensors = read_tensors(&mut source, tensors)?;
        let data_offset = source.position().checked_next_multiple_of(alignment);
        let data_offset = data_offset.ok_or_else(|| GgufError::malformed("the header is too long"))?;
        check_places(&tensors, alignment, data_offset, length)?;
        Ok(Self { version, metadata, tensors, data_offset })
    }

    /// The version of the format.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Every key with its value.
    pub fn metadata(&self) -> &BTreeMap<String, Value> {
        &self.metadata
    }

    /// The tensors in the order of the file.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// Where the data begins.
    pub fn data_offset(&self) -> u64 {
        self.data_offset
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.metadata.get(key)
    }

    /// The text of a key.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_text)
    }
}

fn read_version<R: Read>(source: &mut Source<R>) -> Result<u32, GgufError> {
    let magic = source.u32().map_err(|_| GgufError::not_gguf("the file is too short for a GGUF file"))?;
    if magic.to_le_bytes() != *b"GGUF" {
        return Err(GgufError::not_gguf("the file does not begin with `GGUF`"));
    }
    match source.u32()? {
        version @ 2..=3 => Ok(version),
        version @ 0..=0xffff => {
            Err(GgufError::unsupported(format!("GGUF version {version}, expected 2 or 3")))
        }
        _ => {
            Err(GgufError::unsupported("numbers of the file are in big-endian order, expected little-endian"))
        }
    }
}

fn read_metadata<R: Read>(
    source: &mut Source<R>,
    entries: usize,
) -> Result<BTreeMap<String, Value>, GgufError> {
    let mut metadata = BTreeMap::new();
    for _ in 0..entries {
        let key = source.text()?;
        if key.is_empty() || key.len() > MAX_KEY {
            return Err(GgufError::malformed(format!(
                "a key of {} bytes, expected 1 to {MAX_KEY}",
                key.len()
            )));
        }
        let value = Value::read(&key, source)?;
        let shown = shown(&key);
        if metadata.insert(key, value).is_some() {
            return Err(GgufError::malformed(format!("key `{shown}` occurs twice")));
        }
    }
    Ok(metadata)
}

fn alignment(metadata: &BTreeMap<String, Value>) -> Result<u64, GgufError> {
    let Some(value) = metadata.get("general.alignment") else { return Ok(DEFAULT_ALIGNMENT) };
    let alignment = value.to_u64().filter(|alignment| alignment.is_power_of_two() && *alignment <= 1 << 20);
    alignment.ok_or_else(|| {
        GgufError::malformed(format!(
            "key `general.alignment` is {value:?}, expected a power of two up to 1048576"
        ))
    })
}

fn read_tensors<R: Read>(source: &mut Source<R>, count: usize) -> Result<Vec<TensorInfo>, GgufError> {
    let (mut tensors, mut names) = (Vec::new(), HashSet::new());
    for _ in 0..count {
        let tensor = TensorInfo::read(source)?;
        if !names.insert(tensor.name.clone()) {
            return Err(GgufError::malformed(format!("tensor `{}` occurs twice", shown(&tensor.name))));
        }
        tensors.push(tensor);
    }
    Ok(tensors)
}

/// Tensors lie one after the other, as llama.cpp wants them, and within the file.
fn check_places(
    tensors: &[TensorInfo],
    alignment: u64,
    data_offset: u64,
    length: u64,
) -> Result<(), GgufError> {
    let mut expected = 0_u64;
    for tensor in tensors {
        let name = || shown(&tensor.name);
        if tensor.offset != expected {
            let offset = tensor.offset;
            return Err(GgufError::malformed(format!(
                "tensor `{}` is at {offset} of the data, expected {expected}",
                name()
            )));
        }
        let end = expected.checked_add(tensor.size_bytes);
        let end_in_file = end.and_then(|end| data_offset.checked_add(end));
        if end_in_file.is_none_or(|end| end > length) {
            return Err(GgufError::truncated(format!(
                "tensor `{}` has {} bytes at {expected} of the data, past the end of the file of {length} bytes",
                name(),
                tensor.size_bytes
            )));
        }
        let next = end.and_then(|end| end.checked_next_multiple_of(alignment));
        expected = next.ok_or_else(|| GgufError::malformed(format!("tensor `{}` is too large", name())))?;
    }
    Ok(())
}
