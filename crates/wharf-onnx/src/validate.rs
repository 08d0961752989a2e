//! Whether a graph is sound.

use std::collections::HashSet;

use crate::OnnxError;
use crate::error::shortened;
use crate::proto::{AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto};
use crate::tensor;

/// Whether a namespace is ONNX's own; it has two spellings.
pub(crate) fn is_own(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// Checks a whole model.
pub(crate) fn check(model: &ModelProto) -> Result<(), OnnxError> {
    if model.ir_version < 1 {
        return Err(OnnxError::missing("version of the format"));
    }
    if model.opset_import.is_empty() {
        return Err(OnnxError::missing("operator set"));
    }
    let mut domains = HashSet::new();
    for import in &model.opset_import {
        if !domains.insert(if is_own(&import.domain) { "" } else { &import.domain }) {
            return Err(OnnxError::duplicate("operator set", &import.domain));
        }
    }
    let graph = model.graph.as_ref().ok_or_else(|| OnnxError::missing("graph"))?;
    if graph.output.is_empty() {
        return Err(OnnxError::missing("output"));
    }
    check_graph(graph, &mut Scopes::default())?;
    model.functions.iter().try_for_each(check_function)
}

/// The names that are visible: those of the graph itself, and of the graphs around it. Graphs nest at most as
/// deep as the protobuf decoder allows messages to nest, which is 100.
#[derive(Default)]
struct Scopes<'a>(Vec<HashSet<&'a str>>);

impl<'a> Scopes<'a> {
    fn define(&mut self, name: &'a str) -> Result<(), OnnxError> {
        let is_new = self.0.last_mut().is_some_and(|innermost| innermost.insert(name));
        if is_new { Ok(()) } else { Err(OnnxError::duplicate("value", name)) }
    }

    fn sees(&self, name: &str) -> bool {
        self.0.iter().rev().any(|scope| scope.contains(name))
    }
}

fn check_graph<'a>(graph: &'a GraphProto, scopes: &mut Scopes<'a>) -> Result<(), OnnxError> {
    let mut inputs = HashSet::new();
    for input in &graph.input {
        check_name("input", &input.name)?;
        if !inputs.insert(input.name.as_str()) {
            return Err(OnnxError::duplicate("input", &input.name));
        }
    }
    let mut constants = HashSet::new();
    for name in graph_constants(graph)? {
        if !constants.insert(name) {
            return Err(OnnxError::duplicate("initializer", name));
        }
    }
    // An input may have a constant as its default, so the two sets may overlap.
    scopes.0.push(inputs.union(&constants).copied().collect());
    graph.node.iter().try_for_each(|node| check_node(node, scopes))?;
    for output in &graph.output {
        check_name("output", &output.name)?;
        if !scopes.sees(&output.name) {
            return Err(OnnxError::undefined("the output list", &output.name));
        }
    }
    scopes.0.pop();
    Ok(())
}

/// Checks the constants of a graph and gives their names.
fn graph_constants(graph: &GraphProto) -> Result<Vec<&str>, OnnxError> {
    let mut names = Vec::new();
    for constant in &graph.initializer {
        tensor::check(constant)?;
        names.push(constant.name.as_str());
    }
    for constant in &graph.sparse_initializer {
        tensor::check_sparse(constant)?;
        names.extend(constant.values.as_ref().map(|values| values.name.as_str()));
    }
    match names.contains(&"") {
        true => Err(OnnxError::missing("name for an initializer")),
        false => Ok(names),
    }
}

fn check_node<'a>(node: &'a NodeProto, scopes: &mut Scopes<'a>) -> Result<(), OnnxError> {
    if node.op_type.is_empty() {
        return Err(OnnxError::missing("operator for a node"));
    }
    for input in node.input.iter().filter(|name| !name.is_empty()) {
        if !scopes.sees(input) {
            let user = format!("node `{}` ({})", shortened(&node.name), shortened(&node.op_type));
            return Err(OnnxError::undefined(&user, input));
        }
    }
    let mut names = HashSet::new();
    for attribute in &node.attribute {
        if !names.insert(attribute.name.as_str()) {
            return Err(OnnxError::duplicate("attribute", &attribute.name));
        }
        check_attribute(attribute, scopes)?;
    }
    node.output.iter().filter(|name| !name.is_empty()).try_for_each(|name| scopes.define(name))
}

fn check_attribute<'a>(attribute: &'a AttributeProto, scopes: &mut Scopes<'a>) -> Result<(), OnnxError> {
    attribute.t.iter().map(AsRef::as_ref).chain(&attribute.tensors).try_for_each(tensor::check)?;
    let sparse = attribute.sparse_tensor.iter().map(AsRef::as_ref).chain(&attribute.sparse_tensors);
    sparse.into_iter().try_for_each(tensor::check_sparse)?;
    let mut graphs = attribute.g.iter().map(AsRef::as_ref).chain(&attribute.graphs);
    graphs.try_for_each(|graph| check_graph(graph, scopes))
}

fn check_function(function: &FunctionProto) -> Result<(), OnnxError> {
    let mut scopes = Scopes(vec![HashSet::new()]);
    function.input.iter().try_for_each(|name| scopes.define(name))?;
    function.node.iter().try_for_each(|node| check_node(node, &mut scopes))?;
    match function.output.iter().find(|name| !scopes.sees(name)) {
        Some(name) => Err(OnnxError::undefined("the output list of a function", name)),
        None => Ok(()),
    }
}

fn check_name(what: &'static str, name: &str) -> Result<(), OnnxError> {
    match (what, name) {
        ("input", "") => Err(OnnxError::missing("name for an input")),
        (_, "") => Err(OnnxError::missing("name for an output")),
        _ => Ok(()),
    }
}
