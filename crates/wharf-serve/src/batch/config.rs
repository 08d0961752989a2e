//! How requests are joined.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Padding, QueueConfig, QueueLimits};

/// How requests to one model are joined into runs. By default whatever waits when a thread becomes free runs
/// together, so that a server with nothing else to do answers as fast as one that joins nothing.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BatchConfig {
    /// The most rows of a joined run; 1 or less joins nothing. A model that says it takes fewer is given fewer.
    pub max_batch_size: usize,
    /// Whether rows are joined only as far as that is seen to make them cheaper.
    pub only_what_pays: bool,
    /// Sizes that a batch is cut back to where it reaches one, ascending. One that reaches the largest waits no longer.
    pub preferred_sizes: Vec<usize>,
    /// The only sizes that are run, ascending: batches are filled up to the next by repeating their first row. Empty
    /// allows all.
    pub allowed_sizes: Vec<usize>,
    /// How inputs of different lengths are made alike, so that they may run together; `None` keeps them apart.
    pub padding: Option<Padding>,
    /// Cuts requests of more rows than a run may have into several runs, and refuses those of more than this; with `None`
    /// such a request runs alone, whole.
    pub cut_up_to: Option<usize>,
    /// The 99th percentile of latency, from arrival to answer, from which size and delay are learnt within the others'
    /// bounds.
    pub p99_target: Option<Duration>,
    /// How long the first request of a batch waits for others while a thread is free.
    pub max_queue_delay: Duration,
    /// With how many rows a batch waits no longer; `None` is as many as it may have.
    pub enough_rows: Option<usize>,
    /// Whether joined runs of a signature are compared with a lone one until two different requests have been joined
    /// and answered alike: a graph whose rows depend on each other cannot be told by its shapes.
    pub checks_rows: bool,
    /// Priorities that are told apart, from 1, the highest; 0 tells none apart.
    pub priority_levels: u32,
    /// The priority of requests that name none, or none of the levels; 0 is the lowest level.
    pub default_priority_level: u32,
    /// The queues of levels of priority that are not like `queue`. With levels each has a queue of its own.
    pub priority_queues: BTreeMap<u32, QueueConfig>,
    /// How many runs of the model there may be at once; `None` leaves that to the threads of the server. With it, the
    /// threads of the server are divided among these runs.
    pub instances: Option<usize>,
    /// How many may wait, and for how long.
    pub queue: QueueConfig,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            max_batch_size: 32,
            only_what_pays: true,
            preferred_sizes: Vec::new(),
            allowed_sizes: Vec::new(),
            padding: None,
            cut_up_to: None,
            p99_target: None,
            max_queue_delay: Duration::ZERO,
            enough_rows: None,
            checks_rows: true,
            priority_levels: 0,
            default_priority_level: 0,
            priority_queues: BTreeMap::new(),
            instances: None,
            queue: QueueConfig::default(),
        }
    }
}

impl BatchConfig {
    /// Every request runs alone.
    pub fn off() -> Self {
        Self::default().with_max_batch_size(1)
    }

    /// With runs of this many rows at most.
    #[must_use]
    pub fn with_max_batch_size(mut self, rows: usize) -> Self {
        self.max_batch_size = rows;
        self
    }

    /// With rows joined only as far as that is seen to pay, or as far as they may.
    #[must_use]
    pub fn with_only_what_pays(mut self, only: bool) -> Self {
        self.only_what_pays = only;
        self
    }

    /// With batches cut back to these sizes.
    #[must_use]
    pub fn with_preferred_sizes(mut self, sizes: impl IntoIterator<Item = usize>) -> Self {
        self.preferred_sizes = ascending(sizes);
        self
    }

    /// With batches filled up to these sizes.
    #[must_use]
    pub fn with_allowed_sizes(mut self, sizes: impl IntoIterator<Item = usize>) -> Self {
        self.allowed_sizes = ascending(sizes);
        self
    }

    /// With inputs of different lengths made alike.
    #[must_use]
    pub fn with_padding(mut self, padding: Padding) -> Self {
        self.padding = Some(padding);
        self
    }

    /// Whether every run has to be of a shape that only the queue sees to, or at a time that only it knows.
    pub(crate) fn needs_queue(&self) -> bool {
        let has_buckets = self.padding.as_ref().is_some_and(Padding::prescribes_lengths);
        self.instances.is_some() || has_buckets || !self.allowed_sizes.is_empty()
    }

