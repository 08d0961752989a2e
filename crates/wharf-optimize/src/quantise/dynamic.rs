//! Dynamic quantisation: weights are integers in the file, activations become integers in each run, with the range that
//! they have in that run. It needs no calibration; it pays where products of matrices are most of the work.

use std::collections::{BTreeSet, HashMap};

use wharf_onnx::proto::{AttributeProto, NodeProto};
use wharf_onnx::{Attribute, GraphEditor, Model, dtype_code};
use wharf_tensor::{DType, Shape, Tensor};

use super::scope::node_name;
use super::weights::{QuantisedWeight, float_constant};
use super::{Grid, IntType, Scope};
use crate::OptimizeError;

/// How a model is quantised dynamically.
#[derive(Clone, Debug)]
pub struct DynamicOptions {
    /// Which nodes. A `Gemm` becomes `MatMul` and `Add` first.
    pub scope: Scope,
    /// The integers of weights: int8 around zero, uint8 wherever the values are.
    pub weight: IntType,
    /// Whether the weights of products of matrices have a scale for each column.
    pub per_channel: bool,
    /// Whether weights leave one bit unused; of `Conv` and `MatMul`.
    pub reduce_range: bool,
}

impl DynamicOptions {
    /// The defaults of the reference: int8, one scale for each weight, `Conv`, `Gemm` and `MatMul`.
    pub fn reference() -> Self {
        let scope = Scope::of_operators(&super::DYNAMIC_OPERATORS);
        Self { scope, weight: IntType::I8, per_channel: false, reduce_range: false }
    }

    /// What serves best: products of matrices only, a scale for each column, weights that leave one bit unused so that no
    /// processor's sums of products saturate. Convolutions are left in float: one scale for
    /// all channels of a depthwise weight costs most of the accuracy, and the operator on integers is no faster.
    pub fn serving() -> Self {
        let scope = Scope::of_operators(&["Gemm", "MatMul"]);
        Self { scope, weight: IntType::I8, per_channel: true, reduce_range: true }
    }
}

/// Quantises `model` dynamically. A model without a node that this is for comes back as it was.
///
/// # Errors
/// The model is quantised already, a weight is not finite, or the graph cannot be changed.
pub fn quantise_dynamic(model: &Model, options: &DynamicOptions) -> Result<Model, OptimizeError> {
    super::qdq::refuse_quantised(model)?;
    let mut editor = GraphEditor::new(model.clone());
    super::opset::raise(&mut editor, model.opset(), super::opset::DYNAMIC)?;
    let split = split_gemms(&mut editor, &options.scope)?;
    let mut rewrite = Rewrite { editor, options, inputs: HashMap::new(), weights: HashMap::new() };
    let nodes = rewrite.editor.graph().node.clone();
    let is_split = |node: &NodeProto| node.output.first().is_some_and(|output| split.contains(output));
    let is_meant = |node: &NodeProto| node.op_type != "Gemm" && (options.scope.holds(node) || is_split(node));
    let mut replaced = BTreeSet::new();
    for node in nodes.iter().filter(|node| is_meant(node)) {
        if rewrite.node(node)? {
            replaced.insert(node.output.first().cloned().unwrap_or_default());
        }
    }
    let mut editor = rewrite.editor;
    editor.remove_nodes(|node| {
        let is_float = super::DYNAMIC_OPERATORS.contains(&node.op_type.as_str());
        is_float && node.output.first().is_some_and(|output| replaced.contains(output))
    });
    if !replaced.is_empty() {
        editor.set_producer("wharf", env!("CARGO_PKG_VERSION"));
    }
    Ok(editor.finish()?)
}

/// Turns each `Gemm` in scope, with a constant weight and alpha and beta 1, into `MatMul` and `Add`; gives the products.
fn split_gemms(editor: &mut GraphEditor, scope: &Scope) -> Result<BTreeSet<String>, OptimizeError> {
    let mut split = BTreeSet::new();
    let gemms: Vec<NodeProto> = editor
        .graph()
        .node
        .iter()
        .filter(|node| node.op_type == "Gemm" && scope.holds(node))
        .cloned()
        .collect();
    for node in gemms {
        let integer = |name: &str| find(&node, name).and_then(|attribute| attribute.i).unwrap_or(0);
        let number = |name: &str| find(&node, name).and_then(|attribute| attribute.f).unwrap_or(1.0);
        let ([input, weight, rest @ ..], Some(output)) = (node.input.as_slice(), node.output.first()) else {
            continue;
        };
        let has_bias = rest.first().is_some_and(|bias| !bias.is_empty());
        let is_plain =
            integer("transA") == 0 && number("alpha") == 1.0 && (!has_bias || number("beta") == 1.0);
        let Some((values, dims)) =
            float_constant(editor, weight)?.filter(|(_, dims)| is_plain && dims.len() == 2)
        else {
            continue;
        };
        let weight = match integer("transB") {
            0 => weight.clone(),
            _ => transposed(editor, weight, &values, &dims)?,
        };
        editor.remove_nodes(|other| other.op_type == "Gemm" && other.output == node.output);
        let product = if has_bias { format!("{output}_MatMul") } else { output.clone() };
        editor.add_node("MatMul", &[input, &weight], &[&product], Vec::new());
        if let Some(made) = editor.graph_mut().node.last_mut() {
            made.name = format!("{}_MatMul", node_name(&node));
        }
        if has_bias {
            editor.add_node("Add", &[&product, &rest[0]], &[output], Vec::new());
        }
        split.insert(product);
    }
    Ok(split)
}

