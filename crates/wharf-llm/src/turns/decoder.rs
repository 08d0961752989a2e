//! A decoder that makes its passes in turn with those of other processes.

use std::path::Path;
use std::sync::Arc;

use wharf_infer::language::TokenId;

use super::Turnstile;
use crate::{AdapterId, BatchToken, DecodeFault, Decoder, DecoderShape, SequenceId};

/// Takes a turn for each pass; without a turnstile it just passes.
#[derive(Debug)]
pub struct InTurn<D> {
    decoder: D,
    turnstile: Option<Arc<Turnstile>>,
}

impl<D> InTurn<D> {
    /// `decoder`, whose passes wait at `turnstile`.
    pub fn new(decoder: D, turnstile: Option<Arc<Turnstile>>) -> Self {
        Self { decoder, turnstile }
    }
}

impl<D: Decoder> Decoder for InTurn<D> {
    fn shape(&self) -> DecoderShape {
        self.decoder.shape()
    }

    fn decode(&mut self, batch: &[BatchToken]) -> Result<(), DecodeFault> {
        let _turn = self.turnstile.as_deref().map(Turnstile::take);
        self.decoder.decode(batch)
    }

    fn logits(&self, index: usize) -> &[f32] {
        self.decoder.logits(index)
    }

    fn share(&mut self, from: SequenceId, to: SequenceId, end: u32) {
        self.decoder.share(from, to, end);
    }

    fn truncate(&mut self, sequence: SequenceId, position: u32) -> bool {
        self.decoder.truncate(sequence, position)
    }

    fn save(&self, sequence: SequenceId) -> Vec<u8> {
        self.decoder.save(sequence)
    }

    fn restore(&mut self, sequence: SequenceId, state: &[u8]) -> bool {
        self.decoder.restore(sequence, state)
    }

    fn use_adapter(&mut self, adapter: Option<AdapterId>) -> Result<(), DecodeFault> {
        self.decoder.use_adapter(adapter)
    }

    fn load_adapter(&mut self, file: &Path) -> Result<AdapterId, DecodeFault> {
        self.decoder.load_adapter(file)
    }

    fn unload_adapter(&mut self, adapter: AdapterId) {
        self.decoder.unload_adapter(adapter);
    }

    fn embed(&mut self, inputs: &[Vec<TokenId>]) -> Result<Vec<Vec<f32>>, DecodeFault> {
        let _turn = self.turnstile.as_deref().map(Turnstile::take);
        self.decoder.embed(inputs)
    }
}
