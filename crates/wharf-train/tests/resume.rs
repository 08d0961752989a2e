//! A run that is killed and resumed ends in the same bytes as one that was left alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wharf_runs::Runs;
use wharf_train::{Event, Recipe, RunDetails, TrainErrorKind, TrainOptions, train};

const RECIPE: &str = r#"
name = "tiny"
seed = 5
[training]
epochs = 4
batch = 10
[optimiser]
rate = 0.05
momentum = 0.9
[checkpoint]
every_steps = 3
keep = 2
[[transform]]
op = "random_rotation"
degrees = 10
[[transform]]
op = "to_float"
[[layers]]
op = "conv"
out_channels = 4
kernel = 3
[[layers]]
op = "batch_norm"
[[layers]]
op = "relu"
[[layers]]
op = "flatten"
[[layers]]
op = "dropout"
probability = 0.2
[[layers]]
op = "linear"
out_features = 3
"#;

/// IDX files of `count` pictures of 8x8 that three classes tell apart.
fn write_part(folder: &Path, name: &str, count: u32) {
    let mut images = [0x803_u32, count, 8, 8].map(u32::to_be_bytes).concat();
    let mut labels = [0x801_u32, count].map(u32::to_be_bytes).concat();
    for picture in 0..count {
        let class = picture % 3;
        images.extend((0..64).map(|cell| (cell * (class + 1) * 5 + picture * 11) as u8));
        labels.push(class as u8);
    }
    std::fs::write(folder.join(format!("{name}-images-idx3-ubyte")), images).unwrap();
    std::fs::write(folder.join(format!("{name}-labels-idx1-ubyte")), labels).unwrap();
}

fn write_data(folder: &Path) {
    write_part(folder, "train", 95);
    write_part(folder, "t10k", 30);
}

fn recipe(data: &Path) -> Recipe {
    Recipe::parse(RECIPE, data).unwrap()
}

fn run(data: &Path, run_dir: &Path, resume: bool, threads: usize) -> Vec<u8> {
    let options = TrainOptions::new(run_dir).with_resume(resume).with_threads(threads);
    train(&recipe(data), options, &mut |_: &Event| {}).unwrap();
    std::fs::read(run_dir.join("weights.safetensors")).unwrap()
}

/// What the metrics say apart from time.
fn learned(run_dir: &Path) -> Vec<(u32, f64, f64, Option<f64>)> {
    let text = std::fs::read_to_string(run_dir.join("metrics.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<wharf_train::EpochMetrics>(line).unwrap());
    lines.map(|epoch| (epoch.epoch, epoch.train_loss, epoch.train_accuracy, epoch.eval_loss)).collect()
}

/// Not a test of its own: what the children run. They print an event per line.
#[test]
fn child() {
    let Some(folder) = std::env::var_os("WHARF_TRAIN_TEST_FOLDER") else { return };
    let folder = Path::new(&folder);
    let resume = folder.join("run/status.json").exists();
    let options = TrainOptions::new(folder.join("run")).with_resume(resume).with_threads(2);
    train(&recipe(folder), options, &mut |event: &Event| {
        println!("{}", serde_json::to_string(event).unwrap())
    })
    .unwrap();
}

fn spawn(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env("WHARF_TRAIN_TEST_FOLDER", folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills the child after so many events; whether it was still running then.
fn kill_after(folder: &Path, events: usize) -> bool {
    let mut child = spawn(folder);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told = lines.map_while(Result::ok).filter(|line| line.starts_with('{')).take(events).count();
    child.kill().unwrap();
    child.wait().unwrap();
    told == events
}

/// After how many events of each of its lives a run is killed; many more rounds under `make soak`.
fn rounds() -> Vec<[usize; 3]> {
    let mut rounds = vec![[1, 2, 5], [3, 4, 2], [7, 1, 9]];
    if std::env::var_os("WHARF_SOAK").is_some() {
        rounds.extend((0..60).map(|round| [1 + round * 7 % 11, 1 + round * 5 % 7, 1 + round * 3 % 13]));
    }
    rounds
}

#[test]
fn killed_and_resumed_runs_end_in_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let expected = run(folder.path(), &folder.path().join("unbroken"), false, 1);
    for round in rounds() {
        let _ = std::fs::remove_dir_all(folder.path().join("run"));
        let killed = round.map(|events| kill_after(folder.path(), events));
        assert!(killed.contains(&true), "no child was killed under way");
        let run_dir = folder.path().join("run");
        let resumed = run(folder.path(), &run_dir, run_dir.join("status.json").exists(), 2);
        assert!(resumed == expected, "weights differ after kills at events {round:?}");
        assert_eq!(learned(&run_dir), learned(&folder.path().join("unbroken")));
    }
}

#[test]
fn stopped_runs_save_their_state_and_go_on() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let expected = run(folder.path(), &folder.path().join("unbroken"), false, 2);
    let (run_dir, stop) = (folder.path().join("run"), Arc::new(AtomicBool::new(false)));
    let options = TrainOptions::new(&run_dir).with_stop(Arc::clone(&stop));
    let mut saved = 0;
    let mut stop_at_second_checkpoint = |event: &Event| {
        if let Event::Checkpoint { .. } = event {
            saved += 1;
            stop.store(saved == 2, Ordering::Relaxed);
        }
    };
    let outcome = train(&recipe(folder.path()), options, &mut stop_at_second_checkpoint).unwrap();
    assert!(outcome.findings.is_none() && outcome.steps == 7);
    assert!(run(folder.path(), &run_dir, true, 4) == expected);
    let shown = RunDetails::read(&Runs::new(folder.path()).find("run").unwrap()).unwrap();
    assert_eq!((shown.epochs.len(), shown.status.steps), (4, 40));
    assert_eq!(shown.evaluation.unwrap().pictures, 30);
    for name in
        ["recipe.toml", "config.json", "environment.json", "report.html", "curves.svg", "confusion.svg"]
    {
        assert!(run_dir.join(name).is_file(), "{name} is missing");
    }
}

#[test]
fn folders_of_other_runs_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let run_dir = folder.path().join("run");
    run(folder.path(), &run_dir, false, 1);
    let again = train(&recipe(folder.path()), TrainOptions::new(&run_dir), &mut |_: &Event| {}).unwrap_err();
    assert_eq!(again.kind(), TrainErrorKind::Run);
    let other = Recipe::parse(&RECIPE.replace("seed = 5", "seed = 6"), folder.path()).unwrap();
    let resumed =
        train(&other, TrainOptions::new(&run_dir).with_resume(true), &mut |_: &Event| {}).unwrap_err();
    assert!(resumed.to_string().contains("another recipe"), "{resumed}");
}

#[test]
fn damaged_checkpoints_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let run_dir = folder.path().join("run");
    let expected = run(folder.path(), &run_dir, false, 1);
    let mut checkpoints: Vec<_> =
        std::fs::read_dir(run_dir.join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).collect();
    checkpoints.sort();
    assert_eq!(checkpoints.len(), 2);
    std::fs::write(&checkpoints[1], b"torn").unwrap();
    assert!(run(folder.path(), &run_dir, true, 1) == expected);
}

