//! How language models are opened, after `wharf serve`.

use std::path::PathBuf;

use clap::Args;
use wharf_data::fetch::HostList;
use wharf_llm::LlmOptions;

use super::HubArgs;
use super::serve::parse_size;

/// What is 0 is left to the model or the machine.
#[derive(Args, Debug, Clone)]
pub(crate) struct LanguageArgs {
    /// Language models: tokens that one request may have, prompt and answer together; 0 for as many as the model was
    /// trained on
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    pub(crate) llm_context: u32,
    /// Language models: tokens that all requests together may keep, shared prefixes counted once; 0 for as many as one
    /// may have
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    pub(crate) llm_cells: u32,
    /// Language models: requests that are worked on at once, and answers that are remembered for the next; 0 for 16
    #[arg(long, value_name = "COUNT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=256))]
    pub(crate) llm_sequences: u32,
    /// Language models: threads of each; 0 for one on each core
    #[arg(long, value_name = "COUNT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=512))]
    pub(crate) llm_threads: u32,
    /// Language models: tokens that are computed in one pass; 0 for 512
    #[arg(long, value_name = "TOKENS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=65536))]
    pub(crate) llm_batch: u32,
    /// Language models: what the numbers that are kept of a token are stored as; `q8_0` takes half as much as `f16`
    #[arg(long, value_name = "TYPE", value_parser = ["f32", "f16", "bf16", "q8_0", "q4_0"])]
    pub(crate) llm_cache_type: Option<String>,
    /// Language models: tokens that are guessed ahead for an answer and checked together at most; 0 for none
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u32).range(0..=64))]
    pub(crate) llm_guesses: u32,
    /// Language models: folder in which the beginnings of prompts that were computed survive a restart
    #[arg(long, value_name = "DIR")]
    pub(crate) llm_prefixes: Option<PathBuf>,
    /// Language models: what those of one model may take there, such as 512MiB; the least recently used go first
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = parse_size)]
    pub(crate) llm_prefix_space: u64,
    /// Language models: serve them also where llama.cpp was compiled without AVX2 and the processor has it, which is many
    /// times slower
    #[arg(long)]
    pub(crate) llm_slow_build: bool,
    /// Language models: folder in which the files and batches of clients are kept; without it there are none
    #[arg(long, value_name = "DIR")]
    pub(crate) llm_data: Option<PathBuf>,
    /// Language models: let clients add models to the repository from these hosts, such as
    /// `huggingface.co,*.huggingface.co,*.hf.co` (Ollama's /api/pull), and copy those that are there; without it they may do
    /// neither. HTTPS unless `http://` stands before a host; private addresses must be listed themselves
    #[arg(long, value_name = "HOST,...")]
    pub(crate) pull_from: Option<HostList>,
    /// The largest file that clients may have downloaded
    #[arg(long, value_name = "GIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=16384), requires = "pull_from")]
    pub(crate) pull_max_size: u64,
    #[command(flatten)]
    pub(crate) hub: HubArgs,
}

impl LanguageArgs {
    /// The same in the words of those that open models.
    pub(crate) fn options(&self) -> LlmOptions {
        LlmOptions {
            context: self.llm_context,
            cells: self.llm_cells,
            sequences: self.llm_sequences,
            threads: self.llm_threads,
            batch: self.llm_batch,
            cache_type: self.llm_cache_type.clone(),
            slow_build: self.llm_slow_build,
            guesses: Some(self.llm_guesses),
            prefixes: self.llm_prefixes.clone(),
            prefix_bytes: self.llm_prefix_space,
            ..LlmOptions::default()
        }
    }
}
