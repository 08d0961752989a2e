//! Who asks.

use std::sync::Arc;

/// On whose behalf a request runs. Until keys exist, everyone whom a listener lets in is [`Caller::Anonymous`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Caller {
    /// Nobody said who they are, and nobody had to.
    #[default]
    Anonymous,
    /// Somebody whom whoever let the request in knows by this name. What is kept for one name is not met by another.
    Named(Arc<str>),
}
