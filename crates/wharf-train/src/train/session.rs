//! One run under way.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use wharf_runs::{RunFolder, RunState, RunStatus};

use super::options::{Findings, Outcome, TrainOptions};
use super::pace::Pace;
use crate::baseline::baseline;
use crate::checkpoint::{Checkpoints, Progress};
use crate::details::{EVALUATION, METRICS};
use crate::error::TrainError;
use crate::evaluate::{evaluate, surest_mistakes};
use crate::event::{Event, Observer};
use crate::export::Goldens;
use crate::feed::{self, Feeds};
use crate::metrics::{EpochMetrics, Evaluation};
use crate::network::Network;
use crate::recipe::Recipe;
use crate::report::{RunReport, environment, write_report};
use crate::schedule::{Decay, Place};
use crate::trainer::{Loss, Trainer};
use crate::weights;

/// Everything that a run works with.
pub(super) struct Session<'a> {
    recipe: &'a Recipe,
    options: TrainOptions,
    threads: usize,
    observer: &'a mut dyn Observer,
    feeds: Feeds,
    folder: RunFolder,
    checkpoints: Checkpoints,
    trainer: Trainer,
    loss: Loss,
    progress: Progress,
    epochs: Vec<EpochMetrics>,
    started: String,
    opened_in: Duration,
}

/// How an epoch ended.
enum Ending {
    Complete,
    Interrupted,
}

impl<'a> Session<'a> {
    /// Opens the data, makes the network and takes up a checkpoint where that is asked for.
    pub(super) fn open(
        recipe: &'a Recipe,
        options: TrainOptions,
        observer: &'a mut dyn Observer,
    ) -> Result<Self, TrainError> {
        let (threads, clock) = (options.threads(), Instant::now());
        let feeds = feed::open(recipe, options.data.as_deref(), threads)?;
        let network = Network::new(feeds.shape(), &recipe.layers, recipe.seed).map_err(TrainError::layers)?;
        check_classes(&network, &feeds.labels)?;
        let loss = Loss::new(&recipe.loss, network.classes())?;
        let trainer = Trainer::new(network, recipe, loss.clone());
        let folder = RunFolder::hold(&options.run_dir)?;
        let mut session = Self {
            checkpoints: Checkpoints::new(folder.path(), recipe.checkpoint.keep)?,
            progress: Progress::new(wharf_bundle::sha256(recipe.text.as_bytes())),
            epochs: Vec::new(),
            started: wharf_bundle::timestamp(SystemTime::now()),
            opened_in: clock.elapsed(),
            recipe,
            options,
            threads,
            observer,
            feeds,
            folder,
            trainer,
            loss,
        };
        if session.options.resume {
            session.take_up()?
        } else {
            session.begin()?
        }
        session.announce();
        Ok(session)
    }

    fn begin(&mut self) -> Result<(), TrainError> {
        if self.folder.status()?.is_some() {
            let path = self.folder.path().display();
            return Err(TrainError::run(format!(
                "`{path}` holds a run already; resume it or name another folder"
            )));
        }
        self.folder.write("recipe.toml", self.recipe.text.as_bytes())?;
        self.folder.write_json("config.json", self.recipe)?;
        self.write_environment()?;
        self.write_status(RunState::Running)
    }

    fn take_up(&mut self) -> Result<(), TrainError> {
        let Some(progress) = self.checkpoints.load_newest(&mut self.trainer)? else {
            // Killed before its first checkpoint: it begins anew.
            self.keep_epochs(0)?;
            self.folder.write("recipe.toml", self.recipe.text.as_bytes())?;
            self.folder.write_json("config.json", self.recipe)?;
            self.write_environment()?;
            return self.write_status(RunState::Running);
        };
        if progress.recipe_sha256 != self.progress.recipe_sha256 {
            let path = self.folder.path().display();
            return Err(TrainError::run(format!(
                "the run in `{path}` follows another recipe; start a new run"
            )));
        }
        self.progress = progress;
        self.keep_epochs(self.progress.epoch)?;
        if let Some(status) = self.folder.status()? {
            self.started = status.started;
        }
        self.write_status(RunState::Running)
    }

    /// Forgets the epochs after `epoch`: a resumed run makes them again.
    fn keep_epochs(&mut self, epoch: u32) -> Result<(), TrainError> {
        self.epochs = self.folder.lines(METRICS)?;
        self.epochs.retain(|metrics| metrics.epoch <= epoch);
        Ok(self.folder.write_lines(METRICS, &self.epochs)?)
    }

    fn announce(&mut self) {
        for bad in self.feeds.bad_pictures() {
            self.observer.observe(&Event::BadPicture { name: bad.name, reason: bad.reason });
        }
        self.observer.observe(&Event::Started {
            run: self.folder.id(),
            folder: self.folder.path().to_path_buf(),
            pictures: self.feeds.train.indices.len(),
            evaluation_pictures: self.feeds.evaluation.indices.len(),
            parameters: self.trainer.network.parameters().len(),
            epochs: self.recipe.epochs,
            steps_per_epoch: self.steps_per_epoch(),
            resumed_at_step: self.progress.step,
        });
    }

