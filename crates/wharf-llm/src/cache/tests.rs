use proptest::prelude::*;

use super::*;
use crate::BatchToken;
use crate::scheduler::tests::fake::FakeDecoder;

fn namespace(caller: &str) -> Namespace {
    Namespace { caller: caller.to_owned(), ..Namespace::default() }
}

/// Computes the rest of a text in a claimed sequence.
fn compute(
    book: &mut CellBook,
    decoder: &mut FakeDecoder,
    sequence: SequenceId,
    text: &[TokenId],
    from: usize,
) {
    for (position, &token) in text.iter().enumerate().skip(from) {
        assert!(book.make_room(decoder, 1));
        decoder
            .decode(&[BatchToken { token, position: position as u32, sequence, wants_logits: false }])
            .unwrap();
        book.append(sequence, &[token]);
    }
}

proptest! {
    #[test]
    fn the_book_agrees_with_the_decoder(
        texts in prop::collection::vec((0usize..3, prop::collection::vec(0u32..3, 1..30), prop::bool::ANY, 0usize..30), 1..40),
        cells in 60u32..120, sequences in 2u32..5,
    ) {
        let mut decoder = FakeDecoder::new(cells, sequences, 8);
        let mut book = CellBook::new(decoder.shape(), true);
        let mut held: Option<(SequenceId, Namespace)> = None;
        for (caller, text, holds, cut) in texts {
            let namespace = namespace(["a", "b", "c"][caller]);
            let (sequence, shared) = book.claim(&mut decoder, &namespace, &text).unwrap();
            prop_assert!(shared <= text.len());
            compute(&mut book, &mut decoder, sequence, &text, shared);
            book.truncate(&mut decoder, sequence, cut);
            prop_assert_eq!(book.cells_used(), decoder.cells_used());
            if holds && held.is_none() {
                held = Some((sequence, namespace));
            } else {
                book.retire(&mut decoder, sequence, namespace);
            }
            if !holds && let Some((sequence, namespace)) = held.take() {
                book.retire(&mut decoder, sequence, namespace);
            }
            prop_assert!(book.cells_used() <= cells as usize);
        }
        if let Some((sequence, namespace)) = held {
            book.retire(&mut decoder, sequence, namespace);
        }
        prop_assert_eq!(book.available(), cells as usize);
        prop_assert!(book.make_room(&mut decoder, cells as usize));
        prop_assert_eq!((book.cells_used(), decoder.cells_used()), (0, 0));
    }
}
