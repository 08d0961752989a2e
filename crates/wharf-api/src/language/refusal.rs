//! Why a request of a language model has no answer, and which field is at fault.

use wharf_infer::ServiceError;

use crate::rest::Failure;

/// An error, and what its wire may say beside it.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// What went wrong.
    pub(crate) failure: Failure,
    /// The field at fault.
    pub(crate) param: Option<String>,
    /// What programs look at.
    pub(crate) code: Option<&'static str>,
}

impl Refusal {
    /// A field is not as it should be: `field ... why`.
    pub(crate) fn field(name: impl Into<String>, why: &str) -> Self {
        let name = name.into();
        Self::at(ServiceError::invalid_argument(format!("field `{name}` {why}")), name)
    }

    /// An error for which a field is at fault.
    pub(crate) fn at(error: ServiceError, name: impl Into<String>) -> Self {
        Self { failure: error.into(), param: Some(name.into()), code: None }
    }

    /// The same with a code.
    pub(crate) fn coded(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        Self::from(Failure::from(error))
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self { failure, param: None, code: None }
    }
}
