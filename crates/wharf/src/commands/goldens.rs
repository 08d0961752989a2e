//! Replaying a bundle's goldens through the serving engine.

use std::path::Path;
use std::sync::Arc;

use wharf_bundle::Bundle;
use wharf_engine::{Engine, OnnxEngine, replay_goldens};

use crate::failure::Hint;

/// Starts the engine that serves.
pub(crate) fn engine() -> anyhow::Result<Arc<dyn Engine>> {
    let hint =
        "`make deps` puts libonnxruntime into the project; ORT_DYLIB_PATH names another one".to_owned();
    let engine = OnnxEngine::new().map_err(|error| anyhow::Error::new(error).context(Hint(hint)))?;
    Ok(Arc::new(engine))
}

/// Runs the goldens in `folder` and says how they did.
pub(crate) fn replay(engine: &dyn Engine, folder: &Path) -> anyhow::Result<String> {
    let report = replay_goldens(&Bundle::open(folder)?, engine)?;
    Ok(match report.signatures {
        0 => "no goldens to replay".to_owned(),
        signatures => {
            format!("goldens of {signatures} signatures reproduce within {:.1e}", report.max_difference)
        }
    })
}
