//! Run folders: one for each execution of a recipe.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::files;
use crate::metrics::{EpochMetrics, Evaluation};

const METRICS: &str = "metrics.jsonl";
const EVALUATION: &str = "evaluation.json";
const STATUS: &str = "status.json";
const LOCK: &str = "lock";

/// How far a run has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStatus {
    /// The run's id.
    pub id: String,
    /// The recipe's name.
    pub name: String,
    /// Whether it goes on, was interrupted or is complete.
    pub state: RunState,
    /// When it began, as `2026-11-23T15:25:19Z`.
    pub started: String,
    /// Epochs done.
    pub epochs: u32,
    /// Steps done.
    pub steps: u64,
    /// Seconds of training.
    pub seconds: f64,
}

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It goes on, or was killed.
    Running,
    /// The caller stopped it; it can be resumed.
    Interrupted,
    /// It is complete.
    Finished,
}

/// What a run folder tells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunDetails {
    /// How far it has come.
    pub status: RunStatus,
    /// The folder.
    pub folder: PathBuf,
    /// One entry per epoch.
    pub epochs: Vec<EpochMetrics>,
    /// How the finished network does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<Evaluation>,
}

/// A folder of runs.
#[derive(Clone, Debug)]
pub struct Runs {
    root: PathBuf,
}

impl Runs {
    /// The runs in `root`, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder of a new run; its name sorts by time and is unique across machines.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn create(&self) -> Result<PathBuf, TrainError> {
        let path = self.root.join(new_id());
        files::create_folder(&path)?;
        Ok(path)
    }

    /// All runs, oldest first. Folders without a status are left out.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn list(&self) -> Result<Vec<RunStatus>, TrainError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(TrainError::io("list", &self.root, error)),
        };
        let mut runs: Vec<RunStatus> =
            entries.flatten().filter_map(|entry| read_status(&entry.path()).ok()).collect();
        runs.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(runs)
    }

    /// What is known of the run `id`, or of the only run whose id begins so, or of the last one for `latest`.
    ///
    /// # Errors
    /// There is no such run, more than one, or its files are damaged.
    pub fn show(&self, id: &str) -> Result<RunDetails, TrainError> {
        let folder = self.find(id)?;
        let run = RunFolder { path: folder, _lock: None };
        let evaluation = run.path.join(EVALUATION);
        Ok(RunDetails {
            status: read_status(&run.path)?,
            epochs: run.epochs()?,
            evaluation: evaluation.is_file().then(|| read_json(&evaluation)).transpose()?,
            folder: run.path,
        })
    }

    /// The folder of the run that `id` means, as [`Runs::show`] has it.
    ///
    /// # Errors
    /// There is no such run, or more than one.
    pub fn find(&self, id: &str) -> Result<PathBuf, TrainError> {
        let runs = self.list()?;
        let matches: Vec<&RunStatus> = match id {
            "latest" => runs.last().into_iter().collect(),
            _ => runs.iter().filter(|run| run.id.starts_with(id)).collect(),
        };
        match matches.as_slice() {
            [run] => Ok(self.root.join(&run.id)),
            [] => Err(TrainError::run(format!("there is no run `{id}` in `{}`", self.root.display()))),
            [first, second, ..] => {
                let (first, second) = (&first.id, &second.id);
                Err(TrainError::run(format!("`{id}` may mean `{first}` or `{second}`")))
            }
        }
    }
}

/// The folder of one run.
#[derive(Debug)]
pub(crate) struct RunFolder {
    pub(crate) path: PathBuf,
    /// Held while the run goes on, by whoever runs it; the system lets go of it however the process ends.
    _lock: Option<fs::File>,
}

