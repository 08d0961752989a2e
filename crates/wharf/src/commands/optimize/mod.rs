//! `wharf optimize`: a smaller and faster version of a model, within a budget.

mod samples;

use std::time::{Instant, SystemTime};

use anyhow::{Context, bail};
use serde_json::json;
use wharf_bundle::{Bundle, EngineKind, Repository, timestamp};
use wharf_onnx::read_model;
use wharf_optimize::{
    Budget, Candidate, Entry, Event, Objective, Outcome, Publication, REPORT_FILE, Request, optimize,
    publish, write_report,
};
use wharf_runs::{RunFolder, RunState, RunStatus, Runs};

use crate::cli::{OptimizeArgs, OptimizeObjective};
use crate::commands::goldens;
use crate::commands::publishing::published_line;
use crate::model_name::ModelName;
use crate::progress::log;
use crate::say;
use crate::table::Table;

/// The parts of the channels that pruned candidates lose.
const PRUNED: [f64; 2] = [0.1, 0.25];

/// Tries, chooses, reports, and publishes the choice as a new version.
pub(crate) fn run(arguments: &OptimizeArgs) -> anyhow::Result<()> {
    let repository = Repository::open(&arguments.repository.repository)?;
    let parent = parent(&repository, &arguments.model)?;
    let model = read_model(parent.read_file(EngineKind::Onnx.weights_file(), u64::MAX)?)?;
    let (calibration, evaluation) = samples::of(&parent, arguments)?;
    let engine = goldens::engine()?;
    let mut request = Request::new(&model, &calibration, &evaluation);
    request.budget = Budget {
        max_loss: Some(arguments.max_loss),
        max_size_bytes: arguments.max_size,
        max_p99_ms: arguments.max_p99,
        must_be_certain: arguments.certain,
    };
    request.objective = match arguments.objective {
        OptimizeObjective::Latency => Objective::Latency,
        OptimizeObjective::Size => Objective::Size,
    };
    request.candidates.extend(Candidate::pruned(&PRUNED));
    request.batch_size = arguments.batch;
    request.threads = usize::from(arguments.threads);
    let run = Run::begin(arguments, &parent)?;
    let outcome = optimize(engine.as_ref(), &request, &mut |event| show(event, arguments.json))?;
    let report = run.finish(&parent, &outcome)?;
    tell(arguments, &outcome, &report)?;
    if outcome.chosen().is_none() {
        bail!("no candidate fits the budget; the report says why: {}", report.display());
    }
    if arguments.no_publish {
        return Ok(());
    }
    let publication = Publication {
        parent: &parent,
        outcome: &outcome,
        name: arguments.name.as_deref(),
        version: None,
        run: Some(&run.folder.id()),
    };
    let bundle = publish(&publication, &repository, engine.as_ref())?;
    if arguments.json {
        let manifest = bundle.manifest();
        let event = json!({"event": "published", "name": manifest.name, "version": manifest.version,
                           "folder": bundle.folder(), "report": report});
        say(event.to_string());
    } else {
        say(published_line(&bundle));
    }
    Ok(())
}

/// The bundle that is named: its newest version unless one is said.
fn parent(repository: &Repository, name: &str) -> anyhow::Result<Bundle> {
    let ModelName { name, version } = name.parse()?;
    let version =
        match version {
            Some(version) => version,
            None => repository.versions(&name)?.into_iter().max().with_context(|| {
                format!("there is no model `{name}` in `{}`", repository.root().display())
            })?,
        };
    let bundle = repository.bundle(&name, version)?;
    if bundle.manifest().engine != EngineKind::Onnx {
        bail!("`{name}/{version}` is a language model, expected a graph");
    }
    Ok(bundle)
}

/// The folder that the search leaves its report in.
struct Run {
    folder: RunFolder,
    name: String,
    started: String,
    clock: Instant,
}

impl Run {
    fn begin(arguments: &OptimizeArgs, parent: &Bundle) -> anyhow::Result<Self> {
        let folder = RunFolder::hold(&Runs::new(&arguments.runs.runs).create()?)?;
        let manifest = parent.manifest();
        let run = Self {
            folder,
            name: format!("{}/{} optimised", manifest.name, manifest.version),
            started: timestamp(SystemTime::now()),
            clock: Instant::now(),
        };
        run.write_status(RunState::Running, 0)?;
        Ok(run)
    }

    fn finish(&self, parent: &Bundle, outcome: &Outcome) -> anyhow::Result<std::path::PathBuf> {
        let facts = wharf_train::environment();
        write_report(self.folder.path(), &parent.manifest().name, outcome, &facts)?;
        self.write_status(RunState::Finished, outcome.entries.len() as u64)?;
        Ok(self.folder.path().join(REPORT_FILE))
    }

    fn write_status(&self, state: RunState, trials: u64) -> anyhow::Result<()> {
        Ok(self.folder.write_status(&RunStatus {
            id: self.folder.id(),
            name: self.name.clone(),
            state,
            started: self.started.clone(),
            epochs: 0,
            steps: 0,
            trials,
            seconds: self.clock.elapsed().as_secs_f64(),
        })?)
    }
}

fn show(event: &Event<'_>, json: bool) {
    match *event {
        Event::Measured(entry) if json => {
            if let Ok(serde_json::Value::Object(mut fields)) = serde_json::to_value(entry) {
                fields.insert("event".to_owned(), json!("measured"));
                say(serde_json::Value::Object(fields).to_string());
            }
        }
        Event::Skipped { name, reason } if json => {
            say(json!({"event": "skipped", "name": name, "reason": reason}).to_string());
        }
        Event::Begun { name } if !json => log(&format!("measuring {name}")),
        Event::Skipped { name, reason } => log(&format!("{name} is left out: {reason}")),
        _ => {}
    }
}

fn tell(arguments: &OptimizeArgs, outcome: &Outcome, report: &std::path::Path) -> anyhow::Result<()> {
    if arguments.json {
        return Ok(());
    }
    let metric = outcome.baseline().map_or("quality", |entry| entry.metric.as_str()).to_uppercase();
    let headings = [
        "",
        "MODEL",
        ">KIB",
        ">P50 MS",
        ">P99 MS",
        ">SPEED",
        &format!(">{metric}"),
        ">LOST",
        ">DB",
        "REFUSED BECAUSE IT",
    ];
    let mut table = Table::new(&headings);
    for (place, entry) in outcome.entries.iter().enumerate() {
        let mark = if outcome.chosen == Some(place) { "*" } else { "" };
        table.row(row(mark, entry));
    }
    say(table.render());
    let layers = outcome.layers.iter().take(3).filter(|layer| layer.sqnr_db.is_finite());
    let layers: Vec<String> =
        layers.map(|layer| format!("{} {:.1} dB", layer.layer, layer.sqnr_db)).collect();
    if !layers.is_empty() {
        say(format!("layers that lose most: {}", layers.join(", ")));
    }
    say(format!("report {}", report.display()));
    Ok(())
}

fn row(mark: &str, entry: &Entry) -> [String; 10] {
    [
        mark.to_owned(),
        entry.name.clone(),
        format!("{:.1}", entry.size_bytes as f64 / 1024.0),
        format!("{:.3}", entry.latency.p50_ms),
        format!("{:.3}", entry.latency.p99_ms),
        format!("{:.2}x", entry.speed_up),
        format!("{:.4}", entry.quality),
        format!("{:.2}", entry.loss.mean * 100.0),
        entry.sqnr_db.map_or_else(String::new, |db| format!("{db:.1}")),
        entry.refusals.join("; "),
    ]
}
