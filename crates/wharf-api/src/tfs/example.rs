//! tf.Example: features that match the inputs of a signature by name become its tensors.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use half::{bf16, f16};
use prost::Message as _;
use wharf_bundle::Signature;
use wharf_infer::{NamedTensor, ServiceError};
use wharf_tensor::{DType, Dim, Element, Shape, Tensor, TensorSpec};

use super::signature::shown;
use crate::json::data_type_name;
use crate::proto::tensorflow::feature::Kind;
use crate::proto::tensorflow::serving::{Input, input};
use crate::proto::tensorflow::{Example, Feature, Features};

/// The input that the reference server feeds with serialised examples.
const SERIALIZED_INPUT: &str = "inputs";

/// The examples of a request, each with the features that all of them share.
pub(super) struct Examples {
    examples: Vec<Example>,
    context: BTreeMap<String, Feature>,
}

impl Examples {
    /// Examples without shared features, or with.
    pub(super) fn new(examples: Vec<Example>, context: Option<Example>) -> Result<Self, ServiceError> {
        if examples.is_empty() {
            return Err(ServiceError::invalid_argument("Input is empty."));
        }
        let context = context.and_then(|context| context.features).unwrap_or_default().feature;
        Ok(Self { examples, context })
    }

    /// The examples of a message.
    pub(super) fn from_wire(message: Option<Input>) -> Result<Self, ServiceError> {
        match message.and_then(|message| message.kind) {
            Some(input::Kind::ExampleList(list)) => Self::new(list.examples, None),
            Some(input::Kind::ExampleListWithContext(list)) => Self::new(list.examples, list.context),
            None => Self::new(Vec::new(), None),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.examples.len()
    }

    /// The inputs of `signature`.
    ///
    /// # Errors
    /// A feature is missing, or of another kind or length than its input.
    pub(super) fn to_inputs(&self, signature: &Signature) -> Result<Vec<NamedTensor>, ServiceError> {
        if let [only] = signature.inputs.as_slice()
            && only.spec.name == SERIALIZED_INPUT
            && only.spec.dtype == DType::String
            && !self.has_feature(SERIALIZED_INPUT)
        {
            return Ok(vec![NamedTensor::new(SERIALIZED_INPUT, self.serialized()?)]);
        }
        let inputs = signature.inputs.iter();
        inputs.map(|input| Ok(NamedTensor::new(&input.spec.name, self.column(&input.spec)?))).collect()
    }

    fn has_feature(&self, name: &str) -> bool {
        (0..self.len()).any(|index| self.feature(index, name).is_some())
    }

    /// A feature of an example, its own before the shared one.
    fn feature(&self, index: usize, name: &str) -> Option<&Feature> {
        let own = self.examples.get(index)?.features.as_ref().and_then(|features| features.feature.get(name));
        own.or_else(|| self.context.get(name))
    }

    /// The examples as strings, for models that parse them themselves.
    fn serialized(&self) -> Result<Tensor, ServiceError> {
        let merged = |example: &Example| {
            let mut feature = self.context.clone();
            feature.extend(example.features.clone().unwrap_or_default().feature);
            Bytes::from(Example { features: Some(Features { feature }) }.encode_to_vec())
        };
        let strings = self.examples.iter().map(merged).collect();
        Ok(Tensor::from_strings(Shape::new(&[self.len()])?, strings)?)
    }

    /// One input, a row for each example.
    fn column(&self, spec: &TensorSpec) -> Result<Tensor, ServiceError> {
        match spec.dtype {
            DType::Bool => {
                let (dims, values) = self.values::<Flag>(spec)?;
                Ok(Tensor::from_bools(
                    Shape::new(&dims)?,
                    values.into_iter().map(|Flag(flag)| flag).collect(),
                )?)
            }
            DType::String => {
                let (dims, values) = self.values::<Bytes>(spec)?;
                Ok(Tensor::from_strings(Shape::new(&dims)?, values)?)
            }
            DType::U8 => self.numbers::<u8>(spec),
            DType::U16 => self.numbers::<u16>(spec),
            DType::U32 => self.numbers::<u32>(spec),
            DType::U64 => self.numbers::<u64>(spec),
            DType::I8 => self.numbers::<i8>(spec),
            DType::I16 => self.numbers::<i16>(spec),
            DType::I32 => self.numbers::<i32>(spec),
            DType::I64 => self.numbers::<i64>(spec),
            DType::F16 => self.numbers::<f16>(spec),
            DType::BF16 => self.numbers::<bf16>(spec),
            DType::F32 => self.numbers::<f32>(spec),
            DType::F64 => self.numbers::<f64>(spec),
        }
    }

    fn numbers<T: FeatureValue + Element>(&self, spec: &TensorSpec) -> Result<Tensor, ServiceError> {
        let (dims, values) = self.values::<T>(spec)?;
        Ok(Tensor::from_vec(Shape::new(&dims)?, values)?)
    }

    /// The values of all examples in a row, and the dimensions they have.
    fn values<T: FeatureValue>(&self, spec: &TensorSpec) -> Result<(Vec<usize>, Vec<T>), ServiceError> {
        let mut all = Vec::new();
        let mut dims: Option<Vec<usize>> = None;
        for index in 0..self.len() {
            let values = self.example_values::<T>(index, spec)?;
            let row = row_dims(spec, values.len())
                .filter(|row| dims.as_ref().is_none_or(|dims| dims == row))
                .ok_or_else(|| wrong_count(spec, index, values.len()))?;
            dims = Some(row);
            all.extend_from_slice(&values);
        }
        let mut dims = dims.unwrap_or_default();
        if spec.shape.rank() > 0 {
            dims.insert(0, self.len());
        } else if self.len() > 1 {
            return Err(ServiceError::invalid_argument(format!(
                "input `{}` takes one example, not {}",
                spec.name,
                self.len()
            )));
        }
        Ok((dims, all))
    }

    fn example_values<T: FeatureValue>(
        &self,
        index: usize,
        spec: &TensorSpec,
    ) -> Result<Cow<'_, [T]>, ServiceError> {
        let kind = self.feature(index, &spec.name).and_then(|feature| feature.kind.as_ref());
        let kind = kind.ok_or_else(|| {
            ServiceError::invalid_argument(format!(
                "Name: <unknown>, Feature: {} (data type: {}) is required but could not be found.",
                spec.name,
                data_type_name(spec.dtype)
            ))
        })?;
        T::from_kind(kind).ok_or_else(|| {
            ServiceError::invalid_argument(format!(
                "Key: {}, Index: {index}. Data types don't match. Expected type: {}, actual: {}",
                shown(&spec.name),
                data_type_name(spec.dtype),
                kind_name(kind)
            ))
        })
    }
}

fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::BytesList(_) => "bytes_list",
        Kind::FloatList(_) => "float_list",
        Kind::Int64List(_) => "int64_list, or a value out of range",
    }
}

fn wrong_count(spec: &TensorSpec, index: usize, count: usize) -> ServiceError {
    ServiceError::invalid_argument(format!(
        "Key: {}, Index: {index}. Number of {} values != expected. Values size: {count} but output shape: {}",
        spec.name,
        data_type_name(spec.dtype),
        spec.shape
    ))
}

/// The dimensions of one example's values, where they fit: one dynamic dimension takes what is over, several
/// are 1 but for the first.
fn row_dims(spec: &TensorSpec, count: usize) -> Option<Vec<usize>> {
    let row = spec.shape.dims().get(1..).unwrap_or_default();
    let fixed: usize = row
        .iter()
        .filter_map(|dim| match dim {
            Dim::Fixed(size) => Some(*size),
            Dim::Dynamic => None,
        })
        .try_fold(1_usize, usize::checked_mul)?;
    let mut over = if row.contains(&Dim::Dynamic) { count.checked_div(fixed)? } else { 1 };
    let dims: Vec<usize> = row
        .iter()
        .map(|dim| match dim {
            Dim::Fixed(size) => *size,
            Dim::Dynamic => std::mem::replace(&mut over, 1),
        })
        .collect();
    let product = dims.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim))?;
    (product == count).then_some(dims)
}

/// A value that a feature can give.
trait FeatureValue: Clone {
    /// The values of a feature, where all of them fit.
    fn from_kind(kind: &Kind) -> Option<Cow<'_, [Self]>>;
}

/// A truth value, which travels as an integer.
#[derive(Clone, Copy)]
struct Flag(bool);

impl FeatureValue for Flag {
    fn from_kind(kind: &Kind) -> Option<Cow<'_, [Self]>> {
        match kind {
            Kind::Int64List(list) => Some(list.value.iter().map(|&value| Flag(value != 0)).collect()),
            _ => None,
        }
    }
}

impl FeatureValue for Bytes {
    fn from_kind(kind: &Kind) -> Option<Cow<'_, [Self]>> {
        match kind {
            Kind::BytesList(list) => Some(Cow::Borrowed(&list.value)),
            _ => None,
        }
    }
}

/// Bytes come as integers, or as one byte string of raw values.
impl FeatureValue for u8 {
    fn from_kind(kind: &Kind) -> Option<Cow<'_, [Self]>> {
        match kind {
            Kind::Int64List(list) => list.value.iter().map(|&value| u8::try_from(value).ok()).collect(),
            Kind::BytesList(list) => match list.value.as_slice() {
                [raw] => Some(Cow::Borrowed(raw)),
                _ => None,
            },
            Kind::FloatList(_) => None,
        }
    }
}

macro_rules! integer_features {
    ($($rust:ty),*) => {$(
        impl FeatureValue for $rust {
            fn from_kind(kind: &Kind) -> Option<Cow<'_, [Self]>> {
                match kind {
                    Kind::Int64List(list) => {
                        list.value.iter().map(|&value| <$rust>::try_from(value).ok()).collect()
                    }
                    _ => None,
                }
            }
        }
    )*};
}
integer_features!(u16, u32, u64, i8, i16, i32, i64);

macro_rules! float_features {
    ($($rust:ty: $from_float:expr, $from_integer:expr;)*) => {$(
        impl FeatureValue for $rust {
            fn from_kind(kind: &Kind) -> Option<Cow<'_, [Self]>> {
                match kind {
                    Kind::FloatList(list) => Some(list.value.iter().copied().map($from_float).collect()),
                    Kind::Int64List(list) => Some(list.value.iter().copied().map($from_integer).collect()),
                    Kind::BytesList(_) => None,
                }
            }
        }
    )*};
}
float_features! {
    f32: |value| value, |value| value as f32;
    f64: f64::from, |value| value as f64;
    f16: f16::from_f32, |value| f16::from_f64(value as f64);
    bf16: bf16::from_f32, |value| bf16::from_f64(value as f64);
}
