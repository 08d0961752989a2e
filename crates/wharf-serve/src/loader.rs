//! The threads that load models.

use std::thread;

use tokio::sync::oneshot;
use wharf_engine::{Isolation, LoadOptions};
use wharf_infer::ServiceError;

/// How much less than the threads that answer a thread gets that loads beside them: a tenth of a core that both want.
/// With less, a server that is never idle would never see its new version.
const NICENESS: i32 = 10;

/// Does `work` on a thread of its own and gives what comes of it.
pub(crate) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, ServiceError> {
    let (sender, outcome) = oneshot::channel();
    let run = move || {
        // Who asked may have gone.
        let _ = sender.send(work());
    };
    let failed = |error| ServiceError::internal("the server cannot start a thread to load on", error);
    thread::Builder::new().name("wharf-load".to_owned()).spawn(run).map_err(failed)?;
    outcome.await.map_err(|_| ServiceError::internal("loading failed", "its thread panicked"))?
}

/// Lets those that answer go before this thread, for the rest of its life. Not where the model starts threads or a
/// process of its own, which would go on as this thread is.
pub(crate) fn step_back(options: &LoadOptions) {
    let has_threads = options.intra_threads > 1 || options.inter_threads > 1;
    if has_threads || options.isolation != Isolation::Shared {
        return;
    }
    // On top of what the server was started with; the system holds the sum to its own bound.
    let stepped = rustix::process::getpriority_process(None)
        .and_then(|own| rustix::process::setpriority_process(None, own.saturating_add(NICENESS)));
    if let Err(error) = stepped {
        tracing::debug!(%error, "loading competes with answering on equal terms");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of threads, the highest number that the system has.
    const LEAST_PRIORITY: i32 = 19;

    fn niceness() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[tokio::test]
    async fn steps_back_alone_and_only_without_threads_of_the_model() {
        let before = niceness();
        let shared = LoadOptions::default();
        for (options, expected) in [
            (shared.clone(), (before + NICENESS).min(LEAST_PRIORITY)),
            (shared.clone().with_intra_threads(2), before),
            (shared.with_isolation(Isolation::Process), before),
        ] {
            let during = on_thread(move || {
                step_back(&options);
                Ok(niceness())
            });
            assert_eq!(during.await.unwrap(), expected);
        }
        assert_eq!(niceness(), before);
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let outcome = on_thread::<()>(|| panic!("no such model")).await;
        assert_eq!(outcome.unwrap_err().message(), "loading failed");
    }
}
