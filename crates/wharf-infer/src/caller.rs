//! Who asks.

/// On whose behalf a request runs. Until keys exist, everyone is [`Caller::Anonymous`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Caller {
    /// Nobody said who they are, and nobody had to.
    #[default]
    Anonymous,
}
