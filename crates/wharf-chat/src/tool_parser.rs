//! What a model writes, told apart into text and calls of tools while it comes.
//!
//! Each character is looked at a bounded number of times, however the model writes. What looks like a call and is none
//! becomes text.

use crate::tool_format::ToolFormat;
use crate::tool_object::{CallObject, Ending, Found};

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text for whoever reads.
    Text(String),
    /// A call begins.
    Call {
        /// Which, from 0 on without gaps.
        index: u32,
        /// Of which tool.
        name: String,
    },
    /// More of its arguments, which are JSON.
    Arguments {
        /// Of which call.
        index: u32,
        /// The JSON, as it is written.
        text: String,
    },
}

/// Reads the answer of one choice.
#[derive(Debug)]
pub struct ToolParser {
    format: ToolFormat,
    names: Vec<String>,
    most_calls: u32,
    calls: u32,
    stage: Stage,
    /// What may still turn out to be something else.
    held: String,
    object: CallObject,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing but space has come.
    Start,
    Text,
    /// Behind an opener, before a `{`.
    Opened,
    Object,
    /// Behind the `}` of a call.
    Closed,
    /// There may be no more calls, and what comes is not for anybody.
    Full,
}

impl ToolParser {
    /// For calls of these tools, at most so many.
    pub fn new(format: ToolFormat, names: Vec<String>, most_calls: u32) -> Self {
        let (held, object) = (String::new(), CallObject::default());
        Self { format, names, most_calls, calls: 0, stage: Stage::Start, held, object }
    }

    /// How many calls there were so far.
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// More of the answer.
    pub fn push(&mut self, text: &str, pieces: &mut Vec<Piece>) {
        for letter in text.chars() {
            self.letter(letter, pieces);
        }
        if self.stage == Stage::Text {
            self.flush_text(pieces);
        }
    }

    /// The answer is over.
    pub fn finish(&mut self, pieces: &mut Vec<Piece>) {
        let is_lost = match self.stage {
            Stage::Start | Stage::Text | Stage::Opened => false,
            Stage::Object => self.object.is_announced(),
            Stage::Closed | Stage::Full => true,
        };
        let held = std::mem::take(&mut self.held);
        if !is_lost {
            say(pieces, &held);
        }
    }

    fn letter(&mut self, letter: char, pieces: &mut Vec<Piece>) {
        match self.stage {
            Stage::Start => self.start(letter, pieces),
            Stage::Text => self.text(letter, pieces),
            Stage::Opened => self.opened(letter, pieces),
            Stage::Object => self.object(letter, pieces),
            Stage::Closed => self.closed(letter, pieces),
            Stage::Full => {}
        }
    }

    fn start(&mut self, letter: char, pieces: &mut Vec<Piece>) {
        let is_bare = self.format.may_begin_bare()
            && (letter == '{'
                || letter == '[' && self.format == ToolFormat::Mistral && self.held.trim().is_empty());
        if letter.is_whitespace() {
            self.held.push(letter);
        } else if is_bare {
            self.stage = Stage::Opened;
            self.opened(letter, pieces);
        } else {
            self.stage = Stage::Text;
            self.text(letter, pieces);
        }
    }

    /// Text until an opener is complete.
    fn text(&mut self, letter: char, pieces: &mut Vec<Piece>) {
        self.held.push(letter);
        let opener = self.format.opener();
        if matches!(letter, '>' | ']')
            && let Some(before) = self.held.strip_suffix(opener).map(str::to_owned)
        {
            // The space before a call is no text.
            say(pieces, before.trim_end());
            self.held = opener.to_owned();
            self.stage = Stage::Opened;
        }
    }

    /// All but what may be the beginning of an opener, and the space before it.
    fn flush_text(&mut self, pieces: &mut Vec<Piece>) {
        let opener = self.format.opener();
        let mut cuts = opener.char_indices().map(|(cut, _)| cut).filter(|cut| *cut > 0);
        let partial = cuts.rfind(|cut| opener.get(..*cut).is_some_and(|start| self.held.ends_with(start)));
        let certain = self.held.get(..self.held.len() - partial.unwrap_or(0)).unwrap_or_default();
        let end = certain.trim_end().len();
        let rest = self.held.split_off(end);
        let said = std::mem::replace(&mut self.held, rest);
        say(pieces, &said);
    }

