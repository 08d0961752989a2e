//! The turn of a request in its sequence: while one has it, the others of the sequence wait.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use wharf_infer::{NamedTensor, ServiceError};

use super::book::{Book, Place};

/// What is kept between two requests of a sequence, under the names of the model's inputs.
pub(crate) type States = Arc<[NamedTensor]>;

/// The right to be the only request of a sequence that runs. Dropped, it goes to the next in line, with the state as it
/// is then: as it was, unless [`Turn::keep`] was told another.
pub(crate) struct Turn<H>(pub(super) Option<Holding<H>>);

/// What goes from turn to turn.
pub(super) struct Holding<H> {
    pub(super) book: Arc<Book<H>>,
    pub(super) place: Place,
    /// Which of the sequences of this place it is; one that begins anew after it was forgotten has another number.
    pub(super) number: u64,
    pub(super) kept: Kept,
}

/// What a sequence keeps.
#[derive(Default)]
pub(super) struct Kept {
    /// `None` before its first request has been answered.
    pub(super) states: Option<States>,
    /// Its place among those that may be under way at once, where that is limited.
    pub(super) slot: Option<OwnedSemaphorePermit>,
}

impl<H> Turn<H> {
    /// The state; `None` where the sequence has not begun.
    pub(crate) fn states(&self) -> Option<States> {
        self.0.as_ref()?.kept.states.clone()
    }

    /// Whether it has a place among those that may be under way at once.
    pub(crate) fn has_slot(&self) -> bool {
        self.0.as_ref().is_some_and(|holding| holding.kept.slot.is_some())
    }

    /// Takes such a place, until the sequence ends.
    pub(crate) fn take_slot(&mut self, slot: OwnedSemaphorePermit) {
        if let Some(holding) = &mut self.0 {
            holding.kept.slot = Some(slot);
        }
    }

    /// Has the sequence go on with this state.
    ///
    /// # Errors
    /// The states of all sequences would take more memory than they may. Then this one is as it was.
    pub(crate) fn keep(&mut self, states: States) -> Result<(), ServiceError> {
        let Some(holding) = &mut self.0 else { return Ok(()) };
        holding.book.charge(&holding.place, holding.number, size_of(&states))?;
        holding.kept.states = Some(states);
        Ok(())
    }

    /// Ends the sequence: whoever comes next has to begin it anew.
    pub(crate) fn end(&mut self) {
        if let Some(holding) = &mut self.0 {
            holding.kept = Kept::default();
        }
    }
}

impl<H> Drop for Turn<H> {
    fn drop(&mut self) {
        if let Some(holding) = self.0.take() {
            Book::pass_on(holding);
        }
    }
}

/// What the data of states takes.
pub(super) fn size_of(states: &[NamedTensor]) -> usize {
    let size = |state: &NamedTensor| match (state.tensor.bytes(), state.tensor.strings()) {
        (Some(bytes), _) => bytes.len(),
        (None, strings) => {
            strings.unwrap_or_default().iter().map(|text| text.len() + size_of_val(text)).sum()
        }
    };
    states.iter().map(size).sum()
}
