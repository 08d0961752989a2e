//! Weights that fit a recipe's network.

use std::path::Path;

use anyhow::bail;
use wharf_train::{Recipe, import_weights};

use crate::cli::ImportArgs;
use crate::commands::publishing::{publish_into, published_line};
use crate::say;

/// Reads the weights into the recipe's network, evaluates it and publishes it.
pub(super) fn run(arguments: &ImportArgs, weights: &Path) -> anyhow::Result<()> {
    if arguments.draft.is_some() || !arguments.adapter.is_empty() {
        bail!(
            "--draft and --adapter are for language models, expected a `.gguf` file in place of the recipe"
        );
    }
    let recipe = Recipe::read(&arguments.source)?;
    let imported = import_weights(&recipe, weights, arguments.data.as_deref(), 0)?;
    let mut request = imported.request();
    if let Some(name) = &arguments.name {
        request = request.with_name(name);
    }
    let bundle = publish_into(&arguments.repository, &request)?;
    if let Some(findings) = &imported.findings {
        say(format!("evaluation accuracy {:.2} %", findings.evaluation.accuracy * 100.0));
    }
    say(published_line(&bundle));
    Ok(())
}
