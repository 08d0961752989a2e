//! What the file system says of the folders that models come from.
//!
//! Polling finds everything, a moment later; events make that moment short. They may get lost (a queue that overflows, a
//! file system of another machine, more folders than may be watched), so that they are a hint and never the truth: each
//! leads to the same look as a tick of the clock, with the same rules for what is half-written. A file counts as changed
//! when whoever writes it closes it, or when it is moved into place.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use inotify::{EventMask, EventOwned, EventStream, Inotify, WatchDescriptor, WatchMask};
use tokio::time::{Instant, timeout_at};
use tokio_stream::StreamExt as _;

use crate::ModelLocation;

/// A look is taken once nothing has changed for this long: whoever copies a model into place is done by then.
const QUIET: Duration = Duration::from_millis(100);
/// But one who goes on writing holds it up no longer than this.
const PATIENCE: Duration = Duration::from_secs(1);
/// Room for some hundred events.
const BUFFER: usize = 16 << 10;

/// The changes of the folders of some locations.
pub(crate) struct FileChanges {
    is_wanted: bool,
    watched: Option<Watched>,
    /// Something may have changed before anybody watched.
    is_due: bool,
}

/// What is watched for whom.
struct Watched {
    locations: Vec<ModelLocation>,
    /// `None` where it cannot be watched.
    folders: Option<Folders>,
}

/// The watched folders, each with the levels below it that are watched too.
struct Folders {
    events: EventStream<Vec<u8>>,
    levels: HashMap<WatchDescriptor, (PathBuf, usize)>,
}

impl FileChanges {
    /// None, unless they are wanted.
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self { is_wanted, watched: None, is_due: false }
    }

    /// Watches these from now on, unless it does already. What cannot be watched is left to polling.
    pub(crate) fn watch(&mut self, locations: &[ModelLocation]) {
        let is_watched = self.watched.as_ref().is_some_and(|watched| watched.locations == locations);
        if !self.is_wanted || is_watched {
            return;
        }
        let folders = Folders::new(locations).inspect_err(|error| {
            tracing::warn!(%error, "files cannot be watched: what changes is found by polling alone");
        });
        self.is_due = folders.is_ok();
        self.watched = Some(Watched { locations: locations.to_vec(), folders: folders.ok() });
    }

    /// Returns when something has changed and then nothing for a moment.
    pub(crate) async fn settled(&mut self) {
        if std::mem::take(&mut self.is_due) {
            return;
        }
        let Some(folders) = self.watched.as_mut().and_then(|watched| watched.folders.as_mut()) else {
            return std::future::pending().await;
        };
        if folders.changed().await.is_err() {
            return self.give_up().await;
        }
        let give_up = Instant::now() + PATIENCE;
        loop {
            let quiet = (Instant::now() + QUIET).min(give_up);
            match timeout_at(quiet, folders.changed()).await {
                Ok(Ok(())) if Instant::now() < give_up => {}
                Ok(Err(_)) => return self.give_up().await,
                Ok(Ok(())) | Err(_) => return,
            }
        }
    }

    async fn give_up(&mut self) {
        tracing::warn!("files are watched no more: what changes is found by polling alone");
        if let Some(watched) = &mut self.watched {
            watched.folders = None;
        }
        std::future::pending().await
    }
}

impl Folders {
    fn new(locations: &[ModelLocation]) -> io::Result<Self> {
        let events = Inotify::init()?.into_event_stream(vec![0; BUFFER])?;
        let mut folders = Self { events, levels: HashMap::new() };
        for location in locations {
            let (folder, levels) = place(location);
            folders.add(&folder, levels)?;
        }
        Ok(folders)
    }

    /// Watches a folder and so many levels of those in it.
    fn add(&mut self, folder: &Path, levels: usize) -> io::Result<()> {
        let mask = WatchMask::CREATE
            | WatchMask::CLOSE_WRITE
            | WatchMask::MOVED_FROM
            | WatchMask::MOVED_TO
            | WatchMask::DELETE
            | WatchMask::ONLYDIR;
        let descriptor = self.events.watches().add(folder, mask)?;
        self.levels.insert(descriptor, (folder.to_owned(), levels));
        let Some(below) = levels.checked_sub(1) else { return Ok(()) };
        // Watched first, then looked at: what comes in between is seen twice and not missed.
        for entry in fs::read_dir(folder)?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.add_if_there(&path, below)?;
            }
        }
        Ok(())
    }

    /// A folder that has gone again is no error.
    fn add_if_there(&mut self, folder: &Path, levels: usize) -> io::Result<()> {
        match self.add(folder, levels) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Returns when something has changed.
    async fn changed(&mut self) -> io::Result<()> {
        loop {
            let event = self.events.next().await.ok_or(io::ErrorKind::UnexpectedEof)??;
            if self.take(&event)? {
                return Ok(());
            }
        }
    }

    /// Says whether an event is of a change.
    fn take(&mut self, event: &EventOwned) -> io::Result<bool> {
        if event.mask.contains(EventMask::IGNORED) {
            self.levels.remove(&event.wd);
            return Ok(false);
        }
        let is_new = event.mask.intersects(EventMask::CREATE | EventMask::MOVED_TO);
        let is_folder = event.mask.contains(EventMask::ISDIR);
        if let (true, true, Some(name)) = (is_new, is_folder, &event.name)
            && let Some((folder, levels)) = self.levels.get(&event.wd)
            && let Some(below) = levels.checked_sub(1)
        {
            let folder = folder.join(name);
            self.add_if_there(&folder, below)?;
        }
        // A file that has been created is yet to be written.
        Ok(is_folder || !event.mask.contains(EventMask::CREATE))
    }
}

