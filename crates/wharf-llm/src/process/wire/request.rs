//! Requests as messages.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use wharf_infer::Deadline;
use wharf_infer::language::{Constraint, EmbedRequest, GenerateRequest, Prompt, Sampling, Share, TextPart};

use crate::process::frame::malformed;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PartMessage {
    #[prost(string, tag = "1")]
    text: String,
    #[prost(bool, tag = "2")]
    is_markup: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PromptMessage {
    #[prost(message, repeated, tag = "1")]
    parts: Vec<PartMessage>,
    #[prost(bool, tag = "2")]
    with_special: bool,
    #[prost(uint32, repeated, tag = "3")]
    tokens: Vec<u32>,
    /// Whether the prompt is `tokens`, of which there may be none.
    #[prost(bool, tag = "4")]
    is_tokens: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct EmbedMessage {
    #[prost(message, repeated, tag = "1")]
    inputs: Vec<PromptMessage>,
    #[prost(bool, tag = "2")]
    normalize: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SamplingMessage {
    #[prost(float, tag = "1")]
    temperature: f32,
    #[prost(uint32, tag = "2")]
    top_k: u32,
    #[prost(float, tag = "3")]
    top_p: f32,
    #[prost(float, tag = "4")]
    min_p: f32,
    #[prost(float, tag = "5")]
    typical_p: f32,
    #[prost(float, tag = "6")]
    repetition_penalty: f32,
    #[prost(float, tag = "7")]
    frequency_penalty: f32,
    #[prost(float, tag = "8")]
    presence_penalty: f32,
    #[prost(btree_map = "uint32, float", tag = "9")]
    logit_bias: BTreeMap<u32, f32>,
    #[prost(uint64, optional, tag = "10")]
    seed: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ConstraintMessage {
    #[prost(oneof = "ConstraintKind", tags = "1, 2, 3, 4, 5, 6")]
    kind: Option<ConstraintKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum ConstraintKind {
    #[prost(string, tag = "1")]
    JsonSchema(String),
    #[prost(bool, tag = "2")]
    JsonObject(bool),
    #[prost(string, tag = "3")]
    Regex(String),
    #[prost(message, tag = "4")]
    Choice(Texts),
    #[prost(string, tag = "5")]
    Grammar(String),
    #[prost(message, tag = "6")]
    Triggered(Triggers),
}

#[derive(Clone, PartialEq, prost::Message)]
struct Texts {
    #[prost(string, repeated, tag = "1")]
    texts: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Triggers {
    #[prost(message, repeated, tag = "1")]
    triggers: Vec<TriggerMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TriggerMessage {
    #[prost(string, tag = "1")]
    text: String,
    #[prost(message, optional, boxed, tag = "2")]
    constraint: Option<Box<ConstraintMessage>>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct GenerateMessage {
    #[prost(message, required, tag = "1")]
    prompt: PromptMessage,
    #[prost(uint32, tag = "2")]
    choices: u32,
    #[prost(message, required, tag = "3")]
    sampling: SamplingMessage,
    #[prost(uint32, optional, tag = "4")]
    max_tokens: Option<u32>,
    #[prost(uint32, tag = "5")]
    min_tokens: u32,
    #[prost(bool, tag = "6")]
    ignore_end: bool,
    #[prost(string, repeated, tag = "7")]
    stop: Vec<String>,
    #[prost(uint32, optional, tag = "8")]
    logprobs: Option<u32>,
    #[prost(uint32, optional, tag = "9")]
    prompt_logprobs: Option<u32>,
    #[prost(message, optional, tag = "10")]
    constraint: Option<ConstraintMessage>,
    #[prost(string, optional, tag = "11")]
    adapter: Option<String>,
    #[prost(string, tag = "12")]
    caller: String,
    #[prost(string, tag = "13")]
    cache_salt: String,
    #[prost(sint32, tag = "14")]
    priority: i32,
    /// What is left of the time; the clocks of two processes have no common start.
    #[prost(uint64, optional, tag = "15")]
    time_left_us: Option<u64>,
}

impl From<TextPart> for PartMessage {
    fn from(TextPart { text, is_markup }: TextPart) -> Self {
        Self { text, is_markup }
    }
}

impl From<PartMessage> for TextPart {
    fn from(PartMessage { text, is_markup }: PartMessage) -> Self {
        Self { text, is_markup }
    }
}

impl From<Prompt> for PromptMessage {
    fn from(prompt: Prompt) -> Self {
        match prompt {
            Prompt::Text { parts, with_special } => {
                Self { parts: parts.into_iter().map(Into::into).collect(), with_special, ..Self::default() }
            }
            Prompt::Tokens(tokens) => Self { tokens, is_tokens: true, ..Self::default() },
        }
    }
}

impl From<PromptMessage> for Prompt {
    fn from(message: PromptMessage) -> Self {
        if message.is_tokens {
            return Self::Tokens(message.tokens);
        }
        let parts = message.parts.into_iter().map(Into::into).collect();
        Self::Text { parts, with_special: message.with_special }
    }
}

impl From<EmbedRequest> for EmbedMessage {
    fn from(EmbedRequest { inputs, normalize }: EmbedRequest) -> Self {
        Self { inputs: inputs.into_iter().map(Into::into).collect(), normalize }
    }
}

impl From<EmbedMessage> for EmbedRequest {
    fn from(EmbedMessage { inputs, normalize }: EmbedMessage) -> Self {
        Self { inputs: inputs.into_iter().map(Into::into).collect(), normalize }
    }
}

impl From<Sampling> for SamplingMessage {
    fn from(sampling: Sampling) -> Self {
        Self {
            temperature: sampling.temperature,
            top_k: sampling.top_k,
            top_p: sampling.top_p,
            min_p: sampling.min_p,
            typical_p: sampling.typical_p,
            repetition_penalty: sampling.repetition_penalty,
            frequency_penalty: sampling.frequency_penalty,
            presence_penalty: sampling.presence_penalty,
            logit_bias: sampling.logit_bias,
            seed: sampling.seed,
        }
    }
}

impl From<SamplingMessage> for Sampling {
    fn from(message: SamplingMessage) -> Self {
        Self {
            temperature: message.temperature,
            top_k: message.top_k,
            top_p: message.top_p,
            min_p: message.min_p,
            typical_p: message.typical_p,
            repetition_penalty: message.repetition_penalty,
            frequency_penalty: message.frequency_penalty,
            presence_penalty: message.presence_penalty,
            logit_bias: message.logit_bias,
            seed: message.seed,
        }
    }
}

impl From<Constraint> for ConstraintMessage {
    fn from(constraint: Constraint) -> Self {
        let trigger = |(text, constraint): (String, Box<Constraint>)| TriggerMessage {
            text,
            constraint: Some(Box::new((*constraint).into())),
        };
        let kind = match constraint {
            Constraint::JsonSchema(schema) => ConstraintKind::JsonSchema(schema),
            Constraint::JsonObject => ConstraintKind::JsonObject(true),
            Constraint::Regex(regex) => ConstraintKind::Regex(regex),
            Constraint::Choice(texts) => ConstraintKind::Choice(Texts { texts }),
            Constraint::Grammar(grammar) => ConstraintKind::Grammar(grammar),
            Constraint::Triggered(triggers) => {
                ConstraintKind::Triggered(Triggers { triggers: triggers.into_iter().map(trigger).collect() })
            }
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<ConstraintMessage> for Constraint {
    type Error = io::Error;

    fn try_from(message: ConstraintMessage) -> io::Result<Self> {
        let trigger = |TriggerMessage { text, constraint }| {
            let constraint = constraint.ok_or_else(|| malformed("trigger"))?;
            Ok((text, Box::new((*constraint).try_into()?)))
        };
        Ok(match message.kind.ok_or_else(|| malformed("constraint"))? {
            ConstraintKind::JsonSchema(schema) => Self::JsonSchema(schema),
            ConstraintKind::JsonObject(_) => Self::JsonObject,
            ConstraintKind::Regex(regex) => Self::Regex(regex),
            ConstraintKind::Choice(Texts { texts }) => Self::Choice(texts),
            ConstraintKind::Grammar(grammar) => Self::Grammar(grammar),
            ConstraintKind::Triggered(Triggers { triggers }) => {
                Self::Triggered(triggers.into_iter().map(trigger).collect::<io::Result<_>>()?)
            }
        })
    }
}

impl From<GenerateRequest> for GenerateMessage {
    fn from(request: GenerateRequest) -> Self {
        let left = |moment: Instant| moment.saturating_duration_since(Instant::now()).as_micros() as u64;
        Self {
            prompt: request.prompt.into(),
            choices: request.choices,
            sampling: request.sampling.into(),
            max_tokens: request.max_tokens,
            min_tokens: request.min_tokens,
            ignore_end: request.ignore_end,
            stop: request.stop,
            logprobs: request.logprobs.map(u32::from),
            prompt_logprobs: request.prompt_logprobs.map(u32::from),
            constraint: request.constraint.map(Into::into),
            adapter: request.adapter,
            caller: request.share.caller,
            cache_salt: request.share.cache_salt,
            priority: request.share.priority,
            time_left_us: request.deadline.instant().map(left),
        }
    }
}

impl TryFrom<GenerateMessage> for GenerateRequest {
    type Error = io::Error;

    fn try_from(message: GenerateMessage) -> io::Result<Self> {
        let count = |count: Option<u32>| count.map(u8::try_from).transpose().map_err(malformed);
        let left = |left: u64| Deadline::after(Duration::from_micros(left));
        Ok(Self {
            prompt: message.prompt.into(),
            choices: message.choices,
            sampling: message.sampling.into(),
            max_tokens: message.max_tokens,
            min_tokens: message.min_tokens,
            ignore_end: message.ignore_end,
            stop: message.stop,
            logprobs: count(message.logprobs)?,
            prompt_logprobs: count(message.prompt_logprobs)?,
            constraint: message.constraint.map(TryInto::try_into).transpose()?,
            adapter: message.adapter,
            share: Share {
                caller: message.caller,
                cache_salt: message.cache_salt,
                priority: message.priority,
            },
            deadline: message.time_left_us.map_or(Deadline::NONE, left),
        })
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    fn request() -> GenerateRequest {
        let part = |text: &str, is_markup| TextPart { text: text.to_owned(), is_markup };
        let parts = vec![part("<|im_start|>", true), part("h\u{e9}\0", false)];
        let nested = Constraint::Triggered(vec![
            ("<tool>".to_owned(), Box::new(Constraint::JsonSchema("{}".to_owned()))),
            ("x".to_owned(), Box::new(Constraint::Choice(vec![String::new(), "a".to_owned()]))),
        ]);
        GenerateRequest {
            choices: 3,
            sampling: Sampling {
                temperature: 0.0,
                top_k: 40,
                top_p: 0.9,
                min_p: 0.1,
                typical_p: 0.5,
                repetition_penalty: 1.25,
                frequency_penalty: -1.0,
                presence_penalty: 2.0,
                logit_bias: [(7, -100.0), (0, 1.0)].into(),
                seed: Some(u64::MAX),
            },
            max_tokens: Some(0),
            min_tokens: 4,
            ignore_end: true,
            stop: vec!["\n".to_owned(), String::new()],
            logprobs: Some(0),
            prompt_logprobs: Some(20),
            constraint: Some(nested),
            adapter: Some("a".to_owned()),
            share: Share { caller: "c".to_owned(), cache_salt: "s".to_owned(), priority: -3 },
            ..GenerateRequest::new(Prompt::Text { parts, with_special: true })
        }
    }

    fn sent(request: &GenerateRequest) -> GenerateRequest {
        let bytes = GenerateMessage::from(request.clone()).encode_to_vec();
        GenerateMessage::decode(&bytes[..]).unwrap().try_into().unwrap()
    }

    #[test]
    fn requests_come_back_as_they_went() {
        let tokens = GenerateRequest::new(Prompt::Tokens(vec![0, u32::MAX]));
        let nothing = GenerateRequest::new(Prompt::Tokens(Vec::new()));
        for request in [request(), tokens, nothing] {
            assert_eq!(sent(&request), request);
        }
        for constraint in [
            Constraint::JsonObject,
            Constraint::Regex("a|b".to_owned()),
            Constraint::Grammar("start: x".to_owned()),
            Constraint::Triggered(Vec::new()),
        ] {
            let request = GenerateRequest { constraint: Some(constraint), ..request() };
            assert_eq!(sent(&request), request);
        }
        let request =
            EmbedRequest { inputs: vec![request().prompt, Prompt::Tokens(vec![1])], normalize: true };
        assert_eq!(EmbedRequest::from(EmbedMessage::from(request.clone())), request);
    }

    #[test]
    fn deadline_goes_as_what_is_left() {
        let deadline = Deadline::after(Duration::from_secs(3600));
        let read = sent(&GenerateRequest { deadline, ..request() }).deadline.instant().unwrap();
        let late = read.saturating_duration_since(deadline.instant().unwrap());
        assert!(late < Duration::from_secs(60) && !Deadline::after(Duration::from_secs(3599)).has_passed());
        let passed = Deadline::after(Duration::ZERO);
        assert!(sent(&GenerateRequest { deadline: passed, ..request() }).deadline.has_passed());
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        let message = GenerateMessage { logprobs: Some(256), ..request().into() };
        assert!(GenerateRequest::try_from(message).is_err());
        let message =
            GenerateMessage { constraint: Some(ConstraintMessage { kind: None }), ..request().into() };
        assert!(GenerateRequest::try_from(message).is_err());
    }
}
