//! A model's own template, run within bounds.

use std::io::{self, Write};
use std::time::SystemTime;

use minijinja::{Environment, Error, ErrorKind, Value, context};
use serde_json::{Map, json};
use wharf_infer::language::{LanguageCard, TextPart};
use wharf_infer::{ErrorCode, ServiceError};

use crate::builtin::{CHATML, CHATML_END};
use crate::clock::strftime;
use crate::conversation::Conversation;
use crate::guard::Guard;
use crate::json::tojson;
use crate::message::guarded_value;
use crate::tool_format::ToolFormat;

/// Steps that a template may take: a conversation of 10,000 turns takes about a million.
const FUEL: u64 = 20_000_000;
/// How deep templates may call themselves.
const DEPTH: usize = 64;
/// The most bytes that a prompt may have.
const MAX_PROMPT: usize = 64 << 20;

/// The template of a model's chats.
#[derive(Clone, Copy, Debug)]
pub struct ChatTemplate<'a> {
    card: &'a LanguageCard,
}

/// A prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// The prompt, in pieces: what is markup is the template's.
    pub parts: Vec<TextPart>,
    /// Whether the vocabulary's own first token is to be put before it: the model's own template has it already.
    pub with_special: bool,
    /// What ends the answer besides the model's own end token.
    pub stop: Option<&'static str>,
}

impl<'a> ChatTemplate<'a> {
    /// The template of a model; ChatML where it has none.
    pub fn of(card: &'a LanguageCard) -> Self {
        Self { card }
    }

    /// How the model writes its calls of tools.
    pub fn tool_format(&self) -> ToolFormat {
        self.own_tool_format().unwrap_or(ToolFormat::Hermes)
    }

    /// Whether the template names `variable`.
    pub fn mentions(&self, variable: &str) -> bool {
        self.card.chat_template.as_ref().is_some_and(|source| source.contains(variable))
    }

    fn own_tool_format(&self) -> Option<ToolFormat> {
        ToolFormat::of(self.card.chat_template.as_deref()?)
    }

    /// The prompt of a conversation, up to where the model is to answer. Takes as long as the template does: not for
    /// threads that may not be held up.
    ///
    /// # Errors
    /// The template refuses the conversation, is broken, or goes past its bounds.
    pub fn render(&self, conversation: &Conversation) -> Result<Rendered, ServiceError> {
        let guard = Guard::new(&self.card.control_texts)?;
        let in_words;
        let conversation = match self.own_tool_format() {
            Some(_) => conversation,
            None => {
                in_words = conversation.in_words()?;
                &in_words
            }
        };
        let source = self.card.chat_template.as_deref();
        let text = run(&without_spans(source.unwrap_or(CHATML)), self.variables(conversation, &guard))?;
        Ok(Rendered {
            parts: guard.split(&text),
            with_special: source.is_none(),
            stop: source.is_none().then_some(CHATML_END),
        })
    }

    fn variables(
        &self,
        conversation: &Conversation,
        guard: &Guard,
    ) -> (Map<String, serde_json::Value>, SystemTime) {
        let guarded = |text: &str| guard.mark(text);
        let mut variables = Map::new();
        for role in ["bos", "eos", "pad", "unk"] {
            let text = self.card.special_tokens.get(role).map_or("", String::as_str);
            variables.insert(format!("{role}_token"), json!(text));
        }
        for (name, value) in &conversation.variables {
            variables.insert(name.clone(), guarded_value(value, &guarded));
        }
        let messages = conversation.messages.iter().map(|message| message.to_value(&guarded));
        variables.insert("messages".to_owned(), messages.collect());
        if !conversation.tools.is_empty() {
            let tools = conversation.tools.iter().map(|tool| tool.to_value(&guarded));
            variables.insert("tools".to_owned(), tools.collect());
        }
        variables.insert("add_generation_prompt".to_owned(), json!(true));
        (variables, conversation.now)
    }
}

/// Hugging Face's mark of what the model has said, which training alone needs.
fn without_spans(source: &str) -> String {
    let mut source = source.to_owned();
    for word in ["generation", "endgeneration"] {
        for (open, close) in [("{%", "%}"), ("{%-", "%}"), ("{%", "-%}"), ("{%-", "-%}")] {
            source = source
                .replace(&format!("{open} {word} {close}"), &format!("{open} if true {close}{{% endif %}}"));
        }
    }
    source
}

fn run(
    source: &str,
    (variables, now): (Map<String, serde_json::Value>, SystemTime),
) -> Result<String, ServiceError> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEPTH);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_filter("tojson", tojson);
    environment.add_function("raise_exception", |text: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, "refused").with_source(Refusal(text)))
    });
    environment.add_function("strftime_now", move |format: String| {
        let unknown =
            || Error::new(ErrorKind::InvalidOperation, format!("`strftime_now` does not know `{format}`"));
        strftime(now, &format).ok_or_else(unknown)
    });
    let template = environment.template_from_str(source).map_err(|error| broken(&error))?;
    let mut output = Bounded::default();
    let given = context! { ..Value::from_serialize(&variables) };
    template.render_captured_to(given, &mut output).map(drop).map_err(|error| broken(&error))?;
    String::from_utf8(output.0).map_err(|error| ServiceError::internal("the prompt is no text", error))
}

/// What `raise_exception` was given.
#[derive(Debug)]
struct Refusal(String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

fn broken(error: &Error) -> ServiceError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = source {
        if let Some(Refusal(text)) = cause.downcast_ref() {
            let text = format!("the chat template of the model refuses the messages: {text}");
            return ServiceError::invalid_argument(text);
        }
        if let Some(written) = cause.downcast_ref::<io::Error>() {
            let text = format!("the chat template of the model fails: {written}");
            return ServiceError::new(ErrorCode::FailedPrecondition, text);
        }
        source = cause.source();
    }
    let text = match error.kind() {
        ErrorKind::OutOfFuel => {
            "the chat template of the model takes too many steps for these messages".to_owned()
        }
        _ => format!("the chat template of the model fails on these messages: {error}"),
    };
    ServiceError::new(ErrorCode::FailedPrecondition, text)
}

/// Takes up to a limit.
#[derive(Default)]
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_PROMPT {
            return Err(io::Error::other(format!("the prompt is longer than {MAX_PROMPT} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
