//! Counts the messages of an encoded model before it is decoded. A message takes two bytes in the file and some
//! hundred in memory, so that a file of some megabytes could fill a machine.

use bytes::Bytes;

use crate::OnnxError;

/// How large a model may be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The longest file; protobuf itself ends at 2 GiB.
    pub max_bytes: usize,
    /// The most messages: nodes, attributes, types, dimensions and so on. At worst, when every second one is
    /// an attribute, one takes 800 bytes in memory.
    pub max_messages: usize,
    /// The most fields that are no messages, such as the names of inputs.
    pub max_fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: (1 << 31) - 1, max_messages: 1_000_000, max_fields: 10_000_000 }
    }
}

/// How deep messages may nest; the decoder has the same limit.
const MAX_DEPTH: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    ValueInfo,
    Type,
    TensorType,
    ElementType,
    MapType,
    Shape,
    Annotation,
    Function,
    /// A message without messages in it.
    Leaf,
}

impl Message {
    /// The message that a field holds, where it holds one.
    fn child(self, field: u64) -> Option<Message> {
        use Message::*;
        Some(match (self, field) {
            (Model, 7) | (Attribute, 6 | 11) => Graph,
            (Graph, 1) | (Function, 7) => Node,
            (Node, 5) | (Function, 11) => Attribute,
            (Graph, 5) | (Attribute, 5 | 10) | (SparseTensor, 1 | 2) => Tensor,
            (Graph, 15) | (Attribute, 22 | 23) => SparseTensor,
            (Graph, 11..=13) | (Function, 12) => ValueInfo,
            (Attribute, 14 | 15) | (ValueInfo, 2) | (ElementType, 1) | (MapType, 2) => Type,
            (Type, 1 | 8) => TensorType,
            (Type, 4 | 9) => ElementType,
            (Type, 5) => MapType,
            (TensorType, 2) => Shape,
            (Graph, 14) => Annotation,
            (Model, 25) => Function,
            (Model, 8 | 14) | (Graph, 16) | (Node, 9) | (Tensor, 13 | 16) | (ValueInfo, 4) => Leaf,
            (Type, 7) | (Shape, 1) | (Annotation, 2) | (Function, 9 | 14) => Leaf,
            _ => return None,
        })
    }
}

/// Checks an encoded model against the limits. What is malformed is left for the decoder to name.
pub(crate) fn check(content: &Bytes, limits: &Limits) -> Result<(), OnnxError> {
    if content.len() > limits.max_bytes {
        return Err(OnnxError::limit("bytes", limits.max_bytes));
    }
    let (mut messages, mut fields) = (0_usize, 0_usize);
    // What is left of each message that has been entered.
    let mut open: Vec<(Message, &[u8])> = vec![(Message::Model, content)];
    while let Some((message, rest)) = open.last_mut() {
        let message = *message;
        let Some((field, payload)) = next_field(rest) else {
            open.pop();
            continue;
        };
        match (message.child(field), payload) {
            (Some(child), Some(payload)) => {
                messages += 1;
                open.push((child, payload));
            }
            _ => fields += 1,
        }
        if messages > limits.max_messages || fields > limits.max_fields {
            let (what, limit) = match messages > limits.max_messages {
                true => ("messages", limits.max_messages),
                false => ("fields", limits.max_fields),
            };
            return Err(OnnxError::limit(what, limit));
        }
        if open.len() > MAX_DEPTH + 1 {
            return Err(OnnxError::limit("levels of nesting", MAX_DEPTH));
        }
    }
    Ok(())
}

/// Takes a field off the front: its number, and its content if that is of the kind with a length. `None` at the
/// end, or where the encoding is malformed.
fn next_field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Option<&'a [u8]>)> {
    let key = varint(rest)?;
    let skip = |rest: &mut &'a [u8], count: usize| {
        let (skipped, after) = rest.split_at_checked(count)?;
        *rest = after;
        Some(skipped)
    };
    let payload = match key & 7 {
        0 => varint(rest).map(|_| None)?,
        1 => skip(rest, 8).map(|_| None)?,
        2 => {
            let length = usize::try_from(varint(rest)?).ok()?;
            Some(skip(rest, length)?)
        }
        // The ends of a group, an encoding that the decoder skips: its content is counted as if it were ours.
        3 | 4 => None,
        5 => skip(rest, 4).map(|_| None)?,
        _ => return None,
    };
    Some((key >> 3, payload))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
