//! Forward passes of llama.cpp as [`Decoder`].

use std::path::Path;
use std::sync::Arc;

use wharf_gguf::Header;
use wharf_infer::language::TokenId;
use wharf_llm::{AdapterId, BatchToken, DecodeFault, Decoder, DecoderShape, SequenceId};

use crate::embedder::Embedder;
use crate::native::{AbortHandle, Adapter, Context, ContextUse, Fault, Model};
use crate::{LlamaConfig, LlamaError};

/// What a saved state begins with.
const STATE_MAGIC: [u8; 8] = *b"wharfkv1";

/// A model of llama.cpp with its cache.
pub struct LlamaDecoder {
    /// Dropped first: it may use one of the adapters.
    context: Context,
    config: LlamaConfig,
    shape: DecoderShape,
    fingerprint: u64,
    adapters: Vec<Option<Adapter>>,
    adapter: Option<AdapterId>,
    /// Made when the first text is to be embedded.
    embedder: Option<Embedder>,
}

impl LlamaDecoder {
    pub(crate) fn new(model: &Arc<Model>, config: &LlamaConfig) -> Result<Self, LlamaError> {
        let context = Context::new(model, config, ContextUse::Text)?;
        let wanted = if config.context == 0 { model.trained_context() } else { config.context };
        let shape = DecoderShape {
            vocabulary: model.vocabulary_size(),
            cells: context.cells(),
            sequences: config.sequences,
            batch: context.batch_size(),
            context: wanted.min(context.cells()),
            // Layers that look back through a window keep all of their cells (`swa_full`).
            partial: !model.is_recurrent(),
        };
        let kinds = (config.key_type as u64) << 8 | config.value_type as u64;
        Ok(Self {
            fingerprint: model.fingerprint() ^ kinds.rotate_left(40),
            context,
            config: config.clone(),
            shape,
            adapters: Vec::new(),
            adapter: None,
            embedder: None,
        })
    }

    /// What ends a pass from another thread.
    pub fn abort_handle(&self) -> AbortHandle {
        self.context.abort_handle()
    }

    fn check(&self, batch: &[BatchToken]) -> Result<(), DecodeFault> {
        let broken = |what: String| Err(DecodeFault::Broken(what));
        if batch.is_empty() || batch.len() > self.shape.batch as usize {
            return broken(format!("a batch of {} tokens, expected 1 to {}", batch.len(), self.shape.batch));
        }
        for token in batch {
            if token.token as usize >= self.shape.vocabulary {
                return broken(format!("token {}, expected below {}", token.token, self.shape.vocabulary));
            }
            if token.sequence >= self.shape.sequences || token.position >= self.shape.cells {
                return broken(format!("token at {} of sequence {}", token.position, token.sequence));
            }
        }
        Ok(())
    }

    fn is_sequence(&self, sequence: SequenceId) -> bool {
        sequence < self.shape.sequences
    }

    fn header(&self) -> [u8; 16] {
        let mut header = [0; 16];
        header[..8].copy_from_slice(&STATE_MAGIC);
        header[8..].copy_from_slice(&self.fingerprint.to_le_bytes());
        header
    }
}

impl Decoder for LlamaDecoder {
    fn shape(&self) -> DecoderShape {
        self.shape
    }

    fn decode(&mut self, batch: &[BatchToken]) -> Result<(), DecodeFault> {
        self.check(batch)?;
        let fault = match self.context.decode(batch) {
            Ok(()) => return Ok(()),
            Err(Fault::NoRoom) => DecodeFault::NoRoom,
            Err(Fault::Aborted) => DecodeFault::Aborted,
            Err(Fault::Failed(code)) => DecodeFault::Broken(format!("llama.cpp gives {code}")),
        };
        Err(fault)
    }

    fn logits(&self, index: usize) -> &[f32] {
        self.context.logits(index)
    }

    fn share(&mut self, from: SequenceId, to: SequenceId, end: u32) {
        if self.is_sequence(from) && self.is_sequence(to) && from != to && end > 0 {
            self.context.share(from, to, end);
        }
    }

    fn truncate(&mut self, sequence: SequenceId, position: u32) -> bool {
        self.is_sequence(sequence) && self.context.truncate(sequence, position)
    }

    fn save(&self, sequence: SequenceId) -> Vec<u8> {
        if !self.is_sequence(sequence) {
            return Vec::new();
        }
        let mut state = self.header().to_vec();
        state.extend(self.context.save(sequence));
        state
    }

    fn restore(&mut self, sequence: SequenceId, state: &[u8]) -> bool {
        let Some(rest) = state.strip_prefix(&self.header()).filter(|_| self.is_sequence(sequence)) else {
            return false;
        };
        let is_restored = self.context.restore(sequence, rest);
        if !is_restored {
            self.context.truncate(sequence, 0);
        }
        is_restored
    }

    fn use_adapter(&mut self, adapter: Option<AdapterId>) -> Result<(), DecodeFault> {
        if adapter == self.adapter {
            return Ok(());
        }
        let loaded = match adapter {
            None => None,
            Some(id) => {
                let found = self.adapters.get(id.0 as usize).and_then(Option::as_ref);
                Some(found.ok_or_else(|| DecodeFault::Unsupported(format!("there is no adapter {}", id.0)))?)
            }
        };
        if !self.context.use_adapter(loaded) {
            return Err(DecodeFault::Broken("llama.cpp does not change the adapter".to_owned()));
        }
        self.adapter = adapter;
        Ok(())
    }

    fn load_adapter(&mut self, file: &Path) -> Result<AdapterId, DecodeFault> {
        let header = Header::open(file).and_then(|header| header.check_adapter());
        header.map_err(|error| DecodeFault::Unsupported(error.to_string()))?;
        let adapter = Adapter::load(self.context.model(), file);
        let adapter = adapter.map_err(|error| DecodeFault::Unsupported(error.to_string()))?;
        let free = self.adapters.iter().position(Option::is_none);
        let place = free.unwrap_or_else(|| {
            self.adapters.push(None);
            self.adapters.len() - 1
        });
        self.adapters[place] = Some(adapter);
        Ok(AdapterId(place as u32))
    }

    fn unload_adapter(&mut self, adapter: AdapterId) {
        if self.adapter == Some(adapter) && self.use_adapter(None).is_err() {
            // The context still points to it.
            return;
        }
        if let Some(place) = self.adapters.get_mut(adapter.0 as usize) {
            *place = None;
        }
    }

    fn embed(&mut self, inputs: &[Vec<TokenId>]) -> Result<Vec<Vec<f32>>, DecodeFault> {
        let embedder = match self.embedder.take() {
            Some(embedder) => embedder,
            None => Embedder::new(self.context.model(), &self.config)
                .map_err(|error| DecodeFault::Unsupported(error.to_string()))?,
        };
        self.embedder.insert(embedder).embed(inputs)
    }
}
