//! Changing a graph that exists: names replaced, nodes added and taken away, and the result put in order.

use std::collections::{HashMap, HashSet};

use wharf_tensor::Tensor;

use crate::proto::{GraphProto, ModelProto, NodeProto, TensorProto};
use crate::{Attribute, Model, OnnxError, dtype_code};

/// A model whose graph is being changed. Nodes may stand in any order meanwhile; [`GraphEditor::finish`] sorts
/// them, drops constants that nothing uses any more, and validates the whole.
///
/// Graphs within nodes (branches, bodies of loops) are left as they are; what they use of the graph around them counts
/// as used.
///
/// ```
/// # use wharf_onnx::{GraphBuilder, GraphEditor};
/// # use wharf_tensor::{DType, TensorSpec};
/// # let spec = |name| TensorSpec::new(name, DType::F32, &[-1, 3]);
/// # let mut graph = GraphBuilder::new("rectify");
/// # let x = graph.input(&spec("x"))?;
/// # let rectified = graph.relu(&x);
/// # graph.output(&rectified, &spec("y"))?;
/// # let model = graph.build()?;
/// let mut editor = GraphEditor::new(model);
/// editor.add_node("Neg", &["x"], &["negative"], Vec::new());
/// editor.replace_inputs("x", "negative", |node| node.op_type == "Relu");
/// assert_eq!(editor.finish()?.nodes()[0].op_type, "Neg");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct GraphEditor {
    proto: ModelProto,
    graph: GraphProto,
}

impl GraphEditor {
    /// Begins with `model`.
    pub fn new(model: Model) -> Self {
        let mut proto = model.into_proto();
        let graph = proto.graph.take().unwrap_or_default();
        Self { proto, graph }
    }

    /// The graph as it is now.
    pub fn graph(&self) -> &GraphProto {
        &self.graph
    }

    /// The graph, to be changed in ways that have no method here.
    pub fn graph_mut(&mut self) -> &mut GraphProto {
        &mut self.graph
    }

    /// The constant of this name.
    pub fn initializer(&self, name: &str) -> Option<&TensorProto> {
        self.graph.initializer.iter().find(|tensor| tensor.name == name)
    }

    /// Adds a constant, or replaces the one of this name.
    ///
    /// # Errors
    /// The elements are strings.
    pub fn set_initializer(&mut self, name: &str, tensor: &Tensor) -> Result<(), OnnxError> {
        let raw = tensor.bytes().ok_or_else(|| OnnxError::tensor(name, "holds strings, expected numbers"))?;
        let made = TensorProto {
            name: name.to_owned(),
            dims: tensor.shape().to_i64(),
            data_type: dtype_code(tensor.dtype()),
            raw_data: Some(raw.clone()),
            ..TensorProto::default()
        };
        match self.graph.initializer.iter_mut().find(|tensor| tensor.name == name) {
            Some(present) => *present = made,
            None => self.graph.initializer.push(made),
        }
        Ok(())
    }

    /// Takes a constant away.
    pub fn remove_initializer(&mut self, name: &str) {
        self.graph.initializer.retain(|tensor| tensor.name != name);
    }

    /// Whether `name` is an output of the graph.
    pub fn is_output(&self, name: &str) -> bool {
        self.graph.output.iter().any(|info| info.name == name)
    }

    /// Whether `name` is an input of the graph.
    pub fn is_input(&self, name: &str) -> bool {
        self.graph.input.iter().any(|info| info.name == name)
    }

    /// How many inputs of nodes `name` is, those of graphs within nodes included.
    pub fn num_uses(&self, name: &str) -> usize {
        self.graph.node.iter().map(|node| uses_in_node(node, name)).sum()
    }

    /// The node that makes `name`.
    pub fn producer(&self, name: &str) -> Option<&NodeProto> {
        self.graph.node.iter().find(|node| node.output.iter().any(|output| output == name))
    }

    /// The nodes of the graph itself that take `name`.
    pub fn consumers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a NodeProto> {
        self.graph.node.iter().filter(move |node| node.input.iter().any(|input| input == name))
    }

    /// Gives the nodes for which `is_meant` holds `new` where they took `old`.
    pub fn replace_inputs(&mut self, old: &str, new: &str, is_meant: impl Fn(&NodeProto) -> bool) {
        for node in self.graph.node.iter_mut().filter(|node| is_meant(node)) {
            node.input.iter_mut().filter(|input| *input == old).for_each(|input| new.clone_into(input));
        }
    }

    /// Lets the node that makes `old` make `new` instead.
    pub fn replace_output(&mut self, old: &str, new: &str) {
        for node in &mut self.graph.node {
            node.output.iter_mut().filter(|output| *output == old).for_each(|output| new.clone_into(output));
        }
    }

    /// Adds a node of one of ONNX's own operators, named after its first output.
    pub fn add_node(&mut self, op_type: &str, inputs: &[&str], outputs: &[&str], attributes: Vec<Attribute>) {
        let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        self.graph.node.push(NodeProto {
            input: own(inputs),
            output: own(outputs),
            name: format!("{}_{op_type}", outputs.first().copied().unwrap_or_default()),
            op_type: op_type.to_owned(),
            attribute: attributes.into_iter().map(Attribute::into_proto).collect(),
            ..NodeProto::default()
        });
    }

    /// Takes the nodes away for which `is_meant` holds.
    pub fn remove_nodes(&mut self, is_meant: impl Fn(&NodeProto) -> bool) {
        self.graph.node.retain(|node| !is_meant(node));
    }

