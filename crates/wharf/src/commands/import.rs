//! `wharf import`: publish weights that were trained elsewhere.

use wharf_train::{Recipe, import_weights};

use crate::cli::ImportArgs;
use crate::commands::publishing::{publish_into, published_line};
use crate::say;

/// Reads the weights into the recipe's network, evaluates it and publishes it.
pub(crate) fn run(arguments: ImportArgs) -> anyhow::Result<()> {
    let recipe = Recipe::read(&arguments.recipe)?;
    let imported = import_weights(&recipe, &arguments.weights, arguments.data.as_deref(), 0)?;
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
