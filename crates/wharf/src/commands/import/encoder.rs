//! Encoders in folders as Hugging Face's libraries write them.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};
use wharf_bundle::{
    Bundle, CheckResult, Encoder, EncoderKind, EngineKind, Lineage, Manifest, Repository, Staging,
    TOKENIZER_FILE, Task, timestamp,
};
use wharf_engine::{LoadOptions, LoadedModel};

use crate::cli::ImportArgs;
use crate::commands::goldens;
use crate::commands::publishing::published_line;
use crate::say;

/// What exporters add to the name of weights for the file that holds those of large models.
const DATA_ENDINGS: [&str; 2] = ["_data", ".data"];

/// Publishes the folder's graph and tokenizer with what its other files say of them, once both have been loaded together.
pub(super) fn run(arguments: &ImportArgs) -> anyhow::Result<()> {
    if arguments.data.is_some() || arguments.draft.is_some() || !arguments.adapter.is_empty() {
        bail!("--data is for recipes, --draft and --adapter for `.gguf` files, expected none with a folder");
    }
    let folder = &arguments.source;
    let shown = folder.display();
    let source = Bundle::open(folder).with_context(|| format!("cannot use `{shown}`"))?;
    let encoder = source.encoder().with_context(|| format!("cannot use `{shown}`"))?;
    let Some(encoder) = encoder else {
        bail!(
            "`{shown}` holds no encoder, expected `model.onnx` and `{TOKENIZER_FILE}` of a model that gives vectors, or one number to rank by"
        );
    };
    let name = arguments.name.clone().unwrap_or_else(|| source.manifest().name.clone());
    let bundle = publish(arguments, &source, &name, encoder)?;
    say(published_line(&bundle));
    Ok(())
}

fn publish(arguments: &ImportArgs, source: &Bundle, name: &str, encoder: Encoder) -> anyhow::Result<Bundle> {
    let root = &arguments.repository.repository;
    let repository = Repository::create(root)
        .with_context(|| format!("cannot use `{}` as a repository", root.display()))?;
    let staging = repository.stage(name)?;
    copy_weights(&staging, &source.weights_path()?)?;
    staging.copy_from(TOKENIZER_FILE, &source.folder().join(TOKENIZER_FILE))?;
    let task = if encoder.kind == EncoderKind::Embed { Task::Embedding } else { Task::Other };
    let mut manifest = Manifest::new(name, task, EngineKind::Onnx);
    manifest.encoder = Some(encoder);
    manifest.lineage = Lineage {
        wharf_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        created: Some(timestamp(SystemTime::now())),
        ..Lineage::default()
    };
    let engine = goldens::engine()?;
    let check = |bundle: &Bundle| -> CheckResult {
        let model = LoadedModel::load(bundle, engine.as_ref(), &LoadOptions::default())?;
        say(model.encoder().map(|encoder| summary(encoder)).unwrap_or_default());
        Ok(())
    };
    Ok(staging.publish(manifest, None, check)?)
}

/// The graph, and the file beside it that large ones keep their weights in.
fn copy_weights(staging: &Staging, weights: &Path) -> anyhow::Result<()> {
    staging.copy_from(EngineKind::Onnx.weights_file(), weights)?;
    for ending in DATA_ENDINGS {
        let mut beside = weights.as_os_str().to_owned();
        beside.push(ending);
        let beside = PathBuf::from(beside);
        if beside.is_file() {
            staging.copy_from(&format!("{}{ending}", EngineKind::Onnx.weights_file()), &beside)?;
        }
    }
    Ok(())
}

/// What a person is told of the model.
fn summary(encoder: &wharf_engine::LoadedEncoder) -> String {
    let (tokens, words) = (encoder.max_tokens(), encoder.tokenizer().max_id().saturating_add(1));
    let architecture = match encoder.settings().architecture.as_str() {
        "" => "an encoder",
        architecture => architecture,
    };
    let gives = match encoder.is_ranker() {
        true => "ranks documents".to_owned(),
        false => format!("gives {} numbers for a text", encoder.size()),
    };
    format!("{architecture}, {words} words, up to {tokens} tokens, {gives}")
}
