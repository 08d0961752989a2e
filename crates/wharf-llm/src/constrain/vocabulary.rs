//! A vocabulary as `llguidance` sees it.

use std::sync::Arc;

use toktrie::{TokEnv, TokRxInfo, TokTrie, TokenizerEnv};
use wharf_infer::language::{TextPart, TokenId};

use crate::SharedVocabulary;

/// What a model that writes JSON is asked to tokenise, to see whether its tokens are the text and nothing else.
const PROBE: &str = "{\"name\":\"x y\",\"n\":[1,2]}";

/// The tokens of a vocabulary in a trie, and its tokenizer.
struct VocabularyEnv {
    vocabulary: SharedVocabulary,
    trie: TokTrie,
    is_canonical: bool,
}

/// `None` for a vocabulary without an end token.
pub(super) fn token_env(vocabulary: &SharedVocabulary) -> Option<TokEnv> {
    let end = vocabulary.end()?;
    let size = vocabulary.size() as TokenId;
    let words: Vec<Vec<u8>> = (0..size).map(|token| word(vocabulary, token)).collect();
    let trie = TokTrie::from(&TokRxInfo::new(size, end), &words);
    let mut env = VocabularyEnv { vocabulary: vocabulary.clone(), trie, is_canonical: false };
    // A tokenizer that puts a blank before every text cannot say how a piece within a text would be cut.
    env.is_canonical = env.exact_tokens(PROBE).is_some();
    Some(Arc::new(env))
}

/// The bytes of a token; control tokens get the mark that text cannot have.
fn word(vocabulary: &SharedVocabulary, token: TokenId) -> Vec<u8> {
    match vocabulary.control_name(token) {
        Some(name) => [&[TokTrie::SPECIAL_TOKEN_MARKER], name.as_bytes()].concat(),
        None => vocabulary.bytes(token).to_vec(),
    }
}

impl VocabularyEnv {
    /// The tokenizer's own cut, if its tokens make up the text exactly.
    fn exact_tokens(&self, text: &str) -> Option<Vec<TokenId>> {
        let part = TextPart { text: text.to_owned(), is_markup: false };
        let tokens = self.vocabulary.tokenize(&[part], false);
        let mut rest = text.as_bytes();
        for &token in &tokens {
            rest = rest.strip_prefix(self.vocabulary.bytes(token))?;
        }
        rest.is_empty().then_some(tokens)
    }
}

impl TokenizerEnv for VocabularyEnv {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        let exact = std::str::from_utf8(bytes).ok().and_then(|text| self.exact_tokens(text));
        exact.unwrap_or_else(|| self.trie.greedy_tokenize(bytes))
    }

    fn tokenize_is_canonical(&self) -> bool {
        self.is_canonical
    }
}
