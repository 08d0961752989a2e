//! Status and metadata as protobuf's JSON form has them: defaults printed, 64-bit integers as strings, enums by
//! name.

use std::collections::BTreeMap;

use wharf_serve::{ModelInfo, VersionStatus};

use crate::json::PrettyWriter;
use crate::proto::tensorflow::{DataType, TensorInfo};
use crate::status::wire_status;
use crate::tfs::metadata::signature_map;

/// Spaces per level, which is not what the other replies have.
const INDENT: usize = 1;

/// The states of versions.
pub(super) fn status(versions: &[VersionStatus]) -> Vec<u8> {
    let mut writer = PrettyWriter::new(INDENT);
    writer.open_object();
    writer.key("model_version_status");
    writer.open_array();
    for version in versions {
        let (code, message) = match &version.error {
            None => ("OK", ""),
            Some((code, message)) => (wire_status(*code).name, message.as_str()),
        };
        writer.open_object();
        writer.string_member("version", &version.version.to_string());
        writer.string_member("state", version.state.name());
        writer.key("status");
        writer.open_object();
        writer.string_member("error_code", code);
        writer.string_member("error_message", message);
        writer.close_object();
        writer.close_object();
    }
    writer.close_array();
    finish(writer)
}

/// The signatures of a model version.
pub(super) fn metadata(info: &ModelInfo) -> Vec<u8> {
    let mut writer = PrettyWriter::new(INDENT);
    writer.open_object();
    writer.key("model_spec");
    writer.open_object();
    writer.string_member("name", &info.name);
    writer.string_member("signature_name", "");
    writer.string_member("version", &info.version.to_string());
    writer.close_object();
    for key in ["metadata", "signature_def", "signature_def"] {
        writer.key(key);
        writer.open_object();
    }
    for (name, signature) in signature_map(info).signature_def {
        writer.key(&name);
        writer.open_object();
        write_tensors(&mut writer, "inputs", &signature.inputs);
        write_tensors(&mut writer, "outputs", &signature.outputs);
        writer.string_member("method_name", &signature.method_name);
        writer.key("defaults");
        writer.open_object();
        writer.close_object();
        writer.close_object();
    }
    for _ in 0..3 {
        writer.close_object();
    }
    finish(writer)
}

fn finish(mut writer: PrettyWriter) -> Vec<u8> {
    writer.close_object();
    let mut text = writer.finish();
    text.push(b'\n');
    text
}

fn write_tensors(writer: &mut PrettyWriter, key: &str, tensors: &BTreeMap<String, TensorInfo>) {
    writer.key(key);
    writer.open_object();
    for (name, tensor) in tensors {
        writer.key(name);
        writer.open_object();
        let dtype = DataType::try_from(tensor.dtype).unwrap_or(DataType::DtInvalid);
        writer.string_member("dtype", dtype.as_str_name());
        write_shape(writer, tensor);
        writer.string_member("name", &tensor.name);
        writer.close_object();
    }
    writer.close_object();
}

fn write_shape(writer: &mut PrettyWriter, tensor: &TensorInfo) {
    let dims = tensor.tensor_shape.as_ref().map(|shape| shape.dim.as_slice()).unwrap_or_default();
    writer.key("tensor_shape");
    writer.open_object();
    writer.key("dim");
    writer.open_array();
    for dim in dims {
        writer.open_object();
        writer.string_member("size", &dim.size.to_string());
        writer.string_member("name", &dim.name);
        writer.close_object();
    }
    writer.close_array();
    writer.key("unknown_rank");
    writer.value(|out| out.extend_from_slice(b"false"));
    writer.close_object();
}
