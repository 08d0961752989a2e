//! The tokens of a model of llama.cpp as [`Vocabulary`].

use std::sync::Arc;

use wharf_infer::language::{TextPart, TokenId};
use wharf_llm::Vocabulary;

use crate::cuts::Cuts;
use crate::native::{Model, TokenKind};

/// The tokens of a model.
pub struct LlamaVocabulary {
    model: Arc<Model>,
    /// What each token stands for, one after the other.
    bytes: Vec<u8>,
    /// Where the bytes of a token end; they begin where those of the one before end.
    ends: Vec<u32>,
    /// Tokens that are none of text, longest names first: a name may contain another.
    controls: Vec<Control>,
    /// What the vocabulary puts before and after a text.
    around: (Vec<TokenId>, Vec<TokenId>),
    end: Option<TokenId>,
    /// Where long texts may be cut into pieces, if they need that.
    cuts: Option<Cuts>,
}

struct Control {
    token: TokenId,
    name: String,
    kind: TokenKind,
}

/// A stretch of a prompt.
#[derive(Debug, PartialEq)]
enum Stretch {
    Text(String),
    Control(TokenId),
}

impl LlamaVocabulary {
    pub(crate) fn new(model: &Arc<Model>) -> Self {
        let mut new = Self {
            model: Arc::clone(model),
            bytes: Vec::new(),
            ends: Vec::new(),
            controls: Vec::new(),
            around: around(model),
            end: model.end(),
            cuts: None,
        };
        // The characters of tokens, but for those that stand for bytes of any.
        let mut texts = Vec::new();
        for token in 0..model.vocabulary_size() as TokenId {
            let kind = model.kind(token);
            if kind.is_control {
                let name = String::from_utf8_lossy(&model.piece(token, true)).into_owned();
                new.controls.push(Control { token, name, kind });
            } else {
                new.bytes.extend(model.piece(token, false));
                if !kind.is_byte {
                    texts.push(token);
                }
            }
            new.ends.push(new.bytes.len() as u32);
        }
        new.controls.sort_by_key(|control| std::cmp::Reverse(control.name.len()));
        new.cuts = Cuts::of(model, texts.into_iter().map(|token| new.bytes(token)));
        new
    }

    /// The names of all control tokens.
    pub fn control_names(&self) -> impl Iterator<Item = &str> {
        self.controls.iter().map(|control| control.name.as_str()).filter(|name| !name.is_empty())
    }

    /// The parts as stretches of text, cut only at control tokens: a token of text may reach over the end of a part.
    fn stretches(&self, parts: &[TextPart]) -> Vec<Stretch> {
        let mut stretches = Vec::new();
        // After a token that swallows the white space behind it.
        let mut trims = false;
        for part in parts {
            if part.is_markup {
                self.cut(&part.text, &self.controls, &mut stretches, &mut trims);
            } else {
                add_text(&mut stretches, &part.text, &mut trims);
            }
        }
        stretches
    }

    /// Cuts markup at the names of `controls`, the first of them before the others, as llama.cpp does. As deep as there are
    /// names in the text that differ, however often they occur.
    fn cut(&self, text: &str, controls: &[Control], stretches: &mut Vec<Stretch>, trims: &mut bool) {
        let occurs = |control: &Control| !control.name.is_empty() && text.contains(&control.name);
        let Some(index) = controls.iter().position(occurs) else { return add_text(stretches, text, trims) };
        let (control, others) = (&controls[index], &controls[index + 1..]);
        let mut rest = text;
        while let Some(place) = rest.find(&control.name) {
            let before = &rest[..place];
            let before = if control.kind.trims_before { before.trim_ascii_end() } else { before };
            self.cut(before, others, stretches, trims);
            stretches.push(Stretch::Control(control.token));
            *trims = control.kind.trims_after;
            rest = &rest[place + control.name.len()..];
        }
        self.cut(rest, others, stretches, trims);
    }
}

fn add_text(stretches: &mut Vec<Stretch>, text: &str, trims: &mut bool) {
    let text = if *trims { text.trim_ascii_start() } else { text };
    if text.is_empty() {
        return;
    }
    *trims = false;
    match stretches.last_mut() {
        Some(Stretch::Text(last)) => last.push_str(text),
        _ => stretches.push(Stretch::Text(text.to_owned())),
    }
}

/// What the vocabulary puts around a text, seen by what it puts around one.
fn around(model: &Model) -> (Vec<TokenId>, Vec<TokenId>) {
    let (bare, whole) = (model.tokenize("a", false), model.tokenize("a", true));
    let place = (0..whole.len()).find(|place| !bare.is_empty() && whole[*place..].starts_with(&bare));
    match place {
        Some(place) => (whole[..place].to_vec(), whole[place + bare.len()..].to_vec()),
        None => (Vec::new(), Vec::new()),
    }
}

impl Vocabulary for LlamaVocabulary {
    fn size(&self) -> usize {
        self.ends.len()
    }

    fn tokenize(&self, parts: &[TextPart], with_special: bool) -> Vec<TokenId> {
        let mut tokens = if with_special { self.around.0.clone() } else { Vec::new() };
        for stretch in self.stretches(parts) {
            match stretch {
                Stretch::Control(token) => tokens.push(token),
                Stretch::Text(text) => tokens.extend(match &self.cuts {
                    Some(cuts) => cuts.tokenize(&self.model, &text),
                    None => self.model.tokenize(&text, false),
                }),
            }
        }
        if with_special {
            tokens.extend(&self.around.1);
        }
        tokens
    }

    fn bytes(&self, token: TokenId) -> &[u8] {
        let place = token as usize;
        let Some(&end) = self.ends.get(place) else { return &[] };
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..end as usize]
    }

    fn control_name(&self, token: TokenId) -> Option<&str> {
        let control = self.controls.iter().find(|control| control.token == token);
        control.map(|control| control.name.as_str())
    }

    fn is_end(&self, token: TokenId) -> bool {
        (token as usize) < self.size() && self.model.is_end(token)
    }

    fn end(&self) -> Option<TokenId> {
        self.end
    }

    fn begin(&self) -> Option<TokenId> {
        self.around.0.first().copied()
    }
}
