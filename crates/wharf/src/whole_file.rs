//! Files that are there whole or not at all.

use std::path::Path;

use anyhow::Context;

/// Writes `content` beside `path` and moves it into place, so that nobody ever reads half of it.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    std::fs::write(&partial, content)
        .and_then(|()| std::fs::rename(&partial, path))
        .with_context(|| format!("cannot write `{}`", path.display()))
}
