//! Whether guessing pays.

/// What each new pass leaves of the old counts.
const FADING: f64 = 0.8;
/// Tries that count at most, so that a source that turns bad is soon found out.
const MEMORY: f64 = 8.0;
/// Tokens without guesses after it did not pay, at first; twice as many each time it does not pay again.
const FIRST_PAUSE: u32 = 16;
const LONGEST_PAUSE: u32 = 512;

/// Counts how often the next guess of a source is right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge {
    right: f64,
    tried: f64,
    /// Tokens to come without guesses.
    pause: u32,
    next_pause: u32,
    /// What a guess cost when it was last asked.
    price: f64,
}

impl Default for Judge {
    fn default() -> Self {
        Self { right: 0.0, tried: 0.0, pause: 0, next_pause: FIRST_PAUSE, price: 0.0 }
    }
}

impl Judge {
    /// How likely a guess is right whose forerunners were; three in four before anything is known.
    fn chance(&self) -> f64 {
        (self.right + 1.5) / (self.tried + 2.0)
    }

    /// How many guesses pay: each costs `price`, and the n-th earns a token if all n are right.
    pub(super) fn length(&self, price: f64) -> usize {
        if self.pause > 0 || price >= 1.0 {
            return 0;
        }
        let length = price.max(1e-3).ln() / self.chance().min(0.999).ln();
        // A source that would not pay by now is given one guess to prove otherwise after each pause.
        (length as usize).max(1)
    }

    /// Takes note of a pass, and pauses if guesses have come to cost more than they earn.
    pub(super) fn learn(&mut self, checked: usize, right: usize) {
        self.pause = self.pause.saturating_sub(right as u32 + 1);
        if checked == 0 {
            return;
        }
        self.right = self.right * FADING + right as f64;
        self.tried = self.tried * FADING + right as f64 + if right < checked { 1.0 } else { 0.0 };
        if self.tried > MEMORY {
            self.right *= MEMORY / self.tried;
            self.tried = MEMORY;
        }
        if self.chance() < self.price {
            self.pause = self.next_pause;
            self.next_pause = (self.next_pause * 2).min(LONGEST_PAUSE);
        } else if right == checked {
            self.next_pause = FIRST_PAUSE;
        }
    }

    /// Takes note of what a guess costs now.
    pub(super) fn set_price(&mut self, price: f64) {
        self.price = price;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_sources_get_long_guesses_and_bad_ones_a_pause() {
        let mut judge = Judge::default();
        judge.set_price(0.3);
        assert_eq!(judge.length(0.3), 4);
        for _ in 0..20 {
            judge.learn(8, 8);
        }
        assert!(judge.length(0.3) > 20);
        let until = (0..20).position(|_| {
            judge.learn(8, 0);
            judge.length(0.3) == 0
        });
        assert!(until.is_some_and(|passes| passes < 12), "{until:?}");
        assert_eq!(judge.length(0.3), 0);
        judge.learn(0, LONGEST_PAUSE as usize);
        assert_eq!(judge.length(0.3), 1, "it may try again");
    }

    #[test]
    fn guesses_that_cost_as_much_as_tokens_are_not_made() {
        assert_eq!(Judge::default().length(1.0), 0);
    }
}
