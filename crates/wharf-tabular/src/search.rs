//! The search over all candidates: a journal for each, and whose turn it is.

use std::path::Path;

use serde::{Deserialize, Serialize};
use wharf_learn::{Dimension, Halving, Journal, Proposal, SearchSettings, Space, Strategy};

use crate::TabularError;
use crate::choice::{Standing, next};
use crate::recipe::{Candidate, Keep, SearchKind, TableRecipe};
use crate::trial::Trial;

/// How the part of the features that is kept is called among the settings.
pub(crate) const SHARE: &str = "features_kept";

/// Random trials before the others learn from them.
const STARTUP: usize = 6;
/// Values that a number takes in a grid.
const GRID_VALUES: usize = 4;

/// A trial to make.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Question {
    /// The candidate.
    pub(crate) candidate: usize,
    /// The trial of its search.
    pub(crate) asked: wharf_learn::Trial,
}

/// What the journal remembers of a trial beside its loss.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Note {
    trial: Trial,
}

/// The searches of all candidates.
pub(crate) struct Searches {
    journals: Vec<Journal>,
    trials: Vec<Trial>,
    unanswered: Vec<Question>,
}

impl Searches {
    /// Takes up the journals in `folder`, or begins them.
    ///
    /// # Errors
    /// A journal is damaged, is of another search, or cannot be written.
    pub(crate) fn open(
        folder: &Path,
        recipe: &TableRecipe,
        candidates: &[Candidate],
    ) -> Result<Self, TabularError> {
        let (mut journals, mut trials, mut unanswered) = (Vec::new(), Vec::new(), Vec::new());
        for (place, candidate) in candidates.iter().enumerate() {
            let path = folder.join(format!("search-{}-{}.jsonl", place + 1, candidate.estimator.kind()));
            let journal = Journal::open(&path, settings(recipe, candidate)).map_err(TabularError::read)?;
            for note in journal.notes() {
                let note: Note = serde_json::from_value(note.clone()).map_err(|error| {
                    TabularError::run(format!("`{}` is damaged: {error}", path.display()))
                })?;
                trials.push(note.trial);
            }
            let running = journal.search().running().cloned();
            unanswered.extend(running.map(|asked| Question { candidate: place, asked }));
            journals.push(journal);
        }
        trials.sort_by_key(|trial| trial.number);
        Ok(Self { journals, trials, unanswered })
    }

    /// The trials that were made, in order.
    pub(crate) fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// The next trial; one that was under way when the run ended comes first. `None` once nothing is left to try.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub(crate) fn ask(&mut self, gain: impl Fn(f64) -> f64) -> Result<Option<Question>, TabularError> {
        if let Some(question) = self.unanswered.pop() {
            return Ok(Some(question));
        }
        let mut standings = self.standings(gain);
        while let Some(candidate) = next(&standings) {
            match self.journals[candidate].ask().map_err(TabularError::read)? {
                Proposal::Run(asked) => return Ok(Some(Question { candidate, asked })),
                // One trial is made after the other: nothing runs that could be waited for.
                Proposal::Wait | Proposal::Done => standings[candidate].is_done = true,
            }
        }
        Ok(None)
    }

    /// Says how a trial went; `loss` is less where it is better, `None` for a failure.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub(crate) fn tell(
        &mut self,
        question: &Question,
        trial: Trial,
        loss: Option<f64>,
    ) -> Result<(), TabularError> {
        let note = serde_json::to_value(Note { trial: trial.clone() })
            .map_err(|error| TabularError::run(format!("cannot write a trial: {error}")))?;
        let journal = &mut self.journals[question.candidate];
        journal.tell(question.asked.id, loss, note).map_err(TabularError::read)?;
        self.trials.push(trial);
        Ok(())
    }

    fn standings(&self, gain: impl Fn(f64) -> f64) -> Vec<Standing> {
        let mut standings = vec![Standing::default(); self.journals.len()];
        for trial in &self.trials {
            let standing = &mut standings[trial.candidate];
            standing.trials += 1;
            standing.best = standing.best.into_iter().chain(trial.mean().map(&gain)).reduce(f64::max);
        }
        standings
    }
}

fn settings(recipe: &TableRecipe, candidate: &Candidate) -> SearchSettings {
    let (mut space, mut first) = (candidate.space.clone(), candidate.first());
    if recipe.selection.is_some_and(|selection| selection.keep == Keep::Best) {
        space = with_share(space);
        first.insert(SHARE.to_owned(), 1.0.into());
    }
    SearchSettings {
        strategy: match recipe.search.kind {
            SearchKind::Tpe => Strategy::Tpe { startup: STARTUP },
            SearchKind::Random => Strategy::Random,
            SearchKind::Grid => Strategy::Grid { values: GRID_VALUES },
        },
        // A grid says itself what is tried.
        first: if recipe.search.kind == SearchKind::Grid { Vec::new() } else { vec![first] },
        space,
        seed: recipe.seed,
        halving: recipe.search.halving.then(Halving::default),
    }
}

fn with_share(space: Space) -> Space {
    let shares = [0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0].map(serde_json::Value::from);
    space.with(SHARE, Dimension::Choice(shares.to_vec()))
}
