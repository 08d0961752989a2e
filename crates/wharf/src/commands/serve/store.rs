//! Models that clients may add while the server runs: downloaded within the operator's list of hosts, checked, published
//! and served.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wharf_api::{ModelStore, PullReport, PullStep};
use wharf_bundle::{BundleError, BundleErrorKind, Repository, check_model_name};
use wharf_data::fetch::{Access, Hub, ModelAddress, RemoteProgress};
use wharf_data::{DataError, DataErrorKind};
use wharf_gguf::GgufError;
use wharf_infer::language::Answered;
use wharf_infer::{ErrorCode, ServiceError};
use wharf_serve::{ControlMode, ModelManager};

use crate::cli::ServeArgs;
use crate::commands::pull::{checked_and_published, folder, located};

/// Steps of a download that are told of, at most.
const TOLD_STEPS: u64 = 200;
/// Bytes between two of them, at least.
const LEAST_STEP: u64 = 1 << 20;

/// A repository, and who may be asked for what is to be in it.
struct Store {
    repository: PathBuf,
    hub: Hub,
    access: Access,
    manager: ModelManager,
    /// One at a time: disks and lines are not wide.
    turn: Arc<Semaphore>,
}

/// The store that clients may add to, if they may.
///
/// # Errors
/// They may, and the server has no repository.
pub(super) fn open(
    arguments: &ServeArgs,
    manager: &ModelManager,
) -> anyhow::Result<Option<Arc<dyn ModelStore>>> {
    let Some(hosts) = arguments.language.pull_from.clone() else { return Ok(None) };
    let has_others =
        arguments.path.is_some() || !arguments.model.is_empty() || arguments.model_config_file.is_some();
    let repository = match &arguments.repository {
        Some(folder) => folder.clone(),
        None if has_others => bail!("--pull-from needs --repository: there is no folder for what is pulled"),
        None => PathBuf::from("repository"),
    };
    let most_bytes = arguments.language.pull_max_size << 30;
    let access = Access { hosts: Some(hosts), most_bytes, ..Access::default() };
    let hub = arguments.language.hub.hub();
    let turn = Arc::new(Semaphore::new(1));
    Ok(Some(Arc::new(Store { repository, hub, access, manager: manager.clone(), turn })))
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("repository", &self.repository).finish_non_exhaustive()
    }
}

impl ModelStore for Store {
    fn pull(self: Arc<Self>, address: String, report: PullReport) -> Answered<'static, ()> {
        Box::pin(async move {
            let turn = self.turn()?;
            let this = Arc::clone(&self);
            let name = blocking(move || {
                // Held to the end, also where nobody waits for it any more.
                let _turn = turn;
                this.pull_now(&address, report)
            });
            self.serve(&name.await?).await
        })
    }

    fn copy(self: Arc<Self>, source: String, destination: String) -> Answered<'static, ()> {
        Box::pin(async move {
            let turn = self.turn()?;
            let this = Arc::clone(&self);
            let name = blocking(move || {
                let _turn = turn;
                copy_now(&this.repository, &source, &destination).map(|()| destination)
            });
            self.serve(&name.await?).await
        })
    }
}

impl Store {
    /// # Errors
    /// It is somebody else's turn.
    fn turn(&self) -> Result<OwnedSemaphorePermit, ServiceError> {
        let turn = Arc::clone(&self.turn).try_acquire_owned();
        let text = "another model is being pulled or copied, try again later";
        turn.map_err(|_| ServiceError::new(ErrorCode::Overloaded, text))
    }

    /// Downloads and publishes; the name that the model has now.
    fn pull_now(&self, address: &str, mut report: PullReport) -> Result<String, ServiceError> {
        let address: ModelAddress = address.parse().map_err(refused)?;
        if let ModelAddress::File(file) = &address {
            let text = format!(
                "`{}` is no address, expected `hf.co/OWNER/REPO`, `hf.co/OWNER/REPO:QUANT`, \
                 `hf://OWNER/REPO/FILE.gguf` or one with `https://`",
                file.display()
            );
            return Err(ServiceError::invalid_argument(text));
        }
        let name = address.model_name();
        check_model_name(&name).map_err(|error| ServiceError::invalid_argument(error.to_string()))?;
        let file = located(&address, &self.hub, &self.access, None).map_err(failed)?;
        let mut told = None;
        let fetched = file.fetch(&self.access, &folder(&self.repository), &mut |progress| {
            let is_first = told.is_none();
            if is_first && !report(PullStep::new("pulling manifest")) {
                return false;
            }
            let is_due = told.is_none_or(|told| is_worth_telling(told, &progress));
            !is_due || {
                told = Some(progress.done_bytes);
                report(step(&progress))
            }
        });
        let fetched = fetched.map_err(refused)?;
        for status in ["verifying sha256 digest", "writing manifest"] {
            report(PullStep::new(status));
        }
        checked_and_published(&self.repository, &name, &fetched).map_err(failed)?;
        Ok(name)
    }

