//! A model that has been validated.

use bytes::Bytes;
use prost::Message;
use wharf_tensor::{ShapePattern, TensorSpec};

use crate::proto::{
    Dimension, DimensionValue, GraphProto, ModelProto, TensorProto, TypeValue, ValueInfoProto,
};
use crate::{Limits, OnnxError, dtype_from_code};

/// A model whose graph is known to be sound: names are unique, every value is defined before it is used, and
/// every constant has the data that its type and shape demand. Whether the operators exist and get what they
/// take is for the runtime to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    proto: ModelProto,
}

/// Reads and validates a model; constants share `content`.
///
/// # Errors
/// See [`Model::read`].
pub fn read_model(content: impl Into<Bytes>) -> Result<Model, OnnxError> {
    Model::read(content, &Limits::default())
}

impl Model {
    /// Reads and validates a model within limits; constants share `content`.
    ///
    /// # Errors
    /// The data is no model, exceeds a limit, contradicts itself, or keeps constants in other files.
    pub fn read(content: impl Into<Bytes>, limits: &Limits) -> Result<Self, OnnxError> {
        let content = content.into();
        crate::scan::check(&content, limits)?;
        Self::from_proto(ModelProto::decode(content)?)
    }

    /// Validates a model that is decoded already.
    ///
    /// # Errors
    /// The model contradicts itself, or keeps constants in other files.
    pub fn from_proto(proto: ModelProto) -> Result<Self, OnnxError> {
        crate::validate::check(&proto)?;
        Ok(Self { proto })
    }

    /// The content of a file that holds the model.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.proto.encode_to_vec()
    }

    /// The model as it is encoded.
    pub fn proto(&self) -> &ModelProto {
        &self.proto
    }

    /// The model as it is encoded, to be changed and validated again.
    pub fn into_proto(self) -> ModelProto {
        self.proto
    }

    /// The version of ONNX's own operator set.
    pub fn opset(&self) -> i64 {
        let own = self.proto.opset_import.iter().find(|import| crate::validate::is_own(&import.domain));
        own.map_or(0, |import| import.version)
    }

    /// What goes in, in order. Constants that old models list as inputs are left out.
    ///
    /// # Errors
    /// An input is no tensor of a type that this project has, or its rank is unknown.
    pub fn inputs(&self) -> Result<Vec<TensorSpec>, OnnxError> {
        let graph = self.graph()?;
        let constant = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
        graph.input.iter().filter(|info| !constant(&info.name)).map(spec_of).collect()
    }

    /// What comes out, in order.
    ///
    /// # Errors
    /// As [`Model::inputs`].
    pub fn outputs(&self) -> Result<Vec<TensorSpec>, OnnxError> {
        self.graph()?.output.iter().map(spec_of).collect()
    }

    /// The constants of the outermost graph.
    pub fn initializers(&self) -> &[TensorProto] {
        self.proto.graph.as_ref().map_or(&[], |graph| &graph.initializer)
    }

    /// Free pairs of texts, in the order of the file.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        self.proto.metadata_props.iter().map(|pair| (pair.key.as_str(), pair.value.as_str()))
    }

    fn graph(&self) -> Result<&GraphProto, OnnxError> {
        self.proto.graph.as_ref().ok_or_else(|| OnnxError::missing("graph"))
    }
}

fn spec_of(info: &ValueInfoProto) -> Result<TensorSpec, OnnxError> {
    let fail = |what: &str| {
        OnnxError::unsupported(format!("value `{}` {what}", crate::error::shortened(&info.name)))
    };
    let Some(TypeValue::Tensor(tensor)) = info.r#type.as_ref().and_then(|r#type| r#type.value.as_ref())
    else {
        return Err(fail("is no tensor"));
    };
    let dtype = dtype_from_code(tensor.elem_type).ok_or_else(|| fail("has an unknown element type"))?;
    let shape = tensor.shape.as_ref().ok_or_else(|| fail("has no known rank"))?;
    let dims: Vec<i64> = shape.dim.iter().map(size_of).collect();
    Ok(TensorSpec { name: info.name.clone(), dtype, shape: ShapePattern::from_i64(&dims) })
}

/// The size of a dimension; -1 where any will do.
fn size_of(dim: &Dimension) -> i64 {
    match dim.value {
        Some(DimensionValue::Value(size)) if size >= 0 => size,
        _ => -1,
    }
}
