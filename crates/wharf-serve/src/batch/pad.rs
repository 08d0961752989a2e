//! Inputs of different lengths made alike, so that they may run together.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use half::{bf16, f16};
use wharf_engine::LoadedModel;
use wharf_tensor::{DType, Dim, Shape, Tensor, TensorError};

/// How inputs are lengthened whose dimensions after the first differ, where the model leaves those open. What comes out is
/// as long as what went in was made: outputs are not shortened.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Padding {
    /// What is put after the elements.
    pub value: PadValue,
    /// The same for inputs that have a value of their own.
    pub values: BTreeMap<String, f64>,
    /// The inputs that are lengthened; `None` is all.
    pub inputs: Option<BTreeSet<String>>,
    /// The lengths that run, ascending: each request is lengthened to the next of them, and runs together with those of
    /// the same. Longer ones keep their lengths. Empty: a run is as long as its longest request.
    pub buckets: Vec<usize>,
    /// Whether the lengths only say who runs together: a run is then no longer than its longest request.
    pub only_groups: bool,
}

/// What is put after the elements of an input.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum PadValue {
    /// The first element of the request's own tensor, as TensorFlow Serving has it.
    #[default]
    FirstElement,
    /// This number.
    Number(f64),
}

/// Stands in a key for any length.
const ANY: usize = usize::MAX;

impl Padding {
    /// TensorFlow Serving's: with the first element of each tensor, to the longest of a run.
    pub fn with_first_element() -> Self {
        Self::default()
    }

    /// With a number.
    pub fn with_number(value: f64) -> Self {
        Self { value: PadValue::Number(value), ..Self::default() }
    }

    /// With a number of its own for an input.
    #[must_use]
    pub fn with_value_of(mut self, input: impl Into<String>, value: f64) -> Self {
        self.values.insert(input.into(), value);
        self
    }

    /// Of these inputs alone.
    #[must_use]
    pub fn with_inputs<I: Into<String>>(mut self, inputs: impl IntoIterator<Item = I>) -> Self {
        self.inputs = Some(inputs.into_iter().map(Into::into).collect());
        self
    }

    /// To these lengths.
    #[must_use]
    pub fn with_buckets(mut self, lengths: impl IntoIterator<Item = usize>) -> Self {
        let lengths: BTreeSet<usize> = lengths.into_iter().filter(|length| *length > 0).collect();
        self.buckets = lengths.into_iter().collect();
        self
    }

    /// With lengths that only say who runs together, or that requests are lengthened to.
    #[must_use]
    pub fn with_groups_only(mut self, only_groups: bool) -> Self {
        self.only_groups = only_groups;
        self
    }

    /// Whether runs have prescribed lengths.
    pub(crate) fn prescribes_lengths(&self) -> bool {
        !self.buckets.is_empty() && !self.only_groups
    }

    /// Whether the inputs are there, and the values such as they can hold. The error is the problem in words.
    pub(crate) fn check(&self, model: &LoadedModel) -> Result<(), String> {
        let signatures = model.signatures();
        let specs = || signatures.values().flat_map(|signature| &signature.inputs).map(|input| &input.spec);
        let named = self.inputs.iter().flatten().chain(self.values.keys());
        if let Some(name) = named.into_iter().find(|name| !specs().any(|spec| spec.name == **name)) {
            return Err(format!("input `{name}` is to be padded and is not there"));
        }
        for spec in specs().filter(|spec| self.is_for(&spec.name) && has_open(spec.shape.dims())) {
            if let PadValue::Number(value) = self.value_of(&spec.name)
                && !can_hold(spec.dtype, value)
            {
                let (name, dtype) = (&spec.name, spec.dtype);
                return Err(format!("input `{name}` is to be padded with {value}, which no {dtype} is"));
            }
        }
        Ok(())
    }

    /// What inputs have in common that may run together, in place of their `dims` after the first.
    pub(crate) fn key(&self, pattern: &[Dim], input: &str, dims: &[usize]) -> Vec<usize> {
        let length = |size: usize| if self.buckets.is_empty() { ANY } else { self.length(size) };
        self.each(pattern, input, dims, length)
    }

    /// The dimensions after the first that all of these become.
    pub(crate) fn target(&self, pattern: &[Dim], input: &str, all: &[&[usize]]) -> Vec<usize> {
        let longest = |axis: usize| all.iter().filter_map(|dims| dims.get(axis).copied()).max().unwrap_or(0);
        let rank = all.first().map_or(0, |dims| dims.len());
        let dims: Vec<usize> = (0..rank).map(longest).collect();
        let length = |size: usize| if self.prescribes_lengths() { self.length(size) } else { size };
        self.each(pattern, input, &dims, length)
    }

