//! What comes in from other threads, and what nobody waits for any more.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use wharf_infer::language::{GenerateEvent, GenerateSink, Usage};
use wharf_infer::{ErrorCode, ServiceError};

use super::Scheduler;
use super::answer::Answer;
use super::handle::Command;
use super::prepare::Prepared;
use super::run::{Job, Run};
use crate::Decoder;
use crate::cache::Namespace;
use crate::guess::Guesser;
use crate::sampling::random;

impl<D: Decoder + 'static> Scheduler<D> {
    /// Takes in all commands. False if the scheduler was closed.
    pub(super) fn take_in(&mut self) -> bool {
        let (commands, is_closed) = self.shared.receive();
        for command in commands {
            self.turns += 1;
            match command {
                Command::Generate(id, prepared, sink) => self.begin(id, *prepared, sink),
                Command::Cancel(id) => {
                    if let Some(job) = self.jobs.get_mut(&id) {
                        job.is_gone = true;
                    }
                }
                Command::Call(call) => call(&mut self.decoder),
                Command::RemoveAdapter(adapter, unload) => self.removals.push((adapter, unload)),
            }
        }
        !is_closed
    }

    /// Puts the answers of a request into the queue.
    fn begin(&mut self, id: u64, prepared: Prepared, sink: Box<dyn GenerateSink>) {
        let request = &prepared.request;
        let seed = request.sampling.seed.unwrap_or_else(random::fresh_seed);
        let answers: Vec<Answer> =
            (0..request.choices).map(|choice| Answer::new(&prepared, seed, choice)).collect();
        let namespace = Arc::new(Namespace {
            caller: request.share.caller.clone(),
            salt: request.share.cache_salt.clone(),
            adapter: prepared.adapter,
        });
        for (choice, answer) in (0..).zip(answers) {
            self.fair.enter(&namespace.caller);
            let run = self.new_run(id, choice, &prepared, namespace.clone(), answer);
            self.waiting.push(run);
        }
        let prompt_tokens = prepared.prompt.len() as u32;
        self.metrics.prompt_tokens += u64::from(prompt_tokens);
        let job = Job {
            sink,
            open: request.choices as usize,
            usage: Usage { prompt_tokens, ..Usage::default() },
            arrived: self.clock.now(),
            deadline: request.deadline.instant(),
            is_gone: false,
            prompt_chances: request.prompt_logprobs.map(|top| (top, Vec::new())),
        };
        self.jobs.insert(id, job);
    }

    fn new_run(
        &mut self,
        job: u64,
        choice: u32,
        prepared: &Prepared,
        namespace: Arc<Namespace>,
        answer: Answer,
    ) -> Run {
        self.next_order += 1;
        Run {
            job,
            choice,
            namespace,
            priority: prepared.request.share.priority,
            order: self.next_order,
            tag: None,
            found: 0,
            tokens: prepared.prompt.to_vec(),
            prompt: prepared.prompt.len(),
            computed: 0,
            sequence: None,
            saved: None,
            was_recalled: false,
            answer,
            measures_prompt: choice == 0 && prepared.request.prompt_logprobs.is_some(),
            last_pass: 0,
            last_token: None,
            is_finished: false,
            guesser: Guesser::new(self.config.guesses),
        }
    }

    /// Ends the work for callers who left or whose time is up.
    pub(super) fn drop_unwanted(&mut self) {
        let now = self.clock.now();
        let is_late = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        let unwanted: Vec<u64> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.is_gone || is_late(job.deadline))
            .map(|(&id, _)| id)
            .collect();
        for id in unwanted {
            self.metrics.cancelled += 1;
            let error = ServiceError::new(
                ErrorCode::DeadlineExceeded,
                "the deadline passed before the answer was complete",
            );
            self.end_job(id, Some(error));
        }
    }

    /// Forgets a request and what is left of its answers; what was computed stays in the cache.
    pub(super) fn end_job(&mut self, id: u64, error: Option<ServiceError>) {
        let Some(mut job) = self.jobs.remove(&id) else { return };
        let waiting = self.waiting.len();
        let (gone, kept) = std::mem::take(&mut self.waiting).into_iter().partition(|run: &Run| run.job == id);
        self.waiting = kept;
        self.shared.waiting.fetch_sub(waiting - self.waiting.len(), Ordering::Relaxed);
        for run in gone {
            self.retire(run, false);
        }
        while let Some(place) = self.active.iter().position(|run| run.job == id) {
            let run = self.active.remove(place);
            self.retire(run, true);
        }
        if let Some(error) = error {
            job.send(GenerateEvent::Failed(error));
        }
    }

    /// Gives back what an answer held.
    pub(super) fn retire(&mut self, mut run: Run, was_active: bool) {
        let caller = &run.namespace.caller;
        if was_active {
            self.fair.set_running(caller, false);
        }
        self.fair.leave(caller);
        self.saved_bytes -= run.saved.take().map_or(0, |saved| saved.len());
        if let Some(draft) = &mut self.draft {
            draft.forget(run.order);
        }
        self.remember(&run);
        if let Some(sequence) = run.sequence.take() {
            self.cells.retire(&mut self.decoder, sequence, run.namespace.as_ref().clone());
        }
    }

    /// Lets go of adapters that nobody uses any more.
    pub(super) fn unload_adapters(&mut self) {
        for (adapter, unload) in std::mem::take(&mut self.removals) {
            let uses = |run: &Run| run.namespace.adapter == Some(adapter);
            if self.active.iter().any(uses) || self.waiting.iter().any(uses) {
                self.removals.push((adapter, unload));
                continue;
            }
            self.cells.forget_adapter(&mut self.decoder, adapter);
            if self.adapter == Some(adapter) && self.decoder.use_adapter(None).is_ok() {
                self.adapter = None;
            }
            unload(&mut self.decoder, adapter);
        }
    }
}
