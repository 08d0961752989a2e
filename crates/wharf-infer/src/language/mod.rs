//! Language models: what a wire asks of one, and what comes back while it answers.

mod catalog;
mod event;
mod metrics;
mod model;
mod request;

pub use catalog::{Answered, LanguageEntry, LanguageLease, LanguageModels};
pub use event::{Finish, GenerateEvent, GeneratedToken, TokenChance, Usage};
pub use metrics::{LanguageMetrics, TIME_BUCKETS, TimeHistogram};
pub use model::{
    EmbedRequest, Embeddings, GenerateSink, LanguageCard, LanguageLoad, LanguageModel, RankRequest, Reply,
    Ticket,
};
pub use request::{Constraint, GenerateRequest, Prompt, Sampling, Share, TextPart};

/// The number of a token in its model's vocabulary.
pub type TokenId = u32;
