//! `input` and `output`: what is declared of tensors, to be held against the graph.

use wharf_bundle::Signature;
use wharf_tensor::{DType, Dim, TensorSpec};
use wharf_textproto::{Fields, Message, TextError};

/// What is declared of an input or an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorConfig {
    /// Its name.
    pub name: String,
    /// Its element type.
    pub dtype: DType,
    /// Its dimensions, without that of the batch where there is one; -1 is any size.
    pub dims: Vec<i64>,
    /// Whether requests of different lengths may share a batch.
    pub allow_ragged_batch: bool,
    /// The file with a label for each element of an output; empty where there is none.
    pub label_filename: String,
}

/// Enumerators of the message, and the element types that they mean.
const TYPES: [(&str, DType); 14] = [
    ("TYPE_BOOL", DType::Bool),
    ("TYPE_UINT8", DType::U8),
    ("TYPE_UINT16", DType::U16),
    ("TYPE_UINT32", DType::U32),
    ("TYPE_UINT64", DType::U64),
    ("TYPE_INT8", DType::I8),
    ("TYPE_INT16", DType::I16),
    ("TYPE_INT32", DType::I32),
    ("TYPE_INT64", DType::I64),
    ("TYPE_FP16", DType::F16),
    ("TYPE_FP32", DType::F32),
    ("TYPE_FP64", DType::F64),
    ("TYPE_STRING", DType::String),
    ("TYPE_BF16", DType::BF16),
];

pub(super) fn inputs(fields: &mut Fields<'_>) -> Result<Vec<TensorConfig>, TextError> {
    fields.messages("input")?.into_iter().map(input).collect()
}

pub(super) fn outputs(fields: &mut Fields<'_>) -> Result<Vec<TensorConfig>, TextError> {
    fields.messages("output")?.into_iter().map(output).collect()
}

fn input(message: &Message) -> Result<TensorConfig, TextError> {
    let mut fields = message.fields("ModelInput");
    let mut tensor = tensor(&mut fields)?;
    tensor.allow_ragged_batch = fields.bool("allow_ragged_batch")?.unwrap_or_default();
    let format = fields.word("format")?.unwrap_or_default();
    if !["", "FORMAT_NONE", "FORMAT_NHWC", "FORMAT_NCHW"].contains(&format.as_str()) {
        let problem = format!("`format` is `{format}`, expected FORMAT_NONE, FORMAT_NHWC or FORMAT_NCHW");
        return Err(TextError::new(fields.position("format"), problem));
    }
    for switch in ["optional", "is_shape_tensor", "is_non_linear_format_io"] {
        not_set(&mut fields, switch)?;
    }
    fields.finish()?;
    Ok(tensor)
}

fn output(message: &Message) -> Result<TensorConfig, TextError> {
    let mut fields = message.fields("ModelOutput");
    let mut tensor = tensor(&mut fields)?;
    tensor.label_filename = fields.string("label_filename")?.unwrap_or_default();
    if !tensor.label_filename.is_empty() && wharf_bundle::check_file_name(&tensor.label_filename).is_err() {
        let problem = "`label_filename` is no plain name of a file beside the configuration";
        return Err(TextError::new(fields.position("label_filename"), problem));
    }
    for switch in ["is_shape_tensor", "is_non_linear_format_io"] {
        not_set(&mut fields, switch)?;
    }
    fields.finish()?;
    Ok(tensor)
}

