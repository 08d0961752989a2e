//! From tokens to text that may be shown: whole characters, and nothing that may become part of a stop string.

mod stop;
#[cfg(test)]
mod tests;
mod utf8;

pub(crate) use stop::StopMatcher;
use utf8::CharacterJoiner;

/// The text of one answer.
pub(crate) struct AnswerText {
    joiner: CharacterJoiner,
    stop: StopMatcher,
    /// Text that is not out yet.
    held: String,
}

impl AnswerText {
    /// Which ends at one of these strings.
    pub(crate) fn new(stop: &[String]) -> Self {
        Self {
            joiner: CharacterJoiner::default(),
            stop: StopMatcher::new(stop.iter().map(String::as_str)),
            held: String::new(),
        }
    }

    /// Takes the bytes of a token and appends to `out` what is certain by now. The stop string, if it is complete; then the
    /// text is too. Without `may_stop` the text goes out as it is, and no stop string begins in it.
    pub(crate) fn push(&mut self, bytes: &[u8], may_stop: bool, out: &mut String) -> Option<String> {
        let old = self.held.len();
        self.joiner.push(bytes, &mut self.held);
        if !may_stop {
            out.push_str(&self.held);
            self.held.clear();
            return None;
        }
        let piece = self.held.as_bytes().get(old..).unwrap_or_default();
        if let Some(found) = self.stop.push(piece) {
            let text = self.stop.text(found.pattern);
            let end = (old + found.end).saturating_sub(text.len());
            out.push_str(self.held.get(..end).unwrap_or_default());
            self.held.clear();
            return Some(text);
        }
        let certain = self.held.len() - self.stop.held();
        out.extend(self.held.drain(..certain));
        None
    }

    /// Appends what is left when no more tokens come. The beginning of a character is no text.
    pub(crate) fn finish(&mut self, out: &mut String) {
        out.push_str(&self.held);
        self.held.clear();
    }
}