    /// A tensor lengthened to these dimensions after the first, which are no less than its own.
    pub(crate) fn pad<'a>(
        &self,
        input: &str,
        tensor: &'a Tensor,
        dims: &[usize],
    ) -> Result<Cow<'a, Tensor>, TensorError> {
        let own = tensor.shape().dims();
        if own.is_empty() || own[1..] == *dims {
            return Ok(Cow::Borrowed(tensor));
        }
        let all: Vec<usize> = own.iter().take(1).chain(dims).copied().collect();
        let shape = Shape::new(&all)?;
        let padded = match (tensor.bytes(), tensor.strings()) {
            (Some(bytes), _) => {
                let element = self.element(input, tensor);
                let filled = lengthened(bytes, &element, own, &shape);
                Tensor::from_bytes(tensor.dtype(), shape, Bytes::from(filled))
            }
            (None, strings) => {
                let strings = strings.unwrap_or_default();
                let first = strings.first().cloned().unwrap_or_default();
                let filled = lengthened(strings, &[first], own, &shape);
                Tensor::from_strings(shape, filled)
            }
        };
        padded.map(Cow::Owned)
    }

    fn is_for(&self, input: &str) -> bool {
        self.inputs.as_ref().is_none_or(|inputs| inputs.contains(input))
    }

    fn value_of(&self, input: &str) -> PadValue {
        self.values.get(input).map_or(self.value, |value| PadValue::Number(*value))
    }

    fn length(&self, size: usize) -> usize {
        self.buckets.iter().copied().find(|length| *length >= size).unwrap_or(size)
    }

    /// `dims` with `change` where the model leaves them open.
    fn each(
        &self,
        pattern: &[Dim],
        input: &str,
        dims: &[usize],
        change: impl Fn(usize) -> usize,
    ) -> Vec<usize> {
        let open = pattern.get(1..).unwrap_or_default();
        let is_open = |axis: usize| self.is_for(input) && open.get(axis) == Some(&Dim::Dynamic);
        dims.iter()
            .enumerate()
            .map(|(axis, size)| if is_open(axis) { change(*size) } else { *size })
            .collect()
    }

    /// The bytes of the element that is put after the others.
    fn element(&self, input: &str, tensor: &Tensor) -> Vec<u8> {
        let size = tensor.dtype().size_bytes().unwrap_or(1);
        match self.value_of(input) {
            PadValue::Number(value) => bytes_of(tensor.dtype(), value),
            PadValue::FirstElement => {
                let first = tensor.bytes().and_then(|bytes| bytes.get(..size));
                first.map_or_else(|| vec![0; size], <[u8]>::to_vec)
            }
        }
    }
}

fn has_open(dims: &[Dim]) -> bool {
    dims.get(1..).unwrap_or_default().contains(&Dim::Dynamic)
}

/// The elements of a tensor of dimensions `own`, each of which takes as many units as `element` has, with more elements
/// in between so that they fill `shape`.
fn lengthened<U: Clone>(units: &[U], element: &[U], own: &[usize], shape: &Shape) -> Vec<U> {
    let mut filled = Vec::with_capacity(shape.num_elements() * element.len());
    (0..shape.num_elements()).for_each(|_| filled.extend_from_slice(element));
    let run = own.last().copied().unwrap_or(0) * element.len();
    if run == 0 {
        return filled;
    }
    for (place, elements) in units.chunks(run).enumerate() {
        let start = place_of(place, own, shape.dims()) * element.len();
        filled[start..start + run].clone_from_slice(elements);
    }
    filled
}

/// Where the `number`th line along the last dimension of `own` begins in `dims`.
fn place_of(mut number: usize, own: &[usize], dims: &[usize]) -> usize {
    let (mut place, mut stride) = (0, dims.last().copied().unwrap_or(1));
    for (own, size) in own.iter().zip(dims).rev().skip(1) {
        place += number % own * stride;
        number /= own;
        stride *= size;
    }
    place
}

/// Whether a number is one of an element type; fractions are rounded to what floats can hold.
fn can_hold(dtype: DType, value: f64) -> bool {
    let whole = |least: f64, most: f64| value.fract() == 0.0 && (least..=most).contains(&value);
    match dtype {
        DType::Bool => whole(0.0, 1.0),
        DType::U8 => whole(0.0, f64::from(u8::MAX)),
        DType::U16 => whole(0.0, f64::from(u16::MAX)),
        DType::U32 => whole(0.0, f64::from(u32::MAX)),
        DType::U64 => whole(0.0, 2_f64.powi(63)),
        DType::I8 => whole(f64::from(i8::MIN), f64::from(i8::MAX)),
        DType::I16 => whole(f64::from(i16::MIN), f64::from(i16::MAX)),
        DType::I32 => whole(f64::from(i32::MIN), f64::from(i32::MAX)),
        DType::I64 => whole(-(2_f64.powi(62)), 2_f64.powi(62)),
        DType::F16 | DType::BF16 | DType::F32 | DType::F64 => true,
        DType::String => false,
    }
}

