//! The stack machine that a pickle is a program for, as far as plain data needs it.

use std::collections::HashMap;

use bytes::Bytes;

use crate::cursor::Cursor;
use crate::node::{Node, NodeId};
use crate::opcode::*;
use crate::{Globals, PickleError};

/// How much a pickle may hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The longest pickle, and the most bytes that its encoded strings take together once decoded.
    pub max_bytes: usize,
    /// The most values.
    pub max_nodes: usize,
    /// The most values that are remembered for later use.
    pub max_memo: usize,
    /// The deepest nesting.
    pub max_depth: usize,
    /// Whether persistent ids (references to data outside the pickle) are allowed.
    pub persistent_ids: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 1 << 30,
            max_nodes: 2_000_000,
            max_memo: 2_000_000,
            max_depth: 64,
            persistent_ids: false,
        }
    }
}

impl Limits {
    /// These limits with persistent ids allowed.
    pub fn with_persistent_ids(mut self) -> Self {
        self.persistent_ids = true;
        self
    }
}

/// The state of the machine. Each field grows by at most a constant for each byte of input, save what
/// [`Machine::count_decoded`] counts.
pub(crate) struct Machine<'a> {
    pub(crate) cursor: Cursor<'a>,
    pub(crate) nodes: Vec<Node>,
    depths: Vec<u32>,
    stack: Vec<NodeId>,
    /// Where on the stack the marks are.
    marks: Vec<usize>,
    memo: HashMap<u32, NodeId>,
    decoded_bytes: usize,
    globals: Globals,
    limits: &'a Limits,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(content: &'a Bytes, globals: Globals, limits: &'a Limits) -> Self {
        Self {
            cursor: Cursor::new(content),
            nodes: Vec::new(),
            depths: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            decoded_bytes: 0,
            globals,
            limits,
        }
    }

    /// Runs to the end, which has to be the end of the input too.
    pub(crate) fn run(mut self) -> Result<(Vec<Node>, NodeId), PickleError> {
        if self.cursor.remaining() > self.limits.max_bytes {
            return Err(PickleError::limit("bytes", self.limits.max_bytes));
        }
        self.check_protocol()?;
        loop {
            let offset = self.cursor.offset();
            let opcode = self.cursor.u8()?;
            if opcode == STOP {
                break;
            }
            self.step(opcode, offset)?;
        }
        let root = self.pop()?;
        if !self.stack.is_empty() || !self.marks.is_empty() || self.cursor.remaining() > 0 {
            return Err(self.malformed("it goes on after its end"));
        }
        Ok((self.nodes, root))
    }

    fn check_protocol(&mut self) -> Result<(), PickleError> {
        match self.cursor.array::<2>() {
            Ok([PROTO, 2..=4]) => Ok(()),
            Ok([PROTO, other]) => Err(PickleError::protocol(Some(other))),
            _ => Err(PickleError::protocol(None)),
        }
    }

    fn step(&mut self, opcode: u8, offset: usize) -> Result<(), PickleError> {
        match opcode {
            FRAME => self.frame(),
            MARK => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            POP => self.pop_value_or_mark(),
            POP_MARK => self.pop_to_mark().map(drop),
            NONE | NEWTRUE | NEWFALSE | BININT | BININT1 | BININT2 | LONG1 | BINFLOAT => self.scalar(opcode),
            BINSTRING | SHORT_BINSTRING | BINBYTES | SHORT_BINBYTES | BINBYTES8 => self.bytes(opcode),
            BINUNICODE | SHORT_BINUNICODE | BINUNICODE8 => self.text(opcode),
            EMPTY_LIST | LIST | APPEND | APPENDS => self.list(opcode),
            EMPTY_TUPLE | TUPLE | TUPLE1 | TUPLE2 | TUPLE3 => self.tuple(opcode),
            EMPTY_DICT | DICT | SETITEM | SETITEMS => self.dict(opcode),
            GLOBAL | STACK_GLOBAL => self.global(opcode),
            REDUCE => self.reduce(),
            BUILD => self.build(),
            BINPERSID if self.limits.persistent_ids => self.persistent_id(),
            BINGET | LONG_BINGET => self.recall(opcode),
            BINPUT | LONG_BINPUT | MEMOIZE => self.remember(opcode),
            other => Err(PickleError::opcode(other, offset)),
        }
    }

    fn frame(&mut self) -> Result<(), PickleError> {
        let length = self.cursor.length::<8>()?;
        if length > self.cursor.remaining() {
            return Err(PickleError::truncated(self.cursor.offset()));
        }
        Ok(())
    }

    fn scalar(&mut self, opcode: u8) -> Result<(), PickleError> {
        let node = match opcode {
            NEWTRUE => Node::Bool(true),
            NEWFALSE => Node::Bool(false),
            BININT => Node::Int(self.cursor.i32()?.into()),
            BININT1 => Node::Int(self.cursor.u8()?.into()),
            BININT2 => Node::Int(self.cursor.u16()?.into()),
            LONG1 => Node::Int(self.long()?),
            BINFLOAT => Node::Float(f64::from_be_bytes(self.cursor.array()?)),
            _ => Node::None,
        };
        self.push_new(node, 0)
    }

    /// A little-endian integer in two's complement of up to eight bytes.
    fn long(&mut self) -> Result<i64, PickleError> {
        let length = self.cursor.length::<1>()?;
        let bytes = self.cursor.slice(length)?;
        let sign = if bytes.last().is_some_and(|&byte| byte >= 0x80) { 0xff } else { 0 };
        let mut wide = [sign; 8];
        match wide.get_mut(..length) {
            Some(low) => low.copy_from_slice(&bytes),
            None => return Err(self.malformed("an integer has more than 64 bits")),
        }
        Ok(i64::from_le_bytes(wide))
    }

    fn bytes(&mut self, opcode: u8) -> Result<(), PickleError> {
        let length = match opcode {
            SHORT_BINSTRING | SHORT_BINBYTES => self.cursor.length::<1>()?,
            BINBYTES8 => self.cursor.length::<8>()?,
            // The length of BINSTRING is signed; a negative one reads as one that no input is as long as.
            _ => self.cursor.length::<4>()?,
        };
        let bytes = self.cursor.slice(length)?;
        self.push_new(Node::Bytes(bytes), 0)
    }

    fn text(&mut self, opcode: u8) -> Result<(), PickleError> {
        let length = match opcode {
            SHORT_BINUNICODE => self.cursor.length::<1>()?,
            BINUNICODE8 => self.cursor.length::<8>()?,
            _ => self.cursor.length::<4>()?,
        };
        let bytes = self.cursor.slice(length)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| self.malformed("a text is not UTF-8"))?;
        self.push_new(Node::Text(text.into()), 0)
    }

    fn list(&mut self, opcode: u8) -> Result<(), PickleError> {
        let added = match opcode {
            EMPTY_LIST => return self.push_new(Node::List(Vec::new()), 1),
            APPEND => vec![self.pop()?],
            _ => self.pop_to_mark()?,
        };
        if opcode == LIST {
            let depth = self.depth_over(&added);
            return self.push_new(Node::List(added), depth);
        }
        let list = self.deepen_top(&added)?;
        match &mut self.nodes[list.0 as usize] {
            Node::List(items) => items.extend(added),
            _ => return Err(self.malformed("something else than a list is appended to")),
        }
        Ok(())
    }

    fn tuple(&mut self, opcode: u8) -> Result<(), PickleError> {
        let items = match opcode {
            EMPTY_TUPLE => Vec::new(),
            TUPLE => self.pop_to_mark()?,
            _ => self.pop_many(usize::from(opcode - TUPLE1) + 1)?,
        };
        let depth = self.depth_over(&items);
        self.push_new(Node::Tuple(items), depth)
    }

    fn dict(&mut self, opcode: u8) -> Result<(), PickleError> {
        let added = match opcode {
            EMPTY_DICT => return self.push_new(Node::Dict(Vec::new()), 1),
            SETITEM => self.pop_many(2)?,
            _ => self.pop_to_mark()?,
        };
        let (pairs, []) = added.as_chunks::<2>() else {
            return Err(self.malformed("a dictionary has a key without a value"));
        };
        if opcode == DICT {
            self.push_new(Node::Dict(Vec::new()), 1)?;
        }
        let dict = self.deepen_top(&added)?;
        match &mut self.nodes[dict.0 as usize] {
            Node::Dict(entries) => entries.extend(pairs.iter().map(|&[key, value]| (key, value))),
            _ => return Err(self.malformed("something else than a dictionary is given an entry")),
        }
        Ok(())
    }

    fn global(&mut self, opcode: u8) -> Result<(), PickleError> {
        let &(module, name) = if opcode == GLOBAL {
            let module = self.cursor.line()?;
            let name = self.cursor.line()?;
            self.allowed(module, name)?
        } else {
            let ids = self.pop_many(2)?;
            match (&self.nodes[ids[0].0 as usize], &self.nodes[ids[1].0 as usize]) {
                (Node::Text(module), Node::Text(name)) => self.allowed(module, name)?,
                _ => return Err(self.malformed("the name of a global is no text")),
            }
        };
        self.push_new(Node::Global { module, name }, 0)
    }

    fn allowed(
        &self,
        module: &str,
        name: &str,
    ) -> Result<&'static (&'static str, &'static str), PickleError> {
        let found = self.globals.iter().find(|(m, n)| *m == module && *n == name);
        found.ok_or_else(|| PickleError::global(module, name))
    }

    fn persistent_id(&mut self) -> Result<(), PickleError> {
        let id = self.pop()?;
        let depth = self.depth_over(&[id]);
        self.push_new(Node::Persistent(id), depth)
    }

    fn remember(&mut self, opcode: u8) -> Result<(), PickleError> {
        let key = match opcode {
            BINPUT => self.cursor.u8()?.into(),
            LONG_BINPUT => self.cursor.u32()?,
            _ => u32::try_from(self.memo.len()).map_err(|_| PickleError::limit("memo entries", 0))?,
        };
        let top = self.top()?;
        self.memo.insert(key, top);
        if self.memo.len() > self.limits.max_memo {
            return Err(PickleError::limit("memo entries", self.limits.max_memo));
        }
        Ok(())
    }

    fn recall(&mut self, opcode: u8) -> Result<(), PickleError> {
        let key = if opcode == BINGET { self.cursor.u8()?.into() } else { self.cursor.u32()? };
        match self.memo.get(&key) {
            Some(&id) => {
                self.stack.push(id);
                Ok(())
            }
            None => Err(self.malformed("it recalls what it has not remembered")),
        }
    }

    /// Adds a node and puts it on the stack.
    pub(crate) fn push_new(&mut self, node: Node, depth: u32) -> Result<(), PickleError> {
        self.check_depth(depth)?;
        let id = u32::try_from(self.nodes.len()).ok().filter(|_| self.nodes.len() < self.limits.max_nodes);
        let id = NodeId(id.ok_or_else(|| PickleError::limit("values", self.limits.max_nodes))?);
        self.nodes.push(node);
        self.depths.push(depth);
        self.stack.push(id);
        Ok(())
    }

    /// How deep a value is that holds these.
    pub(crate) fn depth_over(&self, items: &[NodeId]) -> u32 {
        1 + items.iter().map(|id| self.depths[id.0 as usize]).max().unwrap_or(0)
    }

    /// The value on top, which is about to hold these too.
    pub(crate) fn deepen_top(&mut self, added: &[NodeId]) -> Result<NodeId, PickleError> {
        let top = self.top()?;
        let depth = self.depth_over(added).max(self.depths[top.0 as usize]);
        self.check_depth(depth)?;
        self.depths[top.0 as usize] = depth;
        Ok(top)
    }

    /// Counts bytes that were made rather than shared with the input: one remembered text could be decoded any
    /// number of times.
    pub(crate) fn count_decoded(&mut self, bytes: usize) -> Result<(), PickleError> {
        self.decoded_bytes = self.decoded_bytes.saturating_add(bytes);
        if self.decoded_bytes > self.limits.max_bytes {
            return Err(PickleError::limit("decoded bytes", self.limits.max_bytes));
        }
        Ok(())
    }

    pub(crate) fn pop(&mut self) -> Result<NodeId, PickleError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.pop() {
            Some(id) if self.stack.len() >= floor => Ok(id),
            _ => Err(self.malformed("it takes more values than it has made")),
        }
    }

    /// The last `count` values, in the order in which they were made.
    pub(crate) fn pop_many(&mut self, count: usize) -> Result<Vec<NodeId>, PickleError> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        items.reverse();
        Ok(items)
    }

    pub(crate) fn malformed(&self, problem: &'static str) -> PickleError {
        PickleError::malformed(problem, self.cursor.offset())
    }

    fn pop_to_mark(&mut self) -> Result<Vec<NodeId>, PickleError> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => Err(self.malformed("it goes back to a mark that it has not made")),
        }
    }

    fn pop_value_or_mark(&mut self) -> Result<(), PickleError> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(drop)
    }

    fn top(&self) -> Result<NodeId, PickleError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.last() {
            Some(&id) if self.stack.len() > floor => Ok(id),
            _ => Err(self.malformed("it takes more values than it has made")),
        }
    }

    fn check_depth(&self, depth: u32) -> Result<(), PickleError> {
        if depth as usize > self.limits.max_depth {
            return Err(PickleError::limit("levels of nesting", self.limits.max_depth));
        }
        Ok(())
    }
}
