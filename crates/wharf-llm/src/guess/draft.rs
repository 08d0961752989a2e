//! A smaller model that guesses.

use std::collections::HashMap;

use wharf_infer::language::TokenId;

use crate::cache::common_prefix;
use crate::{BatchToken, DecodeFault, Decoder, SequenceId};

/// What a sequence of the smaller model holds.
struct Known {
    sequence: SequenceId,
    tokens: Vec<TokenId>,
}

/// The smaller model, and what it has seen of each answer.
pub(crate) struct Draft {
    decoder: Box<dyn Decoder + Send>,
    known: HashMap<u64, Known>,
    free: Vec<SequenceId>,
    batch: Vec<BatchToken>,
    fed: Vec<(u64, Vec<TokenId>)>,
}

impl Draft {
    pub(crate) fn new(decoder: Box<dyn Decoder + Send>) -> Self {
        let free = (0..decoder.shape().sequences).rev().collect();
        Self { decoder, known: HashMap::new(), free, batch: Vec::new(), fed: Vec::new() }
    }

    /// Puts what it has not seen of an answer into the next pass. The place of the logits after its last token, if they
    /// will be there after the pass: a long text takes several.
    pub(crate) fn feed(&mut self, order: u64, tokens: &[TokenId]) -> Option<usize> {
        let sequence = self.align(order, tokens)?;
        let known = self.known.get(&order)?;
        let missing = tokens.get(known.tokens.len()..).unwrap_or_default();
        let room = (self.decoder.shape().batch as usize).saturating_sub(self.batch.len());
        if tokens.len() >= self.decoder.shape().context as usize {
            return None;
        }
        let fed = missing.get(..missing.len().min(room)).unwrap_or_default();
        let is_all = fed.len() == missing.len();
        for (index, &token) in fed.iter().enumerate() {
            let position = (known.tokens.len() + index) as u32;
            let wants_logits = is_all && index + 1 == fed.len();
            self.batch.push(BatchToken { token, position, sequence, wants_logits });
        }
        self.fed.push((order, fed.to_vec()));
        is_all.then(|| self.batch.len() - 1)
    }

    /// Makes its sequence of an answer a beginning of these tokens, without the last one.
    fn align(&mut self, order: u64, tokens: &[TokenId]) -> Option<SequenceId> {
        if !self.known.contains_key(&order) {
            let sequence = self.free.pop()?;
            self.known.insert(order, Known { sequence, tokens: Vec::new() });
        }
        let known = self.known.get_mut(&order)?;
        let common = common_prefix(&known.tokens, tokens.get(..tokens.len().checked_sub(1)?)?);
        if common < known.tokens.len() {
            let keeps = self.decoder.truncate(known.sequence, common as u32);
            let kept = if keeps { common } else { 0 };
            if !keeps {
                self.decoder.truncate(known.sequence, 0);
            }
            known.tokens.truncate(kept);
        }
        Some(known.sequence)
    }

    /// Runs what was fed. False if that failed; then nothing may be read, and it begins anew with every answer.
    ///
    /// # Errors
    /// It is of no use any more.
    pub(crate) fn pass(&mut self) -> Result<bool, DecodeFault> {
        let batch = std::mem::take(&mut self.batch);
        let fed = std::mem::take(&mut self.fed);
        if batch.is_empty() {
            return Ok(false);
        }
        match self.decoder.decode(&batch) {
            Ok(()) => {}
            Err(fault @ DecodeFault::Broken(_)) => return Err(fault),
            Err(_) => {
                let orders: Vec<u64> = self.known.keys().copied().collect();
                orders.into_iter().for_each(|order| self.forget(order));
                return Ok(false);
            }
        }
        for (order, tokens) in fed {
            if let Some(known) = self.known.get_mut(&order) {
                known.tokens.extend(tokens);
            }
        }
        Ok(true)
    }

    /// The logits at a place of the last pass.
    pub(crate) fn logits(&self, place: usize) -> &[f32] {
        self.decoder.logits(place)
    }

    /// Forgets an answer.
    pub(crate) fn forget(&mut self, order: u64) {
        if let Some(known) = self.known.remove(&order) {
            self.decoder.truncate(known.sequence, 0);
            self.free.push(known.sequence);
        }
    }
}
