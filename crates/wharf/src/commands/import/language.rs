//! Language models in GGUF files.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};
use wharf_bundle::{
    Bundle, DRAFT_FILE, EngineKind, Lineage, Manifest, Repository, Task, adapter_file, timestamp,
};
use wharf_gguf::{Facts, Header};

use crate::cli::ImportArgs;
use crate::commands::publishing::published_line;
use crate::say;

/// Publishes the file, with the draft model and the adapters that go with it, once their headers have been read.
pub(super) fn run(arguments: &ImportArgs) -> anyhow::Result<()> {
    if arguments.data.is_some() {
        bail!("--data is for recipes, expected none with a `.gguf` file");
    }
    let facts = facts(&arguments.source)?;
    let name = name(arguments);
    let parts = LanguageParts {
        name: &name,
        weights: Weights::Copied(&arguments.source),
        draft: arguments.draft.as_deref(),
        adapters: &arguments.adapter,
    };
    let bundle = publish(&arguments.repository.repository, &facts, &parts)?;
    say(summary(&facts));
    say(published_line(&bundle));
    Ok(())
}

/// What a bundle of a language model is made of.
pub(crate) struct LanguageParts<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// The model itself.
    pub(crate) weights: Weights<'a>,
    /// A smaller model that guesses.
    pub(crate) draft: Option<&'a Path>,
    /// Adapters, by their names.
    pub(crate) adapters: &'a [(String, PathBuf)],
}

/// A file of weights, and what becomes of it.
pub(crate) enum Weights<'a> {
    /// It stays.
    Copied(&'a Path),
    /// It is in the bundle afterwards, and nowhere else.
    Moved(&'a Path),
}

/// Publishes a language model, whose header has been read, into the repository at `root`, which is made if it is not
/// there.
pub(crate) fn publish(root: &Path, facts: &Facts, parts: &LanguageParts<'_>) -> anyhow::Result<Bundle> {
    let repository = Repository::create(root)
        .with_context(|| format!("cannot use `{}` as a repository", root.display()))?;
    let staging = repository.stage(parts.name)?;
    match parts.weights {
        Weights::Copied(file) => staging.copy_from(EngineKind::Llama.weights_file(), file)?,
        Weights::Moved(file) => staging.move_from(EngineKind::Llama.weights_file(), file)?,
    }
    if let Some(draft) = parts.draft {
        check_draft(facts, draft)?;
        staging.copy_from(DRAFT_FILE, draft)?;
    }
    for (adapter, file) in parts.adapters {
        check_adapter(facts, file)?;
        staging.copy_from(&adapter_file(adapter), file)?;
    }
    let task = if facts.generates { Task::Other } else { Task::Embedding };
    let mut manifest = Manifest::new(parts.name, task, EngineKind::Llama);
    manifest.lineage = Lineage {
        wharf_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        created: Some(timestamp(SystemTime::now())),
        ..Lineage::default()
    };
    Ok(staging.publish(manifest, None, |_| Ok(()))?)
}

/// The name that was asked for, or that of the file.
fn name(arguments: &ImportArgs) -> String {
    let stem = || arguments.source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    arguments.name.clone().unwrap_or_else(stem)
}

fn header(file: &Path) -> anyhow::Result<Header> {
    Header::open(file).with_context(|| format!("cannot use `{}`", file.display()))
}

/// What the header of a model says.
pub(crate) fn facts(file: &Path) -> anyhow::Result<Facts> {
    Facts::of(&header(file)?).with_context(|| format!("cannot use `{}`", file.display()))
}

/// A draft that splits text in another way could never guess a token.
fn check_draft(facts: &Facts, file: &Path) -> anyhow::Result<()> {
    let draft = self::facts(file)?;
    if draft.vocabulary_size != facts.vocabulary_size {
        let (found, expected) = (draft.vocabulary_size, facts.vocabulary_size);
        bail!("the draft model `{}` has {found} tokens, expected the model's {expected}", file.display());
    }
    Ok(())
}

fn check_adapter(facts: &Facts, file: &Path) -> anyhow::Result<()> {
    let header = header(file)?;
    if header.text("general.type") != Some("adapter") {
        bail!("`{}` is no adapter: its `general.type` is not `adapter`", file.display());
    }
    let architecture = header.text("general.architecture").unwrap_or_default();
    if architecture != facts.architecture {
        let expected = &facts.architecture;
        bail!("the adapter `{}` is for `{architecture}`, expected `{expected}`", file.display());
    }
    Ok(())
}

/// What a person is told of the model.
pub(crate) fn summary(facts: &Facts) -> String {
    let Facts { architecture, quantization, context_length, .. } = facts;
    let millions = facts.parameters as f64 / 1e6;
    let chat = if facts.chat_template.is_some() { "a chat template" } else { "no chat template" };
    format!(
        "{architecture}, {millions:.1} million weights as {quantization}, {context_length} tokens of context, {chat}"
    )
}
