//! Where an answer stands in its constraint.

use std::sync::Arc;

use llguidance::Matcher;
use toktrie::SimpleVob;
use wharf_infer::ServiceError;
use wharf_infer::language::TokenId;

use crate::Vocabulary;
use crate::text::StopMatcher;

/// A constraint that is ready for use.
pub(crate) enum CompiledConstraint {
    /// From the first token on.
    Bound(Box<Matcher>),
    /// From the first of these texts on.
    Triggered(Arc<[Trigger]>),
}

/// A text, and the constraint that begins after it.
pub(crate) struct Trigger {
    pub(super) text: String,
    pub(super) matcher: Matcher,
}

impl CompiledConstraint {
    /// For one answer.
    pub(crate) fn begin(&self) -> ConstraintState {
        match self {
            Self::Bound(matcher) => ConstraintState::bound(matcher.as_ref().clone()),
            Self::Triggered(triggers) => ConstraintState {
                mode: Mode::Free {
                    seen: StopMatcher::new(triggers.iter().map(|trigger| trigger.text.as_str())),
                    triggers: triggers.clone(),
                },
                ahead: 0,
                queued: Vec::new(),
            },
        }
    }
}

enum Mode {
    Free { seen: StopMatcher, triggers: Arc<[Trigger]> },
    Bound(Box<Matcher>),
}

/// A constraint in the middle of an answer.
pub(crate) struct ConstraintState {
    mode: Mode,
    /// Tokens to come that the matcher has dealt with already.
    ahead: usize,
    /// Tokens that must come next.
    queued: Vec<TokenId>,
}

impl ConstraintState {
    fn bound(matcher: Matcher) -> Self {
        Self { mode: Mode::Bound(Box::new(matcher)), ahead: 0, queued: Vec::new() }
    }

    /// The tokens that may come next; `None` for all. Where the end may come, any of `ends` may.
    ///
    /// # Errors
    /// The constraint has become too complex.
    pub(crate) fn mask(
        &mut self,
        vocabulary: &dyn Vocabulary,
        ends: &[TokenId],
    ) -> Result<Option<SimpleVob>, ServiceError> {
        if let Some(&token) = self.queued.first() {
            let mut mask = SimpleVob::alloc(vocabulary.size());
            mask.allow_token(token);
            return Ok(Some(mask));
        }
        let Mode::Bound(matcher) = &mut self.mode else { return Ok(None) };
        let mut mask = matcher.compute_mask_or_eos().map_err(|error| too_complex(&error))?;
        if vocabulary.end().is_some_and(|end| mask.is_allowed(end)) {
            ends.iter().for_each(|&end| mask.allow_token(end));
        }
        Ok(Some(mask))
    }

    /// Looks for a trigger in a token that was drawn, and gives the token to take. That is another one if the token goes
    /// on after the trigger in a way that its constraint does not allow: then the tokens of the text up to there.
    pub(crate) fn amend(&mut self, token: TokenId, vocabulary: &dyn Vocabulary) -> Drawn {
        let Mode::Free { seen, triggers } = &mut self.mode else { return Drawn::plain(token) };
        let name = vocabulary.control_name(token);
        let bytes = name.map_or(vocabulary.bytes(token), str::as_bytes);
        let Some(found) = seen.push(bytes) else { return Drawn::plain(token) };
        let Some(trigger) = triggers.get(found.pattern) else { return Drawn::plain(token) };
        let mut matcher = trigger.matcher.clone();
        let (head, rest) = bytes.split_at(found.end);
        let env = matcher.tok_env().ok();
        let tokens = |bytes: &[u8]| env.as_ref().map(|env| env.tokenize_bytes(bytes)).unwrap_or_default();
        let rest = tokens(rest);
        if rest.is_empty() || matcher.try_consume_tokens(&rest).is_ok_and(|taken| taken == rest.len()) {
            let shown = name.map(str::to_owned);
            *self = Self { ahead: 1, ..Self::bound(matcher) };
            return Drawn { token, shown };
        }
        let head = tokens(head);
        let bound = Self::bound(trigger.matcher.clone());
        *self = Self { ahead: head.len(), queued: head.get(1..).unwrap_or_default().to_vec(), ..bound };
        Drawn::plain(head.first().copied().unwrap_or(token))
    }

    /// Takes a token. True if nothing more can come.
    ///
    /// # Errors
    /// The constraint does not allow it, or has become too complex.
    pub(crate) fn accept(&mut self, token: TokenId) -> Result<bool, ServiceError> {
        if self.queued.first() == Some(&token) {
            self.queued.remove(0);
        }
        let Mode::Bound(matcher) = &mut self.mode else { return Ok(false) };
        if self.ahead > 0 {
            self.ahead -= 1;
        } else {
            matcher.consume_token(token).map_err(|error| too_complex(&error))?;
        }
        Ok(self.ahead == 0 && matcher.is_stopped())
    }

    /// The tokens that must come next, as far as that is certain.
    pub(crate) fn forced(&mut self) -> Vec<TokenId> {
        if !self.queued.is_empty() {
            return self.queued.clone();
        }
        match &mut self.mode {
            Mode::Bound(matcher) if self.ahead == 0 && !matcher.is_stopped() => matcher.compute_ff_tokens(),
            _ => Vec::new(),
        }
    }
}

/// A token as it is to be taken.
pub(crate) struct Drawn {
    pub(crate) token: TokenId,
    /// Its text where it has none of its own: a control token that is a trigger.
    pub(crate) shown: Option<String>,
}

impl Drawn {
    pub(crate) fn plain(token: TokenId) -> Self {
        Self { token, shown: None }
    }
}

fn too_complex(error: &dyn std::fmt::Display) -> ServiceError {
    ServiceError::invalid_argument("the constraint became too complex for the answer to go on")
        .with_detail(error)
}
