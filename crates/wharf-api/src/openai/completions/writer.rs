//! Answers, whole and piece by piece.

use serde_json::{Value, json};
use wharf_chat::Piece;
use wharf_infer::language::{GeneratedToken, Usage};

use crate::language::{ChatEvent, ChatRun, Ended, EventWriter, Refusal};
use crate::openai::chat::{reason, write};
use crate::openai::error;
use crate::openai::head::Head;
use crate::openai::logprobs::CompletionLogprobs;
use crate::openai::usage::{FINGERPRINT, usage};

/// Writes the choices of all prompts.
pub(super) struct CompletionWriter {
    head: Head,
    /// Choices of each prompt.
    each: u32,
    choices: Vec<Choice>,
    has_logprobs: bool,
    shows_answer: bool,
    include_usage: bool,
}

/// One choice, and what of it was not sent yet.
#[derive(Debug, Default)]
struct Choice {
    text: String,
    logprobs: CompletionLogprobs,
    ended: Option<Ended>,
}

impl CompletionWriter {
    pub(super) fn new(
        head: Head,
        each: u32,
        echoed: Vec<String>,
        (has_logprobs, shows_answer): (bool, bool),
    ) -> Self {
        let choices = echoed.iter().flat_map(|echo| (0..each).map(move |_| echo.clone()));
        let choices = choices.map(|text| Choice { text, ..Choice::default() }).collect();
        Self { head, each, choices, has_logprobs, shows_answer, include_usage: false }
    }

    pub(super) fn streaming(mut self, include_usage: bool) -> Self {
        self.include_usage = include_usage;
        self
    }

    /// Waits for the whole answer.
    ///
    /// # Errors
    /// The model fails.
    pub(super) async fn whole(mut self, mut run: ChatRun) -> Result<Value, Refusal> {
        let mut counted = Usage::default();
        while let Some(event) = run.next().await {
            match event {
                ChatEvent::Done(usage) => counted = usage,
                ChatEvent::Failed(error) => return Err(error.into()),
                other => drop(self.take(other)),
            }
        }
        let count = u32::try_from(self.choices.len()).unwrap_or(u32::MAX);
        let choices: Vec<Value> = (0..count).map(|index| self.choice(index)).collect();
        let mut document = self.document(json!(choices));
        document["usage"] = usage(&counted);
        Ok(document)
    }

    /// Adds an event to its choices; gives those that have something new.
    fn take(&mut self, event: ChatEvent) -> std::ops::Range<u32> {
        match event {
            ChatEvent::Prompt { prompt, tokens } => {
                let range = prompt * self.each..(prompt + 1) * self.each;
                range.clone().for_each(|choice| self.add(choice, &[], &tokens));
                range
            }
            ChatEvent::Pieces { .. } if !self.shows_answer => 0..0,
            ChatEvent::Pieces { choice, pieces, tokens } => {
                self.add(choice, &pieces, &tokens);
                choice..choice + 1
            }
            ChatEvent::Finished { choice, ended } => {
                if let Some(of) = self.choices.get_mut(choice as usize) {
                    of.ended = Some(ended);
                }
                choice..choice + 1
            }
            ChatEvent::Done(_) | ChatEvent::Failed(_) => 0..0,
        }
    }

    fn add(&mut self, choice: u32, pieces: &[Piece], tokens: &[GeneratedToken]) {
        let Some(of) = self.choices.get_mut(choice as usize) else { return };
        for piece in pieces {
            if let Piece::Text(text) = piece {
                of.text.push_str(text);
            }
        }
        if self.has_logprobs {
            of.logprobs.add(tokens);
        }
    }

    /// What is new of a choice.
    fn choice(&mut self, index: u32) -> Value {
        let has_logprobs = self.has_logprobs;
        let Some(choice) = self.choices.get_mut(index as usize) else { return Value::Null };
        json!({
            "index": index,
            "text": std::mem::take(&mut choice.text),
            "logprobs": has_logprobs.then(|| choice.logprobs.take()),
            "finish_reason": choice.ended.as_ref().map(reason),
        })
    }

    fn document(&self, choices: Value) -> Value {
        json!({
            "id": self.head.id,
            "object": "text_completion",
            "created": self.head.created,
            "model": self.head.model,
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        })
    }

    fn chunk(&self, choices: Value, usage: Value, output: &mut Vec<u8>) {
        let mut document = self.document(choices);
        if self.include_usage {
            document["usage"] = usage;
        }
        write(output, &document);
    }
}

impl EventWriter for CompletionWriter {
    /// What is echoed; with probabilities it comes with those.
    fn begin(&mut self, output: &mut Vec<u8>) {
        let count = u32::try_from(self.choices.len()).unwrap_or(u32::MAX);
        if self.has_logprobs || self.choices.iter().all(|choice| choice.text.is_empty()) {
            return;
        }
        for index in 0..count {
            let choice = self.choice(index);
            self.chunk(json!([choice]), Value::Null, output);
        }
    }

    fn event(&mut self, event: ChatEvent, output: &mut Vec<u8>) {
        match event {
            ChatEvent::Done(counted) => {
                if self.include_usage {
                    self.chunk(json!([]), usage(&counted), output);
                }
                output.extend_from_slice(b"data: [DONE]\n\n");
            }
            ChatEvent::Failed(failure) => write(output, &error::event(failure)),
            other => {
                for index in self.take(other) {
                    let choice = self.choice(index);
                    self.chunk(json!([choice]), Value::Null, output);
                }
            }
        }
    }

    fn ping(&self) -> &'static [u8] {
        b": ping\n\n"
    }
}
