//! The system shared memory extension: tensors that a client on this machine puts into a POSIX shared memory object.
//!
//! Off unless the server is given a prefix: then objects whose names begin with it may be registered, and no others.
//! What a request reads is copied first, so that a client cannot change it after it was checked; and reading goes
//! through the file, not through a mapping, so that an object that shrinks is an error and no fault.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use wharf_infer::{ErrorCode, ServiceError};

use super::shown;

/// Where the system keeps shared memory objects.
const FOLDER: &str = "/dev/shm";
/// The most regions at a time.
const MAX_REGIONS: usize = 256;
/// Do not follow a symbolic link (Linux).
const O_NOFOLLOW: i32 = 0o400_000;

/// The registered regions. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct SharedMemory(Arc<State>);

#[derive(Default)]
struct State {
    /// What names of objects begin with; none may be registered where there is no prefix.
    prefix: Option<String>,
    regions: Mutex<BTreeMap<String, Region>>,
}

/// A part of a shared memory object.
#[derive(Clone)]
pub(super) struct Region {
    /// The object's name, with its slash.
    pub(super) key: String,
    /// Where in the object the region begins.
    pub(super) offset: u64,
    /// How long it is.
    pub(super) byte_size: u64,
    file: Arc<File>,
}

/// Which part of which region a tensor lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) region: String,
    pub(super) offset: u64,
    pub(super) byte_size: u64,
}

impl SharedMemory {
    /// Lets objects be registered whose names, after the slash, begin with `prefix`.
    pub(crate) fn with_prefix(prefix: Option<String>) -> Self {
        Self(Arc::new(State { prefix, regions: Mutex::default() }))
    }

    /// Registers a region.
    ///
    /// # Errors
    /// The extension is off, the object may not be used or is too small, or the name is taken.
    pub(super) fn register(
        &self,
        name: &str,
        key: &str,
        offset: u64,
        byte_size: u64,
    ) -> Result<(), ServiceError> {
        let path = self.path_of(key)?;
        if name.is_empty() || name.len() > super::SHOWN_NAME {
            return Err(invalid("a shared memory region needs a name of 1 to 128 bytes"));
        }
        let file = open(&path)
            .ok_or_else(|| invalid(format!("Unable to open shared memory region: '{}'", shown(name))))?;
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        let end = offset.checked_add(byte_size).filter(|&end| end <= size && byte_size > 0);
        if end.is_none() {
            return Err(invalid(format!(
                "failed to register shared memory region '{}': it has {size} bytes, expected {byte_size} from offset \
                 {offset}",
                shown(name)
            )));
        }
        let mut regions = self.lock();
        if regions.contains_key(name) {
            let text = format!("shared memory region '{}' already in manager", shown(name));
            return Err(ServiceError::new(ErrorCode::AlreadyExists, text));
        }
        if regions.len() >= MAX_REGIONS {
            let text = format!("there are {MAX_REGIONS} shared memory regions already");
            return Err(ServiceError::new(ErrorCode::Overloaded, text));
        }
        let region = Region { key: key.to_owned(), offset, byte_size, file: Arc::new(file) };
        regions.insert(name.to_owned(), region);
        Ok(())
    }

    /// Forgets a region, or all where `name` is empty. Requests that have it go on.
    pub(super) fn unregister(&self, name: &str) {
        let mut regions = self.lock();
        match name {
            "" => regions.clear(),
            name => drop(regions.remove(name)),
        }
    }

    /// The region of that name, or all where it is empty.
    ///
    /// # Errors
    /// There is none of that name.
    pub(super) fn status(&self, name: &str) -> Result<Vec<(String, Region)>, ServiceError> {
        let regions = self.lock();
        if name.is_empty() {
            return Ok(regions.iter().map(|(name, region)| (name.clone(), region.clone())).collect());
        }
        let region = regions.get(name).ok_or_else(|| unknown(name))?;
        Ok(vec![(name.to_owned(), region.clone())])
    }

    /// A copy of what lies at `place`.
    ///
    /// # Errors
    /// There is no such region, or the place is not inside it.
    pub(super) fn read(&self, place: &Place) -> Result<Bytes, ServiceError> {
        let (region, start) = self.find(place)?;
        let length = usize::try_from(place.byte_size).map_err(|_| outside(place))?;
        let mut data = vec![0; length];
        region.file.read_exact_at(&mut data, start).map_err(|_| outside(place))?;
        Ok(data.into())
    }

    /// Writes `data` to `place`.
    ///
    /// # Errors
    /// There is no such region, the place is not inside it, or it is too small.
    pub(super) fn write(&self, output: &str, place: &Place, data: &[u8]) -> Result<(), ServiceError> {
        let (region, start) = self.find(place)?;
        if data.len() as u64 > place.byte_size {
            return Err(invalid(format!(
                "shared memory size specified with the request for output '{}' ({} bytes) should be at least {} bytes \
                 to hold the results",
                shown(output),
                place.byte_size,
                data.len()
            )));
        }
        region.file.write_all_at(data, start).map_err(|_| outside(place))
    }

