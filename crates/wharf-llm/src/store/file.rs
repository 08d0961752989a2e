//! One prefix in a file: whose it is, its tokens, and the state of the sequence that held it.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use wharf_infer::language::TokenId;

/// The format, with its version.
const MAGIC: &[u8; 8] = b"WHARFKV1";
/// Tokens that a file may claim to have: more than any context.
const MOST_TOKENS: u32 = 1 << 24;
/// Bytes before the tokens: format, owner, number of tokens, checksum of what follows.
const HEAD: usize = 8 + 32 + 4 + 4;

/// What a file says before the state.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) owner: [u8; 32],
    pub(super) tokens: Vec<TokenId>,
}

/// Writes a file anew: whole or not at all.
pub(super) fn write(path: &Path, label: &Label, state: &[u8]) -> io::Result<u64> {
    let tokens = bytes_of(&label.tokens);
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&tokens), state);
    let count = u32::try_from(label.tokens.len()).map_err(io::Error::other)?;
    let unfinished = path.with_extension("part");
    let mut file = File::create(&unfinished)?;
    let head = [&MAGIC[..], &label.owner, &count.to_le_bytes(), &checksum.to_le_bytes()].concat();
    for part in [&head[..], &tokens, state] {
        file.write_all(part)?;
    }
    fs::rename(&unfinished, path)?;
    Ok((HEAD + tokens.len() + state.len()) as u64)
}

/// Reads what a file says of itself, and not the state.
pub(super) fn read_label(path: &Path) -> io::Result<Label> {
    read_head(&mut File::open(path)?).map(|(label, _)| label)
}

/// Reads the state, which must be whole: llama.cpp trusts what it is given.
pub(super) fn read_state(path: &Path, label: &Label) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let (found, checksum) = read_head(&mut file)?;
    let mut state = Vec::new();
    file.read_to_end(&mut state)?;
    let tokens = crc32c::crc32c(&bytes_of(&found.tokens));
    let is_whole = crc32c::crc32c_append(tokens, &state) == checksum;
    match found == *label && is_whole {
        true => Ok(state),
        false => Err(damaged()),
    }
}

fn read_head(file: &mut File) -> io::Result<(Label, u32)> {
    let mut head = [0; HEAD];
    file.read_exact(&mut head)?;
    let (magic, rest) = head.split_at(8);
    let (owner, rest) = rest.split_at(32);
    let (count, checksum) = rest.split_at(4);
    let number = |bytes: &[u8]| bytes.try_into().map(u32::from_le_bytes).map_err(|_| damaged());
    let (count, checksum) = (number(count)?, number(checksum)?);
    if magic != MAGIC || count > MOST_TOKENS {
        return Err(damaged());
    }
    let mut tokens = Vec::new();
    file.take(u64::from(count) * 4).read_to_end(&mut tokens)?;
    if tokens.len() != count as usize * 4 {
        return Err(damaged());
    }
    let tokens = tokens.chunks_exact(4).map(number).collect::<io::Result<_>>()?;
    let owner = owner.try_into().map_err(|_| damaged())?;
    Ok((Label { owner, tokens }, checksum))
}

/// Tokens as they stand in a file.
pub(super) fn bytes_of(tokens: &[TokenId]) -> Vec<u8> {
    tokens.iter().flat_map(|token| token.to_le_bytes()).collect()
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a stored prefix is damaged")
}
