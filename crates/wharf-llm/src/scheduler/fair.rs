//! Turns between callers: start-time fair queueing over the tokens that they cost.
//!
//! Every caller has an account in virtual tokens (tokens divided by its weight). An answer is tagged with its caller's
//! account when it gets its place, and lower tags go first. A caller who was away comes back at the tag that is being
//! served, less a burst: who asks for little is served at once beside one who asks for much, and nobody saves up more.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What a token of an answer costs; one of a prompt costs 1. A pass for one answer costs as much as several tokens of a
/// prompt, but answers share it.
pub(super) const ANSWER_TOKEN_COST: f64 = 2.0;

/// Accounts of callers who are away are forgotten beyond this many.
const ACCOUNTS: usize = 4096;

/// A caller is about for so long after a request.
const NEIGHBOUR_TIME: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
struct Account {
    spent: f64,
    weight: f64,
    /// Answers that wait or run.
    open: usize,
    /// The same that run.
    running: usize,
    /// The longest prompt of late that was not in the cache, and when the last one was asked for.
    prompt: f64,
    asked: Option<Instant>,
}

/// The accounts of all callers.
pub(super) struct FairShare {
    accounts: HashMap<String, Account>,
    weights: HashMap<String, f64>,
    burst: f64,
    /// The tag that is being served.
    now: f64,
}

impl FairShare {
    pub(super) fn new(weights: HashMap<String, f64>, burst: u32) -> Self {
        Self { accounts: HashMap::new(), weights, burst: f64::from(burst), now: 0.0 }
    }

    /// Another answer of this caller waits.
    pub(super) fn enter(&mut self, caller: &str) {
        if self.accounts.len() >= ACCOUNTS && !self.accounts.contains_key(caller) {
            self.accounts.retain(|_, account| account.open > 0);
        }
        let earliest = self.now - self.burst;
        let weight = self.weights.get(caller).copied().filter(|&weight| weight > 0.0).unwrap_or(1.0);
        let new = Account { spent: earliest, weight, open: 0, running: 0, prompt: 0.0, asked: None };
        let account = self.accounts.entry(caller.to_owned()).or_insert(new);
        if account.open == 0 {
            account.spent = account.spent.max(earliest);
        }
        account.open += 1;
    }

    /// An answer is complete, or nobody wants it any more.
    pub(super) fn leave(&mut self, caller: &str) {
        if let Some(account) = self.accounts.get_mut(caller) {
            account.open = account.open.saturating_sub(1);
        }
    }

    /// An answer gets its place or has to give it up.
    pub(super) fn set_running(&mut self, caller: &str, is_running: bool) {
        if let Some(account) = self.accounts.get_mut(caller) {
            account.running =
                if is_running { account.running + 1 } else { account.running.saturating_sub(1) };
        }
    }

    /// Takes the cost of a prompt from the account and gives the tag that it is served at.
    pub(super) fn admit(&mut self, caller: &str, tokens: usize, now: Instant) -> f64 {
        let Some(account) = self.accounts.get_mut(caller) else { return self.now };
        let tag = account.spent;
        account.spent += tokens as f64 / account.weight;
        account.prompt = (tokens as f64).max(account.prompt * 0.9);
        account.asked = Some(now);
        tag
    }

    /// Takes the cost of tokens of an answer from the account.
    pub(super) fn charge(&mut self, caller: &str, tokens: usize) {
        if let Some(account) = self.accounts.get_mut(caller) {
            account.spent += tokens as f64 * ANSWER_TOKEN_COST / account.weight;
        }
    }

    /// What the next answer of a caller would be tagged with.
    pub(super) fn tag(&self, caller: &str) -> f64 {
        self.accounts.get(caller).map_or(self.now, |account| account.spent)
    }

    /// Where a prompt stands that was tagged so and of which this much is computed: long prompts take turns with others.
    pub(super) fn reached(&self, caller: &str, tag: f64, tokens: usize) -> f64 {
        tag + tokens as f64 / self.accounts.get(caller).map_or(1.0, |account| account.weight)
    }

    /// Answers of a caller that run.
    pub(super) fn running(&self, caller: &str) -> usize {
        self.accounts.get(caller).map_or(0, |account| account.running)
    }

    /// Takes note of the tag that is being served.
    pub(super) fn serve(&mut self, tag: f64) {
        self.now = self.now.max(tag);
    }

    /// The shortest prompt that a caller other than `caller` asked for of late, where one did.
    pub(super) fn shortest_neighbour(&self, caller: &str, now: Instant) -> Option<f64> {
        let is_about = |account: &Account| {
            account.asked.is_some_and(|asked| now.saturating_duration_since(asked) < NEIGHBOUR_TIME)
        };
        let others =
            self.accounts.iter().filter(|(name, account)| name.as_str() != caller && is_about(account));
        others.map(|(_, account)| account.prompt).min_by(f64::total_cmp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_who_was_away_goes_before_one_who_asks_all_the_time() {
        let mut fair = FairShare::new(HashMap::new(), 100);
        fair.enter("heavy");
        for _ in 0..10 {
            let tag = fair.admit("heavy", 1000, Instant::now());
            fair.serve(tag);
        }
        fair.enter("light");
        assert!(fair.tag("light") < fair.tag("heavy"));
        assert_eq!(fair.tag("light"), 9000.0 - 100.0 - 100.0);
    }

    #[test]
    fn weights_stretch_what_an_account_lasts_for() {
        let mut fair = FairShare::new(HashMap::from([("gold".to_owned(), 4.0)]), 0);
        for caller in ["gold", "plain"] {
            fair.enter(caller);
            fair.admit(caller, 400, Instant::now());
        }
        assert_eq!((fair.tag("gold"), fair.tag("plain")), (100.0, 400.0));
    }

    #[test]
    fn nobody_saves_up_more_than_a_burst() {
        let mut fair = FairShare::new(HashMap::new(), 50);
        fair.enter("a");
        fair.leave("a");
        fair.serve(1_000_000.0);
        fair.enter("a");
        assert_eq!(fair.tag("a"), 1_000_000.0 - 50.0);
    }
}