#[test]
fn diverging_runs_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let wild = Recipe::parse(&RECIPE.replace("rate = 0.05", "rate = 1e30"), folder.path()).unwrap();
    let error = train(&wild, TrainOptions::new(folder.path().join("run")), &mut |_: &Event| {}).unwrap_err();
    assert_eq!(error.kind(), TrainErrorKind::Diverged);
    assert!(error.to_string().contains("optimiser.rate"), "{error}");
}

#[test]
fn early_stop_keeps_the_best_epoch_also_after_a_resume() {
    let data = tempfile::tempdir().unwrap();
    write_data(data.path());
    // No later epoch can be better by so much: the first is the best, and the run stops after the third.
    let text =
        RECIPE.replace("[optimiser]", "[training.early_stop]\npatience = 2\nmin_delta = 1000.0\n[optimiser]");
    let recipe = Recipe::parse(&text, data.path()).unwrap();
    let folder = data.path().join("run");
    let outcome = |resume| {
        let options = TrainOptions::new(&folder).with_resume(resume).with_threads(1);
        train(&recipe, options, &mut |_: &Event| {}).unwrap()
    };
    let first = outcome(false);
    let losses: Vec<f64> = first.epochs.iter().filter_map(|epoch| epoch.eval_loss).collect();
    assert_eq!(losses.len(), 3);
    assert_ne!(losses[0], losses[2]);
    assert_eq!(first.findings.unwrap().evaluation.loss, losses[0]);
    assert_eq!(outcome(true).findings.unwrap().evaluation.loss, losses[0]);
}

/// Runs until the next checkpoint at a time, each time in a new session; the bytes of the last weights.
fn run_piecewise(recipe: &Recipe, run_dir: &Path) -> Vec<u8> {
    loop {
        let stop = Arc::new(AtomicBool::new(false));
        let options = TrainOptions::new(run_dir)
            .with_resume(run_dir.join("status.json").exists())
            .with_threads(2)
            .with_stop(Arc::clone(&stop));
        let mut stop_at_checkpoint = |event: &Event| {
            stop.fetch_or(matches!(event, Event::Checkpoint { .. }), Ordering::Relaxed);
        };
        if train(recipe, options, &mut stop_at_checkpoint).unwrap().findings.is_some() {
            return std::fs::read(run_dir.join("weights.safetensors")).unwrap();
        }
    }
}

/// Ten batches an epoch, accumulated by four: checkpoints fall between the moves of the optimiser, and the last
/// move of an epoch has two batches.
#[test]
fn accumulation_mixup_clipping_and_schedules_go_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let steps = "[training]\naccumulate = 4\nmixup = 0.4\nclip_norm = 0.5\n";
    let plateau = "kind = \"plateau\"\npatience = 0\nthreshold = 0.5\nfactor = 0.5\n";
    for (name, schedule) in [("cycle", "kind = \"one_cycle\"\n"), ("plateau", plateau)] {
        let text = RECIPE
            .replace("[training]\n", &format!("[schedule]\n{schedule}{steps}"))
            .replace("every_steps = 3", "every_steps = 1");
        let recipe = Recipe::parse(&text, folder.path()).unwrap();
        let options = TrainOptions::new(folder.path().join(format!("{name}-unbroken"))).with_threads(1);
        let unbroken = train(&recipe, options, &mut |_: &Event| {}).unwrap();
        let expected =
            std::fs::read(folder.path().join(format!("{name}-unbroken/weights.safetensors"))).unwrap();
        let run_dir = folder.path().join(name);
        assert!(run_piecewise(&recipe, &run_dir) == expected, "weights differ with {name}");
        assert_eq!(learned(&run_dir), learned(&folder.path().join(format!("{name}-unbroken"))));
        let rates: Vec<f64> = unbroken.epochs.iter().map(|epoch| epoch.learning_rate).collect();
        assert!(rates.first() > rates.last(), "{rates:?}");
    }
}
