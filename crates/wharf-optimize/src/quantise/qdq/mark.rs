//! Which tensors are quantised, and how: one walk over the nodes.

use std::collections::{BTreeMap, HashMap};

use wharf_onnx::GraphEditor;
use wharf_onnx::proto::NodeProto;

use super::StaticOptions;
use crate::OptimizeError;
use crate::calibrate::Ranges;
use crate::quantise::scope::node_name;
use crate::quantise::weights::{QuantisedWeight, float_constant};

/// How one tensor is quantised.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mark {
    /// With a range of its own, as an activation.
    Activation,
    /// As a weight, with a scale for each entry of this dimension.
    Weight(Option<usize>),
    /// With the parameters of another tensor, because its values are some of that tensor's.
    Shared(String),
}

/// A bias, whose scale follows from the two that are multiplied before it is added.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bias {
    pub(super) name: String,
    pub(super) input: String,
    pub(super) weight: String,
    /// What the node multiplies the bias by; the node's own attribute is 1 afterwards.
    pub(super) beta: f32,
}

/// What is quantised.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Names in the order in which they were met first.
    order: Vec<String>,
    marks: HashMap<String, Mark>,
    pub(super) biases: Vec<Bias>,
}

impl Marks {
    /// Walks over the nodes, and takes those away that quantisation makes superfluous.
    pub(super) fn of_graph(editor: &mut GraphEditor, ranges: &Ranges, options: &StaticOptions) -> Self {
        let mut walk = Walk { editor, ranges, options, marks: Self::default() };
        let mut removed = Vec::new();
        for index in 0..walk.editor.graph().node.len() {
            let node = walk.editor.graph().node[index].clone();
            if options.scope.holds(&node) && walk.node(index, &node) {
                removed.push(node_name(&node).to_owned());
            }
        }
        let mut marks = walk.marks;
        editor.remove_nodes(|node| {
            ["Clip", "Relu"].contains(&node.op_type.as_str())
                && removed.iter().any(|name| name == node_name(node))
        });
        if options.float_results {
            marks.leave_results(editor, options);
        }
        marks
    }

    /// The tensors that are still quantised, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Mark)> {
        self.order.iter().filter_map(|name| Some((name.as_str(), self.marks.get(name)?)))
    }

    pub(super) fn holds(&self, name: &str) -> bool {
        self.marks.contains_key(name) || self.biases.iter().any(|bias| bias.name == name)
    }

    fn set(&mut self, name: &str, mark: Mark) {
        if self.marks.insert(name.to_owned(), mark).is_none() {
            self.order.retain(|known| known != name);
            self.order.push(name.to_owned());
        }
    }

    /// Takes back the marks of results of products of matrices that no quantised node takes.
    fn leave_results(&mut self, editor: &GraphEditor, options: &StaticOptions) {
        let nodes = editor.graph().node.iter();
        for name in nodes.filter(|node| is_product(node)).flat_map(|node| &node.output) {
            // An activation that stayed, because nothing quantised follows it, does not count.
            let is_taker = |node: &NodeProto| {
                let stays = REMOVABLE.contains(&node.op_type.as_str());
                let is_marked = node.output.first().is_some_and(|output| self.marks.contains_key(output));
                options.scope.holds(node) && (is_marked || !stays)
            };
            let is_taken = editor.consumers(name).any(is_taker);
            if !is_taken && self.marks.get(name) == Some(&Mark::Activation) {
                self.marks.remove(name);
            }
        }
    }

    /// Scales for the constants among the marked tensors. Where a bias would need more than 32 bits, the weight's scale
    /// is widened.
    ///
    /// # Errors
    /// A constant is malformed or not finite.
    pub(super) fn fit_constants(
        &self,
        editor: &GraphEditor,
        ranges: &Ranges,
        options: &StaticOptions,
    ) -> Result<BTreeMap<String, QuantisedWeight>, OptimizeError> {
        let mut fitted = BTreeMap::new();
        for (name, mark) in self.iter() {
            let Some((values, dims)) = float_constant(editor, name)? else { continue };
            let (axis, grid) = match mark {
                Mark::Weight(axis) => (*axis, options.weight_grid()),
                // What an elementwise operator takes is quantised as an activation.
                _ => (None, super::Grid { reduced: options.reduce_range, ..options.activation_grid() }),
            };
            fitted.insert(name.to_owned(), QuantisedWeight::fit(name, &values, &dims, axis, grid)?);
        }
        super::bias::widen_scales(editor, self, ranges, options, &mut fitted)?;
        Ok(fitted)
    }
}

struct Walk<'a> {
    editor: &'a mut GraphEditor,
    ranges: &'a Ranges,
    options: &'a StaticOptions,
    marks: Marks,
}

