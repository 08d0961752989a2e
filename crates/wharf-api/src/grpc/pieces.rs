//! A message in the pieces in which it came.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// Bytes that lie in several places, in order.
///
/// A message is decoded from here without being put together first, so that a tensor that spans pieces is copied once,
/// into memory of its own, where it also is aligned as the runtime wants it.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// None of them is empty.
    pieces: VecDeque<Bytes>,
    left: usize,
}

impl Pieces {
    /// Adds what came next.
    pub(super) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.left += piece.len();
            self.pieces.push_back(piece);
        }
    }
}

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |piece| piece)
    }

    fn advance(&mut self, mut count: usize) {
        self.left = self.left.saturating_sub(count);
        while let Some(piece) = self.pieces.front_mut() {
            if piece.len() > count {
                return piece.advance(count);
            }
            count -= piece.len();
            self.pieces.pop_front();
        }
    }

    /// Shares where the bytes lie in one piece, and copies otherwise.
    fn copy_to_bytes(&mut self, count: usize) -> Bytes {
        match self.pieces.front_mut() {
            Some(piece) if piece.len() > count => {
                self.left -= count;
                piece.split_to(count)
            }
            _ => {
                let mut whole = BytesMut::with_capacity(count.min(self.left));
                while whole.len() < count && self.has_remaining() {
                    let piece = self.chunk();
                    let taken = piece.len().min(count - whole.len());
                    whole.extend_from_slice(&piece[..taken]);
                    self.advance(taken);
                }
                whole.freeze()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(parts: &[&'static [u8]]) -> Pieces {
        let mut pieces = Pieces::default();
        parts.iter().for_each(|part| pieces.push(Bytes::from_static(part)));
        pieces
    }

    #[test]
    fn bytes_come_out_as_they_went_in_wherever_the_pieces_end() {
        let whole = b"abcdefghij";
        for first in 0..=whole.len() {
            for second in first..=whole.len() {
                for taken in 0..=whole.len() {
                    let mut pieces = pieces(&[&whole[..first], b"", &whole[first..second], &whole[second..]]);
                    assert_eq!(pieces.copy_to_bytes(taken), whole[..taken]);
                    assert_eq!(pieces.remaining(), whole.len() - taken);
                    let rest = pieces.remaining();
                    assert_eq!(pieces.copy_to_bytes(rest), whole[taken..]);
                    assert!(!pieces.has_remaining() && pieces.chunk().is_empty());
                }
            }
        }
    }

    #[test]
    fn what_lies_in_one_piece_is_shared() {
        let piece = Bytes::from(vec![1; 64]);
        let start = piece.as_ptr();
        let mut pieces = Pieces::default();
        pieces.push(piece);
        assert_eq!(pieces.copy_to_bytes(32).as_ptr(), start);
        pieces.push(Bytes::from_static(b"next"));
        pieces.advance(33);
        assert_eq!(pieces.copy_to_bytes(2), b"ex"[..]);
        assert_eq!(pieces.remaining(), 1);
    }
}
