//! The data that is shared between checkouts and may be absent.

use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The folder of shared data: `WHARF_SHARED_DATA`, or else `../shared/data` beside the checkout.
pub fn shared_data_dir() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = env::var_os("WHARF_SHARED_DATA").map_or_else(beside, PathBuf::from);
    folder.canonicalize().ok().filter(|folder| folder.is_dir())
}

/// A path within the shared data; prints why the test is skipped and gives `None` where it is absent.
pub fn shared_data_or_skip(path: &str) -> Option<PathBuf> {
    let found = shared_data_dir().map(|folder| folder.join(path)).filter(|path| path.exists());
    if found.is_none() {
        say_skipped(&format!("there is no `{path}` in the shared data (set WHARF_SHARED_DATA)"));
    }
    found
}

/// Says why a test is skipped. Written past the capture of the test runner, which hides what passing tests print.
pub fn say_skipped(reason: &str) {
    let _closed_pipe = writeln!(std::io::stderr(), "skipped: {reason}");
}
