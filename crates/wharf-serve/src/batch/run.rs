//! One run for all of a batch.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use wharf_engine::{StopSignal, agree};
use wharf_infer::NamedTensor;
use wharf_tensor::Tensor;

use super::{CloseReason, Seat};
use crate::admission::AdmissionPermit;
use crate::infer::{Answer, Computed, Task, deadline_exceeded};
use crate::metrics::Waits;
use crate::pool::Job;

/// A request on its way through the queue. The permit goes where the work goes and comes back with the answer: a
/// caller who leaves does not make room while the work still runs, and a server that drains is not empty before
/// the answer has arrived.
pub(crate) struct Waiter {
    pub(crate) task: Task,
    pub(crate) reply: oneshot::Sender<(Answer, AdmissionPermit)>,
    pub(crate) permit: AdmissionPermit,
    pub(crate) seat: Arc<Seat>,
    /// Until its batch is closed.
    waits: Option<Waits>,
}

impl Job for Waiter {
    fn is_wanted(&self, now: Instant) -> bool {
        !self.reply.is_closed() && self.task.deadline().instant().is_none_or(|deadline| now < deadline)
    }

    fn expire(self) {
        self.answer(Err(deadline_exceeded()));
    }

    fn shed(self, wait: Duration) {
        let text = "too many requests wait to be computed, and this one has waited for too long";
        let error = self.task.served().overloaded(text, wait);
        self.answer(Err(error));
    }

    fn run(mut batch: Vec<Self>, rows: usize, reason: CloseReason) {
        let Some(first) = batch.first() else { return };
        let metrics = Arc::clone(&first.task.served().metrics);
        metrics.batches.closed(reason, batch.len(), rows);
        batch.iter_mut().for_each(|waiter| drop(waiter.waits.take()));
        let outputs = if batch.len() > 1 || needs_filling(&batch[0]) { run_together(&batch) } else { None };
        match outputs {
            Some(outputs) => {
                for (waiter, outputs) in batch.into_iter().zip(outputs) {
                    let response = waiter.task.response(outputs);
                    waiter.answer(Ok(response));
                }
            }
            None => {
                if batch.len() > 1 {
                    metrics.batches.split();
                }
                // A lone one was lengthened or filled up already, to no avail.
                let is_tried = batch.len() == 1;
                batch.drain(..).for_each(|waiter| waiter.run_alone(is_tried));
            }
        }
    }
}

impl Waiter {
    pub(crate) fn new(
        task: Task,
        reply: oneshot::Sender<(Answer, AdmissionPermit)>,
        permit: AdmissionPermit,
        seat: Arc<Seat>,
    ) -> Self {
        let waits = Some(task.served().metrics.waits());
        Self { task, reply, permit, seat, waits }
    }

    fn run_alone(self, is_tried: bool) {
        if !self.is_wanted(Instant::now()) {
            return self.expire();
        }
        if !is_tried && needs_filling(&self) {
            let outputs = run_together(std::slice::from_ref(&self)).and_then(|mut outputs| outputs.pop());
            if let Some(outputs) = outputs {
                let response = self.task.response(outputs);
                return self.answer(Ok(response));
            }
        }
        let stop = Seat::together([&*self.seat].into_iter());
        let outputs = self.task.compute(&stop);
        let answer = outputs.map(|outputs| self.task.response(outputs));
        self.answer(answer);
    }

    /// Fails where the caller left meanwhile. Lets go of the version first: who has the last answer of one that is
    /// unloaded finds it gone.
    fn answer(self, answer: Answer) {
        let Self { task, reply, permit, .. } = self;
        drop(task);
        let _ = reply.send((answer, permit));
    }
}

/// Whether one that runs alone has another number of rows, or other lengths, than are allowed.
fn needs_filling(waiter: &Waiter) -> bool {
    let (task, rows) = (&waiter.task, waiter.task.rows());
    let batching = &task.served().batching;
    let padding = task.padding();
    let is_short = |input: &NamedTensor| {
        let dims = input.tensor.shape().dims().get(1..).unwrap_or_default();
        padding.is_some_and(|padding| padding.target(task.pattern(&input.name), &input.name, &[dims]) != dims)
    };
    task.can_be_joined() && (batching.padded(rows) != rows || task.inputs().iter().any(is_short))
}

/// The outputs of each of `batch`, from one run; `None` where that fails, be it for the fault of one of them:
/// then each is to be run alone, so that nobody answers for a neighbour.
fn run_together(batch: &[Waiter]) -> Option<Vec<Vec<NamedTensor>>> {
    let first = &batch[0].task;
    let stop = Seat::together(batch.iter().map(|waiter| &*waiter.seat));
    let rows = batch.iter().map(|waiter| waiter.task.rows()).sum();
    let filled = first.served().batching.padded(rows);
    let inputs = join(batch, filled - rows)?;
    let size: usize = batch.iter().map(|waiter| waiter.task.size()).sum();
    let computed = match first.compute_inputs(&inputs, (Some(filled), size), &stop) {
        Ok(computed) => computed,
        Err(error) => {
            tracing::debug!(%error, requests = batch.len(), "a batch failed, its requests run one by one");
            return None;
        }
    };
    let outputs = split(batch, &computed.outputs, filled)
        .filter(|outputs| are_rows_independent(batch, &inputs, outputs));
    match outputs {
        Some(_) => count(batch, &computed),
        None if stop.is_stopped() => {}
        None => first.served().stop_batching(),
    }
    outputs
}

