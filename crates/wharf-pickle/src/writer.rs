//! Writes pickles of protocol 2, opcode by opcode.

use crate::PickleError;
use crate::opcode::*;

/// A pickle that is being written. The methods put values on the stack or combine those that are there; the
/// order is the caller's to keep.
#[derive(Debug)]
pub(crate) struct PickleWriter(Vec<u8>);

impl PickleWriter {
    pub(crate) fn new() -> Self {
        Self(vec![PROTO, 2])
    }

    pub(crate) fn mark(&mut self) {
        self.0.push(MARK);
    }

    /// Everything since the mark as a tuple.
    pub(crate) fn tuple(&mut self) {
        self.0.push(TUPLE);
    }

    /// Keys and values since the mark, into the dictionary before it.
    pub(crate) fn set_items(&mut self) {
        self.0.push(SETITEMS);
    }

    pub(crate) fn reduce(&mut self) {
        self.0.push(REDUCE);
    }

    pub(crate) fn persistent_id(&mut self) {
        self.0.push(BINPERSID);
    }

    /// An empty `collections.OrderedDict`.
    pub(crate) fn ordered_dict(&mut self) {
        self.global("collections", "OrderedDict");
        self.0.push(EMPTY_TUPLE);
        self.reduce();
    }

    pub(crate) fn global(&mut self, module: &'static str, name: &'static str) {
        self.0.push(GLOBAL);
        for part in [module, name] {
            self.0.extend(part.as_bytes());
            self.0.push(b'\n');
        }
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.0.push(if value { NEWTRUE } else { NEWFALSE });
    }

    /// An integer in the shortest form.
    pub(crate) fn int(&mut self, value: i64) {
        if let Ok(small) = u8::try_from(value) {
            self.0.extend([BININT1, small]);
        } else if let Ok(medium) = i32::try_from(value) {
            self.0.push(BININT);
            self.0.extend(medium.to_le_bytes());
        } else {
            self.0.extend([LONG1, 8]);
            self.0.extend(value.to_le_bytes());
        }
    }

    pub(crate) fn text(&mut self, text: &str) -> Result<(), PickleError> {
        let length =
            u32::try_from(text.len()).map_err(|_| PickleError::limit("bytes of text", u32::MAX as usize))?;
        self.0.push(BINUNICODE);
        self.0.extend(length.to_le_bytes());
        self.0.extend(text.as_bytes());
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.push(STOP);
        self.0
    }
}
