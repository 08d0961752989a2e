//! Answers as JSON.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use half::{bf16, f16};
use wharf_infer::{NamedTensor, ServiceError};
use wharf_tensor::{DType, Tensor};

use super::predict::Form;
use crate::json::{Layout, PrettyWriter, write_decimal, write_string};
use crate::proto::tensorflow::serving::{ClassificationResult, RegressionResult};

/// Spaces per level.
const INDENT: usize = 4;
/// String outputs whose name ends so are bytes, and go as base64.
const BYTES_SUFFIX: &str = "_bytes";

/// The answer to a predict call.
///
/// # Errors
/// There are no outputs, or they do not have rows of the same number.
pub(super) fn predict(form: Form, outputs: &[NamedTensor]) -> Result<Vec<u8>, ServiceError> {
    if outputs.is_empty() {
        return Err(ServiceError::invalid_argument("Cannot convert empty tensor map to JSON"));
    }
    match form {
        Form::Row => rows(outputs),
        Form::Column => columns(outputs),
    }
}

fn rows(outputs: &[NamedTensor]) -> Result<Vec<u8>, ServiceError> {
    let batch = batch_size(outputs)?;
    let mut cursors = cursors(outputs)?;
    let mut writer = PrettyWriter::new(INDENT);
    writer.open_object();
    writer.key("predictions");
    writer.open_array();
    for _ in 0..batch {
        if outputs.len() > 1 {
            writer.open_object();
        }
        writer.set_layout(Layout::OneLine);
        for (output, cursor) in outputs.iter().zip(&mut cursors) {
            if outputs.len() > 1 {
                writer.key(&output.name);
            }
            let row_dims = output.tensor.shape().dims().get(1..).unwrap_or_default();
            cursor.write(&mut writer, row_dims);
        }
        writer.set_layout(Layout::Lines);
        if outputs.len() > 1 {
            writer.close_object();
        }
    }
    writer.close_array();
    writer.close_object();
    Ok(writer.finish())
}

fn columns(outputs: &[NamedTensor]) -> Result<Vec<u8>, ServiceError> {
    let mut writer = PrettyWriter::new(INDENT);
    writer.open_object();
    writer.key("outputs");
    if outputs.len() > 1 {
        writer.open_object();
    }
    for (output, mut cursor) in outputs.iter().zip(cursors(outputs)?) {
        if outputs.len() > 1 {
            writer.key(&output.name);
        }
        cursor.write(&mut writer, output.tensor.shape().dims());
    }
    if outputs.len() > 1 {
        writer.close_object();
    }
    writer.close_object();
    Ok(writer.finish())
}

/// The first dimension that all outputs share.
fn batch_size(outputs: &[NamedTensor]) -> Result<usize, ServiceError> {
    let mut batch = None;
    for output in outputs {
        let name = &output.name;
        let Some(&rows) = output.tensor.shape().dims().first() else {
            let text = format!("Tensor name: {name} has no shape information ");
            return Err(ServiceError::invalid_argument(text));
        };
        let expected = *batch.get_or_insert(rows);
        if rows != expected {
            return Err(ServiceError::invalid_argument(format!(
                "Tensor name: {name} has inconsistent batch size: {rows} expecting: {expected}"
            )));
        }
    }
    Ok(batch.unwrap_or(0))
}

/// A tensor and how much of it is written.
struct Cursor<'a> {
    elements: Elements<'a>,
    next: usize,
}

