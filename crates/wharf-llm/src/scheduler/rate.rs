//! How long passes take, learned from those that were made.

use std::time::Duration;

/// Tokens of a prompt that the first passes take, before anything is known.
const FIRST_CHUNK: usize = 32;
/// Fewer tokens of a prompt are not worth a pass of their own: the weights are read once for all of them.
const LEAST_CHUNK: usize = 16;
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
    /// What a guess adds to a pass for answers.
    guess: Mean,
    /// What the smaller model takes for a guess.
    draft: Mean,
}

impl PassRate {
    /// Takes note of a pass over this many tokens of prompts and answers, and guesses.
    pub(super) fn record(&mut self, prompt: usize, answer: usize, guesses: usize, time: Duration) {
        let seconds = time.as_secs_f64();
        if guesses > 0 {
            if let Some(token) = self.answer_token.0.filter(|_| prompt == 0) {
                self.guess.add((seconds - token * answer as f64).max(0.0) / guesses as f64);
            }
            return;
        }
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

    /// Takes note of what the smaller model took for so many guesses.
    pub(super) fn record_draft(&mut self, guesses: usize, time: Duration) {
        if guesses > 0 {
            self.draft.add(time.as_secs_f64() / guesses as f64);
        }
    }

    /// What a guess adds to a pass, as a share of what a token of an answer takes: what it must earn. The more answers
    /// share a pass, the less a token takes and the less guesses pay.
    pub(super) fn price_of_a_guess(&self) -> f64 {
        match (self.guess.0.or(self.prompt_token.0), self.answer_token.0) {
            (Some(guess), Some(token)) if token > 0.0 => (guess / token).clamp(0.02, 1.0),
            _ => 0.4,
        }
    }

    /// What the smaller model takes for a guess, in the same measure.
    pub(super) fn price_of_a_draft(&self) -> f64 {
        match (self.draft.0, self.answer_token.0) {
            (Some(draft), Some(token)) if token > 0.0 => draft / token,
            _ => 0.1,
        }
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
        rate.record(100, 0, 0, Duration::from_millis(400));
        assert_eq!(rate.chunk(0, target), 50);
        rate.record(0, 4, 0, Duration::from_millis(16));
        assert_eq!(rate.chunk(10, target), 40);
        assert_eq!(rate.chunk(1000, target), LEAST_CHUNK);
    }

    #[test]
    fn a_guess_costs_what_it_adds_to_a_pass() {
        let mut rate = PassRate::default();
        rate.record(100, 0, 0, Duration::from_millis(300));
        rate.record(0, 1, 0, Duration::from_millis(10));
        assert!((rate.price_of_a_guess() - 0.3).abs() < 1e-9);
        rate.record(0, 1, 4, Duration::from_millis(18));
        assert!((rate.price_of_a_guess() - 0.2).abs() < 1e-9);
        rate.record_draft(4, Duration::from_millis(4));
        assert!((rate.price_of_a_draft() - 0.1).abs() < 1e-9);
    }
}