    fn find(&self, place: &Place) -> Result<(Region, u64), ServiceError> {
        let region = self.lock().get(&place.region).cloned().ok_or_else(|| unknown(&place.region))?;
        let end = place.offset.checked_add(place.byte_size).filter(|&end| end <= region.byte_size);
        let start = region.offset.checked_add(place.offset);
        match (end, start) {
            (Some(_), Some(start)) => Ok((region, start)),
            _ => Err(outside(place)),
        }
    }

    /// The file behind an object's name, where that may be used.
    fn path_of(&self, key: &str) -> Result<std::path::PathBuf, ServiceError> {
        let Some(prefix) = &self.0.prefix else {
            let text = "system shared memory is off, expected the server to be started with a prefix for it";
            return Err(ServiceError::new(ErrorCode::Unimplemented, text));
        };
        let name = key.strip_prefix('/').unwrap_or(key);
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !name.starts_with(prefix.as_str()) || !is_plain || name.len() > 255 || name.starts_with('.') {
            let text = format!("shared memory key '{}' may not be used, expected '/{prefix}...'", shown(key));
            return Err(ServiceError::new(ErrorCode::PermissionDenied, text));
        }
        Ok(Path::new(FOLDER).join(name))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Region>> {
        self.0.regions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the object itself: no link to elsewhere, nothing that blocks.
fn open(path: &Path) -> Option<File> {
    let kind = path.symlink_metadata().ok()?.file_type();
    if kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device() {
        return None;
    }
    let file = OpenOptions::new().read(true).write(true).custom_flags(O_NOFOLLOW).open(path).ok()?;
    file.metadata().ok()?.is_file().then_some(file)
}

fn unknown(name: &str) -> ServiceError {
    let text = format!("Unable to find shared memory region: '{}'", shown(name));
    ServiceError::new(ErrorCode::NotFound, text)
}

fn outside(place: &Place) -> ServiceError {
    invalid(format!("Invalid offset + byte size for shared memory region: '{}'", shown(&place.region)))
}

fn invalid(text: impl Into<String>) -> ServiceError {
    ServiceError::invalid_argument(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An object of 64 bytes that goes with the test.
    struct Object(String);

    impl Object {
        fn new(name: &str) -> Self {
            let name = format!("wharf-test-{}-{name}", std::process::id());
            std::fs::write(Path::new(FOLDER).join(&name), [7_u8; 64]).unwrap();
            Self(name)
        }
    }

    impl Drop for Object {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(Path::new(FOLDER).join(&self.0));
        }
    }

    fn place(region: &str, offset: u64, byte_size: u64) -> Place {
        Place { region: region.to_owned(), offset, byte_size }
    }

    #[test]
    fn regions_hold_requests_to_their_bounds() {
        let object = Object::new("bounds");
        let memory = SharedMemory::with_prefix(Some("wharf-test".to_owned()));
        let key = format!("/{}", object.0);
        for (offset, size) in [(0, 65), (60, 5), (u64::MAX, 2), (1, u64::MAX), (64, 1), (0, 0)] {
            assert!(memory.register("a", &key, offset, size).is_err(), "{offset} + {size}");
        }
        memory.register("a", &key, 16, 32).unwrap();
        assert_eq!(memory.register("a", &key, 0, 8).unwrap_err().code(), ErrorCode::AlreadyExists);
        memory.write("y", &place("a", 4, 8), &[1, 2, 3]).unwrap();
        assert_eq!(&*memory.read(&place("a", 3, 5)).unwrap(), [7, 1, 2, 3, 7]);
        let content = std::fs::read(Path::new(FOLDER).join(&object.0)).unwrap();
        assert_eq!(content[20..23], [1, 2, 3]);
        for bad in [place("a", 0, 33), place("a", 32, 1), place("a", u64::MAX, 2), place("b", 0, 1)] {
            assert!(memory.read(&bad).is_err() && memory.write("y", &bad, &[0]).is_err(), "{bad:?}");
        }
        assert!(
            memory.write("y", &place("a", 0, 2), &[0; 3]).unwrap_err().message().contains("at least 3 bytes")
        );
        memory.unregister("a");
        assert!(memory.read(&place("a", 0, 1)).is_err() && memory.status("a").is_err());
    }

    #[test]
    fn an_object_that_shrinks_is_an_error() {
        let object = Object::new("shrinks");
        let memory = SharedMemory::with_prefix(Some("wharf-test".to_owned()));
        memory.register("a", &object.0, 0, 64).unwrap();
        File::options().write(true).open(Path::new(FOLDER).join(&object.0)).unwrap().set_len(8).unwrap();
        assert!(memory.read(&place("a", 0, 64)).is_err());
    }

    #[test]
    fn other_objects_may_not_be_used() {
        let link = Object::new("link");
        let path = Path::new(FOLDER).join(&link.0);
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        let memory = SharedMemory::with_prefix(Some("wharf-test".to_owned()));
        for key in ["/other", "/wharf-test/../x", "../wharf-test", "", "/", "wharf-test\0", &link.0] {
            assert!(memory.register("a", key, 0, 8).is_err(), "{key}");
        }
        let off = SharedMemory::default().register("a", "/wharf-test", 0, 8).unwrap_err();
        assert_eq!(off.code(), ErrorCode::Unimplemented);
    }
}
