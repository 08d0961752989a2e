//! One request of a version that is watched.

use std::sync::Arc;
use std::time::Instant;

use wharf_infer::{Deadline, ServiceError};

use super::Guard;
use super::guard::Ending;
use crate::ModelManager;

/// A request whose answer is judged. Dropped without one after its deadline, it counts as failed: wires stop waiting a
/// moment before the request itself does, and a version that hangs must not go unseen.
pub(crate) struct Watched {
    manager: ModelManager,
    guard: Arc<Guard>,
    deadline: Deadline,
    started: Instant,
    is_judged: bool,
}

impl Watched {
    pub(crate) fn new(manager: &ModelManager, guard: Arc<Guard>, deadline: Deadline) -> Self {
        Self { manager: manager.clone(), guard, deadline, started: Instant::now(), is_judged: false }
    }

    /// It has been answered.
    pub(crate) fn answered<T>(mut self, answer: &Result<T, ServiceError>) {
        self.judge(Ending::of(answer));
    }

    fn judge(&mut self, ending: Ending) {
        self.is_judged = true;
        self.manager.judge(&self.guard, ending, self.started.elapsed());
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.is_judged && self.deadline.has_passed() {
            self.judge(Ending::Failed);
        }
    }
}
