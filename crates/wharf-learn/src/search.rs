//! The search for settings: spaces, grid, random and Bayesian proposals (TPE), successive halving, and a journal that
//! survives crashes.
//!
//! A [`Search`] is asked for a [`Trial`] and told its loss. What it proposes depends on its settings, its seed and
//! what it was told, so a [`Journal`] of the questions and answers restores it.

mod defaults;
mod halving;
mod journal;
mod parzen;
mod propose;
mod space;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::halving::Halving;
pub use self::journal::Journal;
pub use self::space::{Assignment, Dimension, Space};

use self::halving::Bracket;
use self::propose::{Observation, proposals_end, propose};
use crate::LearnError;

/// How trials are proposed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Strategy {
    /// All combinations, of numbers this many values evenly over the range.
    Grid {
        /// How many values a number takes, 2 or more.
        values: usize,
    },
    /// Evenly at random.
    Random,
    /// The tree-structured Parzen estimator (Bergstra et al. 2011): where good trials are dense compared to bad
    /// ones.
    Tpe {
        /// How many trials are random before the others learn from them.
        startup: usize,
    },
}

/// What a search is: the same settings, told the same, propose the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchSettings {
    /// What is searched.
    pub space: Space,
    /// How trials are proposed.
    pub strategy: Strategy,
    /// What is tried before anything is proposed, such as settings that are known to do well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<Assignment>,
    /// What random choices come from.
    pub seed: u64,
    /// Whether trials begin with less than all resources, and the better ones go on.
    pub halving: Option<Halving>,
}

/// Something to try.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Counts the trials from 0.
    pub id: u64,
    /// Counts what was proposed; a trial with more resources has the configuration of the one before.
    pub configuration: u64,
    /// How often it was promoted.
    pub rung: usize,
    /// The part of the resources (rows, trees) that it may use, at most 1.
    pub resource: f64,
    /// The settings to try.
    pub parameters: Assignment,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Proposal {
    /// This trial.
    Run(Trial),
    /// Nothing before some trial that runs has been told.
    Wait,
    /// Nothing: all combinations were tried.
    Done,
}

/// A search that is asked and told.
#[derive(Clone, Debug)]
pub struct Search {
    settings: SearchSettings,
    trials: Vec<Asked>,
    bracket: Bracket,
    configurations: u64,
}

/// A trial and what became of it.
#[derive(Clone, Debug)]
struct Asked {
    trial: Trial,
    state: State,
}

/// What became of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Running,
    Failed,
    Loss(f64),
}

impl Search {
    /// A search that has not been asked yet.
    ///
    /// # Errors
    /// A setting is out of range.
    pub fn new(settings: SearchSettings) -> Result<Self, LearnError> {
        if let Strategy::Grid { values } = settings.strategy {
            crate::check::at_least("values", values, 2)?;
        }
        if let Some(halving) = &settings.halving {
            halving.check()?;
        }
        Ok(Self { settings, trials: Vec::new(), bracket: Bracket::default(), configurations: 0 })
    }

    /// The settings.
    pub fn settings(&self) -> &SearchSettings {
        &self.settings
    }

    /// The next trial. Where trials are halved it may be one that was run before, with more resources.
    pub fn ask(&mut self) -> Proposal {
        let proposal = self.next();
        if let Proposal::Run(trial) = &proposal {
            self.configurations = self.configurations.max(trial.configuration + 1);
            if let Some(halving) = &self.settings.halving {
                self.bracket.asked(halving, trial);
            }
            self.trials.push(Asked { trial: trial.clone(), state: State::Running });
        }
        proposal
    }

    /// What `ask` would give.
    fn next(&self) -> Proposal {
        let id = self.trials.len() as u64;
        let Some(halving) = &self.settings.halving else { return self.fresh(id, 1.0) };
        let ended = proposals_end(&self.settings, self.configurations);
        if let Some(trial) = self.bracket.promoted(halving, id, &self.trials, ended) {
            return Proposal::Run(trial);
        }
        let waits = !self.bracket.takes_more(halving) && self.bracket.is_running(&self.trials);
        if waits || (ended && self.bracket.is_running(&self.trials)) {
            return Proposal::Wait;
        }
        self.fresh(id, halving.resource(0))
    }

    /// A trial of a configuration that was not tried before.
    fn fresh(&self, id: u64, resource: f64) -> Proposal {
        let settings = &self.settings;
        if proposals_end(settings, self.configurations) {
            return Proposal::Done;
        }
        let parameters = propose(settings, self.configurations, &self.observations());
        Proposal::Run(Trial { id, configuration: self.configurations, rung: 0, resource, parameters })
    }

    /// What is known, one entry per configuration: that of its last trial.
    fn observations(&self) -> Vec<Observation<'_>> {
        let mut latest = vec![None; self.configurations as usize];
        for asked in &self.trials {
            let loss = match asked.state {
                State::Running => continue,
                State::Failed => f64::INFINITY,
                State::Loss(loss) => loss,
            };
            let observation =
                Observation { parameters: &asked.trial.parameters, rung: asked.trial.rung, loss };
            latest[asked.trial.configuration as usize] = Some(observation);
        }
        latest.into_iter().flatten().collect()
    }

    /// Says how a trial went: the lower the loss the better; `None` or a loss that is no number for a failure. Losses
    /// are kept to twelve digits.
    ///
    /// # Errors
    /// The trial was not asked for, or has been told already.
    pub fn tell(&mut self, id: u64, loss: Option<f64>) -> Result<(), LearnError> {
        self.check_tell(id)?;
        let state = match loss {
            Some(loss) if loss.is_finite() => State::Loss(space::rounded(loss, 12)),
            _ => State::Failed,
        };
        self.trials[id as usize].state = state;
        Ok(())
    }

    fn check_tell(&self, id: u64) -> Result<(), LearnError> {
        match usize::try_from(id).ok().and_then(|place| self.trials.get(place)) {
            Some(asked) if asked.state == State::Running => Ok(()),
            Some(_) => Err(LearnError::data(format!("trial {id} has been told already"))),
            None => {
                let count = self.trials.len();
                Err(LearnError::data(format!("trial {id} was not asked for, expected less than {count}")))
            }
        }
    }

    /// The trials that were asked for and not told, such as those that ran when the process ended.
    pub fn running(&self) -> impl Iterator<Item = &Trial> {
        self.trials.iter().filter(|asked| asked.state == State::Running).map(|asked| &asked.trial)
    }

    /// The trials that were told a loss, with it, in the order in which they were asked for.
    pub fn finished(&self) -> impl Iterator<Item = (&Trial, f64)> {
        self.trials.iter().filter_map(|asked| match asked.state {
            State::Loss(loss) => Some((&asked.trial, loss)),
            _ => None,
        })
    }

    /// How many trials failed.
    pub fn failed(&self) -> usize {
        self.trials.iter().filter(|asked| asked.state == State::Failed).count()
    }

    /// The trial with the lowest loss among those that had the most resources; the first of equals.
    pub fn best(&self) -> Option<(&Trial, f64)> {
        self.finished().reduce(|best, other| {
            let better = match other.0.rung.cmp(&best.0.rung) {
                std::cmp::Ordering::Equal => other.1 < best.1,
                order => order.is_gt(),
            };
            if better { other } else { best }
        })
    }
}