impl Walk<'_> {
    /// Marks what `node` takes and makes; true where the node is to go.
    fn node(&mut self, index: usize, node: &NodeProto) -> bool {
        let (Some(input), Some(output)) = (node.input.first(), node.output.first()) else { return false };
        match node.op_type.as_str() {
            "Conv" => self.weighted(index, node, Some(0)),
            "Gemm" => {
                let is_transposed = attribute(node, "transB").is_some_and(|attribute| attribute.i > Some(0));
                self.weighted(index, node, Some(usize::from(!is_transposed)));
            }
            "MatMul" => self.matmul(node),
            "Clip" | "Relu" => return self.removable(input, output),
            "AveragePool" | "Flatten" | "MaxPool" | "Reshape" | "Slice" | "Squeeze" | "Transpose"
            | "Unsqueeze" => {
                if self.marks.holds(input) {
                    self.share(output, input);
                }
            }
            "Pad" => self.pad(node, input, output),
            _ => node.input.iter().chain(&node.output).for_each(|name| self.activation(name)),
        }
        false
    }

    fn activation(&mut self, name: &str) {
        let is_quantisable = self.ranges.get(name).is_some() || self.is_float_constant(name);
        if is_quantisable && !self.marks.marks.contains_key(name) {
            self.marks.set(name, Mark::Activation);
        }
    }

    fn share(&mut self, output: &str, input: &str) {
        if self.ranges.get(output).is_some() {
            self.marks.set(output, Mark::Shared(input.to_owned()));
        }
    }

    fn weight(&mut self, name: &str, axis: Option<usize>) {
        match self.editor.initializer(name) {
            Some(constant) if constant.data_type == 1 => {
                let axis = axis.filter(|&axis| self.options.per_channel && axis < constant.dims.len());
                if axis.is_some() || !self.marks.marks.contains_key(name) {
                    self.marks.set(name, Mark::Weight(axis));
                }
            }
            _ => self.activation(name),
        }
    }

    /// `Conv` and `Gemm`: activation, weight, perhaps a bias.
    fn weighted(&mut self, index: usize, node: &NodeProto, axis: Option<usize>) {
        let [input, weight, ..] = node.input.as_slice() else { return };
        self.activation(input);
        node.output.iter().for_each(|name| self.activation(name));
        self.weight(weight, axis);
        let Some(bias) = node.input.get(2).filter(|name| self.is_bias(name, weight)) else { return };
        let beta = attribute(node, "beta").and_then(|attribute| attribute.f).unwrap_or(1.0);
        let name = self.own_bias(index, bias);
        self.marks.biases.push(Bias { name, input: input.clone(), weight: weight.clone(), beta });
        // The beta is in the bias from now on.
        for attribute in &mut self.editor.graph_mut().node[index].attribute {
            if attribute.name == "beta" {
                attribute.f = Some(1.0);
            }
        }
    }

    /// Whether a bias can become integers: it is a constant vector, and so is what it is added to multiplied with.
    fn is_bias(&self, bias: &str, weight: &str) -> bool {
        self.is_float_constant(weight)
            && self.is_float_constant(bias)
            && self.editor.initializer(bias).is_some_and(|constant| constant.dims.len() == 1)
    }

    /// The name of a bias that only this node has: a copy where another node's bias is the same constant.
    fn own_bias(&mut self, index: usize, bias: &str) -> String {
        if !self.marks.biases.iter().any(|known| known.name == bias) {
            return bias.to_owned();
        }
        let copy = (1..).map(|number| format!("{bias}{number}"));
        let name = copy.into_iter().find(|name| self.editor.initializer(name).is_none()).unwrap_or_default();
        let graph = self.editor.graph_mut();
        if let Some(mut constant) = graph.initializer.iter().find(|constant| constant.name == bias).cloned() {
            name.clone_into(&mut constant.name);
            graph.initializer.push(constant);
        }
        name.clone_into(&mut graph.node[index].input[2]);
        name
    }

    fn matmul(&mut self, node: &NodeProto) {
        for name in node.input.iter().chain(&node.output) {
            self.weight(name, Some(1));
        }
    }

    /// `Relu` and `Clip`: where only they take what comes before, its producer makes their output instead.
    fn removable(&mut self, input: &str, output: &str) -> bool {
        if !self.marks.holds(input) || self.is_result(input, output) {
            return false;
        }
        let is_superfluous = self.ranges.get(output).is_some()
            && self.editor.num_uses(input) == 1
            && !self.editor.is_output(input)
            && !self.editor.is_input(input);
        if is_superfluous {
            self.editor.replace_output(input, output);
            self.marks.marks.remove(input);
        } else {
            self.activation(input);
        }
        self.activation(output);
        is_superfluous
    }

    /// Whether what an activation makes of a product of matrices is to stay float, and so the activation as well: without
    /// bounds of integers behind it, it has work to do.
    fn is_result(&self, input: &str, output: &str) -> bool {
        self.options.float_results
            && self.editor.producer(input).is_some_and(is_product)
            && !self.editor.consumers(output).any(|node| self.options.scope.holds(node))
    }

    /// What is filled in is zero, which every range holds, or a value that is there already.
    fn pad(&mut self, node: &NodeProto, input: &str, output: &str) {
        let names: Vec<&String> = node.input.iter().filter(|name| !name.is_empty()).collect();
        names.into_iter().for_each(|name| self.activation(name));
        let mode = attribute(node, "mode").and_then(|attribute| attribute.s.clone()).unwrap_or_default();
        let fill = node.input.get(2).filter(|name| !name.is_empty());
        let is_zero = fill.is_none_or(|name| {
            let constant = float_constant(self.editor, name).ok().flatten();
            constant.is_some_and(|(values, _)| values.iter().all(|&value| value == 0.0))
        });
        match mode.is_empty() || mode == "constant" {
            true if !is_zero => self.activation(output),
            _ => self.share(output, input),
        }
    }

    fn is_float_constant(&self, name: &str) -> bool {
        self.editor.initializer(name).is_some_and(|constant| constant.data_type == 1)
    }
}

/// Activations that the bounds of integers can replace.
const REMOVABLE: [&str; 2] = ["Clip", "Relu"];

fn is_product(node: &NodeProto) -> bool {
    ["Gemm", "MatMul"].contains(&node.op_type.as_str())
}

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a wharf_onnx::proto::AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}
