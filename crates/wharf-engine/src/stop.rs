//! Ends a run that nobody waits for any more.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Hook = Arc<dyn Fn() + Send + Sync>;

/// A signal that ends a run early. Clones are the same signal.
#[derive(Clone, Default)]
pub struct StopSignal(Option<Arc<Shared>>);

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    hook: Mutex<Option<Hook>>,
}

impl StopSignal {
    /// A signal that can be given.
    pub fn new() -> Self {
        Self(Some(Arc::default()))
    }

    /// A signal that never comes, and costs nothing.
    pub const fn never() -> Self {
        Self(None)
    }

    /// Whether anybody could give it.
    pub fn can_stop(&self) -> bool {
        self.0.is_some()
    }

    /// Gives the signal.
    pub fn stop(&self) {
        let Some(shared) = &self.0 else { return };
        shared.stopped.store(true, Ordering::SeqCst);
        let hook = shared.hook().clone();
        if let Some(hook) = hook {
            hook();
        }
    }

    /// Whether it has been given.
    pub fn is_stopped(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.stopped.load(Ordering::SeqCst))
    }

    /// Whether an engine listens to it at this moment.
    #[cfg(test)]
    pub(crate) fn has_listener(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.hook().is_some())
    }

    /// Has `hook` called when the signal is given, at once if it has been; until the guard is dropped. An
    /// engine stops its runtime with it. A signal serves one run, so a second hook replaces the first.
    #[must_use = "dropping the guard takes the hook back"]
    pub fn on_stop(&self, hook: impl Fn() + Send + Sync + 'static) -> StopHook {
        if let Some(shared) = &self.0 {
            let hook: Hook = Arc::new(hook);
            *shared.hook() = Some(Arc::clone(&hook));
            // Looked at after the hook is in place: either `stop` finds the hook, or this finds the stop.
            if self.is_stopped() {
                hook();
            }
        }
        StopHook(self.0.clone())
    }
}

impl Shared {
    fn hook(&self) -> MutexGuard<'_, Option<Hook>> {
        self.hook.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for StopSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StopSignal").field(&self.is_stopped()).finish()
    }
}

/// Takes the hook of [`StopSignal::on_stop`] back when dropped.
pub struct StopHook(Option<Arc<Shared>>);

impl Drop for StopHook {
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            *shared.hook() = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn counting(calls: &Arc<AtomicUsize>) -> impl Fn() + Send + Sync + 'static {
        let calls = Arc::clone(calls);
        move || {
            calls.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn hook_is_called_whichever_comes_first() {
        for stop_first in [true, false] {
            let (signal, calls) = (StopSignal::new(), Arc::default());
            if stop_first {
                signal.stop();
            }
            let _guard = signal.on_stop(counting(&calls));
            if !stop_first {
                assert!(!signal.is_stopped());
                signal.clone().stop();
            }
            assert!(signal.is_stopped());
            assert_eq!(calls.load(Ordering::SeqCst), 1, "stop first: {stop_first}");
        }
    }

    #[test]
    fn hook_is_gone_with_its_guard() {
        let (signal, calls) = (StopSignal::new(), Arc::default());
        drop(signal.on_stop(counting(&calls)));
        signal.stop();
        assert_eq!(calls.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn never_does_not_stop() {
        let signal = StopSignal::never();
        signal.stop();
        assert!(!signal.is_stopped() && !signal.can_stop());
    }
}
