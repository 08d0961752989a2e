//! Which tensors have the same channels.
//!
//! A channel that a layer makes goes through activations, pools and depthwise convolutions and is taken by other layers;
//! it can go if all of them are understood. One walk over the nodes follows dimension 1 of the tensors.

use std::collections::HashMap;

use wharf_onnx::Model;
use wharf_onnx::proto::NodeProto;

use crate::quantise::scope::is_own;

/// A constant that loses entries with its channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) constant: String,
    pub(super) axis: usize,
    /// Whether these are the weights that make the channels, by which their worth is told.
    pub(super) is_source: bool,
}

/// The channels that one layer makes.
#[derive(Debug, Default)]
pub(super) struct Space {
    /// The name of the node that makes them.
    pub(super) layer: String,
    pub(super) channels: usize,
    pub(super) slices: Vec<Slice>,
    /// Depthwise convolutions over them, by output: their groups are as many as the channels.
    pub(super) depthwise: Vec<String>,
    /// Whether something takes them that is not understood, such as an addition of two layers.
    pub(super) is_frozen: bool,
}

/// The channels of every layer.
#[derive(Debug, Default)]
pub(super) struct Spaces {
    pub(super) spaces: Vec<Space>,
    of_tensor: HashMap<String, usize>,
}

/// Operators that keep channels where they are.
const CHANNELWISE: [&str; 12] = [
    "AveragePool",
    "Clip",
    "Dropout",
    "Flatten",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LeakyRelu",
    "MaxPool",
    "Relu",
];

impl Spaces {
    pub(super) fn of_model(model: &Model) -> Self {
        let mut walk = Walk { model, dims: dims(model), spaces: Self::default() };
        model.nodes().iter().for_each(|node| walk.node(node));
        let mut spaces = walk.spaces;
        let outputs = model.proto().graph.iter().flat_map(|graph| &graph.output);
        outputs.for_each(|output| spaces.freeze(&output.name));
        spaces.freeze_shared_constants(model);
        spaces
    }

    fn freeze(&mut self, tensor: &str) {
        if let Some(&space) = self.of_tensor.get(tensor) {
            self.spaces[space].is_frozen = true;
        }
    }

    /// A constant that several nodes take would have to lose the channels of all of them.
    fn freeze_shared_constants(&mut self, model: &Model) {
        let mut uses: HashMap<&str, usize> = HashMap::new();
        model
            .nodes()
            .iter()
            .flat_map(|node| &node.input)
            .for_each(|name| *uses.entry(name).or_default() += 1);
        for space in &mut self.spaces {
            space.is_frozen |= space.slices.iter().any(|slice| uses.get(slice.constant.as_str()) != Some(&1));
        }
    }
}

fn dims(model: &Model) -> HashMap<String, Vec<usize>> {
    let size = |&dim: &i64| usize::try_from(dim).unwrap_or(0);
    let floats = model.initializers().iter().filter(|constant| constant.data_type == 1);
    floats.map(|constant| (constant.name.clone(), constant.dims.iter().map(size).collect())).collect()
}

struct Walk<'a> {
    model: &'a Model,
    dims: HashMap<String, Vec<usize>>,
    spaces: Spaces,
}