    fn opened(&mut self, letter: char, pieces: &mut Vec<Piece>) {
        if letter == '{' {
            self.object = CallObject::default();
            self.stage = Stage::Object;
            return self.object(letter, pieces);
        }
        // A Mistral opener that shows itself after `[`, the list of the bare form.
        self.held.push(letter);
        let is_list = self.format == ToolFormat::Mistral && letter == '[';
        let is_opener =
            self.format.may_begin_bare() && self.format.opener().starts_with(self.held.trim_start());
        if !(letter.is_whitespace() || is_list || is_opener) {
            self.give_up(pieces);
        }
    }

    fn object(&mut self, letter: char, pieces: &mut Vec<Piece>) {
        let names = &self.names;
        let is_tool = |name: &str| names.iter().any(|known| known == name);
        if !self.object.is_announced() {
            self.held.push(letter);
        }
        let mut text = String::new();
        match self.object.next(letter, &is_tool, &mut text) {
            Found::Nothing => {}
            Found::Call(name) => {
                self.begin(name, pieces);
                self.argue(&text, pieces);
            }
            Found::Arguments => self.argue(&text, pieces),
            Found::End(Ending::Said) => self.end(),
            Found::End(Ending::Whole(name, arguments)) => {
                self.begin(name, pieces);
                self.argue(&arguments, pieces);
                self.end();
            }
            Found::Malformed if self.object.is_announced() => {
                say(pieces, letter.encode_utf8(&mut [0; 4]));
                self.end();
                self.stage = Stage::Text;
            }
            Found::Malformed => self.give_up(pieces),
        }
    }

    fn begin(&mut self, name: String, pieces: &mut Vec<Piece>) {
        self.held.clear();
        pieces.push(Piece::Call { index: self.calls, name });
        self.calls += 1;
    }

    fn argue(&self, more: &str, pieces: &mut Vec<Piece>) {
        let call = self.calls.saturating_sub(1);
        match pieces.last_mut() {
            Some(Piece::Arguments { index, text }) if *index == call => text.push_str(more),
            _ => pieces.push(Piece::Arguments { index: call, text: more.to_owned() }),
        }
    }

    fn end(&mut self) {
        self.held.clear();
        self.stage = if self.calls >= self.most_calls { Stage::Full } else { Stage::Closed };
    }

    /// What was held was no call.
    fn give_up(&mut self, pieces: &mut Vec<Piece>) {
        say(pieces, &std::mem::take(&mut self.held));
        self.stage = Stage::Text;
    }

    /// Between calls: a closer, a separator, space, the next.
    fn closed(&mut self, letter: char, pieces: &mut Vec<Piece>) {
        if self.format.may_begin_bare() && letter == '{' {
            self.stage = Stage::Opened;
            return self.opened(letter, pieces);
        }
        self.held.push(letter);
        let closer = self.format.closer();
        let held = self.held.trim_start();
        if held.is_empty() || self.format.may_begin_bare() && matches!(letter, ',' | ';' | ']') {
            self.held.clear();
        } else if held == closer {
            self.held.clear();
            self.stage = Stage::Start;
        } else if !closer.starts_with(held) {
            // A model that forgets the closer, or goes on with words.
            let held = std::mem::take(&mut self.held);
            self.stage = Stage::Text;
            held.chars().for_each(|letter| self.text(letter, pieces));
        }
    }
}

/// Text goes on where there was text.
fn say(pieces: &mut Vec<Piece>, more: &str) {
    if more.is_empty() {
        return;
    }
    match pieces.last_mut() {
        Some(Piece::Text(text)) => text.push_str(more),
        _ => pieces.push(Piece::Text(more.to_owned())),
    }
}

#[cfg(test)]
mod tests;
