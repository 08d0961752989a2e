//! A message in the pieces in which it came.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// Pieces from this size on are kept as they came. Each keeps the buffer that it lies in, and costs some bytes itself:
/// a client that sends its message byte by byte would have the server hold many times as much.
const KEPT_FROM: usize = 16 << 10;

/// Bytes that lie in several places, in order.
///
/// A message is decoded from here without being put together first, so that a tensor that spans pieces is copied once,
/// into memory of its own, where it also is aligned as the runtime wants it.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// None of them is empty.
    pieces: VecDeque<Bytes>,
    /// Small pieces that came after these, together.
    gathered: BytesMut,
    left: usize,
}

impl Pieces {
    /// Adds what came next.
    pub(super) fn push(&mut self, piece: Bytes) {
        self.left += piece.len();
        let is_first = self.pieces.is_empty() && self.gathered.is_empty();
        if piece.len() >= KEPT_FROM || (is_first && !piece.is_empty()) {
            if !self.gathered.is_empty() {
                self.pieces.push_back(self.gathered.split().freeze());
            }
            self.pieces.push_back(piece);
        } else {
            self.gathered.extend_from_slice(&piece);
        }
    }
}

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&self.gathered, |piece| piece)
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
        self.gathered.advance(count.min(self.gathered.len()));
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
    fn small_pieces_are_kept_together_and_large_ones_in_their_place() {
        let mut pieces = Pieces::default();
        let large = Bytes::from(vec![2; KEPT_FROM]);
        for round in 0..2 {
            (0..1000).for_each(|_| pieces.push(Bytes::from_static(&[1])));
            assert_eq!(
                pieces.pieces.len(),
                [1, 3][round],
                "the first, then what was gathered and the large one"
            );
            pieces.push(large.clone());
        }
        assert_eq!(pieces.copy_to_bytes(1000), vec![1; 1000]);
        assert_eq!(pieces.copy_to_bytes(KEPT_FROM), large);
        assert_eq!(pieces.copy_to_bytes(1000), vec![1; 1000]);
        assert_eq!(pieces.copy_to_bytes(KEPT_FROM), large);
        assert!(!pieces.has_remaining());
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
