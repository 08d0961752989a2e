//! What a pickle calls: two functions are understood, the rest is kept as a call that nobody makes.

use bytes::Bytes;

use crate::PickleError;
use crate::machine::Machine;
use crate::node::{Node, NodeId};

impl Machine<'_> {
    /// Replaces a callable and its arguments by the result.
    pub(crate) fn reduce(&mut self) -> Result<(), PickleError> {
        let ids = self.pop_many(2)?;
        let (callable, arguments) = (ids[0], ids[1]);
        let Node::Global { module, name } = *self.get(callable) else {
            return Err(self.malformed("something else than a global is called"));
        };
        let Node::Tuple(items) = self.get(arguments) else {
            return Err(self.malformed("the arguments of a call are no tuple"));
        };
        match (module, name, items.as_slice()) {
            ("_codecs", "encode", &[text, encoding]) => self.encode(text, encoding),
            ("collections", "OrderedDict", []) => self.push_new(Node::Dict(Vec::new()), 1),
            ("collections", "OrderedDict", &[pairs]) => self.dict_of_pairs(pairs),
            _ => {
                let depth = self.depth_over(&[arguments]);
                self.push_new(Node::Call { callable, arguments, state: None }, depth)
            }
        }
    }

    /// Gives a call the state that the object is restored from. Attributes of a dictionary (such as PyTorch's
    /// `_metadata`) are dropped.
    pub(crate) fn build(&mut self) -> Result<(), PickleError> {
        let added = self.pop()?;
        let target = self.deepen_top(&[added])?;
        match &mut self.nodes[target.0 as usize] {
            Node::Call { state: state @ None, .. } => *state = Some(added),
            Node::Dict(_) => {}
            _ => return Err(self.malformed("something that takes no state is given one")),
        }
        Ok(())
    }

    /// `_codecs.encode(text, 'latin1')`, the form in which Python 3 writes bytes in protocol 2.
    fn encode(&mut self, text: NodeId, encoding: NodeId) -> Result<(), PickleError> {
        let (Node::Text(text), Node::Text(encoding)) = (self.get(text), self.get(encoding)) else {
            return Err(self.malformed("something else than a text is encoded"));
        };
        if &**encoding != "latin1" {
            return Err(self.malformed("a text is encoded by another encoding than latin1"));
        }
        let bytes: Result<Vec<u8>, _> = text.chars().map(|c| u8::try_from(u32::from(c))).collect();
        let bytes = bytes.map_err(|_| self.malformed("a text holds characters outside latin1"))?;
        self.count_decoded(bytes.len())?;
        self.push_new(Node::Bytes(Bytes::from(bytes)), 0)
    }

    /// `OrderedDict([(key, value), ...])`, the form in which Python 2 writes one.
    fn dict_of_pairs(&mut self, pairs: NodeId) -> Result<(), PickleError> {
        let Node::List(pairs) = self.get(pairs) else {
            return Err(self.malformed("a dictionary is made of something else than pairs"));
        };
        let pair = |id: &NodeId| match self.get(*id) {
            Node::List(items) | Node::Tuple(items) => match **items {
                [key, value] => Some((key, value)),
                _ => None,
            },
            _ => None,
        };
        let entries: Option<Vec<_>> = pairs.iter().map(pair).collect();
        let entries =
            entries.ok_or_else(|| self.malformed("a dictionary is made of something else than pairs"))?;
        let deepest = entries.iter().map(|&(key, value)| self.depth_over(&[key, value])).max();
        self.push_new(Node::Dict(entries), deepest.unwrap_or(1))
    }

    fn get(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }
}