    fn steps_per_epoch(&self) -> u64 {
        self.feeds.train.indices.len().div_ceil(self.recipe.batch) as u64
    }

    fn place(&self) -> Place {
        let total = self.steps_per_epoch() * u64::from(self.recipe.epochs);
        Place {
            plateau: self.progress.plateau.factor(),
            ..Place::new(self.progress.step, total, self.progress.epoch)
        }
    }

    /// Trains what is left, then evaluates.
    pub(super) fn run(mut self) -> Result<Outcome, TrainError> {
        while self.progress.epoch < self.recipe.epochs && !self.has_converged() {
            if let Ending::Interrupted = self.train_epoch()? {
                return self.interrupt();
            }
            self.finish_epoch()?;
        }
        self.finish()
    }

    fn train_epoch(&mut self) -> Result<Ending, TrainError> {
        let mut pace = Pace::new();
        let loader =
            self.feeds.train.shuffled(self.recipe, self.progress.epoch, self.progress.batch, self.threads)?;
        for batch in loader {
            let mut batch = batch.map_err(TrainError::data)?;
            let labels: Vec<usize> = batch.labels().iter().map(|label| *label as usize).collect();
            if !labels.is_empty() {
                self.learn(batch.take_pixels(), &labels)?;
            }
            self.follow();
            self.progress.batch += 1;
            self.progress.step += 1;
            self.progress.add_seconds(pace.lap());
            if pace.is_time_to_tell() {
                self.tell_step();
            }
            let every = self.recipe.checkpoint.every_steps;
            let is_due = every > 0 && self.progress.step.is_multiple_of(every);
            let is_stopped = self.options.stop.load(Ordering::Relaxed);
            if is_due || is_stopped {
                self.save()?;
                pace.lap();
            }
            if is_stopped {
                return Ok(Ending::Interrupted);
            }
        }
        Ok(Ending::Complete)
    }

    fn learn(&mut self, pixels: Vec<f32>, labels: &[usize]) -> Result<(), TrainError> {
        let place = self.place();
        let result = self.trainer.learn(pixels, labels, place);
        if !result.loss.is_finite() {
            return Err(TrainError::diverged(self.progress.epoch + 1, self.progress.step + 1, result.loss));
        }
        self.progress.seen += labels.len() as u64;
        self.progress.correct += result.correct as u64;
        self.progress.add_loss(f64::from(result.loss) * labels.len() as f64);
        Ok(())
    }

    /// Moves the parameters where enough batches were learned from, or the epoch's last.
    fn follow(&mut self) {
        let done = self.progress.batch + 1;
        let is_last = done as u64 == self.steps_per_epoch();
        if is_last || done.is_multiple_of(self.recipe.batches.accumulate) {
            self.trainer.follow(self.place());
        }
    }

    fn tell_step(&mut self) {
        let steps = self.steps_per_epoch();
        let (done, seconds) = (self.progress.step, self.progress.total_seconds());
        let left = (steps * u64::from(self.recipe.epochs)).saturating_sub(done) as f64;
        let event = Event::Step {
            epoch: self.progress.epoch + 1,
            step: self.progress.batch as u64,
            steps,
            loss: self.progress.loss_sum() / self.progress.seen.max(1) as f64,
            accuracy: self.progress.correct as f64 / self.progress.seen.max(1) as f64,
            learning_rate: self.trainer.rate(self.place()),
            pictures_per_second: self.pictures_per_second(),
            seconds_left: left * seconds / done.max(1) as f64,
        };
        self.observer.observe(&event);
    }

    fn pictures_per_second(&self) -> f64 {
        self.progress.seen as f64 / self.progress.epoch_seconds().max(1e-9)
    }

    fn finish_epoch(&mut self) -> Result<(), TrainError> {
        let evaluation = self.evaluate_quietly()?;
        let last_step = Place { step: self.progress.step.saturating_sub(1), ..self.place() };
        let seen = self.progress.seen.max(1) as f64;
        let metrics = EpochMetrics {
            epoch: self.progress.epoch + 1,
            train_loss: self.progress.loss_sum() / seen,
            train_accuracy: self.progress.correct as f64 / seen,
            eval_loss: Some(evaluation.loss),
            eval_accuracy: Some(evaluation.accuracy),
            learning_rate: self.trainer.rate(last_step),
            seconds: self.progress.epoch_seconds(),
            pictures_per_second: self.pictures_per_second(),
        };
        self.folder.append_line(METRICS, &metrics)?;
        self.observer.observe(&Event::Epoch(metrics.clone()));
        self.epochs.push(metrics);
        if let Decay::Plateau(plateau) = &self.recipe.schedule.decay {
            self.progress.plateau.note(plateau, evaluation.loss);
        }
        self.note_loss(evaluation.loss)?;
        self.progress.end_epoch();
        self.save()
    }

