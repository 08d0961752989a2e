//! Vectors of texts, a pass at a time, so that other work gets its turns between.

use wharf_infer::language::{Embeddings, TokenId};
use wharf_infer::{ErrorCode, ServiceError};

use super::answer::SureReply;
use crate::{DecodeFault, Decoder, SchedulerHandle};

/// Texts on their way.
pub(super) struct EmbedWork {
    inputs: Vec<Vec<TokenId>>,
    done: Embeddings,
    normalize: bool,
    reply: SureReply<Embeddings>,
}

impl EmbedWork {
    pub(super) fn new(inputs: Vec<Vec<TokenId>>, normalize: bool, reply: SureReply<Embeddings>) -> Self {
        let prompt_tokens = inputs.iter().map(|input| input.len() as u32).sum();
        Self { inputs, done: Embeddings { prompt_tokens, ..Embeddings::default() }, normalize, reply }
    }

    /// Queues the next pass.
    pub(super) fn queue<D: Decoder + 'static>(self, handle: SchedulerHandle<D>) {
        let again = handle.clone();
        handle.call(move |decoder| self.pass(decoder, again));
    }

    /// Does as many texts as a pass has room for.
    fn pass<D: Decoder + 'static>(mut self, decoder: &mut D, handle: SchedulerHandle<D>) {
        let shape = decoder.shape();
        let most = shape.batch.min(shape.context) as usize;
        let rest = self.inputs.split_off(texts_of_a_pass(&self.inputs, most));
        let inputs = std::mem::replace(&mut self.inputs, rest);
        if let Some(long) = inputs.iter().find(|input| input.len() > most) {
            return self.reply.give(Err(ServiceError::new(
                ErrorCode::OutOfRange,
                format!("a text has {} tokens, expected at most {most}", long.len()),
            )));
        }
        match decoder.embed(&inputs) {
            Ok(vectors) => self.done.vectors.extend(vectors),
            Err(fault) => return self.reply.give(Err(refusal(&fault))),
        }
        if !self.inputs.is_empty() {
            return self.queue(handle);
        }
        if self.normalize {
            self.done.vectors.iter_mut().for_each(|vector| normalize(vector));
        }
        self.reply.give(Ok(self.done));
    }
}

/// How many of the next texts make up one pass: at least one.
fn texts_of_a_pass(inputs: &[Vec<TokenId>], tokens: usize) -> usize {
    let mut left = tokens;
    let fits = |input: &&Vec<TokenId>| {
        let fits = input.len() <= left;
        left = left.saturating_sub(input.len());
        fits
    };
    inputs.iter().take_while(fits).count().clamp(1, inputs.len().max(1)).min(inputs.len())
}

/// Scales a vector to length 1; one of zeros stays as it is.
fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
    }
}

/// What a caller is told about a fault.
pub(super) fn refusal(fault: &DecodeFault) -> ServiceError {
    match fault {
        DecodeFault::Unsupported(what) => ServiceError::new(ErrorCode::FailedPrecondition, what.clone()),
        DecodeFault::NoRoom => {
            ServiceError::new(ErrorCode::Overloaded, "the model has no room at the moment")
        }
        DecodeFault::Aborted => ServiceError::new(ErrorCode::Aborted, "the pass was aborted"),
        DecodeFault::Broken(_) => {
            ServiceError::new(ErrorCode::Unavailable, "the model broke down").with_detail(fault)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_take_as_many_texts_as_fit_and_at_least_one() {
        let texts = |lengths: &[usize]| lengths.iter().map(|&length| vec![0; length]).collect::<Vec<_>>();
        for (lengths, expected) in
            [(&[][..], 0), (&[3, 4, 5][..], 2), (&[8][..], 1), (&[9, 1][..], 1), (&[8, 0][..], 2)]
        {
            assert_eq!(texts_of_a_pass(&texts(lengths), 8), expected, "{lengths:?}");
        }
    }

    #[test]
    fn vectors_get_length_1() {
        let mut vector = [3.0, 4.0];
        normalize(&mut vector);
        assert_eq!(vector, [0.6, 0.8]);
        let mut zero = [0.0, 0.0];
        normalize(&mut zero);
        assert_eq!(zero, [0.0, 0.0]);
    }
}