fn transposed(
    editor: &mut GraphEditor,
    name: &str,
    values: &[f32],
    dims: &[usize],
) -> Result<String, OptimizeError> {
    let [rows, columns] = [dims[0], dims[1]];
    let turned = (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column]));
    let name = format!("{name}_Transposed");
    editor.set_initializer(&name, &Tensor::from_vec(Shape::new(&[columns, rows])?, turned.collect())?)?;
    Ok(name)
}

fn find<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

/// The names of a tensor's integers and parameters.
#[derive(Clone)]
struct Names {
    quantised: String,
    scale: String,
    zero_point: String,
}

struct Rewrite<'a> {
    editor: GraphEditor,
    options: &'a DynamicOptions,
    inputs: HashMap<String, Names>,
    weights: HashMap<String, Names>,
}

impl Rewrite<'_> {
    /// Replaces one node; false where it is left, because its weight is no constant or what it takes is one.
    fn node(&mut self, node: &NodeProto) -> Result<bool, OptimizeError> {
        let ([input, weight, ..], Some(output)) = (node.input.as_slice(), node.output.first()) else {
            return Ok(false);
        };
        let is_constant =
            |name: &str| self.editor.initializer(name).is_some_and(|tensor| tensor.data_type == 1);
        if !is_constant(weight) || self.editor.initializer(input).is_some() {
            return Ok(false);
        }
        let (input, weight) = (self.input(input), self.weight(weight, node.op_type == "MatMul")?);
        let integers = format!("{output}_output_quantized");
        let operator = if node.op_type == "Conv" { "ConvInteger" } else { "MatMulInteger" };
        let taken = [input.quantised.as_str(), &weight.quantised, &input.zero_point, &weight.zero_point];
        self.editor.add_node(operator, &taken, &[&integers], Vec::new());
        if let Some(made) = self.editor.graph_mut().node.last_mut() {
            made.attribute.clone_from(&node.attribute);
        }
        self.scale(node, output, &integers, [&input.scale, &weight.scale])?;
        Ok(true)
    }

    /// Sums of products of integers as real numbers, with the bias that a convolution may have.
    fn scale(
        &mut self,
        node: &NodeProto,
        output: &str,
        integers: &str,
        scales: [&str; 2],
    ) -> Result<(), OptimizeError> {
        let (cast, scale) =
            (format!("{integers}_cast_output"), format!("{}_quant_scales_mul:0", node_name(node)));
        let to = Attribute::int("to", i64::from(dtype_code(DType::F32)));
        self.editor.add_node("Cast", &[integers], &[&cast], vec![to]);
        self.editor.add_node("Mul", &scales, &[&scale], Vec::new());
        let Some(bias) = node.input.get(2).filter(|_| node.op_type == "Conv") else {
            self.editor.add_node("Mul", &[&cast, &scale], &[output], Vec::new());
            return Ok(());
        };
        let scaled = format!("{output}quant_scaled_output");
        self.editor.add_node("Mul", &[&cast, &scale], &[&scaled], Vec::new());
        let rank = self.editor.initializer(&node.input[1]).map_or(4, |weight| weight.dims.len());
        let mut dims = vec![1_i64; rank];
        dims[1] = -1;
        let (shape, spread) =
            (format!("{output}_bias_reshape_shape"), format!("{output}_bias_reshape_output"));
        self.editor.set_initializer(&shape, &Tensor::from_vec(Shape::new(&[rank])?, dims)?)?;
        self.editor.add_node("Reshape", &[bias, &shape], &[&spread], Vec::new());
        self.editor.add_node("Add", &[&scaled, &spread], &[output], Vec::new());
        Ok(())
    }

    fn input(&mut self, name: &str) -> Names {
        if let Some(known) = self.inputs.get(name) {
            return known.clone();
        }
        let names = names_of(name);
        let made = [names.quantised.as_str(), &names.scale, &names.zero_point];
        self.editor.add_node("DynamicQuantizeLinear", &[name], &made, Vec::new());
        self.inputs.insert(name.to_owned(), names.clone());
        names
    }

    fn weight(&mut self, name: &str, has_columns: bool) -> Result<Names, OptimizeError> {
        if let Some(known) = self.weights.get(name) {
            return Ok(known.clone());
        }
        let (values, dims) = float_constant(&self.editor, name)?.unwrap_or_default();
        let last = dims.len().checked_sub(1);
        let axis = last.filter(|_| has_columns && self.options.per_channel);
        let int = self.options.weight;
        let grid = Grid { int, symmetric: int == IntType::I8, reduced: self.options.reduce_range };
        let weight = QuantisedWeight::fit(name, &values, &dims, axis, grid)?;
        let names = names_of(name);
        self.editor.set_initializer(&names.quantised, &weight.quantise(&values, &dims)?)?;
        self.editor.set_initializer(&names.scale, &weight.scales()?)?;
        self.editor.set_initializer(&names.zero_point, &weight.zero_points()?)?;
        self.weights.insert(name.to_owned(), names.clone());
        Ok(names)
    }
}

fn names_of(name: &str) -> Names {
    Names {
        quantised: format!("{name}_quantized"),
        scale: format!("{name}_scale"),
        zero_point: format!("{name}_zero_point"),
    }
}
