//! Bytes of tokens to text, in whole characters.

/// Puts characters together that tokens have cut apart. What can never become one is replaced as
/// [`String::from_utf8_lossy`] does.
#[derive(Default)]
pub(crate) struct CharacterJoiner {
    /// The beginning of a character: at most three bytes between two calls.
    pending: Vec<u8>,
}

impl CharacterJoiner {
    /// Appends to `text` what `bytes` complete.
    pub(crate) fn push(&mut self, bytes: &[u8], text: &mut String) {
        if self.pending.is_empty()
            && let Ok(whole) = std::str::from_utf8(bytes)
        {
            text.push_str(whole);
            return;
        }
        self.pending.extend_from_slice(bytes);
        let mut rest: &[u8] = &self.pending;
        loop {
            match std::str::from_utf8(rest) {
                Ok(whole) => {
                    text.push_str(whole);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (whole, broken) = rest.split_at(error.valid_up_to());
                    text.push_str(std::str::from_utf8(whole).unwrap_or_default());
                    rest = broken;
                    let Some(length) = error.error_len() else { break };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = rest.get(length..).unwrap_or_default();
                }
            }
        }
        let kept = self.pending.len() - rest.len();
        self.pending.drain(..kept);
    }
}
