//! Encoders of text: what a `tokenizer.json` makes of a text, and what becomes of the vectors that a graph gives for its
//! tokens.
//!
//! A [`TextTokenizer`] turns texts and pairs of texts into [`TokenRow`]s; [`TokenBatch`] makes tensors of several, filled up
//! to one length; [`pool()`] makes one vector of those of a row's tokens. Files may come from anyone: one that is no good is
//! an error, and so is every id that does not fit.
//!
//! ```
//! use wharf_bundle::Pooling;
//! use wharf_encode::{PoolShape, pool};
//!
//! // One row of two tokens, of which the second is padding.
//! let shape = PoolShape { rows: 1, tokens: 2, size: 2 };
//! assert_eq!(pool(&[1.0, 2.0, 9.0, 9.0], &[1, 0], shape, Pooling::Mean), Some(vec![1.0, 2.0]));
//! ```

mod batch;
mod error;
mod pool;
#[cfg(test)]
mod tests;
mod tokenizer;

pub use batch::{TokenBatch, TokenRow};
pub use error::EncodeError;
pub use pool::{PoolShape, finish, pool};
pub use tokenizer::TextTokenizer;
