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
    pub(crate) globals: Globals,
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

    pub(crate) fn pop_to_mark(&mut self) -> Result<Vec<NodeId>, PickleError> {
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

    pub(crate) fn top(&self) -> Result<NodeId, PickleError> {
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
