//! How long passes take, learned from those that were made.

use std::time::Duration;

/// Tokens of a prompt that the first passes take, before anything is known.
const FIRST_CHUNK: usize = 32;
/// Fewer tokens of a prompt are not worth a pass of their own: the weights are read once for all of them.
pub(super) const LEAST_CHUNK: usize = 16;
/// The part of what is known that each new measurement replaces.
const NEW_PART: f64 = 0.2;

/// A running mean.
#[derive(Clone, Copy, Debug, Default)]
struct Mean(Option<f64>);

impl Mean {
    fn add(&mut self, value: f64) {
        self.0 = Some(self.0.map_or(value, |old| old + (value - old) * NEW_PART));
    }
}

/// What passes cost, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PassRate {
    prompt_token: Mean,
    answer_token: Mean,
}

impl PassRate {
    /// Takes note of a pass over this many tokens of prompts and answers.
    pub(super) fn record(&mut self, prompt: usize, answer: usize, time: Duration) {
        let seconds = time.as_secs_f64();
        if prompt == 0 && answer > 0 {
            self.answer_token.add(seconds / answer as f64);
        } else if prompt >= LEAST_CHUNK / 2 {
            let rest = seconds - answer as f64 * self.prompt_token.0.unwrap_or(0.0);
            self.prompt_token.add((rest / prompt as f64).max(seconds / (prompt + answer) as f64 / 4.0));
        }
    }

    /// Tokens of prompts that may go along with `answer` tokens of answers so that the pass takes no longer than `target`.
    pub(super) fn chunk(&self, answer: usize, target: Duration) -> usize {
        let Some(token) = self.prompt_token.0.filter(|&token| token > 0.0) else { return FIRST_CHUNK };
        let taken = answer as f64 * self.answer_token.0.unwrap_or(token).min(token);
        let tokens = (target.as_secs_f64() - taken) / token;
        (tokens.min(1e6) as usize).max(LEAST_CHUNK)
    }

    /// How long this many tokens of prompts take.
    pub(super) fn prompt_time(&self, tokens: usize) -> Duration {
        Duration::try_from_secs_f64(self.prompt_token.0.unwrap_or(0.0) * tokens as f64)
            .unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_fill_what_answers_leave_of_the_target() {
        let mut rate = PassRate::default();
        let target = Duration::from_millis(200);
        assert_eq!(rate.chunk(0, target), FIRST_CHUNK);
        rate.record(100, 0, Duration::from_millis(400));
        assert_eq!(rate.chunk(0, target), 50);
        rate.record(0, 4, Duration::from_millis(16));
        assert_eq!(rate.chunk(10, target), 40);
        assert_eq!(rate.chunk(1000, target), LEAST_CHUNK);
    }
}
