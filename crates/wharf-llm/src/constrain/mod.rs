//! What an answer must look like, as masks over tokens.

use wharf_infer::language::{Constraint, TokenId};
use wharf_infer::{ErrorCode, ServiceError};

use crate::SharedVocabulary;
use crate::scheduler::ConstraintConfig;

/// Compiles constraints.
pub(crate) struct Compiler;

impl Compiler {
    pub(crate) fn new(_vocabulary: SharedVocabulary, _config: ConstraintConfig) -> Self {
        Self
    }

    pub(crate) fn compile(&self, _: &Constraint, _caller: &str) -> Result<CompiledConstraint, ServiceError> {
        Err(ServiceError::new(ErrorCode::Unimplemented, "`constraint` is not supported by this build"))
    }
}

/// A constraint that is ready for use.
pub(crate) struct CompiledConstraint;

impl CompiledConstraint {
    pub(crate) fn begin(&self) -> Result<ConstraintState, ServiceError> {
        Ok(ConstraintState)
    }
}

/// Where an answer stands in its constraint.
pub(crate) struct ConstraintState;

impl ConstraintState {
    pub(crate) fn mask(&mut self) -> Result<Option<Vec<u32>>, ServiceError> {
        Ok(None)
    }

    pub(crate) fn accept(&mut self, _token: TokenId, _bytes: &[u8]) -> Result<bool, ServiceError> {
        Ok(false)
    }

    pub(crate) fn forced(&mut self) -> Vec<TokenId> {
        Vec::new()
    }
}