impl RunFolder {
    pub(crate) fn new(path: &Path) -> Result<Self, TrainError> {
        files::create_folder(path)?;
        let lock = path.join(LOCK);
        let file = fs::File::create(&lock).map_err(|error| TrainError::io("create", &lock, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_path_buf(), _lock: Some(file) }),
            Err(fs::TryLockError::WouldBlock) => {
                let problem = format!("the run in `{}` goes on in another process", path.display());
                Err(TrainError::run(problem))
            }
            Err(fs::TryLockError::Error(error)) => Err(TrainError::io("lock", &lock, error)),
        }
    }

    /// The run's id: the folder's name.
    pub(crate) fn id(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), TrainError> {
        files::write_atomically(&self.path.join(name), content)
    }

    pub(crate) fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), TrainError> {
        let mut text = serde_json::to_vec_pretty(value)
            .map_err(|error| TrainError::run(format!("cannot write `{name}`: {error}")))?;
        text.push(b'\n');
        self.write(name, &text)
    }

    pub(crate) fn write_status(&self, status: &RunStatus) -> Result<(), TrainError> {
        self.write_json(STATUS, status)
    }

    pub(crate) fn status(&self) -> Option<RunStatus> {
        read_status(&self.path).ok()
    }

    pub(crate) fn write_evaluation(&self, evaluation: &Evaluation) -> Result<(), TrainError> {
        self.write_json(EVALUATION, evaluation)
    }

    /// Adds a line to the metrics and makes it durable.
    pub(crate) fn append(&self, metrics: &EpochMetrics) -> Result<(), TrainError> {
        let path = self.path.join(METRICS);
        let append = || {
            let mut line = serde_json::to_vec(metrics)?;
            line.push(b'\n');
            let mut file = fs::OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(&line)?;
            file.sync_all()
        };
        append().map_err(|error| TrainError::io("write", &path, error))
    }

    /// The metrics of the epochs so far. A last line that was cut off is left out.
    pub(crate) fn epochs(&self) -> Result<Vec<EpochMetrics>, TrainError> {
        let path = self.path.join(METRICS);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.lines().map_while(|line| serde_json::from_str(line).ok()).collect()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(TrainError::io("read", &path, error)),
        }
    }

    /// Forgets the epochs after `epoch`: a resumed run makes them again.
    pub(crate) fn truncate_epochs(&self, epoch: u32) -> Result<Vec<EpochMetrics>, TrainError> {
        let mut epochs = self.epochs()?;
        epochs.retain(|metrics| metrics.epoch <= epoch);
        let lines: Result<Vec<String>, _> = epochs.iter().map(serde_json::to_string).collect();
        let lines = lines.map_err(|error| TrainError::run(format!("cannot write `{METRICS}`: {error}")))?;
        self.write(METRICS, lines.iter().map(|line| format!("{line}\n")).collect::<String>().as_bytes())?;
        Ok(epochs)
    }
}

fn read_status(folder: &Path) -> Result<RunStatus, TrainError> {
    read_json(&folder.join(STATUS))
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, TrainError> {
    serde_json::from_slice(&files::read(path)?)
        .map_err(|error| TrainError::run(format!("`{}` is damaged: {error}", path.display())))
}

/// `20261123-152519-3f9a2c71d0`: the time, then random digits that two machines do not share.
fn new_id() -> String {
    let now = SystemTime::now();
    let moment: String = wharf_bundle::timestamp(now).chars().filter(char::is_ascii_digit).collect();
    let (day, time) = moment.split_at(moment.len().min(8));
    // A hasher's keys are random for each process; time and process tell its own calls apart.
    let mut hasher = std::hash::BuildHasher::build_hasher(&std::hash::RandomState::new());
    let nanoseconds = now.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_nanos());
    std::hash::Hash::hash(&(nanoseconds, std::process::id()), &mut hasher);
    format!("{day}-{time}-{:010x}", std::hash::Hasher::finish(&hasher) & 0xff_ffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(folder: &RunFolder) -> RunStatus {
        RunStatus {
            id: folder.id(),
            name: "x".into(),
            state: RunState::Finished,
            started: String::new(),
            epochs: 1,
            steps: 2,
            seconds: 3.0,
        }
    }

    fn metrics(epoch: u32) -> EpochMetrics {
        EpochMetrics {
            epoch,
            train_loss: 1.0,
            train_accuracy: 0.5,
            eval_loss: None,
            eval_accuracy: None,
            learning_rate: 0.1,
            seconds: 1.0,
            pictures_per_second: 2.0,
        }
    }

    #[test]
    fn ids_are_unique_and_sort_by_time() {
        let ids: std::collections::BTreeSet<String> = (0..100).map(|_| new_id()).collect();
        assert_eq!(ids.len(), 100);
        assert!(ids.iter().all(|id| id.len() == 26 && id.starts_with("20")));
    }

    #[test]
    fn runs_are_found_by_the_beginning_of_their_id() {
        let root = tempfile::tempdir().unwrap();
        let runs = Runs::new(root.path());
        assert!(runs.list().unwrap().is_empty() && runs.show("latest").is_err());
        for name in ["20260101-a", "20260102-b"] {
            let folder = RunFolder::new(&root.path().join(name)).unwrap();
            folder.write_status(&status(&folder)).unwrap();
        }
        fs::create_dir(root.path().join("not-a-run")).unwrap();
        assert_eq!(runs.list().unwrap().len(), 2);
        assert_eq!(runs.show("20260101").unwrap().status.id, "20260101-a");
        assert_eq!(runs.show("latest").unwrap().status.id, "20260102-b");
        assert!(runs.show("2026").unwrap_err().to_string().contains("may mean"));
    }

    #[test]
    fn epochs_after_the_checkpoint_and_torn_lines_are_forgotten() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::new(root.path()).unwrap();
        (1..=3).for_each(|epoch| folder.append(&metrics(epoch)).unwrap());
        let mut file = fs::OpenOptions::new().append(true).open(root.path().join(METRICS)).unwrap();
        file.write_all(b"{\"epoch\":4,\"tra").unwrap();
        assert_eq!(folder.epochs().unwrap().len(), 3);
        assert_eq!(folder.truncate_epochs(2).unwrap(), [metrics(1), metrics(2)]);
        folder.append(&metrics(3)).unwrap();
        assert_eq!(folder.epochs().unwrap().len(), 3);
    }
}
