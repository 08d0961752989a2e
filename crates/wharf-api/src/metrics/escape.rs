//! Client text in logs: one line, nothing that a terminal obeys, not too much of it.

use std::fmt::{self, Display, Write as _};

/// Client text is cut to this many characters.
const MAX_SHOWN: usize = 512;

/// Shows `text` on one line: control characters and those that turn the direction of writing become escapes.
pub(crate) fn escaped(text: &str) -> impl Display + '_ {
    Escaped(text)
}

struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars().take(MAX_SHOWN) {
            if character == '\\' || is_obeyed(character) {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        if self.0.chars().nth(MAX_SHOWN).is_some() {
            f.write_str("...")?;
        }
        Ok(())
    }
}

/// Control characters, line separators, and Unicode's marks of direction.
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        for (text, expected) in [
            ("plain ü", "plain ü"),
            ("a\r\nb", "a\\r\\nb"),
            ("\u{1b}[31m", "\\u{1b}[31m"),
            ("\u{202e}gpj", "\\u{202e}gpj"),
            ("\u{2028}\u{85}\0", "\\u{2028}\\u{85}\\u{0}"),
            ("\\n", "\\\\n"),
        ] {
            assert_eq!(escaped(text).to_string(), expected);
        }
    }

    #[test]
    fn long_text_is_cut() {
        let shown = escaped(&"x".repeat(10_000)).to_string();
        assert_eq!(shown.len(), MAX_SHOWN + 3);
        assert_eq!(escaped(&"x".repeat(MAX_SHOWN)).to_string().len(), MAX_SHOWN);
    }
}
