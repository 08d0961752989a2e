//! Pictures inside a page, as data addresses.

use super::png::{self, Colour};
use crate::error::ReportError;
use crate::text::escape;

/// Pages are no place for larger pictures; the product of all three sizes cannot overflow either.
const LARGEST_SIDE: u32 = 4096;

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

    /// A picture from its samples, as tensors of pictures hold them: row by row, `channels` of a pixel together.
    ///
    /// # Errors
    /// If a side is 0 or above 4096, `channels` is neither 1 (gray) nor 3 (red, green, blue), or `samples` are not
    /// as many as that takes.
    pub fn from_samples(
        (height, width, channels): (usize, usize, usize),
        samples: &[u8],
        caption: impl Into<String>,
    ) -> Result<Self, ReportError> {
        let wrong = || ReportError::not_samples([height, width, channels], samples.len());
        let side = |side: usize| u32::try_from(side).ok().filter(|side| (1..=LARGEST_SIDE).contains(side));
        let size = side(width).zip(side(height)).ok_or_else(wrong)?;
        let colour = match channels {
            1 => Colour::Gray,
            3 => Colour::Rgb,
            _ => return Err(wrong()),
        };
        if samples.len() != height * width * channels {
            return Err(wrong());
        }
        let file = png::encode(size, colour, samples.chunks(width * channels));
        Ok(Self { file, media_type: "image/png", caption: caption.into() })
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
    fn samples_make_a_png() {
        let picture = Picture::from_samples((1, 2, 3), &[1, 2, 3, 4, 5, 6], "two").unwrap();
        assert!(picture.file.starts_with(b"\x89PNG") && picture.media_type == "image/png");
        let cases: [((usize, usize, usize), &str); 4] = [
            ((1, 2, 1), "6 samples, expected a picture of shape [1, 2, 1] "),
            ((1, 3, 2), "6 samples, expected a picture of shape [1, 3, 2] "),
            ((0, 2, 3), "6 samples, expected a picture of shape [0, 2, 3] "),
            ((usize::MAX, 2, 3), "6 samples, expected a picture of shape [18446744073709551615, 2, 3] "),
        ];
        for (shape, expected) in cases {
            let text = Picture::from_samples(shape, &[0; 6], "").unwrap_err().to_string();
            assert!(text.starts_with(expected), "{text}");
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