/// Where changes of a location show, and how many levels deep. A lone file is replaced by another of its name: its
/// folder is watched.
fn place(location: &ModelLocation) -> (PathBuf, usize) {
    match location {
        ModelLocation::Repository(path) => (path.clone(), 2),
        ModelLocation::Model { path, .. } if path.is_dir() => (path.clone(), 1),
        ModelLocation::Model { path, .. } => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            (folder.unwrap_or(Path::new(".")).to_owned(), 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than anything here should take.
    const DEADLINE: Duration = Duration::from_secs(20);

    fn changes(folder: &Path) -> FileChanges {
        let mut changes = FileChanges::new(true);
        changes.watch(&[ModelLocation::repository(folder)]);
        changes.is_due = false;
        changes
    }

    async fn sees_a_change(changes: &mut FileChanges) {
        tokio::time::timeout(DEADLINE, changes.settled()).await.unwrap();
    }

    /// Whether anything has changed so far: before a folder that is made now.
    async fn has_changed(changes: &mut FileChanges, root: &Path) -> bool {
        let folders = changes.watched.as_mut().unwrap().folders.as_mut().unwrap();
        fs::create_dir(root.join("last")).unwrap();
        let mut has_changed = false;
        loop {
            let event =
                tokio::time::timeout(DEADLINE, folders.events.next()).await.unwrap().unwrap().unwrap();
            let is_change = folders.take(&event).unwrap();
            if event.name.is_some_and(|name| name == "last") && event.mask.contains(EventMask::CREATE) {
                fs::remove_dir(root.join("last")).unwrap();
                return has_changed;
            }
            // The end of the folder before.
            has_changed |= is_change && !event.mask.contains(EventMask::ISDIR);
        }
    }

    #[tokio::test]
    async fn versions_and_models_that_come_are_seen() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("m/1")).unwrap();
        let mut changes = changes(root.path());
        fs::create_dir_all(root.path().join("m/2")).unwrap();
        sees_a_change(&mut changes).await;
        fs::write(root.path().join("m/2/model.onnx"), b"x").unwrap();
        sees_a_change(&mut changes).await;
        fs::create_dir_all(root.path().join("staged/7")).unwrap();
        sees_a_change(&mut changes).await;
        fs::write(root.path().join("staged/7/model.onnx"), b"x").unwrap();
        sees_a_change(&mut changes).await;
        fs::rename(root.path().join("staged"), root.path().join("n")).unwrap();
        sees_a_change(&mut changes).await;
        fs::remove_dir_all(root.path().join("m/1")).unwrap();
        sees_a_change(&mut changes).await;
    }

    #[tokio::test]
    async fn a_file_is_a_change_when_it_is_complete() {
        let root = tempfile::tempdir().unwrap();
        let version = root.path().join("m/1");
        fs::create_dir_all(&version).unwrap();
        let mut changes = changes(root.path());
        let mut file = fs::File::create(version.join("model.onnx")).unwrap();
        io::Write::write_all(&mut file, b"half").unwrap();
        fs::read_dir(&version).unwrap().for_each(drop);
        assert!(
            !has_changed(&mut changes, root.path()).await,
            "created, written and looked at, but not closed"
        );
        drop(file);
        assert!(has_changed(&mut changes, root.path()).await);
        fs::read(version.join("model.onnx")).unwrap();
        assert!(!has_changed(&mut changes, root.path()).await, "reading changes nothing");
    }

    #[tokio::test]
    async fn what_cannot_be_watched_is_left_to_polling() {
        let root = tempfile::tempdir().unwrap();
        let mut changes = changes(&root.path().join("absent"));
        assert!(changes.watched.as_ref().unwrap().folders.is_none());
        let settled = tokio::time::timeout(Duration::ZERO, changes.settled());
        assert!(settled.await.is_err());
    }
}
