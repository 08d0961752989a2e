//! Text in a drawing: made harmless, measured, cut to the space there is.

use std::borrow::Cow;

/// `text` as the content of an element or of a quoted attribute, in XML and in HTML.
///
/// Characters that XML 1.0 forbids, and those that turn the direction of the text after them, are replaced.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| replacement(c).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match replacement(c) {
            Some(safe) => out.push_str(safe),
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn replacement(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        '\t' | '\n' => None,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Some("\u{fffd}"),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some("\u{fffd}"),
        '\u{fffe}' | '\u{ffff}' => Some("\u{fffd}"),
        _ => None,
    }
}

/// The width of `text` in pixels at a font size, as of DejaVu Sans, the widest of the usual fonts.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size
}

/// The share of the font size that a character takes.
fn advance(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '\'' | '|' => 0.29,
        '.' | ',' | ':' | ';' | '!' | ' ' | 'I' => 0.34,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '\u{2026}' => 0.96,
        '+' | '=' | '<' | '>' | '~' | '\u{2212}' => 0.84,
        '0'..='9' => 0.63,
        'A'..='Z' => 0.70,
        'a'..='z' => 0.60,
        '\u{300}'..='\u{36f}' => 0.0,
        c if c < '\u{1100}' => 0.66,
        _ => 1.05,
    }
}

/// `text` on one line and no wider than `room` pixels, with an ellipsis where something was cut.
pub(crate) fn fit(text: &str, size: f64, room: f64) -> Cow<'_, str> {
    let line: Cow<'_, str> = if text.contains(['\n', '\t']) {
        Cow::Owned(text.replace(['\n', '\t'], " "))
    } else {
        Cow::Borrowed(text)
    };
    if width(&line, size) <= room {
        return line;
    }
    let room = room - advance('\u{2026}') * size;
    let mut used = 0.0;
    let kept = line.chars().take_while(|c| {
        used += advance(*c) * size;
        used <= room
    });
    let kept: String = kept.collect();
    Cow::Owned(format!("{}\u{2026}", kept.trim_end()))
}

/// `1 value`, `2 values`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_could_leave_its_place() {
        let cases = [
            ("plain", "plain"),
            ("</svg><script>", "&lt;/svg&gt;&lt;script&gt;"),
            ("a&b \"c\" 'd'", "a&amp;b &quot;c&quot; &#39;d&#39;"),
            ("nul\0 esc\u{1b}", "nul\u{fffd} esc\u{fffd}"),
            ("turn\u{202e}ed", "turn\u{fffd}ed"),
            ("\u{ffff}", "\u{fffd}"),
            ("größe 猫", "größe 猫"),
        ];
        for (given, expected) in cases {
            assert_eq!(escape(given), expected, "{given:?}");
        }
    }

    #[test]
    fn fits_text_into_its_room() {
        assert_eq!(fit("cat", 12.0, 100.0), "cat");
        assert_eq!(fit("two\nlines", 12.0, 100.0), "two lines");
        let cut = fit("a very long class name indeed", 12.0, 80.0);
        assert!(cut.ends_with('\u{2026}') && width(&cut, 12.0) <= 80.0, "{cut}");
        assert_eq!(fit("anything", 12.0, 0.0), "\u{2026}");
    }
}
