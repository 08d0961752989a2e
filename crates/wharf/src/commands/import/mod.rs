//! `wharf import`: publish weights that were trained elsewhere.

mod encoder;
pub(crate) mod language;
mod recipe;

use anyhow::bail;
use wharf_bundle::EngineKind;

use crate::cli::ImportArgs;

/// Publishes a language model or an encoder as it is, or weights under the recipe that they fit.
pub(crate) fn run(arguments: ImportArgs) -> anyhow::Result<()> {
    let name = arguments.source.to_string_lossy();
    let is_language_model = EngineKind::of_file(&name) == Some(EngineKind::Llama);
    match (is_language_model, &arguments.weights) {
        (true, None) => language::run(&arguments),
        (true, Some(extra)) => {
            bail!("`{name}` has its weights within, expected no `{}` after it", extra.display())
        }
        (false, None) if arguments.source.is_dir() => encoder::run(&arguments),
        (false, Some(weights)) => recipe::run(&arguments, weights),
        (false, None) => {
            bail!(
                "expected the weights after the recipe `{name}`, or a lone `.gguf` file, or an encoder's folder"
            )
        }
    }
}