    fn note_loss(&mut self, loss: f64) -> Result<(), TrainError> {
        let min_delta = self.recipe.early_stop.map_or(0.0, |stop| stop.min_delta);
        if self.progress.best_loss().is_none_or(|best| loss < best - min_delta) {
            self.progress.set_best_loss(loss);
            self.progress.since_best = 0;
            // Before the checkpoint of this epoch: a run that is killed between the two makes both again.
            if self.recipe.early_stop.is_some() {
                self.checkpoints.save_best(&self.trainer, &self.progress)?;
            }
        } else {
            self.progress.since_best += 1;
        }
        Ok(())
    }

    fn has_converged(&mut self) -> bool {
        let Some(stop) = self.recipe.early_stop else { return false };
        let converged = self.progress.since_best >= stop.patience;
        if converged {
            self.observer.observe(&Event::StoppedEarly { epoch: self.progress.epoch });
        }
        converged
    }

    fn evaluate_quietly(&self) -> Result<Evaluation, TrainError> {
        let Feeds { evaluation, labels, .. } = &self.feeds;
        evaluate(&self.trainer.network, &self.loss, evaluation, labels, self.threads, None)
    }

    fn save(&mut self) -> Result<(), TrainError> {
        let path = self.checkpoints.save(&self.trainer, &self.progress)?;
        self.write_status(RunState::Running)?;
        self.observer.observe(&Event::Checkpoint { step: self.progress.step, path });
        Ok(())
    }

    fn interrupt(self) -> Result<Outcome, TrainError> {
        self.write_status(RunState::Interrupted)?;
        self.observer.observe(&Event::Interrupted { step: self.progress.step });
        Ok(self.into_outcome(None))
    }

    fn finish(mut self) -> Result<Outcome, TrainError> {
        if self.recipe.early_stop.is_some() && self.progress.since_best > 0 {
            self.checkpoints.load_best(&mut self.trainer)?;
        }
        let mut mistakes = surest_mistakes();
        let clock = Instant::now();
        let Feeds { evaluation, labels, .. } = &self.feeds;
        let found = evaluate(
            &self.trainer.network,
            &self.loss,
            evaluation,
            labels,
            self.threads,
            Some(&mut mistakes),
        )?;
        let evaluated_in = clock.elapsed();
        self.folder.write_json(EVALUATION, &found)?;
        let state = weights::to_safetensors(&self.trainer.network, self.progress.step)?;
        self.folder.write("weights.safetensors", &state)?;
        let timings = [
            ("reading pictures".to_owned(), self.opened_in),
            ("training".to_owned(), seconds(self.progress.total_seconds())),
            ("evaluation".to_owned(), evaluated_in),
        ];
        let report = RunReport {
            name: &self.recipe.name,
            epochs: &self.epochs,
            evaluation: Some(&found),
            mistakes: &mistakes.into_vec(),
            recipe: &self.recipe.text,
            environment: &self.environment(),
            timings: &timings,
        };
        write_report(self.folder.path(), &report)?;
        self.write_status(RunState::Finished)?;
        self.observer.observe(&Event::Finished {
            epochs: self.progress.epoch,
            loss: found.loss,
            accuracy: found.accuracy,
            seconds: self.progress.total_seconds(),
        });
        let findings = Findings {
            data_sha256: self.feeds.train.pictures.dataset().sha256().map_err(TrainError::data)?,
            baseline: baseline(&self.feeds, self.threads)?,
            goldens: Goldens::gather(self.recipe, &self.feeds.evaluation, &self.trainer.network)?,
            evaluation: found,
        };
        Ok(self.into_outcome(Some(findings)))
    }

    fn into_outcome(self, findings: Option<Findings>) -> Outcome {
        Outcome {
            run_id: self.folder.id(),
            run_dir: self.folder.path().to_path_buf(),
            recipe: self.recipe.clone(),
            network: self.trainer.network,
            labels: self.feeds.labels,
            steps: self.progress.step,
            epochs: self.epochs,
            findings,
        }
    }

    fn environment(&self) -> Vec<(String, String)> {
        let mut facts = environment();
        facts.push(("threads".to_owned(), self.threads.to_string()));
        facts.push(("seed".to_owned(), self.recipe.seed.to_string()));
        facts.push(("recipe sha256".to_owned(), self.progress.recipe_sha256.clone()));
        facts
    }

    fn write_environment(&self) -> Result<(), TrainError> {
        let facts: serde_json::Map<String, serde_json::Value> =
            self.environment().into_iter().map(|(name, value)| (name, json!(value))).collect();
        Ok(self.folder.write_json("environment.json", &facts)?)
    }

    fn write_status(&self, state: RunState) -> Result<(), TrainError> {
        let status = RunStatus {
            id: self.folder.id(),
            name: self.recipe.name.clone(),
            state,
            started: self.started.clone(),
            epochs: self.progress.epoch,
            steps: self.progress.step,
            trials: 0,
            seconds: self.progress.total_seconds(),
        };
        Ok(self.folder.write_status(&status)?)
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// Whether the network has one output for each class.
pub(super) fn check_classes(network: &Network, labels: &[String]) -> Result<(), TrainError> {
    if network.classes() == labels.len() {
        return Ok(());
    }
    let problem =
        format!("the last layer gives {} outputs, the data has {} classes", network.classes(), labels.len());
    Err(TrainError::setting("layers", problem))
}