    /// With requests of up to so many rows cut into runs.
    #[must_use]
    pub fn with_cuts(mut self, most: usize) -> Self {
        self.cut_up_to = Some(most);
        self
    }

    /// With size and delay learnt from this promise. Under overload nobody is let in who would wait for longer than
    /// half of it.
    #[must_use]
    pub fn with_p99_target(mut self, target: Duration) -> Self {
        self.p99_target = Some(target);
        self.queue.overload_wait = self.queue.overload_wait.or(Some(target / 2));
        self
    }

    /// With the first of a batch waiting this long for others.
    #[must_use]
    pub fn with_max_queue_delay(mut self, delay: Duration) -> Self {
        self.max_queue_delay = delay;
        self
    }

    /// With batches that wait no longer once they have so many rows; 0 counts as 1.
    #[must_use]
    pub fn with_enough_rows(mut self, rows: usize) -> Self {
        self.enough_rows = Some(rows.max(1));
        self
    }

    /// With the comparison of joined runs with lone ones, or without: for models that are known.
    #[must_use]
    pub fn with_row_check(mut self, checks: bool) -> Self {
        self.checks_rows = checks;
        self
    }

    /// With this many levels of priority.
    #[must_use]
    pub fn with_priority_levels(mut self, levels: u32, default: u32) -> Self {
        self.priority_levels = levels;
        self.default_priority_level = default;
        self
    }

    /// With so many runs at once; 0 counts as 1.
    #[must_use]
    pub fn with_instances(mut self, runs: usize) -> Self {
        self.instances = Some(runs.max(1));
        self
    }

    /// With this queue for a level of priority.
    #[must_use]
    pub fn with_priority_queue(mut self, level: u32, queue: QueueConfig) -> Self {
        self.priority_queues.insert(level, queue);
        self
    }

    /// With this queue.
    #[must_use]
    pub fn with_queue(mut self, queue: QueueConfig) -> Self {
        self.queue = queue;
        self
    }

    /// The threads of one run, where `threads` are to be shared by the instances: what they leave over helps whichever of
    /// them has work for it.
    pub(crate) fn intra_threads(&self, threads: usize) -> Option<usize> {
        self.instances.map(|runs| (threads + 1).saturating_sub(runs).max(1))
    }

    /// The limits of the queue of a rank.
    pub(crate) fn limits(&self, rank: u32) -> QueueLimits {
        let queue = self.priority_queues.get(&rank).unwrap_or(&self.queue);
        QueueLimits { max_runs: self.instances, is_of_rank: self.priority_levels > 0, ..queue.limits() }
    }

    /// The rows with which a batch of so many is run.
    pub(crate) fn padded(&self, rows: usize) -> usize {
        self.allowed_sizes.iter().copied().find(|size| *size >= rows).unwrap_or(rows)
    }

    /// The place in line of a request that asks for `priority`: lower goes first.
    pub(crate) fn rank(&self, priority: u32) -> u32 {
        let levels = 1..=self.priority_levels;
        let default = Some(self.default_priority_level).filter(|level| levels.contains(level));
        match levels.contains(&priority) {
            true => priority,
            false => default.unwrap_or(self.priority_levels),
        }
    }
}

fn ascending(sizes: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let sizes: BTreeSet<usize> = sizes.into_iter().filter(|size| *size > 0).collect();
    sizes.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_share_the_threads() {
        for (instances, threads, expected) in [(1, 8, 8), (2, 8, 7), (8, 8, 1), (9, 8, 1), (0, 2, 2)] {
            let config = BatchConfig::default().with_instances(instances);
            assert_eq!(config.intra_threads(threads), Some(expected), "{instances} of {threads}");
        }
        assert_eq!(BatchConfig::default().intra_threads(8), None);
    }

    #[test]
    fn priorities_outside_of_the_levels_are_the_default() {
        let cases = [(0, 0, 7, 0), (3, 0, 1, 1), (3, 0, 0, 3), (3, 0, 4, 3), (3, 2, 0, 2), (3, 9, 0, 3)];
        for (levels, default, asked, expected) in cases {
            let config = BatchConfig::default().with_priority_levels(levels, default);
            assert_eq!(config.rank(asked), expected, "{levels} levels, default {default}, asked {asked}");
        }
    }
}
