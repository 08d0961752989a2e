//! Pictures inside a page, as data addresses.

use crate::error::ReportError;
use crate::text::escape;

/// A small picture with a caption. It is shown with hard pixel edges, about a hundred pixels wide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    file: Vec<u8>,
    media_type: &'static str,
    caption: String,
}

impl Picture {
    /// A picture from the bytes of a PNG or JPEG file. Line breaks of the caption are kept.
    ///
    /// # Errors
    /// If the bytes start like neither.
    pub fn new(file: Vec<u8>, caption: impl Into<String>) -> Result<Self, ReportError> {
        let media_type = match file.as_slice() {
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            _ => return Err(ReportError::not_a_picture()),
        };
        Ok(Self { file, media_type, caption: caption.into() })
    }

    pub(super) fn push(&self, out: &mut String) {
        let (kind, caption) = (self.media_type, escape(&self.caption));
        out.push_str(&format!("<figure><img alt=\"{caption}\" src=\"data:{kind};base64,"));
        push_base64(out, &self.file);
        out.push_str(&format!("\"><figcaption>{caption}</figcaption></figure>"));
    }
}

/// The alphabet of RFC 4648, section 4.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn push_base64(out: &mut String, bytes: &[u8]) {
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let digit = (word >> (18 - 6 * index)) & 63;
            out.push(if index <= chunk.len() { char::from(ALPHABET[digit as usize]) } else { '=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReportErrorKind;

    #[test]
    fn base64_follows_the_standard() {
        let cases = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("\u{ff}>", "w78+"),
        ];
        for (given, expected) in cases {
            let mut out = String::new();
            push_base64(&mut out, given.as_bytes());
            assert_eq!(out, expected, "{given}");
        }
    }

    #[test]
    fn rejects_what_no_browser_shows() {
        let error = Picture::new(b"<svg onload=alert(1)>".to_vec(), "").unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ReportErrorKind::Picture, "picture is neither PNG nor JPEG")
        );
    }
}
