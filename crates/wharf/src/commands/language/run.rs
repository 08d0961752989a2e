//! `wharf run`: one question, one answer.

use std::io::Read as _;

use anyhow::{Context, bail};
use serde_json::json;

use super::ask::Model;
use crate::cli::RunArgs;

/// Asks and shows the answer.
pub(crate) fn run(arguments: RunArgs) -> anyhow::Result<()> {
    let prompt = match &arguments.prompt {
        Some(prompt) => prompt.clone(),
        None => from_standard_input()?,
    };
    if prompt.trim().is_empty() {
        bail!("the prompt is empty, expected a question");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut model = Model::find(&arguments.ask).await?;
        model.answer(&[json!({"role": "user", "content": prompt})]).await.map(drop)
    })
}

fn from_standard_input() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("standard input is no text")?;
    Ok(text)
}
