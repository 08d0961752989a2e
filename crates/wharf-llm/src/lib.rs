//! Language models: scheduling, prefix cache, sampling, constrained output, and models in worker processes.
//!
//! What runs the forward passes is behind [`Decoder`], and what knows the tokens behind [`Vocabulary`]; no C++ here.

mod decoder;

pub use decoder::{
    AdapterId, BatchToken, DecodeFault, Decoder, DecoderShape, SequenceId, SharedVocabulary, Vocabulary,
};
