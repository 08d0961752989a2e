//! The pass itself, and what comes of it.

use std::time::Instant;

use wharf_infer::language::{Finish, GenerateEvent, GeneratedToken};
use wharf_infer::{ErrorCode, ServiceError};

use super::Scheduler;
use super::answer::{Progress, unmeasured};
use super::plan::{Plan, Slot};
use crate::sampling::chances;
use crate::{DecodeFault, Decoder};

impl<D: Decoder + 'static> Scheduler<D> {
    /// Makes a pass and hands out what it gave.
    pub(super) fn pass(&mut self, plan: Plan) -> Result<(), DecodeFault> {
        if plan.adapter != self.adapter {
            self.decoder.use_adapter(plan.adapter).map_err(|fault| self.break_down(fault))?;
            self.adapter = plan.adapter;
        }
        let start = self.clock.now();
        match self.decoder.decode(&plan.batch) {
            Ok(()) => {}
            // Nothing was kept; who left is gone by the next step, and the others try again.
            Err(DecodeFault::Aborted) => return Ok(()),
            Err(DecodeFault::NoRoom) => {
                self.squeeze();
                return Ok(());
            }
            Err(fault @ (DecodeFault::Broken(_) | DecodeFault::Unsupported(_))) => {
                return Err(self.break_down(fault));
            }
        }
        let now = self.clock.now();
        let guesses: usize = plan.slots.iter().map(|slot| slot.guesses).sum();
        let answers = plan.batch.len() - plan.prompt_tokens - guesses;
        self.rate.record(plan.prompt_tokens, answers, guesses, now.saturating_duration_since(start));
        tracing::trace!(
            prompts = plan.prompt_tokens,
            answers,
            guesses,
            is_express = plan.is_express,
            waiting = self.waiting.len(),
            ms = now.saturating_duration_since(start).as_secs_f64() * 1e3,
            "pass"
        );
        self.was_express = plan.is_express;
        self.pass += 1;
        self.metrics.passes += 1;
        for slot in &plan.slots {
            self.advance(slot, now);
        }
        self.sweep();
        Ok(())
    }

    /// The decoder has fewer cells than the book says: something kept goes, then someone makes way.
    fn squeeze(&mut self) {
        let unused = self.decoder.shape().cells as usize - self.cells.cells_used();
        if self.cells.make_room(&mut self.decoder, unused + 1) {
            return;
        }
        if let Some(victim) = self.victim() {
            self.preempt(victim);
        } else if let Some(run) = self.active.first() {
            let error = ServiceError::new(ErrorCode::Overloaded, "the key-value cache is full");
            self.metrics.failed += 1;
            self.end_job(run.job, Some(error));
        }
    }

    /// Takes an answer's rows.
    fn advance(&mut self, slot: &Slot, now: Instant) {
        self.note_computed(slot);
        let Some(run) = self.active.get(slot.run) else { return };
        if run.computed < run.tokens.len() {
            return;
        }
        let mut progress = Progress::default();
        if let Err(error) = self.draw(slot, &mut progress) {
            self.metrics.failed += 1;
            self.fail_later(slot.run, error);
            return;
        }
        self.report(slot.run, progress, now);
    }

    /// Takes note of the tokens that the decoder has now.
    fn note_computed(&mut self, slot: &Slot) {
        if self.active[slot.run].measures_prompt {
            self.measure_prompt(slot);
        }
        let run = &mut self.active[slot.run];
        let Some(sequence) = run.sequence else { return };
        let end = run.computed + slot.own;
        self.cells.append(sequence, &run.tokens[run.computed..end]);
        self.cells.append(sequence, &run.guesser.guesses()[..slot.guesses]);
        run.computed = end;
        run.last_pass = self.pass;
    }

    /// Probabilities of the prompt's tokens: the row of each says how likely the next one was.
    fn measure_prompt(&mut self, slot: &Slot) {
        let run = &self.active[slot.run];
        let Some(job) = self.jobs.get_mut(&run.job) else { return };
        let Some((top, measured)) = &mut job.prompt_chances else { return };
        let vocabulary = self.tools.vocabulary.as_ref();
        if measured.is_empty()
            && let Some(&first) = run.tokens.first()
        {
            measured.push(unmeasured(first, vocabulary));
        }
        for index in 0..slot.own {
            let next = run.computed + index + 1;
            let Some(&token) = run.tokens[..run.prompt].get(next).filter(|_| next == measured.len()) else {
                continue;
            };
            let logits = self.decoder.logits(slot.first + index);
            measured.push(chances(
                logits,
                &[],
                token,
                usize::from(*top),
                vocabulary,
                &mut self.tools.scratch,
            ));
        }
        if measured.len() == run.prompt {
            let tokens: Vec<GeneratedToken> = std::mem::take(measured);
            job.prompt_chances = None;
            job.send(GenerateEvent::Prompt(tokens));
        }
    }

    /// Draws from the last row of its own, and from those of guesses for as long as they were right.
    fn draw(&mut self, slot: &Slot, progress: &mut Progress) -> Result<(), ServiceError> {
        let run = &mut self.active[slot.run];
        if run.answer.end_at_length(progress) {
            return Ok(());
        }
        let mut right = 0;
        loop {
            let row = slot.first + slot.own - 1 + right;
            let logits = self.decoder.logits(row);
            let Some(token) = run.answer.draw(logits, &mut self.tools, progress)? else { break };
            run.tokens.push(token);
            if progress.finish.is_some()
                || run.guesser.guesses().get(right).filter(|_| right < slot.guesses) != Some(&token)
            {
                break;
            }
            right += 1;
            run.computed += 1;
        }
        if let Some(job) = self.jobs.get_mut(&run.job) {
            job.usage.accepted_guesses += right as u32;
            job.usage.rejected_guesses += (slot.guesses - right) as u32;
        }
        self.metrics.guesses += slot.guesses as u64;
        self.metrics.accepted_guesses += right as u64;
        run.guesser.learn(slot.guesses, right);
        let (sequence, computed) = (run.sequence, run.computed);
        if let Some(sequence) = sequence.filter(|_| slot.guesses > right) {
            self.cells.truncate(&mut self.decoder, sequence, computed);
        }
        let run = &mut self.active[slot.run];
        let forced = run.answer.take_forced(&self.tools, progress)?;
        run.tokens.extend_from_slice(&forced);
        Ok(())
    }

    /// Tells the caller what is new.
    fn report(&mut self, place: usize, progress: Progress, now: Instant) {
        let run = &mut self.active[place];
        let Some(job) = self.jobs.get_mut(&run.job) else { return };
        job.usage.completion_tokens += progress.produced;
        self.metrics.generation_tokens += u64::from(progress.produced);
        self.metrics.forced_tokens += u64::from(progress.forced);
        self.fair.charge(&run.namespace.caller, progress.produced as usize);
        match run.last_token.replace(now) {
            None => self.metrics.time_to_first_token.record(now.saturating_duration_since(job.arrived)),
            Some(last) => self.metrics.inter_token_latency.record(now.saturating_duration_since(last)),
        }
        let choice = run.choice;
        if !progress.text.is_empty() || !progress.tokens.is_empty() {
            job.send(GenerateEvent::Text { choice, text: progress.text, tokens: progress.tokens });
        }
        let Some(finish) = progress.finish else { return };
        match finish {
            Finish::Length => self.metrics.finished_length += 1,
            Finish::End | Finish::StopString(_) => self.metrics.finished_stop += 1,
        }
        job.send(GenerateEvent::Finished { choice, finish });
        job.open -= 1;
        run.is_finished = true;
        if job.open == 0 {
            job.send(GenerateEvent::Done(job.usage));
            self.metrics.request_time.record(now.saturating_duration_since(job.arrived));
        }
    }

    /// Ends a request once the pass is dealt with, since places must not move before.
    fn fail_later(&mut self, place: usize, error: ServiceError) {
        if let Some(job) = self.jobs.get_mut(&self.active[place].job) {
            job.send(GenerateEvent::Failed(error));
            job.is_gone = true;
        }
    }

    /// Puts away the answers that are complete.
    fn sweep(&mut self) {
        while let Some(place) = self.active.iter().position(|run| run.is_finished) {
            let run = self.active.remove(place);
            let id = run.job;
            self.retire(run, true);
            if self.jobs.get(&id).is_some_and(|job| job.open == 0) {
                self.jobs.remove(&id);
            }
        }
    }
}
