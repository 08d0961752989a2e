//! `wharf bench train`: one epoch as `wharf train` runs it, beside the same steps without a loader.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use wharf_train::{Event, Recipe, TrainOptions, time_steps, train};

use crate::say;
use crate::table::Table;

/// What was measured.
#[derive(Debug, Serialize)]
struct TrainingRate {
    /// Reading, decoding on the fly, augmenting and stepping.
    with_loader_pictures_per_second: f64,
    /// Forward, backward and optimiser on pictures that are there.
    steps_pictures_per_second: f64,
    /// The first over the second.
    ratio: f64,
    /// Seconds of the epoch, loader included, evaluation not.
    epoch_seconds: f64,
    /// Milliseconds of a step.
    step_milliseconds: f64,
}

/// Measures and prints.
pub(super) fn run(
    path: &Path,
    data: Option<PathBuf>,
    steps: u64,
    threads: Option<u16>,
    json: bool,
) -> anyhow::Result<()> {
    let threads = threads.map_or(0, usize::from);
    let mut recipe = Recipe::read(path)?;
    recipe.epochs = 1;
    recipe.checkpoint.every_steps = 0;
    let scratch = Scratch::new()?;
    let options = TrainOptions::new(scratch.0.join("run")).with_threads(threads).with_data(data);
    let outcome = train(&recipe, options, &mut |_: &Event| {})?;
    let epoch = outcome.epochs.first().context("the run has no epoch")?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let elapsed = pool.install(|| time_steps(&recipe, outcome.network.input_shape(), steps))?;
    let steps_rate = steps as f64 * recipe.batch as f64 / elapsed.as_secs_f64();
    let rate = TrainingRate {
        with_loader_pictures_per_second: epoch.pictures_per_second,
        steps_pictures_per_second: steps_rate,
        ratio: epoch.pictures_per_second / steps_rate,
        epoch_seconds: epoch.seconds,
        step_milliseconds: elapsed.as_secs_f64() * 1e3 / steps as f64,
    };
    print(&recipe.name, &rate, json)
}

fn print(name: &str, rate: &TrainingRate, json: bool) -> anyhow::Result<()> {
    if json {
        say(serde_json::to_string_pretty(rate)?);
        return Ok(());
    }
    let mut table = Table::new(&["TRAINING", ">PICTURES/S", ">RATIO", "TIME"]);
    table.row([
        format!("{name}, steps alone"),
        format!("{:.0}", rate.steps_pictures_per_second),
        "1.00".to_owned(),
        format!("{:.2} ms a step", rate.step_milliseconds),
    ]);
    table.row([
        format!("{name}, with loader"),
        format!("{:.0}", rate.with_loader_pictures_per_second),
        format!("{:.2}", rate.ratio),
        format!("{:.2} s an epoch", rate.epoch_seconds),
    ]);
    say(table.render());
    Ok(())
}

/// A folder that is removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("wharf-bench-train-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make folder `{}`", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed lies in the system's folder for such things.
        let _left_over = std::fs::remove_dir_all(&self.0);
    }
}
