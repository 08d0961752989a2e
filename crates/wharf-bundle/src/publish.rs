//! Publishing and removing: a reader sees a whole version or none, whenever either is interrupted.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::digest::sha256_of_file;
use crate::slot::{Slot, sweep};
use crate::{
    Bundle, BundleError, FileEntry, MANIFEST_FILE, Manifest, Repository, check_file_name, check_model_name,
    check_version,
};

/// How often a publisher looks for another number after someone else took the one it wanted.
const MAX_ATTEMPTS: usize = 10_000;

/// What a caller's check answers: the reason for which a bundle must not be published.
pub type CheckResult = Result<(), Box<dyn Error + Send + Sync>>;

/// A bundle that is being put together, in a private folder on the repository's file system. Dropping it
/// leaves nothing behind.
#[derive(Debug)]
pub struct Staging {
    repository: Repository,
    model: String,
    slot: Slot,
}

impl Repository {
    /// Begins a bundle of this model, and deletes what publishers that were interrupted left behind.
    ///
    /// # Errors
    /// The name does not fit, or the file system says no.
    pub fn stage(&self, model: &str) -> Result<Staging, BundleError> {
        check_model_name(model)?;
        self.sweep()?;
        let slot = Slot::create(self.root())?;
        Ok(Staging { repository: self.clone(), model: model.to_owned(), slot })
    }

    /// Deletes what publishers and removers that were interrupted left behind, and says how many there were.
    ///
    /// # Errors
    /// The file system says no.
    pub fn sweep(&self) -> Result<usize, BundleError> {
        sweep(self.root())
    }

    /// Removes one version of a model: it vanishes at once, and then its files are deleted. Whoever has them
    /// open keeps them.
    ///
    /// # Errors
    /// There is no such version, or the file system says no.
    pub fn remove(&self, model: &str, version: u64) -> Result<(), BundleError> {
        let folder = self.find(model, version)?;
        let slot = Slot::create(self.root())?;
        match fs::rename(&folder, slot.folder().join("removed")) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BundleError::not_found(format!("version {version} of `{model}`")));
            }
            Err(error) => return Err(BundleError::io("remove", &folder)(error)),
        }
        let model_folder = self.root().join(model);
        sync_folder(&model_folder)?;
        // Fails where other versions are left, as it should.
        let _ = fs::remove_dir(&model_folder);
        Ok(())
    }
}

impl Staging {
    /// The folder in which the bundle is put together; only this process writes here.
    pub fn folder(&self) -> &Path {
        self.slot.folder()
    }

