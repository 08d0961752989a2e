//! What a pickle builds, as a flat list of nodes that refer to each other by number. Sharing and cycles cost
//! nothing, and nothing that walks it has to recurse: not even dropping it.

use std::fmt;

use bytes::Bytes;

use crate::machine::Machine;
use crate::{Globals, Limits, PickleError, Value};

/// The number of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NodeId(pub(crate) u32);

#[derive(Debug)]
pub(crate) enum Node {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Bytes(Bytes),
    Text(Box<str>),
    List(Vec<NodeId>),
    Tuple(Vec<NodeId>),
    Dict(Vec<(NodeId, NodeId)>),
    Global { module: &'static str, name: &'static str },
    Call { callable: NodeId, arguments: NodeId, state: Option<NodeId> },
    Persistent(NodeId),
}

/// What a pickle holds, built without running any of it.
pub struct Pickle {
    nodes: Vec<Node>,
    root: NodeId,
}

impl Pickle {
    /// Reads a pickle that refers to no globals but these. Byte strings share `content`.
    ///
    /// # Errors
    /// The pickle is truncated or malformed, exceeds a limit, or uses a protocol, opcode or global that is not
    /// allowed; nothing of it has run then either.
    pub fn parse(content: &Bytes, globals: Globals, limits: &Limits) -> Result<Self, PickleError> {
        let (nodes, root) = Machine::new(content, globals, limits).run()?;
        Ok(Self { nodes, root })
    }

    /// The value that the whole pickle stands for.
    pub fn root(&self) -> Value<'_> {
        Value::new(self, self.root)
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        // Numbers are made by pushing nodes, and nodes are never taken away.
        &self.nodes[id.0 as usize]
    }
}

impl fmt::Debug for Pickle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pickle").field("nodes", &self.nodes.len()).field("root", &self.root()).finish()
    }
}
