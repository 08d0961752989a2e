//! A `tokenizer.json`, read with care.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokenizers::{EncodeInput, PostProcessor, Tokenizer};

use crate::{EncodeError, TokenRow};

/// The names by which vocabularies call what is put after shorter texts, and what stands for unknown words.
const PAD: [&str; 3] = ["[PAD]", "<pad>", "<|endoftext|>"];
const UNKNOWN: [&str; 3] = ["[UNK]", "<unk>", "<|unk|>"];
/// The roles of other control tokens, and their usual names.
const ROLES: [(&str, [&str; 2]); 4] = [
    ("cls", ["[CLS]", "<s>"]),
    ("sep", ["[SEP]", "</s>"]),
    ("mask", ["[MASK]", "<mask>"]),
    ("bos", ["<s>", "<bos>"]),
];

/// A graph counts tokens with signed numbers of 32 bits at least.
const MAX_ID: u32 = i32::MAX as u32;

/// Turns texts into tokens.
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    /// Tokens with a meaning of their own, which no text of a caller becomes.
    control: BTreeSet<u32>,
    unknown: Option<u32>,
    pad: u32,
    max_id: u32,
}

impl TextTokenizer {
    /// Reads a `tokenizer.json`. Lengths to which it cuts or fills texts are left out: both is done elsewhere.
    ///
    /// # Errors
    /// It is malformed, has no tokens, or ids that no graph could take.
    pub fn from_json(json: &[u8]) -> Result<Self, EncodeError> {
        let malformed = |problem: String| EncodeError::new(format!("is no tokenizer: {problem}"));
        // The library is not made for files of strangers.
        let read = catch_unwind(AssertUnwindSafe(|| Tokenizer::from_bytes(json)));
        let read = read.map_err(|_| malformed("it contradicts itself".to_owned()))?;
        let mut tokenizer = read.map_err(|error| malformed(error.to_string()))?;
        let padding = tokenizer.get_padding().map(|padding| padding.pad_id);
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| malformed(error.to_string()))?;
        // Caller's text is text, whatever it looks like.
        tokenizer.set_encode_special_tokens(true);
        let vocabulary = tokenizer.get_vocab(true);
        let max_id =
            vocabulary.values().copied().max().ok_or_else(|| malformed("it has no tokens".to_owned()))?;
        if let Some(id) = [Some(max_id), padding].into_iter().flatten().find(|id| *id > MAX_ID) {
            return Err(malformed(format!("it has the id {id}, expected at most {MAX_ID}")));
        }
        let named = |names: &[&str]| names.iter().find_map(|name| vocabulary.get(*name).copied());
        let unknown = named(&UNKNOWN);
        let added = tokenizer.get_added_tokens_decoder();
        let control = added.iter().filter(|(id, token)| token.special && Some(**id) != unknown);
        let control = control.map(|(id, _)| *id).collect();
        let pad = padding.or_else(|| named(&PAD)).unwrap_or(0);
        Ok(Self { tokenizer, control, unknown, pad, max_id })
    }

    /// The tokens of a text; `with_special` puts the tokenizer's own around it.
    ///
    /// # Errors
    /// The tokenizer can make nothing of it.
    pub fn encode(&self, text: &str, with_special: bool) -> Result<TokenRow, EncodeError> {
        self.row(EncodeInput::from(text), with_special)
    }

    /// The tokens of two texts that belong together, such as a question and a document.
    ///
    /// # Errors
    /// The tokenizer can make nothing of them.
    pub fn encode_pair(&self, first: &str, second: &str) -> Result<TokenRow, EncodeError> {
        self.row(EncodeInput::from((first, second)), true)
    }

    fn row(&self, input: EncodeInput<'_>, with_special: bool) -> Result<TokenRow, EncodeError> {
        let encode = || self.tokenizer.encode_fast(input, with_special);
        let encoded = catch_unwind(AssertUnwindSafe(encode))
            .map_err(|_| EncodeError::new("cannot be cut into tokens: the tokenizer contradicts itself"))?;
        let encoded =
            encoded.map_err(|error| EncodeError::new(format!("cannot be cut into tokens: {error}")))?;
        let own = encoded.get_special_tokens_mask();
        let id = |(place, id): (usize, &u32)| match own.get(place) {
            // A vocabulary may have the name of a control token as a word.
            Some(0) | None if self.control.contains(id) => {
                let problem =
                    "has the name of a control token in it, which the vocabulary cannot tell from the token";
                self.unknown.ok_or_else(|| EncodeError::new(problem))
            }
            _ => Ok(*id),
        };
        let ids = encoded.get_ids().iter().enumerate().map(id).collect::<Result<Vec<u32>, _>>()?;
        Ok(TokenRow { ids, types: encoded.get_type_ids().to_vec() })
    }

    /// The text of each token; of control tokens their names where `with_special` says so, else nothing. Pieces one after
    /// the other make up the text. A token that the vocabulary does not have gives nothing.
    pub fn pieces(&self, ids: &[u32], with_special: bool) -> Vec<String> {
        let name = |id: &u32| self.tokenizer.id_to_token(*id).unwrap_or_default();
        let is_plain = |id: &&u32| !self.control.contains(*id);
        let plain: Vec<String> = ids.iter().filter(is_plain).map(name).collect();
        let mut decoded = self.decoded(plain).into_iter();
        let piece = |id: &u32| match (self.control.contains(id), with_special) {
            (true, true) => name(id),
            (true, false) => String::new(),
            (false, _) => decoded.next().unwrap_or_default(),
        };
        ids.iter().map(piece).collect()
    }

    /// A decoder gives a piece for each token, or, where it joins them, the text: then each token is decoded by itself.
    fn decoded(&self, tokens: Vec<String>) -> Vec<String> {
        use tokenizers::Decoder as _;
        let Some(decoder) = self.tokenizer.get_decoder() else { return tokens };
        match decoder.decode_chain(tokens.clone()) {
            Ok(pieces) if pieces.len() == tokens.len() => pieces,
            _ => {
                let alone = |token: String| decoder.decode_chain(vec![token]).unwrap_or_default().concat();
                tokens.into_iter().map(alone).collect()
            }
        }
    }

    /// The token that is put after shorter texts.
    pub fn pad(&self) -> u32 {
        self.pad
    }

    /// The largest id that a text can have.
    pub fn max_id(&self) -> u32 {
        self.max_id
    }

    /// How many tokens are put around one text.
    pub fn added_tokens(&self) -> usize {
        self.tokenizer.get_post_processor().map_or(0, |processor| processor.added_tokens(false))
    }

    /// The texts of control tokens by role: `pad`, `unk`, `cls`, `sep`, `mask`, `bos`.
    pub fn special_tokens(&self) -> BTreeMap<String, String> {
        let known =
            |name: &&&str| self.tokenizer.token_to_id(name).is_some_and(|id| self.control.contains(&id));
        let other =
            ROLES.iter().filter_map(|(role, names)| Some((*role, (*names.iter().find(known)?).to_string())));
        let of = |id: Option<u32>| id.and_then(|id| self.tokenizer.id_to_token(id));
        let by_id = [("pad", of(Some(self.pad))), ("unk", of(self.unknown))];
        let by_id = by_id.into_iter().filter_map(|(role, name)| Some((role, name?)));
        other.chain(by_id).map(|(role, name)| (role.to_owned(), name)).collect()
    }

    /// The texts of all control tokens.
    pub fn control_texts(&self) -> Vec<String> {
        self.control.iter().filter_map(|id| self.tokenizer.id_to_token(*id)).collect()
    }
}

impl std::fmt::Debug for TextTokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextTokenizer")
            .field("max_id", &self.max_id)
            .field("pad", &self.pad)
            .finish_non_exhaustive()
    }
}
