//! Putting a graph together, node by node.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use wharf_tensor::{DType, Dim, Tensor, TensorSpec};

use crate::attribute::Attribute;
use crate::proto::{
    Dimension, DimensionValue, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, TensorShapeProto, TensorType, TypeProto, TypeValue, ValueInfoProto,
};
use crate::{Model, OnnxError, dtype_code};

/// The oldest operator set that can be built for.
pub const MIN_OPSET: i64 = 17;

/// The newest operator set that can be built for: the convenience operators mean the same up to here.
pub const MAX_OPSET: i64 = 21;

/// The namespace of the operators of classical machine learning, such as ensembles of trees.
pub const ML_DOMAIN: &str = "ai.onnx.ml";

/// The version of [`ML_DOMAIN`] that is built for.
pub const ML_OPSET: i64 = 3;

/// A value in a graph that is being built: an input, a constant, or what a node makes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Value(String);

impl Value {
    /// The name in the graph.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// Puts a graph together, node by node. Values are used after they are made, so the nodes are in order by
/// construction; [`GraphBuilder::build`] validates the whole once more.
///
/// Operators that have a method of their own are in [`crate::Conv2d`] and around it; any other is added by
/// [`GraphBuilder::node`].
#[derive(Debug)]
pub struct GraphBuilder {
    graph: GraphProto,
    opset: i64,
    metadata: BTreeMap<String, String>,
    names: HashSet<String>,
    /// How many nodes of an operator there are, to name the next.
    counts: HashMap<String, usize>,
    /// Scalars by their bits, so that each is stored once.
    scalars: HashMap<u32, Value>,
}

impl GraphBuilder {
    /// A graph of this name for operator set 17.
    pub fn new(name: &str) -> Self {
        Self {
            graph: GraphProto { name: name.to_owned(), ..GraphProto::default() },
            opset: MIN_OPSET,
            metadata: BTreeMap::new(),
            names: HashSet::new(),
            counts: HashMap::new(),
            scalars: HashMap::new(),
        }
    }

    /// The same graph for another operator set, [`MIN_OPSET`] to [`MAX_OPSET`].
    pub fn with_opset(mut self, opset: i64) -> Self {
        self.opset = opset;
        self
    }

    /// Adds a free pair of texts to the model.
    pub fn metadata(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.metadata.insert(key.into(), value.into());
    }

    /// Adds an input. A dynamic first dimension is called `batch` and is the same for all inputs and outputs.
    ///
    /// # Errors
    /// The name is taken or empty.
    pub fn input(&mut self, spec: &TensorSpec) -> Result<Value, OnnxError> {
        self.claim(&spec.name)?;
        self.graph.input.push(value_info(spec));
        Ok(Value(spec.name.clone()))
    }

    /// Adds a constant, which shares the tensor's data.
    ///
    /// # Errors
    /// The name is taken or empty, or the elements are strings.
    pub fn initializer(&mut self, name: &str, tensor: &Tensor) -> Result<Value, OnnxError> {
        let raw = tensor.bytes().ok_or_else(|| OnnxError::tensor(name, "holds strings, expected numbers"))?;
        self.claim(name)?;
        self.graph.initializer.push(TensorProto {
            name: name.to_owned(),
            dims: tensor.shape().to_i64(),
            data_type: dtype_code(tensor.dtype()),
            raw_data: Some(raw.clone()),
            ..TensorProto::default()
        });
        Ok(Value(name.to_owned()))
    }

    /// A float32 scalar; equal ones are stored once.
    pub fn scalar(&mut self, value: f32) -> Value {
        if let Some(known) = self.scalars.get(&value.to_bits()) {
            return known.clone();
        }
        let raw = Bytes::copy_from_slice(&value.to_le_bytes());
        let scalar = self.constant("scalar", dtype_code(DType::F32), Vec::new(), raw);
        self.scalars.insert(value.to_bits(), scalar.clone());
        scalar
    }

    /// A list of int64, such as the dimensions that some operators take as an input.
    pub fn int_list(&mut self, values: &[i64]) -> Value {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let dims = vec![values.len() as i64];
        self.constant("ints", dtype_code(DType::I64), dims, Bytes::from(raw))
    }

    /// Adds a node of one of ONNX's own operators that makes one value. `None` leaves an optional input out.
    pub fn node(&mut self, op_type: &str, inputs: &[Option<&Value>], attributes: Vec<Attribute>) -> Value {
        let [value] = self.nodes_of("", op_type, inputs, attributes);
        value
    }

    /// Adds a node of [`ML_DOMAIN`] that makes one value.
    pub fn ml_node(&mut self, op_type: &str, inputs: &[Option<&Value>], attributes: Vec<Attribute>) -> Value {
        let [value] = self.nodes_of(ML_DOMAIN, op_type, inputs, attributes);
        value
    }

    /// Adds a node of one of ONNX's own operators that makes `N` values.
    pub fn node_with<const N: usize>(
        &mut self,
        op_type: &str,
        inputs: &[Option<&Value>],
        attributes: Vec<Attribute>,
    ) -> [Value; N] {
        self.nodes_of("", op_type, inputs, attributes)
    }