    /// Has a model that is new in the repository served.
    async fn serve(&self, name: &str) -> Result<(), ServiceError> {
        match self.manager.control() {
            ControlMode::Explicit => self.manager.load(name).await,
            _ => self.manager.refresh().await,
        }
    }
}

/// Copies the newest version of a model: a version of another.
fn copy_now(root: &Path, source: &str, destination: &str) -> Result<(), ServiceError> {
    let wrong = |error: BundleError| match error.kind() {
        BundleErrorKind::Name => ServiceError::invalid_argument(error.to_string()),
        BundleErrorKind::NotFound => ServiceError::new(ErrorCode::NotFound, error.to_string()),
        _ => ServiceError::internal("the model could not be copied", error),
    };
    check_model_name(destination).map_err(wrong)?;
    let repository = Repository::open(root).map_err(wrong)?;
    let newest = repository.versions(source).map_err(wrong)?.pop();
    let newest = newest.ok_or_else(|| {
        ServiceError::new(ErrorCode::NotFound, format!("model '{source}' not found in the repository"))
    })?;
    let bundle = repository.bundle(source, newest).map_err(wrong)?;
    if !bundle.has_manifest() {
        let text = format!("model '{source}' has no manifest, expected one that was imported or pulled");
        return Err(ServiceError::new(ErrorCode::FailedPrecondition, text));
    }
    let manifest = bundle.manifest().clone();
    let staging = repository.stage(destination).map_err(wrong)?;
    for file in &manifest.files {
        staging.copy_from(&file.path, &bundle.folder().join(&file.path)).map_err(wrong)?;
    }
    staging.publish(manifest, None, |_| Ok(())).map_err(wrong)?;
    Ok(())
}

/// Does what blocks on a thread for that. Whoever asked may leave: it is ended by its next report.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, ServiceError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ServiceError::internal("the model could not be kept", error))?
}

/// Whether enough has come since `told` bytes were.
fn is_worth_telling(told: u64, progress: &RemoteProgress<'_>) -> bool {
    let apart = progress.total_bytes.map_or(0, |total| total / TOLD_STEPS).max(LEAST_STEP);
    progress.done_bytes.saturating_sub(told) >= apart || progress.total_bytes == Some(progress.done_bytes)
}

fn step(progress: &RemoteProgress<'_>) -> PullStep {
    let name: String = progress.sha256.unwrap_or("model").chars().take(12).collect();
    PullStep {
        status: format!("pulling {name}"),
        sha256: progress.sha256.map(str::to_owned),
        total_bytes: progress.total_bytes,
        done_bytes: Some(progress.done_bytes),
    }
}

/// What a client is told where a file cannot be had. Places on this machine are for the log.
fn refused(error: DataError) -> ServiceError {
    let code = match error.kind() {
        DataErrorKind::Refused => ErrorCode::PermissionDenied,
        DataErrorKind::Missing => ErrorCode::NotFound,
        DataErrorKind::Io => return ServiceError::internal("the model could not be kept", error),
        DataErrorKind::Network | DataErrorKind::Cancelled | DataErrorKind::Busy => ErrorCode::Unavailable,
        _ => ErrorCode::InvalidArgument,
    };
    ServiceError::new(code, error.to_string())
}

/// The same of what went wrong on the way to a bundle.
fn failed(error: anyhow::Error) -> ServiceError {
    match error.downcast::<DataError>() {
        Ok(error) => refused(error),
        Err(error) if error.chain().any(|cause| cause.is::<GgufError>()) => {
            ServiceError::invalid_argument(format!("{error:#}"))
        }
        Err(error) => ServiceError::internal("the model could not be kept", format!("{error:#}")),
    }
}
