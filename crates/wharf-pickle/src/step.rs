//! What each opcode does: it builds a value, or combines those on the stack.

use crate::PickleError;
use crate::machine::Machine;
use crate::node::Node;
use crate::opcode::*;

impl Machine<'_> {
    pub(crate) fn frame(&mut self) -> Result<(), PickleError> {
        let length = self.cursor.length::<8>()?;
        if length > self.cursor.remaining() {
            return Err(PickleError::truncated(self.cursor.offset()));
        }
        Ok(())
    }

    pub(crate) fn scalar(&mut self, opcode: u8) -> Result<(), PickleError> {
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

    pub(crate) fn bytes(&mut self, opcode: u8) -> Result<(), PickleError> {
        let length = match opcode {
            SHORT_BINSTRING | SHORT_BINBYTES => self.cursor.length::<1>()?,
            BINBYTES8 => self.cursor.length::<8>()?,
            // The length of BINSTRING is signed; a negative one reads as one that no input is as long as.
            _ => self.cursor.length::<4>()?,
        };
        let bytes = self.cursor.slice(length)?;
        self.push_new(Node::Bytes(bytes), 0)
    }

    pub(crate) fn text(&mut self, opcode: u8) -> Result<(), PickleError> {
        let length = match opcode {
            SHORT_BINUNICODE => self.cursor.length::<1>()?,
            BINUNICODE8 => self.cursor.length::<8>()?,
            _ => self.cursor.length::<4>()?,
        };
        let bytes = self.cursor.slice(length)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| self.malformed("a text is not UTF-8"))?;
        self.push_new(Node::Text(text.into()), 0)
    }

    pub(crate) fn list(&mut self, opcode: u8) -> Result<(), PickleError> {
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

    pub(crate) fn tuple(&mut self, opcode: u8) -> Result<(), PickleError> {
        let items = match opcode {
            EMPTY_TUPLE => Vec::new(),
            TUPLE => self.pop_to_mark()?,
            _ => self.pop_many(usize::from(opcode - TUPLE1) + 1)?,
        };
        let depth = self.depth_over(&items);
        self.push_new(Node::Tuple(items), depth)
    }

    pub(crate) fn dict(&mut self, opcode: u8) -> Result<(), PickleError> {
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

    pub(crate) fn global(&mut self, opcode: u8) -> Result<(), PickleError> {
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

    pub(crate) fn persistent_id(&mut self) -> Result<(), PickleError> {
        let id = self.pop()?;
        let depth = self.depth_over(&[id]);
        self.push_new(Node::Persistent(id), depth)
    }
}