/// The elements of a tensor by type. Those with the same text form share a variant.
enum Elements<'a> {
    Bool(&'a [u8]),
    Unsigned(Vec<u64>),
    Signed(Vec<i64>),
    F32(Cow<'a, [f32]>),
    F64(Cow<'a, [f64]>),
    Text(&'a [Bytes]),
    Base64(&'a [Bytes]),
}

fn cursors(outputs: &[NamedTensor]) -> Result<Vec<Cursor<'_>>, ServiceError> {
    outputs.iter().map(|output| Ok(Cursor { elements: Elements::of(output)?, next: 0 })).collect()
}

impl<'a> Elements<'a> {
    fn of(output: &'a NamedTensor) -> Result<Self, ServiceError> {
        let tensor = &output.tensor;
        Ok(match tensor.dtype() {
            DType::Bool => Self::Bool(tensor.bytes().map(|bytes| &**bytes).unwrap_or_default()),
            DType::U8 => Self::Unsigned(widened::<u8, u64>(tensor)?),
            DType::U16 => Self::Unsigned(widened::<u16, u64>(tensor)?),
            DType::U32 => Self::Unsigned(widened::<u32, u64>(tensor)?),
            DType::U64 => Self::Unsigned(tensor.to_vec()?),
            DType::I8 => Self::Signed(widened::<i8, i64>(tensor)?),
            DType::I16 => Self::Signed(widened::<i16, i64>(tensor)?),
            DType::I32 => Self::Signed(widened::<i32, i64>(tensor)?),
            DType::I64 => Self::Signed(tensor.to_vec()?),
            DType::F16 => Self::F32(Cow::Owned(widened::<f16, f32>(tensor)?)),
            DType::BF16 => Self::F32(Cow::Owned(widened::<bf16, f32>(tensor)?)),
            DType::F32 => Self::F32(tensor.as_elements()?),
            DType::F64 => Self::F64(tensor.as_elements()?),
            DType::String => {
                let strings = tensor.strings().unwrap_or_default();
                match output.name.ends_with(BYTES_SUFFIX) {
                    true => Self::Base64(strings),
                    false => Self::Text(strings),
                }
            }
        })
    }

    fn write(&self, out: &mut Vec<u8>, index: usize) {
        let integer = |out: &mut Vec<u8>, text: &str| out.extend_from_slice(text.as_bytes());
        let mut digits = itoa::Buffer::new();
        match self {
            Self::Bool(flags) => {
                let flag = flags.get(index).is_some_and(|&flag| flag != 0);
                out.extend_from_slice(if flag { b"true" } else { b"false" });
            }
            Self::Unsigned(values) => {
                integer(out, digits.format(values.get(index).copied().unwrap_or_default()));
            }
            Self::Signed(values) => {
                integer(out, digits.format(values.get(index).copied().unwrap_or_default()));
            }
            Self::F32(values) => write_decimal(out, values.get(index).copied().unwrap_or_default()),
            Self::F64(values) => write_decimal(out, values.get(index).copied().unwrap_or_default()),
            Self::Text(strings) => {
                write_string(out, strings.get(index).map(|text| &**text).unwrap_or_default());
            }
            Self::Base64(strings) => {
                let bytes = strings.get(index).map(|bytes| &**bytes).unwrap_or_default();
                out.extend_from_slice(b"{\"b64\": \"");
                out.extend_from_slice(BASE64_STANDARD.encode(bytes).as_bytes());
                out.extend_from_slice(b"\"}");
            }
        }
    }
}

fn widened<T: wharf_tensor::Element, W: From<T>>(tensor: &Tensor) -> Result<Vec<W>, ServiceError> {
    Ok(tensor.as_elements::<T>()?.iter().map(|&value| W::from(value)).collect())
}

impl Cursor<'_> {
    /// Writes the next value of these dimensions.
    fn write(&mut self, writer: &mut PrettyWriter, dims: &[usize]) {
        let Some((&size, inner)) = dims.split_first() else {
            let index = self.next;
            self.next += 1;
            return writer.value(|out| self.elements.write(out, index));
        };
        writer.open_array();
        for _ in 0..size {
            self.write(writer, inner);
        }
        writer.close_array();
    }
}

/// The answer to a classify call: a list of pairs for each example.
pub(super) fn classifications(result: &ClassificationResult) -> Vec<u8> {
    let mut writer = PrettyWriter::new(INDENT);
    writer.open_object();
    writer.key("results");
    writer.open_array();
    for row in &result.classifications {
        writer.set_layout(Layout::OneLine);
        writer.open_array();
        for class in &row.classes {
            writer.open_array();
            writer.string(&class.label);
            writer.value(|out| write_decimal(out, class.score));
            writer.close_array();
        }
        writer.close_array();
        writer.set_layout(Layout::Lines);
    }
    writer.close_array();
    writer.close_object();
    writer.finish()
}

/// The answer to a regress call: a number for each example.
pub(super) fn regressions(result: &RegressionResult) -> Vec<u8> {
    let mut writer = PrettyWriter::new(INDENT);
    writer.open_object();
    writer.key("results");
    writer.set_layout(Layout::OneLine);
    writer.open_array();
    for regression in &result.regressions {
        writer.value(|out| write_decimal(out, regression.value));
    }
    writer.close_array();
    writer.close_object();
    writer.finish()
}
