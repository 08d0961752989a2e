//! What is known of a model, as a message.

use std::collections::BTreeMap;

use wharf_infer::language::LanguageCard;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CardMessage {
    #[prost(string, tag = "1")]
    architecture: String,
    #[prost(uint32, tag = "2")]
    context_tokens: u32,
    #[prost(uint32, tag = "3")]
    embedding_size: u32,
    #[prost(uint32, tag = "4")]
    vocabulary_size: u32,
    #[prost(uint64, tag = "5")]
    size_bytes: u64,
    #[prost(uint64, tag = "6")]
    parameters: u64,
    #[prost(string, tag = "7")]
    quantization: String,
    #[prost(bool, tag = "8")]
    generates: bool,
    #[prost(bool, tag = "9")]
    embeds: bool,
    #[prost(bool, tag = "10")]
    ranks: bool,
    #[prost(string, optional, tag = "11")]
    chat_template: Option<String>,
    #[prost(btree_map = "string, string", tag = "12")]
    special_tokens: BTreeMap<String, String>,
    #[prost(string, repeated, tag = "13")]
    control_texts: Vec<String>,
}

impl From<LanguageCard> for CardMessage {
    fn from(card: LanguageCard) -> Self {
        Self {
            architecture: card.architecture,
            context_tokens: card.context_tokens,
            embedding_size: card.embedding_size,
            vocabulary_size: card.vocabulary_size,
            size_bytes: card.size_bytes,
            parameters: card.parameters,
            quantization: card.quantization,
            generates: card.generates,
            embeds: card.embeds,
            ranks: card.ranks,
            chat_template: card.chat_template,
            special_tokens: card.special_tokens,
            control_texts: card.control_texts,
        }
    }
}

impl From<CardMessage> for LanguageCard {
    fn from(message: CardMessage) -> Self {
        Self {
            architecture: message.architecture,
            context_tokens: message.context_tokens,
            embedding_size: message.embedding_size,
            vocabulary_size: message.vocabulary_size,
            size_bytes: message.size_bytes,
            parameters: message.parameters,
            quantization: message.quantization,
            generates: message.generates,
            embeds: message.embeds,
            ranks: message.ranks,
            chat_template: message.chat_template,
            special_tokens: message.special_tokens,
            control_texts: message.control_texts,
        }
    }
}
