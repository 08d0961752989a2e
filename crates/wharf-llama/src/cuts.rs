//! Long texts in pieces that give the same tokens as the whole.
//!
//! llama.cpp's SentencePiece tokenizer copies all tokens so far for each character that is in none of its own
//! (`output.reserve` by just as much as is needed), so that a MiB of combining marks takes minutes. Such characters are
//! merged with nothing: a text may be cut before any of them.

use std::collections::HashSet;

use wharf_infer::language::TokenId;

use crate::native::Model;

/// Bytes from which a piece is cut at the next place where it can be.
const PIECE: usize = 4 << 10;
/// Characters that nobody writes, of which a vocabulary hardly has all.
const PRIVATE: std::ops::RangeInclusive<char> = '\u{e000}'..='\u{f8ff}';

/// Where texts may be cut.
pub(crate) struct Cuts {
    /// The characters of all tokens.
    known: HashSet<char>,
    /// Tokens that stand before any text: that of the blank that is put there.
    lead: usize,
}

impl Cuts {
    /// For a model whose tokens have these texts; `None` where its texts need no cuts.
    pub(crate) fn of<'a>(model: &Model, texts: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        if !model.is_sentence_piece() {
            return None;
        }
        let texts = texts.filter_map(|text| std::str::from_utf8(text).ok());
        let known: HashSet<char> = texts.flat_map(str::chars).collect();
        // Its tokens are those of its bytes, whatever it is; what is before them stands before any piece.
        let foreign = PRIVATE.into_iter().find(|c| !known.contains(c))?;
        let tokens = model.tokenize(&foreign.to_string(), false);
        let lead = tokens.len().checked_sub(foreign.len_utf8())?;
        Some(Self { known, lead })
    }

    /// The tokens of a text, as if it had been cut into tokens as a whole.
    pub(crate) fn tokenize(&self, model: &Model, text: &str) -> Vec<TokenId> {
        let mut tokens = Vec::new();
        for (index, piece) in self.pieces(text).enumerate() {
            let lead = if index == 0 { 0 } else { self.lead };
            tokens.extend(model.tokenize(piece, false).into_iter().skip(lead));
        }
        tokens
    }

    /// The pieces of a text; each but the first begins with a character of no token.
    fn pieces<'a>(&self, text: &'a str) -> impl Iterator<Item = &'a str> {
        let mut rest = Some(text);
        std::iter::from_fn(move || {
            let text = rest.take()?;
            let may_cut = |(place, c): &(usize, char)| *place >= PIECE && !self.known.contains(c);
            match text.char_indices().find(may_cut) {
                None => Some(text),
                Some((place, _)) => {
                    let (piece, more) = text.split_at(place);
                    rest = Some(more);
                    Some(piece)
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The trained model of the tests; `None` where it is absent.
    fn model() -> Option<(Model, Cuts)> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/data/stories260k/stories260K-f32.gguf");
        let model = file.is_file().then(|| Model::load(&file).unwrap())?;
        let tokens = 0..model.vocabulary_size() as TokenId;
        let texts = tokens.filter(|&token| !model.kind(token).is_control && !model.kind(token).is_byte);
        let texts: Vec<Vec<u8>> = texts.map(|token| model.piece(token, false)).collect();
        let cuts = Cuts::of(&model, texts.iter().map(Vec::as_slice)).unwrap();
        Some((model, cuts))
    }

    #[test]
    fn pieces_give_the_tokens_of_the_whole() {
        let Some((model, cuts)) = model() else { return };
        for pattern in ["\u{301}", "a\u{301} b", "Once upon\u{4e2d} a time  ", " \u{e000}", "\t\n", "once"] {
            let text = pattern.repeat(20_000 / pattern.len());
            assert_eq!(cuts.tokenize(&model, &text), model.tokenize(&text, false), "{pattern:?}");
        }
        assert_eq!(cuts.tokenize(&model, ""), model.tokenize("", false));
    }

    /// A quarter of a MiB would take most of a minute as a whole.
    #[test]
    fn characters_of_no_token_are_cut_at() {
        let Some((_, cuts)) = model() else { return };
        let text = "\u{301}".repeat(1 << 20);
        let pieces: Vec<&str> = cuts.pieces(&text).collect();
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE + 4), "{}", pieces.len());
        assert_eq!(pieces.concat(), text);
    }
}
