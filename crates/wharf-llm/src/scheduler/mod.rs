//! Continuous batching: many answers grow at once, one token each in a pass, and prompts fill what a pass has left.
//!
//! [`Scheduler::run`] stays on the thread that owns the decoder; any thread asks through a [`SchedulerHandle`]. Every pass
//! is planned anew from what is there: who waits gets a sequence (`admit`), what may share cells does (`cache`), answers go
//! first and prompts get the time that is left of [`SchedulerConfig::token_interval`] (`plan`), who cannot be held makes
//! way and loses nothing (`preempt`), and rows of logits become tokens and events (`advance`).

mod admit;
mod advance;
mod answer;
mod clock;
mod config;
mod fair;
mod guesses;
mod handle;
mod intake;
mod limits;
mod persist;
mod plan;
mod preempt;
mod prepare;
mod rate;
mod run;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use wharf_infer::language::{GenerateEvent, LanguageLoad, LanguageMetrics};
use wharf_infer::{ErrorCode, ServiceError};

use crate::cache::CellBook;
use crate::store::PrefixStore;
use crate::{AdapterId, DecodeFault, Decoder, SequenceId, SharedVocabulary};

use answer::Tools;
pub use clock::{Clock, SystemClock};
pub use config::{ConstraintConfig, GuessConfig, SchedulerConfig};
use fair::FairShare;
pub use handle::SchedulerHandle;
use handle::{Published, Shared, Unload, lock};
use prepare::Preparer;
use rate::PassRate;
use run::{Job, Run};

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A pass was made.
    Passed,
    /// There is nothing to do until something comes in.
    Idle,
    /// The scheduler was closed.
    Closed,
}

/// Runs requests on a decoder.
pub struct Scheduler<D: Decoder> {
    decoder: D,
    draft: Option<crate::guess::Draft>,
    config: SchedulerConfig,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared<D>>,
    tools: Tools,
    cells: CellBook,
    jobs: HashMap<u64, Job>,
    waiting: Vec<Run>,
    active: Vec<Run>,
    fair: FairShare,
    rate: PassRate,
    metrics: LanguageMetrics,
    /// The adapter that the decoder uses.
    adapter: Option<AdapterId>,
    /// Adapters that go once nobody uses them.
    removals: Vec<(AdapterId, Unload<D>)>,
    /// Bytes of saved states.
    saved_bytes: usize,
    /// Prefixes in files.
    store: Option<PrefixStore>,
    /// Sequences that may be stored there.
    unstored: VecDeque<SequenceId>,
    next_order: u64,
    /// Whether a single prompt had the last pass.
    was_express: bool,
    pass: u64,
    /// Turns in which something was done.
    turns: u64,
}

impl<D: Decoder + 'static> Scheduler<D> {
    /// Takes over a decoder, which must be empty.
    pub fn new(decoder: D, vocabulary: SharedVocabulary, config: SchedulerConfig) -> Self {
        let shape = decoder.shape();
        let context = shape.context.min(shape.cells) as usize;
        let preparer = Preparer::new(vocabulary.clone(), context, &config);
        Self {
            draft: None,
            clock: Arc::new(SystemClock),
            shared: Arc::new(Shared::new(preparer, config.queue)),
            tools: Tools::new(vocabulary),
            cells: CellBook::new(shape, config.prefix_cache),
            jobs: HashMap::new(),
            waiting: Vec::new(),
            active: Vec::new(),
            fair: FairShare::new(config.weights.clone(), config.burst_tokens),
            rate: PassRate::default(),
            metrics: LanguageMetrics::default(),
            adapter: None,
            removals: Vec::new(),
            saved_bytes: 0,
            store: None,
            unstored: VecDeque::new(),
            next_order: 0,
            was_express: false,
            pass: 0,
            turns: 0,
            decoder,
            config,
        }
    }

    /// Lets a smaller model of the same vocabulary guess.
    #[must_use]
    pub fn with_draft(mut self, draft: Box<dyn Decoder + Send>) -> Self {
        self.draft = Some(crate::guess::Draft::new(draft));
        self
    }

    /// Keeps prefixes in files as well.
    #[must_use]
    pub(crate) fn with_store(mut self, store: PrefixStore) -> Self {
        self.store = Some(store);
        self
    }

    /// Takes the time from another clock, for tests.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// For those who ask.
    pub fn handle(&self) -> SchedulerHandle<D> {
        SchedulerHandle { shared: self.shared.clone() }
    }

    /// Works until the handle closes it.
    ///
    /// # Errors
    /// The decoder broke. By then every request has got its failure.
    pub fn run(&mut self) -> Result<(), DecodeFault> {
        loop {
            match self.step()? {
                Step::Passed => {}
                Step::Idle => self.shared.wait(),
                Step::Closed => return Ok(()),
            }
        }
    }

    /// Takes in what has come, and makes one pass if there is anything to compute.
    ///
    /// # Errors
    /// The decoder broke. By then every request has got its failure.
    pub fn step(&mut self) -> Result<Step, DecodeFault> {
        if !self.take_in() {
            self.fail_all(&handle::closed());
            self.publish();
            return Ok(Step::Closed);
        }
        self.drop_unwanted();
        self.unload_adapters();
        self.admit();
        self.guess();
        let plan = self.plan();
        if plan.is_empty() {
            self.publish();
            let is_idle = self.active.is_empty() && !self.store_one();
            return Ok(if is_idle { Step::Idle } else { Step::Passed });
        }
        self.turns += 1;
        let result = self.pass(plan);
        self.publish();
        result.map(|()| Step::Passed)
    }

    /// Tells everyone who waits that there will be no answer.
    fn fail_all(&mut self, error: &ServiceError) {
        self.shared.close();
        self.take_in();
        for run in self.waiting.drain(..).chain(self.active.drain(..)) {
            self.fair.leave(&run.namespace.caller);
        }
        self.shared.waiting.store(0, std::sync::atomic::Ordering::Relaxed);
        for (_, mut job) in self.jobs.drain() {
            self.metrics.failed += 1;
            job.send(GenerateEvent::Failed(error.clone()));
        }
    }

    /// The decoder is of no use any more.
    fn break_down(&mut self, fault: DecodeFault) -> DecodeFault {
        self.fail_all(&ServiceError::new(ErrorCode::Unavailable, "the model broke down").with_detail(&fault));
        fault
    }

    /// Lets other threads see how it stands.
    fn publish(&mut self) {
        self.metrics.requests_running = self.active.len() as u64;
        let cells = self.decoder.shape().cells;
        let used = self.cells.cells_used() as u32;
        self.metrics.cache_usage = f64::from(used) / f64::from(cells.max(1));
        let ahead = self.waiting.iter().map(|run| run.tokens.len()).sum();
        let load = LanguageLoad {
            running: self.active.len() as u32,
            waiting: 0,
            cells,
            cells_used: used,
            steps: self.turns,
        };
        let queue_time = self.rate.prompt_time(ahead);
        *lock(&self.shared.state) = Published { load, metrics: self.metrics.clone(), queue_time };
    }
}
