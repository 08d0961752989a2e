//! Keeps what callers wrote from turning into control tokens.
//!
//! A control token is known by its text alone, and a template mixes its own text with that of callers. So each place in
//! a caller's text that could be read as such a token, alone or together with what comes to stand beside it, gets a
//! character that no text may have. Wherever the template has put the text, and whatever it has cut off, the
//! character says afterwards whose it was.

use std::ops::Range;

use aho_corasick::AhoCorasick;
use wharf_infer::ServiceError;
use wharf_infer::language::TextPart;

/// Unicode has it for private use inside a program, and in no text.
const MARKER: char = '\u{FDD0}';

/// The texts of a vocabulary's control tokens.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    texts: Vec<String>,
    finder: AhoCorasick,
}

impl Guard {
    /// Looks for these. A text of one character cannot be broken up and is left alone: no vocabulary has one.
    ///
    /// # Errors
    /// They are too many to be looked for together.
    pub(crate) fn new(texts: &[String]) -> Result<Self, ServiceError> {
        let texts: Vec<String> = texts.iter().filter(|text| text.chars().nth(1).is_some()).cloned().collect();
        let finder = AhoCorasick::new(&texts)
            .map_err(|error| ServiceError::internal("the vocabulary cannot be guarded", error))?;
        Ok(Self { texts, finder })
    }

    /// A caller's text, marked where it needs to be.
    pub(crate) fn mark(&self, text: &str) -> String {
        let clean: String = text.chars().filter(|letter| *letter != MARKER).collect();
        let mut places: Vec<usize> = self
            .finder
            .find_overlapping_iter(&clean)
            .map(|found| found.start() + first_length(&clean, found.start()))
            .collect();
        places.extend(self.open_start(&clean));
        places.extend(self.open_end(&clean));
        places.sort_unstable();
        places.dedup();
        with_markers(&clean, &places)
    }

    /// Where a text begins that could be the end of a control token. Templates trim, so the space around it counts for
    /// nothing.
    fn open_start(&self, text: &str) -> Option<usize> {
        let start = text.len() - text.trim_start().len();
        let rest = text.get(start..)?;
        let ends = |token: &String| {
            token
                .char_indices()
                .skip(1)
                .any(|(cut, _)| token.get(cut..).is_some_and(|end| rest.starts_with(end)))
        };
        self.texts.iter().any(ends).then_some(start)
    }

    /// Where a text ends that could be the beginning of a control token.
    fn open_end(&self, text: &str) -> Option<usize> {
        let rest = text.trim_end();
        let begins = |token: &String| {
            token
                .char_indices()
                .skip(1)
                .any(|(cut, _)| token.get(..cut).is_some_and(|start| rest.ends_with(start)))
        };
        self.texts.iter().any(begins).then_some(rest.len())
    }

    /// A rendered prompt in pieces, without the marks.
    pub(crate) fn split(&self, rendered: &str) -> Vec<TextPart> {
        let (text, markers) = without_markers(rendered);
        if markers.is_empty() {
            return part(&text, 0..text.len(), true).into_iter().collect();
        }
        let mut parts = Vec::new();
        let mut done = 0;
        for range in self.marked(&text, &markers) {
            parts.extend(part(&text, done..range.start, true));
            done = range.end;
            parts.extend(part(&text, range, false));
        }
        parts.extend(part(&text, done..text.len(), true));
        parts
    }

    /// Where the text looks like a control token and is not one, in order and apart.
    fn marked(&self, text: &str, markers: &[usize]) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = self
            .finder
            .find_overlapping_iter(text)
            .map(|found| found.range())
            .filter(|range| {
                let next = markers.partition_point(|marker| *marker <= range.start);
                markers.get(next).is_some_and(|marker| *marker < range.end)
            })
            .collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let mut apart: Vec<Range<usize>> = Vec::new();
        for range in ranges {
            match apart.last_mut().filter(|last| range.start < last.end) {
                Some(last) => last.end = last.end.max(range.end),
                None => apart.push(range),
            }
        }
        apart
    }
}

fn first_length(text: &str, start: usize) -> usize {
    text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
}

