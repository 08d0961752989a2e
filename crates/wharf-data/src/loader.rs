//! Batches made ahead of whoever consumes them.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use wharf_transform::{Layout, SampleKey};

use crate::batch::{Batch, BufferPool};
use crate::pictures::Workspace;
use crate::{DataError, DataErrorKind, OnBadPicture, Pictures};

/// How an epoch is cut into batches.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EpochOptions {
    /// Pictures per batch; the last one may be smaller.
    pub batch_size: usize,
    /// Threads that make batches. At most twice as many batches wait or are being made.
    pub threads: usize,
    /// The run's seed, for the random steps.
    pub seed: u64,
    /// The epoch, for the random steps.
    pub epoch: u64,
    /// The order of numbers within a picture.
    pub layout: Layout,
    /// The batch to start with: what was consumed before an interruption is not made again.
    pub first_batch: usize,
}

impl EpochOptions {
    /// Batches of `batch_size` for `epoch` of a run with `seed`, made on all cores, channels first.
    pub fn new(batch_size: usize, seed: u64, epoch: u64) -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self { batch_size, threads, seed, epoch, layout: Layout::Chw, first_batch: 0 }
    }

    /// With another number of threads.
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// With another order of numbers.
    pub fn with_layout(self, layout: Layout) -> Self {
        Self { layout, ..self }
    }

    /// Starting at another batch.
    pub fn with_first_batch(self, first_batch: usize) -> Self {
        Self { first_batch, ..self }
    }
}

/// The batches of one epoch, in order. The same order, seed and epoch give the same bits on any number of
/// threads. After an error there are no more; dropping it stops its threads.
#[derive(Debug)]
pub struct Loader {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    pictures: Arc<Pictures>,
    order: Vec<usize>,
    options: EpochOptions,
    num_batches: usize,
    /// The most batches that wait or are being made.
    bound: usize,
    pool: Arc<BufferPool>,
    state: Mutex<State>,
    /// Something was taken, or the end has come.
    room: Condvar,
    /// A batch is ready.
    ready: Condvar,
}

#[derive(Debug)]
struct State {
    next_to_make: usize,
    next_to_give: usize,
    ready: BTreeMap<usize, Result<Batch, DataError>>,
    stopped: bool,
    /// The most batches that were waiting or being made at any time.
    most_alive: usize,
}

impl Pictures {
    /// Starts to make the batches of one epoch: the pictures numbered in `order`, cut into batches.
    ///
    /// # Errors
    /// The batch size is zero, `order` names a picture that is not there, or no thread can be started.
    pub fn epoch(self: &Arc<Self>, order: Vec<usize>, options: EpochOptions) -> Result<Loader, DataError> {
        if options.batch_size == 0 {
            return Err(DataError::setting("batch size is 0, expected at least 1"));
        }
        let count = self.dataset().num_pictures();
        if let Some(index) = order.iter().find(|index| **index >= count) {
            return Err(DataError::setting(format!("there is no picture {index}, data set has {count}")));
        }
        let threads = options.threads.max(1);
        let num_batches = order.len().div_ceil(options.batch_size);
        let first = options.first_batch.min(num_batches);
        let shared = Arc::new(Shared {
            pictures: Arc::clone(self),
            order,
            num_batches,
            bound: threads.saturating_mul(2),
            pool: Arc::new(BufferPool::new(threads.saturating_mul(2) + 1)),
            state: Mutex::new(State {
                next_to_make: first,
                next_to_give: first,
                ready: BTreeMap::new(),
                stopped: false,
                most_alive: 0,
            }),
            room: Condvar::new(),
            ready: Condvar::new(),
            options,
        });
        Loader::start(shared, threads)
    }
}

impl Loader {
    fn start(shared: Arc<Shared>, threads: usize) -> Result<Self, DataError> {
        let mut loader = Self { shared, workers: Vec::new() };
        for number in 0..threads {
            let shared = Arc::clone(&loader.shared);
            let worker = thread::Builder::new()
                .name(format!("loader-{number}"))
                .spawn(move || shared.work())
                .map_err(|error| {
                    DataError::new(DataErrorKind::WorkerFailed, "cannot start a loader thread")
                        .with_source(error)
                })?;
            loader.workers.push(worker);
        }
        Ok(loader)
    }

    /// How many batches the whole epoch has.
    pub fn num_batches(&self) -> usize {
        self.shared.num_batches
    }

    /// The most batches that were waiting or being made at any time so far.
    pub fn most_batches_alive(&self) -> usize {
        self.shared.lock().most_alive
    }
}

impl Iterator for Loader {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let shared = &self.shared;
        let mut state = shared.lock();
        if state.stopped || state.next_to_give >= shared.num_batches {
            return None;
        }
        let number = state.next_to_give;
        let batch = loop {
            if let Some(batch) = state.ready.remove(&number) {
                break batch;
            }
            state = shared.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        state.next_to_give += 1;
        state.stopped = batch.is_err();
        shared.room.notify_all();
        Some(batch)
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.room.notify_all();
        for worker in self.workers.drain(..) {
            // A worker hands its panics to the consumer; there is nothing to learn from the join.
            let _ = worker.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut workspace = Workspace::default();
        while let Some(number) = self.take_number() {
            let batch = catch_unwind(AssertUnwindSafe(|| self.make(number, &mut workspace)));
            let batch = batch.unwrap_or_else(|_| {
                Err(DataError::new(DataErrorKind::WorkerFailed, "a loader thread panicked"))
            });
            self.lock().ready.insert(number, batch);
            self.ready.notify_all();
        }
    }

    /// The next batch to make, once there is room for it; `None` when there is nothing more to do.
    fn take_number(&self) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.next_to_make >= self.num_batches {
                return None;
            }
            if state.next_to_make < state.next_to_give + self.bound {
                let number = state.next_to_make;
                state.next_to_make += 1;
                state.most_alive = state.most_alive.max(state.next_to_make - state.next_to_give);
                return Some(number);
            }
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn make(&self, number: usize, workspace: &mut Workspace) -> Result<Batch, DataError> {
        let EpochOptions { batch_size, seed, epoch, layout, .. } = self.options;
        let start = number * batch_size;
        let samples = &self.order[start..self.order.len().min(start + batch_size)];
        let shape = self.pictures.shape();
        let row = shape.num_elements();
        let mut batch = Batch {
            pixels: self.pool.take(row * samples.len()),
            labels: Vec::with_capacity(samples.len()),
            indices: Vec::with_capacity(samples.len()),
            bad_pictures: Vec::new(),
            shape,
            layout,
            pool: Arc::clone(&self.pool),
        };
        for index in samples {
            let key = SampleKey { seed, epoch, sample: *index as u64 };
            let start = batch.indices.len() * row;
            let output = &mut batch.pixels[start..start + row];
            match self.pictures.write(key, layout, workspace, output) {
                Ok(()) => {
                    batch.labels.push(self.pictures.dataset().labels()[*index]);
                    batch.indices.push(*index);
                }
                Err(bad) if self.pictures.on_bad_picture() == OnBadPicture::Skip => {
                    batch.bad_pictures.push(bad);
                }
                Err(bad) => return Err(bad.into()),
            }
        }
        batch.pixels.truncate(batch.indices.len() * row);
        Ok(batch)
    }
}
