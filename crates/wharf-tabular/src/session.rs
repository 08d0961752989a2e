//! One run under way.

use std::time::{Duration, Instant, SystemTime};

use wharf_learn::Estimator;
use wharf_runs::{RunFolder, RunState, RunStatus};

use crate::TabularError;
use crate::data::{Parts, parts};
use crate::details::{EVALUATION, LEADERBOARD, RECIPE};
use crate::evaluation::TableEvaluation;
use crate::event::{TableEvent, TableObserver};
use crate::folds::folds;
use crate::leaderboard::leaderboard;
use crate::measure::{FoldSet, Limit, Measured, fit};
use crate::metric::Metric;
use crate::options::{Chosen, TableOptions, TableOutcome};
use crate::prepared::{Family, Prepared};
use crate::recipe::{Candidate, TableRecipe};
use crate::report::{RunReport, write_report};
use crate::search::{Question, SHARE, Searches};
use crate::selection;
use crate::trial::Trial;

/// What of the budget goes to trials; the rest is for the last fit.
const TRIALS_PART: f64 = 0.85;

/// In which order models are tried where the recipe names none.
const ORDER: [&str; 7] = [
    "ridge",
    "logistic",
    "gradient_boosting",
    "random_forest",
    "decision_tree",
    "perceptron",
    "nearest_neighbours",
];

/// How many of the rows held out may become goldens.
const GOLDEN_ROWS: usize = 32;

/// Chooses, fits and evaluates as `recipe` says, in the run folder that `options` names. `None` where the caller
/// stopped it; it can be resumed then.
///
/// # Errors
/// The table cannot be read or holds nothing to learn from, the recipe does not fit it, every model fails, or the run
/// folder cannot be written or belongs to another recipe.
pub fn train(
    recipe: &TableRecipe,
    options: TableOptions,
    observer: &mut dyn TableObserver,
) -> Result<Option<TableOutcome>, TabularError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build();
    let pool = pool.map_err(|error| TabularError::run(format!("cannot start threads: {error}")))?;
    pool.install(|| Session::open(recipe, options, observer)?.run())
}

/// What each feature scored, by name.
type FeatureScores = Vec<(String, f64)>;

struct Session<'a> {
    recipe: &'a TableRecipe,
    options: TableOptions,
    observer: &'a mut dyn TableObserver,
    folder: RunFolder,
    parts: Parts,
    metric: Metric,
    candidates: Vec<Candidate>,
    started: String,
    clock: Instant,
    /// What earlier parts of the run took.
    earlier: f64,
}

/// How the search ended.
#[derive(PartialEq)]
enum Ending {
    Complete,
    Interrupted,
}

impl<'a> Session<'a> {
    fn open(
        recipe: &'a TableRecipe,
        options: TableOptions,
        observer: &'a mut dyn TableObserver,
    ) -> Result<Self, TabularError> {
        let clock = Instant::now();
        let parts = parts(recipe, options.data.as_deref())?;
        let metric = metric(recipe, &parts)?;
        let candidates = candidates(recipe, &parts)?;
        let folder = RunFolder::hold(&options.run_dir)?;
        let status = folder.status()?;
        if !options.resume && status.is_some() {
            let path = folder.path().display();
            return Err(TabularError::run(format!(
                "`{path}` holds a run already; resume it or name another folder"
            )));
        }
        folder.write(RECIPE, recipe.text.as_bytes())?;
        folder.write_json("config.json", recipe)?;
        let started = status.as_ref().map(|status| status.started.clone());
        Ok(Self {
            started: started.unwrap_or_else(|| wharf_bundle::timestamp(SystemTime::now())),
            earlier: status.map_or(0.0, |status| status.seconds),
            recipe,
            options,
            observer,
            folder,
            parts,
            metric,
            candidates,
            clock,
        })
    }

    fn run(mut self) -> Result<Option<TableOutcome>, TabularError> {
        let recipe = self.recipe;
        let train = self.parts.train.clone();
        let (folds, warnings) = folds(&train.learned, &train.bond, &recipe.validation, recipe.seed)?;
        let mut searches = Searches::open(self.folder.path(), recipe, &self.candidates)?;
        self.announce(folds.len(), &searches, warnings);
        self.write_status(RunState::Running, &searches)?;
        let mut folds = FoldSet::new(recipe, &train, folds, self.metric);
        if self.search(&mut folds, &mut searches)? == Ending::Interrupted {
            self.write_status(RunState::Interrupted, &searches)?;
            self.observer.observe(&TableEvent::Interrupted { trials: searches.trials().len() as u64 });
            return Ok(None);
        }
        self.finish(&folds, &searches).map(Some)
    }

