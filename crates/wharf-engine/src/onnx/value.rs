//! Tensors on their way into the runtime and out of it, without a copy where that is possible.
#![expect(unsafe_code, reason = "the runtime's values are pointers; this file alone reads and frees them")]

use std::ffi::{c_char, c_void};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;

use bytes::Bytes;
use ort::memory::MemoryInfo;
use ort::session::SharedSessionInner;
use ort::sys::{ONNXTensorElementDataType as OnnxType, OrtValue};
use ort::{AsPointer, ortsys};
use wharf_tensor::{DType, Shape, Tensor};

/// A value of the runtime, freed when dropped.
pub(super) struct OwnedValue(NonNull<OrtValue>);

// SAFETY: a value is a reference-counted handle without ties to a thread; nothing writes to a tensor once this
// process shares it, and the runtime frees the memory through an allocator that locks.
unsafe impl Send for OwnedValue {}
// SAFETY: as above; through a shared reference the value is only read.
unsafe impl Sync for OwnedValue {}

impl OwnedValue {
    /// Takes over what the runtime gave; `None` where it gave nothing.
    ///
    /// # Safety
    /// `pointer` is null or a live value that nobody else frees.
    pub(super) unsafe fn from_raw(pointer: *mut OrtValue) -> Option<Self> {
        NonNull::new(pointer).map(Self)
    }

    fn as_ptr(&self) -> *mut OrtValue {
        self.0.as_ptr()
    }
}

impl Drop for OwnedValue {
    fn drop(&mut self) {
        // SAFETY: `from_raw` demands that nobody else frees it.
        ortsys![unsafe ReleaseValue(self.as_ptr())];
    }
}

/// An input as the runtime sees it, and what keeps its memory alive. The value is declared first, so that it
/// goes before its memory.
pub(super) struct InputValue {
    value: OwnedValue,
    memory: InputMemory,
}

enum InputMemory {
    /// The tensor's own bytes.
    Shared(Bytes),
    /// A copy, because the bytes were misaligned or, for truth values, not all 0 or 1.
    Copied(Vec<u64>, usize),
    /// The runtime's: strings.
    Runtime,
}

impl InputMemory {
    fn of(tensor: &Tensor, bytes: &Bytes) -> Self {
        let size = tensor.dtype().size_bytes().unwrap_or(1);
        let is_aligned = bytes.as_ptr().addr().is_multiple_of(size);
        // C++ takes any other byte in a `bool` for undefined behaviour; clients may send one.
        let is_sound = tensor.dtype() != DType::Bool || bytes.iter().all(|&byte| byte <= 1);
        if is_aligned && is_sound {
            return InputMemory::Shared(bytes.clone());
        }
        let mut words = words_of(bytes);
        if !is_sound {
            let copy = bytemuck::cast_slice_mut::<u64, u8>(&mut words);
            copy.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
        }
        InputMemory::Copied(words, bytes.len())
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            InputMemory::Shared(bytes) => bytes,
            InputMemory::Copied(words, len) => &bytemuck::cast_slice(words)[..*len],
            InputMemory::Runtime => &[],
        }
    }
}

/// The bytes at an address that suits any element type, and zeros up to a whole word. Written once: a vector of
/// zeros to copy into would be written twice, which counts for a picture.
fn words_of(bytes: &[u8]) -> Vec<u64> {
    let (whole, rest) = bytes.as_chunks::<{ size_of::<u64>() }>();
    let mut words = Vec::with_capacity(whole.len() + 1);
    words.extend(whole.iter().map(|word| u64::from_ne_bytes(*word)));
    if !rest.is_empty() {
        let mut last = [0; size_of::<u64>()];
        last[..rest.len()].copy_from_slice(rest);
        words.push(u64::from_ne_bytes(last));
    }
    words
}

impl InputValue {
    /// Shows `tensor` to the runtime.
    pub(super) fn new(tensor: &Tensor, cpu: &MemoryInfo<'_>) -> ort::Result<Self> {
        let dims = tensor.shape().to_i64();
        match (tensor.bytes(), tensor.strings()) {
            (Some(bytes), _) => {
                let memory = InputMemory::of(tensor, bytes);
                let value = borrow(tensor.dtype(), &dims, memory.as_bytes(), cpu)?;
                Ok(Self { value, memory })
            }
            (None, strings) => {
                let value = copy_strings(&dims, strings.unwrap_or_default())?;
                Ok(Self { value, memory: InputMemory::Runtime })
            }
        }
    }

    pub(super) fn as_ptr(&self) -> *const OrtValue {
        self.value.as_ptr()
    }

    fn contains(&self, address: usize) -> bool {
        self.memory.as_bytes().as_ptr_range().contains(&ptr::without_provenance(address))
    }
}

