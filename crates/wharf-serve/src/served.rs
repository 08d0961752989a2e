//! A version that answers.

use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wharf_engine::LoadedModel;

use crate::registry::Registry;

/// A loaded version under the name by which it is served. Requests share it; the last one to let go of it
/// unloads it.
pub(crate) struct ServedModel {
    pub(crate) name: String,
    pub(crate) version: u64,
    pub(crate) model: LoadedModel,
    pub(crate) cost: RunCost,
    /// Told when this is dropped.
    pub(crate) registry: Weak<Registry>,
}

impl Drop for ServedModel {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.upgrade() {
            registry.unloaded(&self.name, self.version);
        }
    }
}

/// How long a run takes for its size, learnt from the runs so far.
#[derive(Default)]
pub(crate) struct RunCost {
    /// A moving average; 0 until the first run.
    picos_per_element: AtomicU64,
}

impl RunCost {
    /// What inputs of `size` elements will take; `None` before the first run.
    pub(crate) fn estimate(&self, size: usize) -> Option<Duration> {
        match self.picos_per_element.load(Ordering::Relaxed) {
            0 => None,
            picos => Some(Duration::from_nanos(picos.saturating_mul(size.max(1) as u64) / 1000)),
        }
    }

    /// Learns from a run. Threads that learn at the same time may forget each other's; it is an average.
    pub(crate) fn learn(&self, size: usize, elapsed: Duration) {
        let picos = u64::try_from(elapsed.as_nanos().saturating_mul(1000)).unwrap_or(u64::MAX);
        let picos = picos / size.max(1) as u64;
        let before = self.picos_per_element.load(Ordering::Relaxed);
        let after = if before == 0 { picos } else { before - before / 8 + picos / 8 };
        self.picos_per_element.store(after.max(1), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_is_unknown_then_follows_the_runs() {
        let cost = RunCost::default();
        assert_eq!(cost.estimate(1), None);
        cost.learn(10, Duration::from_micros(100));
        assert_eq!(cost.estimate(1), Some(Duration::from_micros(10)));
        assert_eq!(cost.estimate(32), Some(Duration::from_micros(320)));
        for _ in 0..100 {
            cost.learn(1, Duration::from_millis(1));
        }
        assert!(cost.estimate(1).unwrap() > Duration::from_micros(900));
        cost.learn(0, Duration::MAX);
        assert!(cost.estimate(usize::MAX).is_some());
    }
}
