//! What can be typed after `wharf run`, `wharf chat` and `wharf ps`.

use clap::Args;

/// Which server answers.
#[derive(Args, Debug, Clone)]
pub(crate) struct ServerArg {
    /// A running server's port for language models
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", env = "WHARF_SERVER")]
    pub(crate) server: String,
}

/// How a model is asked.
#[derive(Args, Debug, Clone)]
pub(crate) struct AskArgs {
    /// The model's name, `NAME:ADAPTER` with an adapter, or a `.gguf` file, for which a server is started
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,
    /// What the model is told before anything else
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// At most this many tokens in an answer
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_tokens: Option<u32>,
    /// How freely tokens are drawn; 0 takes the likeliest every time
    #[arg(long, value_name = "NUMBER")]
    pub(crate) temperature: Option<f32>,
    /// The same seed gives the same answer
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) server: ServerArg,
}

/// One question.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    /// The question; read from standard input where there is none
    #[arg(value_name = "PROMPT")]
    pub(crate) prompt: Option<String>,
}

/// A conversation.
#[derive(Args, Debug)]
pub(crate) struct ChatArgs {
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

/// What is loaded.
#[derive(Args, Debug)]
pub(crate) struct PsArgs {
    #[command(flatten)]
    pub(crate) server: ServerArg,
}
