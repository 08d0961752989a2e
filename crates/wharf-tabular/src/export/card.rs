//! The model card: what a person should know before using the model, in Markdown.

use std::fmt::Write as _;

use wharf_bundle::Manifest;
use wharf_transform::columns::Takes;

use crate::options::TableOutcome;

/// How many columns and features are listed.
const MAX_LISTED: usize = 100;

/// The card of what is to be published under `manifest`.
pub(super) fn card(outcome: &TableOutcome, manifest: &Manifest) -> String {
    [summary(outcome, manifest), usage(outcome, manifest), quality(outcome), limits(), recipe(outcome)]
        .concat()
}

fn summary(outcome: &TableOutcome, manifest: &Manifest) -> String {
    let target = plain(&outcome.recipe.data.target);
    let labels = &outcome.chosen.labels;
    let what = match labels.len() {
        0 => format!("Predicts the number `{target}`"),
        count => {
            let named: Vec<String> = labels.iter().take(MAX_LISTED).map(|label| plain(label)).collect();
            format!("Predicts which of {count} classes `{target}` is: {}", named.join(", "))
        }
    };
    let mut text = format!("# {}\n\n{what}.\n\n", plain(&manifest.name));
    let trial = &outcome.chosen.trial;
    row(&mut text, "model", format!("{} ({})", trial.kind, plain(&trial.settings_line())));
    row(&mut text, "chosen among", format!("{} trials in run {}", outcome.trials.len(), outcome.run_id));
    row(&mut text, "rows fitted to", outcome.rows);
    let created = manifest.lineage.created.as_deref().unwrap_or("unknown");
    row(&mut text, "made", format!("{created} by Wharf {}", env!("CARGO_PKG_VERSION")));
    row(&mut text, "sha256 of the table", format!("`{}`", outcome.data_sha256));
    text
}

fn usage(outcome: &TableOutcome, manifest: &Manifest) -> String {
    let mut text = "\n## How to call it\n\nOne input for each column, one value for each row:\n\n".to_owned();
    text.push_str("| column | type | missing |\n|---|---|---|\n");
    for column in outcome.chosen.program.columns.iter().take(MAX_LISTED) {
        let (kind, missing) = match column.takes {
            Takes::Number => ("float64", "NaN"),
            Takes::Text => ("string", "the empty string"),
            Takes::Boolean => ("string, `true` or `false`", "the empty string"),
            Takes::Date => ("string, ISO 8601", "the empty string"),
        };
        let _ = writeln!(text, "| {} | {kind} | {missing} |", plain(&column.name));
    }
    if let Some(more) = outcome.chosen.program.columns.len().checked_sub(MAX_LISTED).filter(|more| *more > 0)
    {
        let _ = writeln!(text, "\n{more} more columns are not shown.");
    }
    text.push_str(if outcome.chosen.labels.is_empty() {
        "\nIt gives `prediction` (float32 [N, 1]).\n"
    } else {
        "\nIt gives `probabilities` (float32 [N, classes]), `classes` (int64 [N], the most probable) and `labels`.\n"
    });
    let _ = write!(
        text,
        "\n```sh\ncurl -d '{{\"instances\": [{{...}}]}}' http://localhost:8501/v1/models/{}:predict\n```\n",
        plain(&manifest.name)
    );
    text
}

fn quality(outcome: &TableOutcome) -> String {
    let evaluation = &outcome.evaluation;
    let name = evaluation.metric.name();
    let mut text = format!(
        "\n## Quality\n\n{name} {:.4} on {} rows, from which neither the model nor the choice of it learnt.",
        evaluation.score, evaluation.rows
    );
    if let Some([low, high]) = evaluation.interval {
        let _ = write!(text, " With 95 % confidence it lies between {low:.4} and {high:.4}.");
    }
    text.push_str("\n\n| metric | value |\n|---|---:|\n");
    for (name, value) in &evaluation.metrics {
        let _ = writeln!(text, "| {name} | {value:.4} |");
    }
    let importances = outcome.chosen.importances();
    if !importances.is_empty() {
        text.push_str("\n| feature | part |\n|---|---:|\n");
        for (name, part) in importances.iter().take(20) {
            let _ = writeln!(text, "| {} | {part:.3} |", plain(name));
        }
    }
    text
}

fn limits() -> String {
    "\n## Use and limits\n\nMeant for rows like those of the training table. Nobody has tested it for fairness between \
     groups of people, or for uses in which a mistake does harm. What the licence of the training data allows, whoever \
     publishes the model has to know.\n"
        .to_owned()
}

fn recipe(outcome: &TableOutcome) -> String {
    let recipe = &outcome.recipe.text;
    // A fence longer than any within.
    let longest = recipe.lines().filter(|line| line.trim_start().starts_with("```")).map(str::len).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    format!("\n## Recipe\n\n{fence}toml\n{}\n{fence}\n", recipe.trim_end())
}

fn row(text: &mut String, name: &str, value: impl std::fmt::Display) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "- {name}: {value}");
}

/// Names come from the table: what Markdown and HTML would read into them is taken out.
fn plain(text: &str) -> String {
    let is_plain =
        |c: char| !c.is_control() && !matches!(c, '`' | '|' | '<' | '>' | '[' | ']' | '*' | '_' | '\\');
    text.chars().map(|c| if is_plain(c) || c == '_' { c } else { ' ' }).collect()
}