    fn announce(&mut self, folds: usize, searches: &Searches, warnings: Vec<String>) {
        let Parts { train, evaluation, notes, .. } = &self.parts;
        self.observer.observe(&TableEvent::Started {
            run: self.folder.id(),
            folder: self.folder.path().to_path_buf(),
            rows: train.rows(),
            evaluation_rows: evaluation.rows(),
            columns: train.table.columns().len(),
            task: train.learned.task(),
            labels: train.learned.labels().to_vec(),
            metric: self.metric,
            folds,
            candidates: self.candidates.iter().map(|candidate| candidate.estimator.kind()).collect(),
            trials: self.recipe.search.trials,
            resumed_at_trial: searches.trials().len() as u64,
        });
        for text in notes.iter().cloned().chain(warnings) {
            self.observer.observe(&TableEvent::Noted { text });
        }
    }

    /// Makes trials until there are enough, time is up, or the caller stops it.
    fn search(&mut self, folds: &mut FoldSet<'_>, searches: &mut Searches) -> Result<Ending, TabularError> {
        let limit = Limit { deadline: self.deadline(), stop: self.options.stop.clone() };
        let metric = self.metric;
        while searches.trials().len() < self.recipe.search.trials {
            if limit.is_stopped() {
                return Ok(Ending::Interrupted);
            }
            if limit.is_spent() && !searches.trials().is_empty() {
                return Ok(self.budget_is_spent(searches));
            }
            let Some(question) = searches.ask(|score| metric.gain(score))? else { break };
            let Some(trial) = self.trial(&question, folds, searches, &limit)? else {
                return Ok(if limit.is_stopped() {
                    Ending::Interrupted
                } else {
                    self.budget_is_spent(searches)
                });
            };
            let loss = trial.mean().map(|mean| -metric.gain(mean));
            searches.tell(&question, trial.clone(), loss)?;
            self.write_status(RunState::Running, searches)?;
            self.tell(trial, searches);
        }
        Ok(Ending::Complete)
    }

    fn budget_is_spent(&mut self, searches: &Searches) -> Ending {
        self.observer.observe(&TableEvent::BudgetSpent { trials: searches.trials().len() as u64 });
        Ending::Complete
    }

    /// `None` where it was stopped or time was up.
    fn trial(
        &self,
        question: &Question,
        folds: &mut FoldSet<'_>,
        searches: &Searches,
        limit: &Limit,
    ) -> Result<Option<Trial>, TabularError> {
        let clock = Instant::now();
        let candidate = &self.candidates[question.candidate];
        let (estimator, share) = with_settings(candidate, &question.asked)?;
        // The first trial is made to its end, or there would be nothing to choose.
        let none = Limit { deadline: None, ..limit.clone() };
        let limit = if searches.trials().iter().any(|trial| trial.failure.is_none()) { limit } else { &none };
        let measured = folds.measure(&estimator, share, question.asked.resource, limit)?;
        let (scores, failure) = match measured {
            Measured::Scores(scores) => (scores, None),
            Measured::Failed(reason) => (Vec::new(), Some(reason)),
            Measured::Stopped => return Ok(None),
        };
        Ok(Some(Trial {
            number: searches.trials().len() as u64 + 1,
            candidate: question.candidate,
            kind: candidate.estimator.kind().to_owned(),
            settings: question.asked.parameters.clone().into_iter().collect(),
            resource: question.asked.resource,
            scores,
            seconds: clock.elapsed().as_secs_f64(),
            failure,
        }))
    }

    fn tell(&mut self, trial: Trial, searches: &Searches) {
        let gain = |trial: &Trial| trial.mean().map(|mean| self.metric.gain(mean));
        let before =
            searches.trials().iter().filter(|other| other.number < trial.number && other.resource >= 1.0);
        let best = before.filter_map(gain).fold(f64::NEG_INFINITY, f64::max);
        let is_best = trial.resource >= 1.0 && gain(&trial).is_some_and(|gain| gain > best);
        let mean = trial.mean();
        self.observer.observe(&TableEvent::Trial { trial, mean, is_best });
    }

    fn finish(mut self, folds: &FoldSet<'_>, searches: &Searches) -> Result<TableOutcome, TabularError> {
        let leaders = leaderboard(searches.trials(), self.metric, folds.size());
        let Some(best) = leaders.first() else { return Err(nothing(searches)) };
        let (chosen, scores) = self.fit_best(&best.trial)?;
        let Parts { evaluation: held_out, train, sha256, .. } = &self.parts;
        let predicted = chosen.predict(&held_out.table)?;
        let evaluation = TableEvaluation::of(&held_out.learned, &predicted, self.metric, self.recipe.seed)?;
        self.folder.write_json(EVALUATION, &evaluation)?;
        self.folder.write_json(LEADERBOARD, &leaders)?;
        let some = chosen.decided(&held_out.table, GOLDEN_ROWS)?;
        let outcome = TableOutcome {
            run_id: self.folder.id(),
            run_dir: self.folder.path().to_path_buf(),
            recipe: self.recipe.clone(),
            task: train.learned.task(),
            trials: searches.trials().to_vec(),
            leaders,
            data_sha256: sha256.clone(),
            rows: train.rows(),
            golden_rows: held_out.table.take(&some).map_err(TabularError::read)?,
            chosen,
            evaluation,
            scores,
        };
        let report = RunReport { outcome: &outcome, metric: self.metric };
        write_report(self.folder.path(), &report)?;
        self.write_status(RunState::Finished, searches)?;
        self.observer.observe(&TableEvent::Finished {
            kind: outcome.chosen.trial.kind.clone(),
            evaluation: outcome.evaluation.clone(),
            seconds: self.seconds(),
        });
        Ok(outcome)
    }

