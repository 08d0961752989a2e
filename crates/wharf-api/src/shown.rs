//! Names from clients, in messages.

use std::borrow::Cow;

/// How many characters of a name from the client a message repeats.
pub(crate) const SHOWN_NAME: usize = 128;

/// A name from the client, cut to what a message may repeat.
pub(crate) fn shown(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(SHOWN_NAME) {
        None => Cow::Borrowed(name),
        Some((end, _)) => Cow::Owned(format!("{}...", name.get(..end).unwrap_or_default())),
    }
}
