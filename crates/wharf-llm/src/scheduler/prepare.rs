//! From a request to one that can be run: checked, tokenised, its constraint compiled. On the thread that asks.

use std::sync::Arc;

use wharf_infer::ServiceError;
use wharf_infer::language::{GenerateRequest, Prompt, Sampling, TokenId};

use super::config::SchedulerConfig;
use super::limits::{Limits, check_context};
use crate::constrain::{CompiledConstraint, Compiler};
use crate::{AdapterId, SharedVocabulary};

/// A request that fits.
pub(crate) struct Prepared {
    pub(crate) request: GenerateRequest,
    pub(crate) prompt: Arc<[TokenId]>,
    /// The most tokens that an answer may have.
    pub(crate) max_tokens: usize,
    pub(crate) adapter: Option<AdapterId>,
    pub(crate) constraint: Option<CompiledConstraint>,
}

/// Checks and tokenises requests; any thread may use it.
pub(crate) struct Preparer {
    vocabulary: SharedVocabulary,
    limits: Limits,
    compiler: Compiler,
}

impl Preparer {
    pub(crate) fn new(vocabulary: SharedVocabulary, context: usize, config: &SchedulerConfig) -> Self {
        let limits = Limits::new(vocabulary.as_ref(), context, config);
        let compiler = Compiler::new(vocabulary.clone(), config.constraints);
        Self { vocabulary, limits, compiler }
    }

    /// What can be said without a look at the prompt.
    ///
    /// # Errors
    /// A number is out of its range.
    pub(crate) fn check(&self, request: &GenerateRequest) -> Result<(), ServiceError> {
        self.limits.check(request)
    }

    /// Holds a text that is to be cut into tokens, and is no prompt, to a length.
    ///
    /// # Errors
    /// It is longer.
    pub(crate) fn check_text(&self, bytes: usize) -> Result<(), ServiceError> {
        self.limits.check_text(bytes)
    }

    /// # Errors
    /// Something in the request is wrong, or prompt and answer do not fit.
    pub(crate) fn prepare(
        &self,
        mut request: GenerateRequest,
        adapter: Option<AdapterId>,
    ) -> Result<Prepared, ServiceError> {
        let prompt = self.tokens_of(&request)?;
        if prompt.is_empty() {
            return Err(ServiceError::invalid_argument("the prompt has no tokens, expected at least 1"));
        }
        if let Some(token) = prompt.iter().find(|&&token| token as usize >= self.vocabulary.size()) {
            let size = self.vocabulary.size();
            return Err(ServiceError::invalid_argument(format!(
                "token {token} of the prompt is not in the vocabulary, expected less than {size}"
            )));
        }
        let max_tokens = check_context(self.limits.context, prompt.len(), request.max_tokens)?;
        let constraint = match request.constraint.take() {
            Some(constraint) => Some(self.compiler.compile(&constraint, &request.share.caller)?),
            None => None,
        };
        Ok(Prepared { prompt: prompt.into(), max_tokens, adapter, constraint, request })
    }

    /// The prompt's tokens. A text that cannot fit, however well it is cut, is not tokenised at all.
    fn tokens_of(&self, request: &GenerateRequest) -> Result<Vec<TokenId>, ServiceError> {
        match &request.prompt {
            Prompt::Tokens(tokens) => Ok(tokens.clone()),
            Prompt::Text { parts, with_special } => {
                let bytes: usize = parts.iter().map(|part| part.text.len()).sum();
                check_context(self.limits.context, bytes / self.limits.longest_token, request.max_tokens)?;
                Ok(self.vocabulary.tokenize(parts, *with_special))
            }
        }
    }
}

/// The sampling of a request whose answers are compared or repeated must not depend on the sign of a zero.
pub(crate) fn normalized(sampling: &Sampling) -> Sampling {
    let mut sampling = sampling.clone();
    sampling.temperature = sampling.temperature.abs();
    sampling.logit_bias.retain(|_, bias| *bias != 0.0);
    sampling
}
