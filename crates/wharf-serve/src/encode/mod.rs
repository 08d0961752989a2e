//! Encoders: texts as rows of tokens that run with those of others, and the face of a language model over it.

mod face;
mod padding;
mod rows;

pub(crate) use face::{EncoderFace, language_model};
pub(crate) use padding::padding;