/// Little-endian, as tensors have it.
fn bytes_of(dtype: DType, value: f64) -> Vec<u8> {
    match dtype {
        DType::Bool | DType::U8 => (value as u8).to_le_bytes().to_vec(),
        DType::U16 => (value as u16).to_le_bytes().to_vec(),
        DType::U32 => (value as u32).to_le_bytes().to_vec(),
        DType::U64 => (value as u64).to_le_bytes().to_vec(),
        DType::I8 => (value as i8).to_le_bytes().to_vec(),
        DType::I16 => (value as i16).to_le_bytes().to_vec(),
        DType::I32 => (value as i32).to_le_bytes().to_vec(),
        DType::I64 => (value as i64).to_le_bytes().to_vec(),
        DType::F16 => f16::from_f64(value).to_le_bytes().to_vec(),
        DType::BF16 => bf16::from_f64(value).to_le_bytes().to_vec(),
        DType::F32 => (value as f32).to_le_bytes().to_vec(),
        DType::F64 => value.to_le_bytes().to_vec(),
        DType::String => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(dims: &[usize], values: &[f32]) -> Tensor {
        Tensor::from_vec(Shape::new(dims).unwrap(), values.to_vec()).unwrap()
    }

    #[test]
    fn tensors_are_lengthened_in_every_dimension_after_the_first() {
        let first = Padding::with_first_element();
        let zero = Padding::with_number(0.0).with_value_of("y", -1.5);
        let square = floats(&[2, 2, 1], &[1.0, 2.0, 3.0, 4.0]);
        for (padding, input, dims, expected) in [
            (&first, "x", [2, 1], vec![1.0, 2.0, 3.0, 4.0]),
            (&first, "x", [2, 2], vec![1.0, 1.0, 2.0, 1.0, 3.0, 1.0, 4.0, 1.0]),
            (&zero, "x", [3, 1], vec![1.0, 2.0, 0.0, 3.0, 4.0, 0.0]),
            (&zero, "y", [2, 2], vec![1.0, -1.5, 2.0, -1.5, 3.0, -1.5, 4.0, -1.5]),
        ] {
            let padded = padding.pad(input, &square, &dims).unwrap();
            assert_eq!(padded.shape().dims(), [2, dims[0], dims[1]]);
            assert_eq!(padded.to_vec::<f32>().unwrap(), expected, "{dims:?}");
        }
        let empty = floats(&[1, 0], &[]);
        let empty = first.pad("x", &empty, &[2]).unwrap();
        assert_eq!(empty.to_vec::<f32>().unwrap(), [0.0, 0.0]);
        let texts =
            Tensor::from_strings(Shape::new(&[1, 1]).unwrap(), vec![Bytes::from_static(b"a")]).unwrap();
        assert_eq!(first.pad("x", &texts, &[2]).unwrap().strings().unwrap(), [&b"a"[..], b"a"]);
    }

    #[test]
    fn only_what_the_model_leaves_open_is_lengthened_to_the_next_bucket_or_the_longest() {
        let pattern = [Dim::Dynamic, Dim::Dynamic, Dim::Fixed(3)];
        let longest = Padding::with_number(0.0);
        let buckets = longest.clone().with_buckets([16, 4, 8]);
        let others = buckets.clone().with_inputs(["y"]);
        let groups = buckets.clone().with_groups_only(true);
        for (padding, dims, key, target) in [
            (&longest, [5, 3], [ANY, 3], [5, 3]),
            (&buckets, [5, 3], [8, 3], [8, 3]),
            (&buckets, [4, 3], [4, 3], [4, 3]),
            (&buckets, [99, 3], [99, 3], [99, 3]),
            (&others, [5, 3], [5, 3], [5, 3]),
            (&groups, [5, 3], [8, 3], [5, 3]),
        ] {
            assert_eq!(padding.key(&pattern, "x", &dims), key, "{padding:?}");
            assert_eq!(padding.target(&pattern, "x", &[&dims]), target, "{padding:?}");
        }
        assert_eq!(longest.target(&pattern, "x", &[&[2, 3], &[7, 3], &[1, 3]]), [7, 3]);
    }

    #[test]
    fn numbers_have_to_be_of_the_type() {
        for (dtype, good, bad) in [
            (DType::U8, 255.0, 256.0),
            (DType::I8, -128.0, 0.5),
            (DType::Bool, 1.0, 2.0),
            (DType::I64, -100.0, f64::NAN),
            (DType::U64, 0.0, -1.0),
        ] {
            assert!(can_hold(dtype, good) && !can_hold(dtype, bad), "{dtype}");
            assert_eq!(bytes_of(dtype, good).len(), dtype.size_bytes().unwrap());
        }
        assert!(can_hold(DType::F32, f64::NEG_INFINITY) && !can_hold(DType::String, 0.0));
    }
}
