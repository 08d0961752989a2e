//! SHA-256 of bytes and files, in lowercase hexadecimal.

use std::fs::File;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// The digest of `bytes`.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The length and digest of what is left in `file`, read in pieces.
pub(crate) fn sha256_of_file(file: &mut File) -> io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0_u8; 1 << 16];
    let mut length = 0_u64;
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok((length, hex(&hasher.finalize()))),
            Ok(count) => {
                hasher.update(&piece[..count]);
                length += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether `text` is a digest as this module writes it.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_of_abc_is_the_published_one() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), expected);
        assert!(is_sha256(expected));
        assert!(!is_sha256(&expected.to_uppercase()) && !is_sha256("ba78"));
    }
}
