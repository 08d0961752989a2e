//! Stop strings over text that comes in pieces.

/// A string to look for, and how much of it the text ends with.
struct Pattern {
    bytes: Vec<u8>,
    /// For every prefix, the length of its longest proper prefix that it also ends with (Knuth, Morris and Pratt).
    falls_back_to: Vec<usize>,
    matched: usize,
}

impl Pattern {
    fn new(text: &str) -> Self {
        let bytes = text.as_bytes().to_vec();
        let mut falls_back_to = vec![0; bytes.len()];
        let mut length = 0;
        for place in 1..bytes.len() {
            while length > 0 && bytes[place] != bytes[length] {
                length = falls_back_to[length - 1];
            }
            if bytes[place] == bytes[length] {
                length += 1;
            }
            falls_back_to[place] = length;
        }
        Self { bytes, falls_back_to, matched: 0 }
    }

    /// Takes one more byte of the text. True if the text now ends with the whole string.
    fn push(&mut self, byte: u8) -> bool {
        while self.matched > 0 && self.bytes[self.matched] != byte {
            self.matched = self.falls_back_to[self.matched - 1];
        }
        if self.bytes[self.matched] == byte {
            self.matched += 1;
        }
        self.matched == self.bytes.len()
    }
}

/// Where one of the strings was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Which.
    pub(crate) pattern: usize,
    /// Bytes of the last piece up to the end of the string.
    pub(crate) end: usize,
}

/// Looks for strings in text that comes in pieces; each byte is looked at once. The one that is complete first wins, of
/// several that are complete at the same place the longest; how the text is cut into pieces makes no difference.
#[derive(Default)]
pub(crate) struct StopMatcher {
    patterns: Vec<Pattern>,
}

impl StopMatcher {
    /// For these strings; empty ones are left out.
    pub(crate) fn new<'a>(strings: impl IntoIterator<Item = &'a str>) -> Self {
        Self { patterns: strings.into_iter().filter(|text| !text.is_empty()).map(Pattern::new).collect() }
    }

    /// Takes another piece, up to the end of the first string that occurs.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Option<Found> {
        if self.patterns.is_empty() {
            return None;
        }
        for (place, &byte) in piece.iter().enumerate() {
            let mut longest: Option<(usize, usize)> = None;
            for (index, pattern) in self.patterns.iter_mut().enumerate() {
                let length = pattern.bytes.len();
                if pattern.push(byte) && longest.is_none_or(|(_, other)| length > other) {
                    longest = Some((index, length));
                }
            }
            if let Some((pattern, _)) = longest {
                return Some(Found { pattern, end: place + 1 });
            }
        }
        None
    }

    /// Bytes at the end of the text that may become the beginning of a string.
    pub(crate) fn held(&self) -> usize {
        self.patterns.iter().map(|pattern| pattern.matched).max().unwrap_or(0)
    }

    /// The string itself.
    pub(crate) fn text(&self, pattern: usize) -> String {
        let bytes = self.patterns.get(pattern).map(|pattern| pattern.bytes.clone()).unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    }
}