fn tensor(fields: &mut Fields<'_>) -> Result<TensorConfig, TextError> {
    let missing = |fields: &Fields<'_>, name| {
        TextError::new(fields.position(name), format!("a tensor has no `{name}`"))
    };
    let name = fields.string("name")?.ok_or_else(|| missing(fields, "name"))?;
    let word = fields.word("data_type")?.ok_or_else(|| missing(fields, "data_type"))?;
    let dtype = dtype(&word).ok_or_else(|| {
        let problem = format!("`data_type` of `{name}` is `{word}`, expected one such as TYPE_FP32");
        TextError::new(fields.position("data_type"), problem)
    })?;
    let dims = fields.integers("dims")?;
    if let Some(dim) = dims.iter().find(|dim| **dim < -1 || **dim == 0) {
        let problem = format!("`dims` of `{name}` has {dim}, expected -1 or at least 1");
        return Err(TextError::new(fields.position("dims"), problem));
    }
    if fields.has("reshape") {
        let problem = format!("`reshape` of `{name}` is not supported");
        return Err(TextError::new(fields.position("reshape"), problem));
    }
    Ok(TensorConfig { name, dtype, dims, allow_ragged_batch: false, label_filename: String::new() })
}

/// The element type that an enumerator means.
pub(super) fn dtype(word: &str) -> Option<DType> {
    TYPES.iter().find(|(name, _)| *name == word).map(|(_, dtype)| *dtype)
}

fn type_name(dtype: DType) -> &'static str {
    TYPES.iter().find(|(_, known)| *known == dtype).map_or("TYPE_INVALID", |(name, _)| name)
}

fn not_set(fields: &mut Fields<'_>, switch: &'static str) -> Result<(), TextError> {
    match fields.bool(switch)? {
        Some(true) => {
            Err(TextError::new(fields.position(switch), format!("`{switch}` of a tensor is not supported")))
        }
        _ => Ok(()),
    }
}

/// Holds what is declared against a signature of the model.
///
/// # Errors
/// A tensor is not there, or is another; in words for whoever wrote the declaration.
pub(crate) fn check(
    declared: (&[TensorConfig], &[TensorConfig]),
    signature: &Signature,
    has_batch: bool,
) -> Result<(), String> {
    let inputs: Vec<&TensorSpec> = signature.inputs.iter().map(|input| &input.spec).collect();
    let outputs: Vec<&TensorSpec> = signature.outputs.iter().map(|output| &output.spec).collect();
    for (kind, declared, actual) in [("input", declared.0, &inputs), ("output", declared.1, &outputs)] {
        for tensor in declared {
            let spec = actual.iter().find(|spec| spec.name == tensor.name);
            let names =
                || actual.iter().map(|spec| format!("`{}`", spec.name)).collect::<Vec<_>>().join(", ");
            let spec =
                spec.ok_or_else(|| format!("{kind} `{}` is not there, expected {}", tensor.name, names()))?;
            check_one(kind, tensor, spec, has_batch)?;
        }
    }
    Ok(())
}

fn check_one(kind: &str, tensor: &TensorConfig, spec: &TensorSpec, has_batch: bool) -> Result<(), String> {
    let name = &tensor.name;
    if tensor.dtype != spec.dtype {
        let (is, expected) = (type_name(tensor.dtype), type_name(spec.dtype));
        return Err(format!("{kind} `{name}` is declared as {is}, the model has {expected}"));
    }
    let dims = spec.shape.dims();
    let (batch, rest) = if has_batch { dims.split_at(dims.len().min(1)) } else { (&dims[..0], dims) };
    if has_batch && !matches!(batch, [Dim::Dynamic]) {
        return Err(format!(
            "`max_batch_size` is set and the first dimension of {kind} `{name}` is not open in the model"
        ));
    }
    let fits = |(declared, actual): (&i64, &Dim)| match actual {
        Dim::Dynamic => true,
        Dim::Fixed(size) => *declared == -1 || i64::try_from(*size) == Ok(*declared),
    };
    // A scalar of each row is declared as one element.
    let is_scalar = rest.is_empty() && tensor.dims == [1];
    if !is_scalar && (tensor.dims.len() != rest.len() || !tensor.dims.iter().zip(rest).all(fits)) {
        return Err(format!(
            "{kind} `{name}` is declared with dims {:?}, the model has {}{}",
            tensor.dims,
            spec.shape,
            if has_batch { ", the first of which is the batch" } else { "" }
        ));
    }
    Ok(())
}