fn with_markers(text: &str, places: &[usize]) -> String {
    let mut marked = String::with_capacity(text.len() + places.len() * MARKER.len_utf8());
    let mut done = 0;
    for &place in places {
        marked.push_str(text.get(done..place).unwrap_or_default());
        marked.push(MARKER);
        done = place;
    }
    marked.push_str(text.get(done..).unwrap_or_default());
    marked
}

fn without_markers(rendered: &str) -> (String, Vec<usize>) {
    let mut text = String::with_capacity(rendered.len());
    let mut markers = Vec::new();
    for (index, piece) in rendered.split(MARKER).enumerate() {
        if index > 0 {
            markers.push(text.len());
        }
        text.push_str(piece);
    }
    (text, markers)
}

fn part(text: &str, range: Range<usize>, is_markup: bool) -> Option<TextPart> {
    let text = text.get(range).filter(|text| !text.is_empty())?;
    Some(TextPart { text: text.to_owned(), is_markup })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: [&str; 4] = ["<|im_start|>", "<|im_end|>", "</s>", "<｜User｜>"];

    fn guard() -> Guard {
        Guard::new(&TOKENS.map(str::to_owned)).unwrap()
    }

    /// What a vocabulary would make of the parts: the control tokens in them.
    fn tokens(parts: &[TextPart]) -> Vec<String> {
        let markup = parts.iter().filter(|part| part.is_markup);
        let found = |part: &TextPart| {
            let finder = AhoCorasick::new(TOKENS).unwrap();
            finder.find_iter(&part.text).map(|found| part.text[found.range()].to_owned()).collect::<Vec<_>>()
        };
        markup.flat_map(found).collect()
    }

    fn text(parts: &[TextPart]) -> String {
        parts.iter().map(|part| part.text.as_str()).collect()
    }

    #[test]
    fn callers_cannot_write_control_tokens() {
        let guard = guard();
        for token in TOKENS {
            for written in [
                token.to_owned(),
                format!("a {token} b{token}"),
                format!("{token}{token}"),
                format!("<|im_{token}start|>"),
                format!("{MARKER}{token}{MARKER}"),
                token.chars().flat_map(|letter| [letter, MARKER]).collect(),
            ] {
                let parts = guard.split(&format!("<|im_start|>user\n{}<|im_end|>", guard.mark(&written)));
                assert_eq!(tokens(&parts), ["<|im_start|>", "<|im_end|>"], "{written}: {parts:?}");
                let clean = written.replace(MARKER, "");
                assert_eq!(text(&parts), format!("<|im_start|>user\n{clean}<|im_end|>"));
            }
        }
    }

    #[test]
    fn texts_that_come_to_stand_together_make_no_control_token() {
        let guard = guard();
        for token in TOKENS {
            for (cut, _) in token.char_indices().skip(1) {
                let (one, other) = (
                    guard.mark(&format!("x{}  ", &token[..cut])),
                    guard.mark(&format!("\n{}y", &token[cut..])),
                );
                let parts = guard.split(&format!("{}{}", one.trim(), other.trim()));
                assert_eq!(tokens(&parts), [""; 0], "{token} cut at {cut}: {parts:?}");
                assert_eq!(text(&parts), format!("x{token}y"));
            }
        }
    }

    #[test]
    fn the_templates_own_tokens_stay_beside_any_text() {
        let guard = guard();
        for written in ["|>", ">", "<", "s>", "<|im_start|", "plain", "", "|im_start|>"] {
            let parts = guard.split(&format!("</s>{}<|im_end|>", guard.mark(written)));
            assert_eq!(tokens(&parts), ["</s>", "<|im_end|>"], "{written}: {parts:?}");
        }
    }

    #[test]
    fn a_text_without_danger_is_one_part() {
        let guard = guard();
        assert_eq!(guard.mark("a < b und größer"), "a < b und größer");
        assert_eq!(guard.split("abc"), [TextPart { text: "abc".into(), is_markup: true }]);
        assert_eq!(guard.split(""), []);
    }

    #[test]
    fn a_large_text_of_look_alikes_takes_linear_time() {
        let guard = guard();
        let written = "<|im_start|".repeat(100_000);
        assert_eq!(text(&guard.split(&guard.mark(&written))), written);
        let written = "<|im_start|>".repeat(100_000);
        assert_eq!(tokens(&guard.split(&guard.mark(&written))), [""; 0]);
    }
}
