//! A folder of runs.

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::RunError;
use crate::files;
use crate::folder::{RunFolder, RunStatus};

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
    pub fn create(&self) -> Result<PathBuf, RunError> {
        let path = self.root.join(new_id());
        files::create_folder(&path)?;
        Ok(path)
    }

    /// All runs, oldest first. Folders without a status are left out.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn list(&self) -> Result<Vec<RunStatus>, RunError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(RunError::io("list", &self.root, error)),
        };
        let status = |entry: fs::DirEntry| RunFolder::view(entry.path()).status().ok().flatten();
        let mut runs: Vec<RunStatus> = entries.flatten().filter_map(status).collect();
        runs.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(runs)
    }

    /// The folder of the run `id`, or of the only run whose id begins so, or of the last one for `latest`.
    ///
    /// # Errors
    /// There is no such run, or more than one.
    pub fn find(&self, id: &str) -> Result<PathBuf, RunError> {
        let runs = self.list()?;
        let matches: Vec<&RunStatus> = match id {
            "latest" => runs.last().into_iter().collect(),
            _ => runs.iter().filter(|run| run.id.starts_with(id)).collect(),
        };
        match matches.as_slice() {
            [run] => Ok(self.root.join(&run.id)),
            [] => Err(RunError::Run(format!("there is no run `{id}` in `{}`", self.root.display()))),
            [first, second, ..] => {
                let (first, second) = (&first.id, &second.id);
                Err(RunError::Run(format!("`{id}` may mean `{first}` or `{second}`")))
            }
        }
    }
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
    use crate::RunState;

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
        assert!(runs.list().unwrap().is_empty() && runs.find("latest").is_err());
        for name in ["20260101-a", "20260102-b"] {
            let folder = RunFolder::hold(&root.path().join(name)).unwrap();
            let status = RunStatus {
                id: folder.id(),
                name: "x".into(),
                state: RunState::Finished,
                started: String::new(),
                epochs: 1,
                steps: 2,
                trials: 0,
                seconds: 3.0,
            };
            folder.write_status(&status).unwrap();
        }
        fs::create_dir(root.path().join("not-a-run")).unwrap();
        assert_eq!(runs.list().unwrap().len(), 2);
        assert_eq!(runs.find("20260101").unwrap(), root.path().join("20260101-a"));
        assert_eq!(runs.find("latest").unwrap(), root.path().join("20260102-b"));
        assert!(runs.find("2026").unwrap_err().to_string().contains("may mean"));
    }
}