    /// Fits the best trial's model to all rows that are not held out.
    fn fit_best(&mut self, trial: &Trial) -> Result<(Chosen, Option<FeatureScores>), TabularError> {
        let recipe = self.recipe;
        let asked = wharf_learn::Trial {
            id: 0,
            configuration: 0,
            rung: 0,
            resource: 1.0,
            parameters: trial.settings.clone().into_iter().collect(),
        };
        let (estimator, share) = with_settings(&self.candidates[trial.candidate], &asked)?;
        let sample = &self.parts.train;
        let mut prepared = Prepared::fit(sample, &recipe.preparation, Family::of(&estimator))?;
        for text in std::mem::take(&mut prepared.warnings) {
            self.observer.observe(&TableEvent::Noted { text });
        }
        let scores = match &recipe.selection {
            None => None,
            Some(selection) => {
                let scores =
                    selection::scores(selection.score, &prepared.features, &prepared.learned, recipe.seed)?;
                let names = prepared.program.feature_names();
                let places = selection::kept(selection, share, &scores);
                prepared.features = selection::restrict(&prepared.features, &places)?;
                prepared.program.select(&places);
                Some(names.into_iter().zip(scores).collect())
            }
        };
        let limit = Limit { deadline: None, stop: self.options.stop.clone() };
        let fitted = fit(recipe, &estimator, &prepared.features, &prepared.learned, &limit);
        let fitted = fitted.map_err(|error| TabularError::search(format!("the last fit failed: {error}")))?;
        let labels = sample.learned.labels().to_vec();
        Ok((Chosen { trial: trial.clone(), fitted, program: prepared.program, labels }, scores))
    }

    fn deadline(&self) -> Option<Instant> {
        let budget = self.recipe.search.budget?;
        let left =
            budget.mul_f64(TRIALS_PART).saturating_sub(Duration::try_from_secs_f64(self.earlier).ok()?);
        Some(self.clock + left)
    }

    fn seconds(&self) -> f64 {
        self.earlier + self.clock.elapsed().as_secs_f64()
    }

    fn write_status(&self, state: RunState, searches: &Searches) -> Result<(), TabularError> {
        Ok(self.folder.write_status(&RunStatus {
            id: self.folder.id(),
            name: self.recipe.name.clone(),
            state,
            started: self.started.clone(),
            epochs: 0,
            steps: 0,
            trials: searches.trials().len() as u64,
            seconds: self.seconds(),
        })?)
    }
}

fn metric(recipe: &TableRecipe, parts: &Parts) -> Result<Metric, TabularError> {
    let task = parts.train.learned.task();
    match recipe.metric {
        None => Ok(Metric::of_task(task)),
        Some(metric) if metric.task() == task => Ok(metric),
        Some(metric) => {
            let names: Vec<&str> =
                Metric::ALL.iter().filter(|other| other.task() == task).map(|other| other.name()).collect();
            let problem = format!(
                "`{}` does not judge this target, expected one of {}",
                metric.name(),
                names.join(", ")
            );
            Err(TabularError::setting("metric", problem))
        }
    }
}

/// The recipe's, or all that can learn the target.
fn candidates(recipe: &TableRecipe, parts: &Parts) -> Result<Vec<Candidate>, TabularError> {
    let target = parts.train.learned.target();
    if recipe.candidates.is_empty() {
        let mut able: Vec<Estimator> =
            Estimator::all().into_iter().filter(|estimator| estimator.takes(&target)).collect();
        // Where time is short, what mostly does well has been tried.
        able.sort_by_key(|estimator| ORDER.iter().position(|kind| *kind == estimator.kind()));
        return Ok(able.into_iter().map(Candidate::new).collect());
    }
    match recipe.candidates.iter().position(|candidate| !candidate.estimator.takes(&target)) {
        None => Ok(recipe.candidates.clone()),
        Some(place) => {
            let kind = recipe.candidates[place].estimator.kind();
            let problem = format!("`{kind}` cannot learn this target");
            Err(TabularError::setting(&format!("candidates[{place}]"), problem))
        }
    }
}

/// The model with the settings of a trial, and the part of the features that is kept.
fn with_settings(
    candidate: &Candidate,
    asked: &wharf_learn::Trial,
) -> Result<(Estimator, Option<f64>), TabularError> {
    let mut parameters = asked.parameters.clone();
    let share = parameters.remove(SHARE).and_then(|share| share.as_f64());
    let estimator = candidate.estimator.with_parameters(&parameters);
    Ok((estimator.map_err(|error| TabularError::setting("candidates", error.to_string()))?, share))
}

fn nothing(searches: &Searches) -> TabularError {
    let reason = searches.trials().iter().find_map(|trial| trial.failure.as_deref());
    TabularError::search(format!("no model could be fitted: {}", reason.unwrap_or("no trial was made")))
}