    fn nodes_of<const N: usize>(
        &mut self,
        domain: &str,
        op_type: &str,
        inputs: &[Option<&Value>],
        attributes: Vec<Attribute>,
    ) -> [Value; N] {
        let outputs: [String; N] = std::array::from_fn(|_| self.fresh(op_type));
        let mut inputs: Vec<String> =
            inputs.iter().map(|input| input.map_or_else(String::new, |value| value.0.clone())).collect();
        while inputs.last().is_some_and(String::is_empty) {
            inputs.pop();
        }
        self.graph.node.push(NodeProto {
            input: inputs,
            output: outputs.to_vec(),
            name: outputs.first().cloned().unwrap_or_default(),
            op_type: op_type.to_owned(),
            domain: domain.to_owned(),
            attribute: attributes.into_iter().map(Attribute::into_proto).collect(),
            ..NodeProto::default()
        });
        outputs.map(Value)
    }

    /// Makes `value` an output of the graph, under the name that `spec` gives.
    ///
    /// # Errors
    /// The name is taken or empty.
    pub fn output(&mut self, value: &Value, spec: &TensorSpec) -> Result<(), OnnxError> {
        self.claim(&spec.name)?;
        self.graph.node.push(NodeProto {
            input: vec![value.0.clone()],
            output: vec![spec.name.clone()],
            name: spec.name.clone(),
            op_type: "Identity".to_owned(),
            ..NodeProto::default()
        });
        self.graph.output.push(value_info(spec));
        Ok(())
    }

    /// The finished model, validated.
    ///
    /// # Errors
    /// The operator set is out of range, there is no input or output, or a value of another graph was used.
    pub fn build(self) -> Result<Model, OnnxError> {
        if !(MIN_OPSET..=MAX_OPSET).contains(&self.opset) {
            let range = format!("expected {MIN_OPSET} to {MAX_OPSET}");
            return Err(OnnxError::unsupported(format!("operator set is {}, {range}", self.opset)));
        }
        let mut opset_import = vec![OperatorSetIdProto { domain: String::new(), version: self.opset }];
        if self.graph.node.iter().any(|node| node.domain == ML_DOMAIN) {
            opset_import.push(OperatorSetIdProto { domain: ML_DOMAIN.to_owned(), version: ML_OPSET });
        }
        let pair = |(key, value)| StringStringEntryProto { key, value };
        Model::from_proto(ModelProto {
            ir_version: ir_version_of(self.opset),
            producer_name: "wharf".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(self.graph),
            opset_import,
            metadata_props: self.metadata.into_iter().map(pair).collect(),
            ..ModelProto::default()
        })
    }

    fn constant(&mut self, stem: &str, data_type: i32, dims: Vec<i64>, raw: Bytes) -> Value {
        let name = self.fresh(stem);
        let raw_data = Some(raw);
        self.graph.initializer.push(TensorProto {
            name: name.clone(),
            dims,
            data_type,
            raw_data,
            ..TensorProto::default()
        });
        Value(name)
    }

    fn claim(&mut self, name: &str) -> Result<(), OnnxError> {
        if name.is_empty() {
            return Err(OnnxError::missing("name for a value"));
        }
        if self.names.insert(name.to_owned()) { Ok(()) } else { Err(OnnxError::duplicate("value", name)) }
    }

    /// A name that no other value has: `conv`, `conv_1`, `conv_2`, ...
    fn fresh(&mut self, op_type: &str) -> String {
        let stem = op_type.to_ascii_lowercase();
        let count = self.counts.entry(stem.clone()).or_default();
        loop {
            let name = if *count == 0 { stem.clone() } else { format!("{stem}_{count}") };
            *count += 1;
            if self.names.insert(name.clone()) {
                return name;
            }
        }
    }
}

/// The version of the format that an operator set came with.
fn ir_version_of(opset: i64) -> i64 {
    match opset {
        ..=18 => 8,
        19 | 20 => 9,
        _ => 10,
    }
}

fn value_info(spec: &TensorSpec) -> ValueInfoProto {
    let dims = spec.shape.dims().iter().enumerate().map(|(axis, dim)| dimension(&spec.name, axis, *dim));
    let shape = Some(TensorShapeProto { dim: dims.collect() });
    let tensor = TensorType { elem_type: dtype_code(spec.dtype), shape };
    ValueInfoProto {
        name: spec.name.clone(),
        r#type: Some(TypeProto { value: Some(TypeValue::Tensor(tensor)), denotation: String::new() }),
        ..ValueInfoProto::default()
    }
}

fn dimension(name: &str, axis: usize, dim: Dim) -> Dimension {
    let value = match dim {
        Dim::Fixed(size) => DimensionValue::Value(i64::try_from(size).unwrap_or(i64::MAX)),
        Dim::Dynamic if axis == 0 => DimensionValue::Param("batch".to_owned()),
        Dim::Dynamic => DimensionValue::Param(format!("{name}_{axis}")),
    };
    Dimension { value: Some(value), denotation: String::new() }
}