fn borrow(dtype: DType, dims: &[i64], bytes: &[u8], cpu: &MemoryInfo<'_>) -> ort::Result<OwnedValue> {
    let mut value = ptr::null_mut();
    // SAFETY: the data is as long as `dtype` and `dims` demand, by the invariant of `Tensor`, and is aligned, by
    // `InputMemory::of`; it lives as long as the value, in the same `InputValue`. The runtime asks for a mutable
    // pointer but never writes to what a session is fed with.
    ortsys![
        unsafe CreateTensorWithDataAsOrtValue(
            cpu.ptr(),
            bytes.as_ptr().cast_mut().cast::<c_void>(),
            bytes.len(),
            dims.as_ptr(),
            dims.len(),
            to_onnx(dtype),
            &mut value
        )?
    ];
    // SAFETY: the runtime just made it for us.
    unsafe { OwnedValue::from_raw(value) }.ok_or_else(no_value)
}

/// Strings have no flat form: each is copied into the runtime, with its length, so that any byte may occur.
fn copy_strings(dims: &[i64], strings: &[Bytes]) -> ort::Result<OwnedValue> {
    let mut allocator = ptr::null_mut();
    // SAFETY: gives a pointer to a static of the runtime.
    ortsys![unsafe GetAllocatorWithDefaultOptions(&mut allocator)?];
    let mut value = ptr::null_mut();
    // SAFETY: the allocator is the runtime's own; `dims` is live and as long as said.
    ortsys![
        unsafe CreateTensorAsOrtValue(allocator, dims.as_ptr(), dims.len(), to_onnx(DType::String), &mut value)?
    ];
    // SAFETY: the runtime just made it for us.
    let value = unsafe { OwnedValue::from_raw(value) }.ok_or_else(no_value)?;
    for (index, string) in strings.iter().enumerate() {
        let mut buffer: *mut c_char = ptr::null_mut();
        // SAFETY: `index` is below the element count: a `Tensor` has as many strings as its shape says.
        ortsys![unsafe GetResizedStringTensorElementBuffer(value.as_ptr(), index, string.len(), &mut buffer)?];
        if !string.is_empty() && !buffer.is_null() {
            // SAFETY: the buffer was just made `string.len()` long, and is not part of `string`.
            unsafe { ptr::copy_nonoverlapping(string.as_ptr(), buffer.cast::<u8>(), string.len()) };
        }
    }
    Ok(value)
}

/// An output, and what keeps its memory alive: the value, then the session whose allocator frees it.
struct OutputMemory {
    value: OwnedValue,
    len: usize,
    _session: Arc<SharedSessionInner>,
}

impl AsRef<[u8]> for OutputMemory {
    fn as_ref(&self) -> &[u8] {
        match data_of(&self.value) {
            // SAFETY: the value holds `len` bytes: `len` was computed from its own type and shape. Nothing writes
            // to them: the run is over and no one else has the value.
            Ok(Some(data)) => unsafe { slice::from_raw_parts(data.as_ptr(), self.len) },
            _ => &[],
        }
    }
}

/// What came out of a run as a tensor.
pub(super) fn into_tensor(
    value: OwnedValue,
    inputs: &[InputValue],
    session: &Arc<SharedSessionInner>,
) -> Result<Tensor, String> {
    let (dtype, shape) = describe(&value)?;
    let Some(len) = shape.size_bytes(dtype) else {
        let strings = read_strings(&value, shape.num_elements()).map_err(|error| error.to_string())?;
        return Tensor::from_strings(shape, strings).map_err(|error| error.to_string());
    };
    let data = data_of(&value).map_err(|error| error.to_string())?;
    let bytes = match data {
        None if len > 0 => return Err("an output has no data".to_owned()),
        None => Bytes::new(),
        Some(data) => {
            // A graph may hand an input through; its memory is the caller's and may go before the output does.
            let is_input = inputs.iter().any(|input| input.contains(data.addr().get()));
            let memory = OutputMemory { value, len, _session: Arc::clone(session) };
            if is_input { Bytes::copy_from_slice(memory.as_ref()) } else { Bytes::from_owner(memory) }
        }
    };
    Tensor::from_bytes(dtype, shape, bytes).map_err(|error| error.to_string())
}

fn data_of(value: &OwnedValue) -> ort::Result<Option<NonNull<u8>>> {
    let mut data: *mut c_void = ptr::null_mut();
    // SAFETY: the value is live and a tensor that is not of strings: `describe` has seen to it.
    ortsys![unsafe GetTensorMutableData(value.as_ptr(), &mut data)?];
    Ok(NonNull::new(data.cast()))
}

