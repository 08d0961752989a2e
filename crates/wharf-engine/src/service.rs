//! What a failure of the engine means for a caller.

use wharf_infer::{ErrorCode, ServiceError};

use crate::{EngineError, EngineErrorKind};

impl From<EngineError> for ServiceError {
    fn from(error: EngineError) -> Self {
        let code = match error.kind() {
            EngineErrorKind::InvalidInput => ErrorCode::InvalidArgument,
            EngineErrorKind::InvalidModel => ErrorCode::DataLoss,
            EngineErrorKind::Stopped => ErrorCode::Cancelled,
            EngineErrorKind::OutOfMemory => ErrorCode::Overloaded,
            EngineErrorKind::LibraryMissing | EngineErrorKind::Unavailable => ErrorCode::Unavailable,
            EngineErrorKind::Failed => ErrorCode::Internal,
        };
        let public = match error.kind() {
            // Names folders of this machine: for whoever starts the server, not for its clients.
            EngineErrorKind::LibraryMissing => "the server has no engine",
            _ => error.message(),
        };
        let failure = ServiceError::new(code, public);
        match (error.kind(), error.detail()) {
            (EngineErrorKind::LibraryMissing, _) => failure.with_detail(error.message()),
            (_, Some(detail)) => failure.with_detail(detail),
            (_, None) => failure,
        }
    }
}
