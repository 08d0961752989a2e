//! `wharf pull`: a language model from a file, an address or the hub, checked and published.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use wharf_bundle::{Bundle, check_model_name};
use wharf_data::fetch::{
    Access, FetchedFile, Hub, ModelAddress, RemoteFile, RemoteProgress, checked_sha256, forget, sha256_of,
};
use wharf_gguf::{Facts, Header};

use super::import::language::{LanguageParts, Weights, facts, publish, summary};
use super::publishing::published_line;
use crate::cli::PullArgs;
use crate::progress::DownloadProgress;
use crate::say;

/// Where downloads are that are not complete, in the repository; no model name begins with a dot.
const FOLDER: &str = ".pull";

/// Downloads, checks and publishes.
pub(crate) fn run(arguments: &PullArgs) -> anyhow::Result<()> {
    let address: ModelAddress = arguments.model.parse()?;
    let name = arguments.name.clone().unwrap_or_else(|| address.model_name());
    // Before anything is downloaded.
    check_model_name(&name)?;
    let root = &arguments.repository.repository;
    let sha256 = arguments.sha256.as_deref();
    let bundle = match &address {
        ModelAddress::File(file) => publish_file(root, &name, file, sha256)?,
        other => {
            let access = Access { most_bytes: arguments.max_size << 30, ..Access::default() };
            let file = located(other, &arguments.hub.hub(), &access, sha256)?;
            let mut progress = DownloadProgress::new();
            let fetched = file.fetch(&access, &folder(root), &mut |step: RemoteProgress<'_>| {
                progress.show(
                    &name,
                    "download",
                    step.done_bytes,
                    step.total_bytes.unwrap_or(step.done_bytes),
                );
                true
            });
            progress.finish();
            let fetched = fetched?;
            if !fetched.is_pinned {
                say(format!("its server names no digest; it has the sha256 {}", fetched.sha256));
            }
            publish_fetched(root, &name, &fetched)?
        }
    };
    say(published_line(&bundle));
    Ok(())
}

/// Where downloads are kept until they are published.
pub(crate) fn folder(root: &Path) -> PathBuf {
    root.join(FOLDER)
}

/// The file behind an address that is not on this machine.
///
/// # Errors
/// It is on this machine, or the hub does not say where it is.
pub(crate) fn located(
    address: &ModelAddress,
    hub: &Hub,
    access: &Access,
    sha256: Option<&str>,
) -> anyhow::Result<RemoteFile> {
    let file = match address {
        ModelAddress::Hub(model) => model.resolve(hub, access)?,
        ModelAddress::Url(url) => RemoteFile::new(url),
        _ => bail!("expected an address or a model of the hub"),
    };
    Ok(match sha256 {
        Some(sha256) => file.with_sha256(sha256)?,
        None => file,
    })
}

fn publish_file(root: &Path, name: &str, file: &Path, sha256: Option<&str>) -> anyhow::Result<Bundle> {
    if let Some(expected) = sha256.map(checked_sha256).transpose()? {
        let found = sha256_of(file)?;
        if found != expected {
            bail!("`{}` has the sha256 {found}, expected {expected}", file.display());
        }
    }
    let facts = facts(file)?;
    let parts = LanguageParts { name, weights: Weights::Copied(file), draft: None, adapters: &[] };
    let bundle = publish(root, &facts, &parts)?;
    say(summary(&facts));
    Ok(bundle)
}

fn publish_fetched(root: &Path, name: &str, fetched: &FetchedFile) -> anyhow::Result<Bundle> {
    let (facts, bundle) = checked_and_published(root, name, fetched)?;
    say(summary(&facts));
    Ok(bundle)
}

/// Publishes what was downloaded if it is a model. Either way nothing of the download is left.
///
/// # Errors
/// It is no model, or the repository cannot be written.
pub(crate) fn checked_and_published(
    root: &Path,
    name: &str,
    fetched: &FetchedFile,
) -> anyhow::Result<(Facts, Bundle)> {
    let published = header(&fetched.path).and_then(|facts| {
        let parts =
            LanguageParts { name, weights: Weights::Moved(&fetched.path), draft: None, adapters: &[] };
        let bundle = publish(root, &facts, &parts)?;
        Ok((facts, bundle))
    });
    forget(fetched);
    // Fails where other downloads are left, as it should.
    let _ = std::fs::remove_dir(folder(root));
    published
}

/// What its header says; the place of the file means nothing to whoever asked for it.
fn header(file: &Path) -> anyhow::Result<Facts> {
    let facts = Header::open(file).and_then(|header| Facts::of(&header));
    facts.context("what was downloaded is no language model")
}