fn read_strings(value: &OwnedValue, count: usize) -> ort::Result<Vec<Bytes>> {
    let mut total = 0;
    // SAFETY: the value is live and a tensor of strings.
    ortsys![unsafe GetStringTensorDataLength(value.as_ptr(), &mut total)?];
    let mut contents = vec![0_u8; total];
    let mut starts = vec![0_usize; count];
    // SAFETY: both buffers are as long as said, and as long as the value's own numbers demand.
    ortsys![
        unsafe GetStringTensorContent(
            value.as_ptr(),
            contents.as_mut_ptr().cast::<c_void>(),
            contents.len(),
            starts.as_mut_ptr(),
            starts.len()
        )?
    ];
    starts.push(total);
    let contents = Bytes::from(contents);
    let slice = |ends: &[usize]| {
        let range = ends[0]..ends[1];
        contents.get(range.clone()).map(|_| contents.slice(range))
    };
    starts.windows(2).map(|ends| slice(ends).ok_or_else(no_value)).collect()
}

/// The type and shape of a value.
fn describe(value: &OwnedValue) -> Result<(DType, Shape), String> {
    let (code, dims) = raw_description(value).map_err(|error| error.to_string())?;
    let dtype = from_onnx(code).ok_or_else(|| format!("an output has element type {code}"))?;
    Ok((dtype, Shape::from_i64(&dims).map_err(|error| error.to_string())?))
}

fn raw_description(value: &OwnedValue) -> ort::Result<(i32, Vec<i64>)> {
    let mut is_tensor = 0;
    // SAFETY: the value is live.
    ortsys![unsafe IsTensor(value.as_ptr(), &mut is_tensor)?];
    if is_tensor == 0 {
        return Err(ort::Error::new("an output is no tensor"));
    }
    let mut info = ptr::null_mut();
    // SAFETY: the value is a live tensor; the description is ours and freed below on every path.
    ortsys![unsafe GetTensorTypeAndShape(value.as_ptr(), &mut info)?];
    let read = || {
        let (mut code, mut rank) = (0_i32, 0_usize);
        // SAFETY: `info` is live. The type is written to an `i32`, which is how C sees the enum, because a newer
        // runtime may know more types than the Rust enum.
        ortsys![unsafe GetTensorElementType(info, ptr::from_mut(&mut code).cast::<OnnxType>())?];
        // SAFETY: `info` is live.
        ortsys![unsafe GetDimensionsCount(info, &mut rank)?];
        let mut dims = vec![0_i64; rank];
        // SAFETY: `info` is live and `dims` has as many places as it has dimensions.
        ortsys![unsafe GetDimensions(info, dims.as_mut_ptr(), dims.len())?];
        Ok((code, dims))
    };
    let description = read();
    // SAFETY: made above, freed once.
    ortsys![unsafe ReleaseTensorTypeAndShapeInfo(info)];
    description
}

fn no_value() -> ort::Error {
    ort::Error::new("the runtime gave no value")
}

const TYPES: [(DType, OnnxType); 14] = [
    (DType::Bool, OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL),
    (DType::U8, OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8),
    (DType::U16, OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16),
    (DType::U32, OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32),
    (DType::U64, OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64),
    (DType::I8, OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8),
    (DType::I16, OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16),
    (DType::I32, OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32),
    (DType::I64, OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64),
    (DType::F16, OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16),
    (DType::BF16, OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16),
    (DType::F32, OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT),
    (DType::F64, OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE),
    (DType::String, OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING),
];

fn to_onnx(dtype: DType) -> OnnxType {
    let undefined = OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    TYPES.iter().find(|(ours, _)| *ours == dtype).map_or(undefined, |(_, theirs)| *theirs)
}

fn from_onnx(code: i32) -> Option<DType> {
    TYPES.iter().find(|(_, theirs)| *theirs as i32 == code).map(|(ours, _)| *ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligned_tensors_are_read_in_place() {
        let bytes = Bytes::from(vec![0_u64; 4].into_iter().flat_map(u64::to_le_bytes).collect::<Vec<u8>>());
        let start = bytes.as_ptr().align_offset(8);
        for (offset, expected) in [(start, true), (start + 4, false), (start + 1, false)] {
            let slice = bytes.slice(offset..offset + 16);
            let tensor = Tensor::from_bytes(DType::I64, Shape::new(&[2]).unwrap(), slice.clone()).unwrap();
            let memory = InputMemory::of(&tensor, &slice);
            assert_eq!(matches!(memory, InputMemory::Shared(_)), expected, "offset {offset}");
            assert_eq!(memory.as_bytes(), &slice[..]);
            assert_eq!(memory.as_bytes().as_ptr() == slice.as_ptr(), expected);
        }
    }

    #[test]
    fn types_map_there_and_back() {
        for dtype in DType::ALL {
            assert_eq!(from_onnx(to_onnx(dtype) as i32), Some(dtype));
        }
        for code in [-1, 0, 14, 15, 17, 1000] {
            assert_eq!(from_onnx(code), None);
        }
    }
}