fn count(batch: &[Waiter], computed: &Computed) {
    let rows = batch.iter().map(|waiter| waiter.task.rows_counted()).sum();
    batch.iter().for_each(|waiter| waiter.task.ran(computed, batch.len(), rows));
    batch[0].task.served().metrics.ran(batch.len(), rows, computed.elapsed, computed.ended());
}

/// Whether the first of `batch` was answered as it is alone. Asked until the answer is yes for requests that differ: of
/// equal ones it says little, but after some of them nothing new.
fn are_rows_independent(batch: &[Waiter], inputs: &[NamedTensor], outputs: &[Vec<NamedTensor>]) -> bool {
    let (Some(first), Some(joined)) = (batch.first(), outputs.first()) else { return false };
    let (served, signature) = (first.task.served(), first.task.signature());
    let are_equal = || batch.iter().all(|waiter| waiter.task.inputs() == first.task.inputs());
    let Some(are_equal) = served.is_to_be_compared(signature, are_equal) else { return true };
    let rows = 0..first.task.rows();
    let own = |input: &NamedTensor| {
        Some(NamedTensor::new(input.name.as_str(), input.tensor.slice_rows(rows.clone()).ok()?))
    };
    // As long as they were in the joined run.
    let Some(own) = inputs.iter().map(own).collect::<Option<Vec<_>>>() else { return false };
    // Nobody asked for this run: it is not counted.
    let alone = first.task.compute_inputs(&own, (None, first.task.size()), &StopSignal::never());
    let Ok(Computed { outputs: alone, .. }) = alone else { return false };
    let is_same = alone.len() == joined.len()
        && alone.iter().zip(joined).all(|(alone, joined)| agree(&joined.tensor, &alone.tensor));
    if is_same {
        served.compared(signature, are_equal);
    }
    is_same
}

/// The inputs of all, joined; by name, because each may send them in an order of its own. After them the first row
/// `more` times.
fn join(batch: &[Waiter], more: usize) -> Option<Vec<NamedTensor>> {
    let join_one = |input: &NamedTensor| {
        let parts = batch.iter().map(|waiter| {
            let mut sent = waiter.task.inputs().iter();
            sent.find(|sent| sent.name == input.name).map(|sent| &sent.tensor)
        });
        let parts = parts.collect::<Option<Vec<&Tensor>>>()?;
        let padded = padded(&batch[0].task, &input.name, &parts)?;
        let mut parts: Vec<&Tensor> = padded.iter().map(|part| &**part).collect();
        let first = parts.first()?.slice_rows(0..1).ok()?;
        parts.extend(std::iter::repeat_n(&first, more));
        let tensor = Tensor::concat_rows(&parts).ok()?;
        Some(NamedTensor::new(input.name.as_str(), tensor))
    };
    batch[0].task.inputs().iter().map(join_one).collect()
}

/// Of a run with more elements than so many, all but one in so many have to be padding for it to be given up: a long
/// request that meets many short ones would take the memory of as many long ones.
const SMALL: usize = 1 << 22;
const MOST_PADDING: usize = 8;

/// The parts of one input made alike where they may differ.
fn padded<'a>(task: &Task, input: &str, parts: &[&'a Tensor]) -> Option<Vec<Cow<'a, Tensor>>> {
    let Some(padding) = task.padding() else {
        return Some(parts.iter().map(|part| Cow::Borrowed(*part)).collect());
    };
    let dims: Vec<&[usize]> =
        parts.iter().map(|part| part.shape().dims().get(1..).unwrap_or_default()).collect();
    let target = padding.target(task.pattern(input), input, &dims);
    let row = target.iter().try_fold(1_usize, |row, size| row.checked_mul(*size))?;
    let rows: usize = parts.iter().filter_map(|part| part.rows()).sum();
    let sent: usize = parts.iter().map(|part| part.num_elements()).sum();
    if row.checked_mul(rows)? > sent.saturating_mul(MOST_PADDING).max(SMALL) {
        return None;
    }
    parts.iter().map(|part| padding.pad(input, part, &target).ok()).collect()
}

/// The rows of each; `None` where the outputs do not have a row for each of the `total` that were run.
fn split(batch: &[Waiter], outputs: &[NamedTensor], total: usize) -> Option<Vec<Vec<NamedTensor>>> {
    if outputs.iter().any(|output| output.tensor.rows() != Some(total)) {
        return None;
    }
    let mut start = 0;
    let mut cut = |waiter: &Waiter| {
        let rows = start..start + waiter.task.rows();
        start = rows.end;
        let cut = |output: &NamedTensor| {
            let tensor = output.tensor.slice_rows(rows.clone()).ok()?;
            // What stays must not keep the rows of others in memory.
            let tensor = if waiter.task.keeps(&output.name) { tensor.detached().ok()? } else { tensor };
            Some(NamedTensor::new(output.name.as_str(), tensor))
        };
        outputs.iter().map(cut).collect()
    };
    batch.iter().map(&mut cut).collect()
}
