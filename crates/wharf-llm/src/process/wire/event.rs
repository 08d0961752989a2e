//! Steps of an answer as messages.

use std::io;

use wharf_infer::ServiceError;
use wharf_infer::language::{Finish, GenerateEvent, GeneratedToken, TokenChance, Usage};

use super::ErrorMessage;
use crate::process::frame::malformed;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct EventMessage {
    #[prost(oneof = "EventKind", tags = "1, 2, 3, 4, 5, 6")]
    kind: Option<EventKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum EventKind {
    #[prost(uint32, tag = "1")]
    Accepted(u32),
    #[prost(message, tag = "2")]
    Prompt(TokenList),
    #[prost(message, tag = "3")]
    Text(TextMessage),
    #[prost(message, tag = "4")]
    Finished(FinishMessage),
    #[prost(message, tag = "5")]
    Done(UsageMessage),
    #[prost(message, tag = "6")]
    Failed(ErrorMessage),
}

#[derive(Clone, PartialEq, prost::Message)]
struct TokenList {
    #[prost(message, repeated, tag = "1")]
    tokens: Vec<TokenMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TokenMessage {
    #[prost(message, required, tag = "1")]
    chosen: ChanceMessage,
    #[prost(message, repeated, tag = "2")]
    top: Vec<ChanceMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ChanceMessage {
    #[prost(uint32, tag = "1")]
    token: u32,
    #[prost(bytes = "vec", tag = "2")]
    bytes: Vec<u8>,
    #[prost(float, tag = "3")]
    logprob: f32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TextMessage {
    #[prost(uint32, tag = "1")]
    choice: u32,
    #[prost(string, tag = "2")]
    text: String,
    #[prost(message, repeated, tag = "3")]
    tokens: Vec<TokenMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct FinishMessage {
    #[prost(uint32, tag = "1")]
    choice: u32,
    /// The stop string; else the end, or the length.
    #[prost(string, optional, tag = "2")]
    stop: Option<String>,
    #[prost(bool, tag = "3")]
    is_length: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct UsageMessage {
    #[prost(uint32, tag = "1")]
    prompt_tokens: u32,
    #[prost(uint32, tag = "2")]
    cached_tokens: u32,
    #[prost(uint32, tag = "3")]
    completion_tokens: u32,
    #[prost(uint32, tag = "4")]
    accepted_guesses: u32,
    #[prost(uint32, tag = "5")]
    rejected_guesses: u32,
}

impl From<TokenChance> for ChanceMessage {
    fn from(TokenChance { token, bytes, logprob }: TokenChance) -> Self {
        Self { token, bytes, logprob }
    }
}

impl From<ChanceMessage> for TokenChance {
    fn from(ChanceMessage { token, bytes, logprob }: ChanceMessage) -> Self {
        Self { token, bytes, logprob }
    }
}

impl From<GeneratedToken> for TokenMessage {
    fn from(GeneratedToken { chosen, top }: GeneratedToken) -> Self {
        Self { chosen: chosen.into(), top: top.into_iter().map(Into::into).collect() }
    }
}

impl From<TokenMessage> for GeneratedToken {
    fn from(TokenMessage { chosen, top }: TokenMessage) -> Self {
        Self { chosen: chosen.into(), top: top.into_iter().map(Into::into).collect() }
    }
}

fn messages(tokens: Vec<GeneratedToken>) -> Vec<TokenMessage> {
    tokens.into_iter().map(Into::into).collect()
}

fn tokens(messages: Vec<TokenMessage>) -> Vec<GeneratedToken> {
    messages.into_iter().map(Into::into).collect()
}

impl From<GenerateEvent> for EventMessage {
    fn from(event: GenerateEvent) -> Self {
        let kind = match event {
            GenerateEvent::Accepted { prompt_tokens } => EventKind::Accepted(prompt_tokens),
            GenerateEvent::Prompt(tokens) => EventKind::Prompt(TokenList { tokens: messages(tokens) }),
            GenerateEvent::Text { choice, text, tokens } => {
                EventKind::Text(TextMessage { choice, text, tokens: messages(tokens) })
            }
            GenerateEvent::Finished { choice, finish } => {
                let is_length = finish == Finish::Length;
                let stop = match finish {
                    Finish::StopString(stop) => Some(stop),
                    Finish::End | Finish::Length => None,
                };
                EventKind::Finished(FinishMessage { choice, stop, is_length })
            }
            GenerateEvent::Done(usage) => EventKind::Done(UsageMessage {
                prompt_tokens: usage.prompt_tokens,
                cached_tokens: usage.cached_tokens,
                completion_tokens: usage.completion_tokens,
                accepted_guesses: usage.accepted_guesses,
                rejected_guesses: usage.rejected_guesses,
            }),
            GenerateEvent::Failed(error) => EventKind::Failed((&error).into()),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<EventMessage> for GenerateEvent {
    type Error = io::Error;

    fn try_from(message: EventMessage) -> io::Result<Self> {
        Ok(match message.kind.ok_or_else(|| malformed("event"))? {
            EventKind::Accepted(prompt_tokens) => Self::Accepted { prompt_tokens },
            EventKind::Prompt(list) => Self::Prompt(tokens(list.tokens)),
            EventKind::Text(text) => {
                Self::Text { choice: text.choice, text: text.text, tokens: tokens(text.tokens) }
            }
            EventKind::Finished(FinishMessage { choice, stop, is_length }) => {
                let finish = match stop {
                    Some(stop) => Finish::StopString(stop),
                    None if is_length => Finish::Length,
                    None => Finish::End,
                };
                Self::Finished { choice, finish }
            }
            EventKind::Done(usage) => Self::Done(Usage {
                prompt_tokens: usage.prompt_tokens,
                cached_tokens: usage.cached_tokens,
                completion_tokens: usage.completion_tokens,
                accepted_guesses: usage.accepted_guesses,
                rejected_guesses: usage.rejected_guesses,
            }),
            EventKind::Failed(error) => Self::Failed(ServiceError::try_from(error)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prost::Message as _;
    use wharf_infer::ErrorCode;

    use super::*;

    #[test]
    fn events_come_back_as_they_went() {
        let chance = |token, bytes: &[u8], logprob| TokenChance { token, bytes: bytes.to_vec(), logprob };
        let token = GeneratedToken {
            chosen: chance(3, b"\xff", f32::NAN),
            top: vec![chance(0, b"", 0.0), chance(9, b"a", f32::NEG_INFINITY)],
        };
        let finished = |finish| GenerateEvent::Finished { choice: 1, finish };
        let usage = Usage {
            prompt_tokens: 1,
            cached_tokens: 2,
            completion_tokens: 3,
            accepted_guesses: 4,
            rejected_guesses: 5,
        };
        let error = ServiceError::new(ErrorCode::Overloaded, "full").with_detail("why");
        for event in [
            GenerateEvent::Accepted { prompt_tokens: 7 },
            GenerateEvent::Prompt(vec![token.clone()]),
            GenerateEvent::Text { choice: 2, text: "\u{1f600}".to_owned(), tokens: vec![token] },
            GenerateEvent::Text { choice: 0, text: String::new(), tokens: Vec::new() },
            finished(Finish::End),
            finished(Finish::Length),
            finished(Finish::StopString(String::new())),
            GenerateEvent::Done(usage),
            GenerateEvent::Failed(error.with_retry_after(Duration::from_secs(2))),
        ] {
            let bytes = EventMessage::from(event.clone()).encode_to_vec();
            let read = GenerateEvent::try_from(EventMessage::decode(&bytes[..]).unwrap()).unwrap();
            assert_eq!(format!("{read:?}"), format!("{event:?}"));
        }
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        assert!(GenerateEvent::try_from(EventMessage { kind: None }).is_err());
        let failed = EventKind::Failed(ErrorMessage { code: 99, ..ErrorMessage::default() });
        assert!(GenerateEvent::try_from(EventMessage { kind: Some(failed) }).is_err());
    }
}
