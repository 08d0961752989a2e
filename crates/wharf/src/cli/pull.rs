//! What can be typed after `wharf pull`, and how the hub is reached.

use clap::Args;
use wharf_data::fetch::{Hub, checked_sha256};

use super::RepositoryArg;

/// A model from elsewhere.
#[derive(Args, Debug)]
pub(crate) struct PullArgs {
    /// The model: hf.co/OWNER/REPO, hf.co/OWNER/REPO:QUANT, hf://OWNER/REPO/FILE.gguf, an address, or a file
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,
    /// Publish under this name instead of the repository's or the file's
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// What the file must be; without it, what its server says that it is
    #[arg(long, value_name = "HEX", value_parser = checked_sha256)]
    pub(crate) sha256: Option<String>,
    /// The largest file to take
    #[arg(long, value_name = "GIB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=16384))]
    pub(crate) max_size: u64,
    #[command(flatten)]
    pub(crate) hub: HubArgs,
    #[command(flatten)]
    pub(crate) repository: RepositoryArg,
}

/// The hub.
#[derive(Args, Debug, Clone)]
pub(crate) struct HubArgs {
    /// Address of the hub, or of a mirror of it
    #[arg(long, value_name = "URL", default_value = "https://huggingface.co", env = "HF_ENDPOINT")]
    pub(crate) hub_endpoint: String,
    /// What opens repositories of the hub that are not for everybody
    #[arg(long, value_name = "TOKEN", env = "HF_TOKEN", hide_env_values = true)]
    pub(crate) hub_token: Option<Secret>,
}

impl HubArgs {
    /// The same in the words of those that download.
    pub(crate) fn hub(&self) -> Hub {
        let token = self.hub_token.clone().map(|Secret(token)| token);
        Hub::new(&self.hub_endpoint, token.filter(|token| !token.is_empty()))
    }
}

/// A word that is never shown.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}
