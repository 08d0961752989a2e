//! What a model says of its signatures.

use std::collections::BTreeMap;

use prost::Message as _;
use prost_types::Any;
use wharf_bundle::{OutputSource, Signature};
use wharf_infer::ServiceError;
use wharf_serve::ModelInfo;
use wharf_tensor::TensorSpec;

use super::data_type;
use super::encode::encode_shape;
use super::signature::{method_name, shown};
use crate::proto::tensorflow::serving::SignatureDefMap;
use crate::proto::tensorflow::{SignatureDef, TensorInfo};

/// The one field that can be asked for.
pub(super) const SIGNATURE_FIELD: &str = "signature_def";
const SIGNATURE_TYPE: &str = "type.googleapis.com/tensorflow.serving.SignatureDefMap";

/// Checks the list of metadata fields of a request.
pub(super) fn check_fields(fields: &[String]) -> Result<(), ServiceError> {
    if fields.is_empty() {
        let text = "GetModelMetadataRequest must specify at least one metadata_field";
        return Err(ServiceError::invalid_argument(text));
    }
    match fields.iter().find(|field| *field != SIGNATURE_FIELD) {
        None => Ok(()),
        Some(field) => {
            Err(ServiceError::invalid_argument(format!("Metadata field {} is not supported", shown(field))))
        }
    }
}

/// All signatures of a model.
pub(super) fn signature_map(info: &ModelInfo) -> SignatureDefMap {
    let signatures = info.signatures.iter();
    SignatureDefMap {
        signature_def: signatures.map(|(name, signature)| (name.clone(), describe(signature))).collect(),
    }
}

/// A message inside `Any`, as replies carry it.
pub(super) fn packed(map: &SignatureDefMap) -> Any {
    Any { type_url: SIGNATURE_TYPE.to_owned(), value: map.encode_to_vec() }
}

fn describe(signature: &Signature) -> SignatureDef {
    let input = |spec: &TensorSpec, source: &str| (spec.name.clone(), tensor_info(spec, source));
    SignatureDef {
        inputs: signature.inputs.iter().map(|item| input(&item.spec, &item.graph_input)).collect(),
        outputs: signature.outputs.iter().map(|item| input(&item.spec, graph_name(&item.source))).collect(),
        method_name: method_name(signature.method).to_owned(),
        defaults: BTreeMap::new(),
    }
}

fn graph_name(source: &OutputSource) -> &str {
    match source {
        OutputSource::Graph { output } => output,
        OutputSource::Labels { classes } => classes,
        _ => "",
    }
}

/// TensorFlow names the first result of an operation `op:0`, and clients may look for that form.
fn tensor_info(spec: &TensorSpec, graph_name: &str) -> TensorInfo {
    TensorInfo {
        name: format!("{graph_name}:0"),
        dtype: data_type::to_wire(spec.dtype) as i32,
        tensor_shape: Some(encode_shape(&spec.shape.to_i64())),
    }
}