impl Walk<'_> {
    fn node(&mut self, node: &NodeProto) {
        let has_graphs =
            node.attribute.iter().any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty());
        let is_understood = !has_graphs
            && is_own(node)
            && match node.op_type.as_str() {
                "Conv" => self.conv(node),
                "Gemm" => self.gemm(node),
                "MatMul" => self.matmul(node),
                "BatchNormalization" => self.batch_norm(node),
                "Add" | "Mul" | "Sub" => self.with_constant(node),
                operator if CHANNELWISE.contains(&operator) => self.pass_on(node),
                _ => false,
            };
        if !is_understood {
            node.input.iter().for_each(|name| self.spaces.freeze(name));
        }
        if has_graphs {
            // What graphs within a node take from outside is not followed.
            self.spaces.spaces.iter_mut().for_each(|space| space.is_frozen = true);
        }
    }

    fn space_of(&self, tensor: Option<&String>) -> Option<usize> {
        self.spaces.of_tensor.get(tensor?).copied()
    }

    /// New channels: dimension `axis` of the weight and the bias.
    fn make(&mut self, node: &NodeProto, weight: &str, axis: usize, channels: usize) {
        let mut slices = vec![Slice { constant: weight.to_owned(), axis, is_source: true }];
        let mut is_frozen = false;
        if let Some(bias) = node.input.get(2).filter(|bias| !bias.is_empty()) {
            is_frozen = self.dims.get(bias).is_none_or(|dims| *dims != [channels]);
            slices.push(Slice { constant: bias.clone(), axis: 0, is_source: false });
        }
        let layer = crate::quantise::node_name(node).to_owned();
        self.spaces.spaces.push(Space { layer, channels, slices, is_frozen, ..Space::default() });
        let index = self.spaces.spaces.len() - 1;
        self.spaces.of_tensor.extend(node.output.first().map(|output| (output.clone(), index)));
    }

    /// The channels of what a layer takes: a dimension of its weight, which holds each channel as often as there are
    /// positions where the input was flattened.
    fn take(&mut self, space: Option<usize>, constant: &str, axis: usize) {
        let Some(space) = space.and_then(|space| self.spaces.spaces.get_mut(space)) else { return };
        let size = self.dims.get(constant).and_then(|dims| dims.get(axis)).copied().unwrap_or(0);
        if space.channels == 0 || !size.is_multiple_of(space.channels) {
            space.is_frozen = true;
        }
        space.slices.push(Slice { constant: constant.to_owned(), axis, is_source: false });
    }

    fn conv(&mut self, node: &NodeProto) -> bool {
        let [input, weight, ..] = node.input.as_slice() else { return false };
        let Some(&[made, per_group, ..]) = self.dims.get(weight).map(Vec::as_slice) else { return false };
        let space = self.space_of(Some(input));
        match groups(node) {
            1 => {
                self.take(space, weight, 1);
                self.make(node, weight, 0, made);
                true
            }
            groups if groups == made && per_group == 1 => self.depthwise(node, space, weight, made),
            _ => false,
        }
    }

    fn depthwise(&mut self, node: &NodeProto, space: Option<usize>, weight: &str, channels: usize) -> bool {
        let Some(space) = space.filter(|&space| self.spaces.spaces[space].channels == channels) else {
            return false;
        };
        let (bias, output) = (node.input.get(2).filter(|bias| !bias.is_empty()), &node.output[0]);
        if bias.is_some_and(|bias| !self.dims.contains_key(bias)) {
            return false;
        }
        let constants = std::iter::once(weight).chain(bias.map(String::as_str));
        let slices = constants.map(|name| Slice { constant: name.to_owned(), axis: 0, is_source: false });
        self.spaces.spaces[space].slices.extend(slices);
        self.spaces.spaces[space].depthwise.push(output.clone());
        self.spaces.of_tensor.insert(output.clone(), space);
        true
    }

    fn gemm(&mut self, node: &NodeProto) -> bool {
        let [input, weight, ..] = node.input.as_slice() else { return false };
        let flag = |name: &str| node.attribute.iter().any(|found| found.name == name && found.i > Some(0));
        let Some(&[rows, columns]) = self.dims.get(weight).map(Vec::as_slice) else { return false };
        if flag("transA") {
            return false;
        }
        let (taken_axis, made_axis, made) = if flag("transB") { (1, 0, rows) } else { (0, 1, columns) };
        self.take(self.space_of(Some(input)), weight, taken_axis);
        self.make(node, weight, made_axis, made);
        true
    }

    fn matmul(&mut self, node: &NodeProto) -> bool {
        let [input, weight] = node.input.as_slice() else { return false };
        let Some(&[_, columns]) = self.dims.get(weight).map(Vec::as_slice) else { return false };
        // Only matrices are known to have their channels last where others have them at 1: those that a layer made.
        let space = self.space_of(Some(input));
        let is_known = space.is_some()
            || self
                .model
                .inputs()
                .is_ok_and(|inputs| inputs.iter().any(|spec| spec.name == *input && spec.shape.rank() == 2));
        if is_known {
            self.take(space, weight, 0);
            self.make(node, weight, 1, columns);
        }
        is_known
    }

    fn batch_norm(&mut self, node: &NodeProto) -> bool {
        let Some(space) = self.space_of(node.input.first()) else { return true };
        let channels = self.spaces.spaces[space].channels;
        let constants = node.input.get(1..5).unwrap_or_default();
        if constants.len() != 4
            || constants.iter().any(|name| self.dims.get(name).is_none_or(|dims| *dims != [channels]))
        {
            return false;
        }
        let slices = constants.iter().map(|name| Slice { constant: name.clone(), axis: 0, is_source: false });
        self.spaces.spaces[space].slices.extend(slices);
        self.pass_on(node)
    }

    /// A layer and a constant that has one entry for each channel, or one for all.
    fn with_constant(&mut self, node: &NodeProto) -> bool {
        let [left, right] = node.input.as_slice() else { return false };
        let (tensor, constant) = if self.dims.contains_key(right) { (left, right) } else { (right, left) };
        let (Some(space), Some(dims)) = (self.space_of(Some(tensor)), self.dims.get(constant)) else {
            return false;
        };
        let channels = self.spaces.spaces[space].channels;
        let large: Vec<usize> = (0..dims.len()).filter(|&axis| dims[axis] != 1).collect();
        // Of [C] and [1, C] the channels are last, which they are in a matrix; of [C, 1, 1] and [1, C, 1, 1] they are third
        // from last.
        let is_fitting = match (large.as_slice(), dims.len()) {
            ([], _) => true,
            (&[axis], 1 | 2) => dims[axis] == channels && axis + 1 == dims.len() && self.is_matrix(space),
            (&[axis], 3 | 4) => dims[axis] == channels && axis + 3 == dims.len() && !self.is_matrix(space),
            _ => false,
        };
        if !is_fitting {
            return false;
        }
        if let Some(&axis) = large.first() {
            let slice = Slice { constant: constant.clone(), axis, is_source: false };
            self.spaces.spaces[space].slices.push(slice);
        }
        self.spaces.of_tensor.insert(node.output[0].clone(), space);
        true
    }

    /// Whether the channels were made by a product of matrices.
    fn is_matrix(&self, space: usize) -> bool {
        let source = self.spaces.spaces[space].slices.first();
        source.and_then(|slice| self.dims.get(&slice.constant)).is_some_and(|dims| dims.len() == 2)
    }

    fn pass_on(&mut self, node: &NodeProto) -> bool {
        let is_first_axis = node.attribute.iter().all(|found| found.name != "axis" || found.i == Some(1));
        if node.op_type == "Flatten" && !is_first_axis {
            return false;
        }
        if let (Some(space), Some(output)) = (self.space_of(node.input.first()), node.output.first()) {
            self.spaces.of_tensor.insert(output.clone(), space);
        }
        true
    }
}

fn groups(node: &NodeProto) -> usize {
    let found =
        node.attribute.iter().find(|attribute| attribute.name == "group").and_then(|attribute| attribute.i);
    found.and_then(|groups| usize::try_from(groups).ok()).unwrap_or(1)
}
