//! Vectors of texts, in a context of their own: its passes pool what they compute.

use std::sync::Arc;

use wharf_infer::language::TokenId;
use wharf_llm::{BatchToken, DecodeFault};

use crate::native::{Context, ContextUse, Model};
use crate::{LlamaConfig, LlamaError};

/// Texts of one pass at most.
const TEXTS: u32 = 16;

pub(crate) struct Embedder {
    context: Context,
    vocabulary: usize,
    sequences: u32,
}

impl Embedder {
    /// Room for one text as long as the model was trained on, or as long as its sequences may be where that is less.
    pub(crate) fn new(model: &Arc<Model>, config: &LlamaConfig) -> Result<Self, LlamaError> {
        let trained = model.trained_context().max(1);
        let limit = if config.context == 0 { 8192 } else { config.context };
        let tokens = trained.min(limit);
        let sequences = config.sequences.min(TEXTS);
        let config = LlamaConfig { cells: tokens, batch: tokens, sequences, ..config.clone() };
        let context = Context::new(model, &config, ContextUse::Embeddings)?;
        Ok(Self { context, vocabulary: model.vocabulary_size(), sequences })
    }

    /// One vector for each text, of any number of texts.
    pub(crate) fn embed(&mut self, inputs: &[Vec<TokenId>]) -> Result<Vec<Vec<f32>>, DecodeFault> {
        self.check(inputs)?;
        let mut vectors = Vec::with_capacity(inputs.len());
        let mut rest = inputs;
        while !rest.is_empty() {
            let (pass, after) = rest.split_at(self.pass(rest));
            self.embed_pass(pass, &mut vectors)?;
            rest = after;
        }
        Ok(vectors)
    }

    fn check(&self, inputs: &[Vec<TokenId>]) -> Result<(), DecodeFault> {
        let room = self.context.batch_size() as usize;
        for input in inputs {
            if input.is_empty() || input.len() > room {
                let message = format!("a text has {} tokens, expected 1 to {room}", input.len());
                return Err(DecodeFault::Unsupported(message));
            }
            if let Some(token) = input.iter().find(|token| **token as usize >= self.vocabulary) {
                let message = format!("token {token}, expected below {}", self.vocabulary);
                return Err(DecodeFault::Unsupported(message));
            }
        }
        Ok(())
    }

    /// How many of `inputs` go into one pass.
    fn pass(&self, inputs: &[Vec<TokenId>]) -> usize {
        let mut room = self.context.batch_size() as usize;
        let fits = inputs.iter().take(self.sequences as usize).take_while(|input| {
            let fits = input.len() <= room;
            room = room.saturating_sub(input.len());
            fits
        });
        fits.count().max(1)
    }

    fn embed_pass(
        &mut self,
        inputs: &[Vec<TokenId>],
        vectors: &mut Vec<Vec<f32>>,
    ) -> Result<(), DecodeFault> {
        let tokens: Vec<BatchToken> = (0..)
            .zip(inputs)
            .flat_map(|(sequence, input)| {
                let token = move |(position, &token): (u32, &TokenId)| BatchToken {
                    token,
                    position,
                    sequence,
                    wants_logits: true,
                };
                (0..).zip(input).map(token)
            })
            .collect();
        let decoded = self.context.decode(&tokens);
        if decoded.is_ok() {
            vectors.extend((0..).zip(inputs).map(|(sequence, _)| self.context.pooled(sequence).to_vec()));
        }
        for (sequence, _) in (0..).zip(inputs) {
            self.context.truncate(sequence, 0);
        }
        decoded.map_err(|fault| DecodeFault::Broken(format!("no embeddings: {fault:?}")))?;
        match vectors.last() {
            Some(vector) if vector.is_empty() => {
                Err(DecodeFault::Unsupported("this model gives no embeddings".to_owned()))
            }
            _ => Ok(()),
        }
    }
}