    /// Takes away the nodes whose values nobody uses, and those whose values only they used.
    pub fn remove_dead_nodes(&mut self) {
        let mut needed: HashSet<String> = self.graph.output.iter().map(|info| info.name.clone()).collect();
        let mut is_live = vec![false; self.graph.node.len()];
        loop {
            let mut has_grown = false;
            for (node, is_live) in self.graph.node.iter().zip(&mut is_live) {
                if !*is_live && node.output.iter().any(|output| needed.contains(output)) {
                    (*is_live, has_grown) = (true, true);
                    for_each_use(node, &mut |name| {
                        needed.insert(name.to_owned());
                    });
                }
            }
            if !has_grown {
                break;
            }
        }
        let mut is_live = is_live.into_iter();
        self.graph.node.retain(|_| is_live.next().unwrap_or(true));
    }

    /// Says that the nodes are of this version of ONNX's own operator set. Whether they mean the same there is for the
    /// caller to know.
    pub fn set_opset(&mut self, version: i64) {
        for import in
            self.proto.opset_import.iter_mut().filter(|import| crate::validate::is_own(&import.domain))
        {
            import.version = version;
        }
    }

    /// Says which tool made the model, after a change that deserves it.
    pub fn set_producer(&mut self, name: &str, version: &str) {
        name.clone_into(&mut self.proto.producer_name);
        version.clone_into(&mut self.proto.producer_version);
    }

    /// The changed model: nodes in order, constants that nothing uses gone, types of values that no longer exist gone.
    ///
    /// # Errors
    /// The graph contradicts itself.
    pub fn finish(mut self) -> Result<Model, OnnxError> {
        sort(&mut self.graph.node);
        self.drop_unused();
        self.proto.graph = Some(self.graph);
        Model::from_proto(self.proto)
    }

    fn drop_unused(&mut self) {
        let mut used: HashSet<String> = self.graph.output.iter().map(|info| info.name.clone()).collect();
        self.graph.node.iter().for_each(|node| {
            for_each_use(node, &mut |name| {
                used.insert(name.to_owned());
            });
        });
        self.graph.initializer.retain(|tensor| used.contains(&tensor.name));
        let constants: HashSet<&str> =
            self.graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
        let made: HashSet<&str> =
            self.graph.node.iter().flat_map(|node| &node.output).map(String::as_str).collect();
        self.graph
            .value_info
            .retain(|info| made.contains(info.name.as_str()) || constants.contains(info.name.as_str()));
    }
}

impl Model {
    /// The nodes of the outermost graph, each after those that it depends on.
    pub fn nodes(&self) -> &[NodeProto] {
        self.proto().graph.as_ref().map_or(&[], |graph| &graph.node)
    }
}

/// Calls `found` with every name that the node takes, those of graphs within it included.
fn for_each_use(node: &NodeProto, found: &mut impl FnMut(&str)) {
    node.input.iter().filter(|name| !name.is_empty()).for_each(|name| found(name));
    let within = node
        .attribute
        .iter()
        .flat_map(|attribute| attribute.g.iter().map(AsRef::as_ref).chain(&attribute.graphs));
    let mut graphs: Vec<&GraphProto> = within.collect();
    while let Some(graph) = graphs.pop() {
        graph.output.iter().for_each(|info| found(&info.name));
        for node in &graph.node {
            node.input.iter().filter(|name| !name.is_empty()).for_each(|name| found(name));
            for attribute in &node.attribute {
                graphs.extend(attribute.g.iter().map(AsRef::as_ref).chain(&attribute.graphs));
            }
        }
    }
}

fn uses_in_node(node: &NodeProto, wanted: &str) -> usize {
    let mut count = 0;
    for_each_use(node, &mut |name| count += usize::from(name == wanted));
    count
}

/// Puts each node after those that it depends on, and otherwise leaves them as they are. Nodes in a circle keep their
/// places at the end, where validation finds them.
fn sort(nodes: &mut Vec<NodeProto>) {
    let mut maker = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for output in node.output.iter().filter(|name| !name.is_empty()) {
            maker.insert(output.clone(), index);
        }
    }
    let needs: Vec<Vec<usize>> = nodes.iter().map(|node| needs_of(node, &maker)).collect();
    let mut users = vec![Vec::new(); nodes.len()];
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    for (index, needs) in needs.iter().enumerate() {
        needs.iter().for_each(|&need| users[need].push(index));
    }
    let mut ready: std::collections::BTreeSet<usize> =
        (0..nodes.len()).filter(|&index| open[index] == 0).collect();
    let mut order = Vec::new();
    while let Some(index) = ready.pop_first() {
        order.push(index);
        for &user in &users[index] {
            open[user] -= 1;
            if open[user] == 0 {
                ready.insert(user);
            }
        }
    }
    order.extend((0..nodes.len()).filter(|&index| open[index] > 0));
    let mut taken: Vec<Option<NodeProto>> = std::mem::take(nodes).into_iter().map(Some).collect();
    *nodes = order.into_iter().filter_map(|index| taken[index].take()).collect();
}

/// The nodes, by place, whose values a node takes; each once.
fn needs_of(node: &NodeProto, maker: &HashMap<String, usize>) -> Vec<usize> {
    let mut needs = Vec::new();
    for_each_use(node, &mut |name| {
        if let Some(&index) = maker.get(name)
            && !needs.contains(&index)
        {
            needs.push(index);
        }
    });
    needs
}

#[cfg(test)]
mod tests;
