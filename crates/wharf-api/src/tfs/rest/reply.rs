//! Answers as JSON.

use wharf_infer::{NamedTensor, ServiceError};

use super::predict::Form;
use crate::json::{Elements, Layout, PrettyWriter, StringForm, write_decimal};
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

fn cursors(outputs: &[NamedTensor]) -> Result<Vec<Cursor<'_>>, ServiceError> {
    let cursor = |output| Ok(Cursor { elements: elements(output)?, next: 0 });
    outputs.iter().map(cursor).collect()
}

fn elements(output: &NamedTensor) -> Result<Elements<'_>, ServiceError> {
    let form = match output.name.ends_with(BYTES_SUFFIX) {
        true => StringForm::Base64,
        false => StringForm::Text,
    };
    Elements::of(&output.tensor, form)
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
