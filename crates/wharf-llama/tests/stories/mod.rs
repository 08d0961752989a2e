//! Where the trained model is that the tests ask.

use std::path::{Path, PathBuf};

/// The folder of the model; `None` where it is absent, which is printed.
#[expect(clippy::print_stderr, reason = "says why a test did nothing")]
pub(crate) fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/stories260k");
    if !folder.is_dir() {
        eprintln!("skipped: there is no ../shared/data/stories260k");
        return None;
    }
    Some(folder)
}