    /// Adds a file.
    ///
    /// # Errors
    /// The name does not fit or is the manifest's, or the file cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), BundleError> {
        let path = self.path_of(name)?;
        fs::write(&path, bytes).map_err(BundleError::io("write", &path))
    }

    /// Adds a copy of the file at `source`.
    ///
    /// # Errors
    /// The name does not fit or is the manifest's, or the file cannot be copied.
    pub fn copy_from(&self, name: &str, source: &Path) -> Result<(), BundleError> {
        let path = self.path_of(name)?;
        fs::copy(source, &path).map(|_| ()).map_err(BundleError::io("copy", source))
    }

    /// Moves the file at `source` here, or copies it where it is on another file system and deletes it then.
    ///
    /// # Errors
    /// The name does not fit or is the manifest's, or the file cannot be moved.
    pub fn move_from(&self, name: &str, source: &Path) -> Result<(), BundleError> {
        let path = self.path_of(name)?;
        match fs::rename(source, &path) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                self.copy_from(name, source)?;
                fs::remove_file(source).map_err(BundleError::io("remove", source))
            }
            moved => moved.map_err(BundleError::io("move", source)),
        }
    }

    /// Publishes what is staged under `manifest`, whose name, version, files and seal are filled in here.
    ///
    /// The version is `version`, or one more than the highest where it is `None`; a version that exists is
    /// never overwritten. `check` sees the whole bundle before anyone else does - here its goldens are
    /// replayed - and what it refuses vanishes. It runs once; the bundle's final version may be higher than
    /// the one that it saw, when another publisher was faster.
    ///
    /// # Errors
    /// The manifest contradicts itself, a file is no regular file, `check` refuses, the version exists, or
    /// the file system says no. In every case nothing of the bundle is left.
    pub fn publish(
        self,
        mut manifest: Manifest,
        version: Option<u64>,
        check: impl FnOnce(&Bundle) -> CheckResult,
    ) -> Result<Bundle, BundleError> {
        manifest.name.clone_from(&self.model);
        manifest.files = self.sync_files()?;
        manifest.version = self.free_version(version)?;
        self.write_manifest(&mut manifest)?;
        check(&Bundle::open(self.folder())?).map_err(BundleError::refused)?;
        self.move_into_place(manifest, version)
    }

    fn path_of(&self, name: &str) -> Result<PathBuf, BundleError> {
        check_file_name(name)?;
        if name == MANIFEST_FILE {
            return Err(BundleError::file(name, "is written by publishing"));
        }
        Ok(self.folder().join(name))
    }

    /// Makes the staged files durable, and lists them by name.
    fn sync_files(&self) -> Result<Vec<FileEntry>, BundleError> {
        let mut files = Vec::new();
        let entries = fs::read_dir(self.folder()).map_err(BundleError::io("list", self.folder()))?;
        for entry in entries {
            let entry = entry.map_err(BundleError::io("list", self.folder()))?;
            files.push(sync_file(&entry.path(), &entry.file_name().to_string_lossy())?);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// The version to try: the wanted one if nothing has its number, else one more than the highest.
    fn free_version(&self, wanted: Option<u64>) -> Result<u64, BundleError> {
        let taken = self.repository.version_folders(&self.model)?;
        let version = match wanted {
            Some(version) if taken.iter().any(|(number, _)| *number == version) => {
                return Err(BundleError::version_exists(&self.model, version));
            }
            Some(version) => version,
            None => taken.iter().map(|(number, _)| number + 1).max().unwrap_or(1),
        };
        check_version(version).map(|()| version)
    }

    fn write_manifest(&self, manifest: &mut Manifest) -> Result<(), BundleError> {
        let text = manifest.to_sealed_json()?;
        let path = self.folder().join(MANIFEST_FILE);
        let write = || -> io::Result<()> {
            let mut file = File::create(&path)?;
            file.write_all(&text)?;
            file.sync_all()
        };
        write().map_err(BundleError::io("write", &path))?;
        sync_folder(self.folder())
    }

    fn move_into_place(self, mut manifest: Manifest, wanted: Option<u64>) -> Result<Bundle, BundleError> {
        for _ in 0..MAX_ATTEMPTS {
            let model_folder = self.make_model_folder()?;
            let target = model_folder.join(manifest.version.to_string());
            // Renaming onto a folder that holds anything fails, and every version holds its manifest.
            match fs::rename(self.folder(), &target) {
                Ok(()) => {
                    sync_folder(&model_folder)?;
                    return Bundle::open(&target);
                }
                // Someone removed the model's last version in between, and the model's folder with it.
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.folder().exists() => {}
                Err(error) if is_taken(&error) => {
                    manifest.version = self.free_version(wanted)?;
                    self.write_manifest(&mut manifest)?;
                }
                Err(error) => return Err(BundleError::io("publish", &target)(error)),
            }
        }
        Err(BundleError::version_exists(&self.model, manifest.version))
    }

    /// The model's folder, which must be a real one: a link could lead out of the repository, and out of the
    /// file system in which renaming is atomic.
    fn make_model_folder(&self) -> Result<PathBuf, BundleError> {
        let root = self.repository.root();
        let folder = root.join(&self.model);
        match fs::create_dir(&folder) {
            Ok(()) => sync_folder(root)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let metadata = fs::symlink_metadata(&folder);
                if metadata.is_ok_and(|metadata| !metadata.is_dir()) {
                    return Err(BundleError::file(&self.model, "is no folder"));
                }
            }
            Err(error) => return Err(BundleError::io("make", &folder)(error)),
        }
        Ok(folder)
    }
}

fn is_taken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory
    )
}

fn sync_file(path: &Path, name: &str) -> Result<FileEntry, BundleError> {
    check_file_name(name)?;
    let metadata = fs::symlink_metadata(path).map_err(BundleError::io("open", path))?;
    if !metadata.is_file() || name == MANIFEST_FILE {
        return Err(BundleError::file(name, "cannot be published, expected a regular file"));
    }
    let mut file = File::open(path).map_err(BundleError::io("open", path))?;
    let (size_bytes, sha256) = sha256_of_file(&mut file).map_err(BundleError::io("read", path))?;
    file.sync_all().map_err(BundleError::io("sync", path))?;
    Ok(FileEntry { path: name.to_owned(), size_bytes, sha256 })
}

fn sync_folder(folder: &Path) -> Result<(), BundleError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(BundleError::io("sync", folder))
}
