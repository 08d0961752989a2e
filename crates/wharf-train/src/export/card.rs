//! The model card: what a person should know before using the model, in Markdown.

use std::fmt::Write as _;

use serde::Serialize;
use wharf_bundle::{Baseline, Manifest};

use super::request::{PublishRequest, split_of};
use super::signatures::ENCODED;
use crate::metrics::Evaluation;
use crate::recipe::InputType;

/// How many classes are listed by name, and in tables.
const MAX_LISTED: usize = 100;

/// The card of what is to be published under `manifest`.
pub(super) fn card(request: &PublishRequest<'_>, manifest: &Manifest) -> String {
    let sections = [
        summary(request, manifest),
        usage(request, manifest),
        quality(request),
        data(request),
        limits(request),
        training(request),
    ];
    sections.concat()
}

fn summary(request: &PublishRequest<'_>, manifest: &Manifest) -> String {
    let [channels, height, width] = request.network.input_shape();
    let colours = match channels {
        1 => "a grey".to_owned(),
        3 => "an RGB".to_owned(),
        channels => format!("a {channels}-channel"),
    };
    let mut text = format!(
        "# {}\n\nPuts {colours} picture of {height}x{width} pixels (rows x columns) into one of {} classes: {}.\n\n",
        plain(&request.name),
        request.labels.len(),
        listed(request.labels),
    );
    let created = manifest.lineage.created.as_deref().unwrap_or("unknown");
    row(&mut text, "parameters", request.network.parameters().len());
    row(&mut text, "weights", plain(&request.origin));
    row(&mut text, "made", format!("{created} by Wharf {}", env!("CARGO_PKG_VERSION")));
    if let Some(Evaluation { accuracy, pictures, .. }) = request.findings.map(|findings| &findings.evaluation)
    {
        let split = split_of(request.recipe);
        row(&mut text, "accuracy", format!("{} on {pictures} {split} pictures", percent(*accuracy)));
    }
    text
}

fn usage(request: &PublishRequest<'_>, manifest: &Manifest) -> String {
    let [channels, height, width] = request.network.input_shape();
    let name = plain(&request.name);
    let mut text = "\n## How to call it\n\n".to_owned();
    let has_files = manifest.signatures.contains_key(ENCODED);
    if has_files {
        let _ = write!(
            text,
            "```sh\n\
             wharf predict {name} picture.png\n\
             (printf '{{\"signature_name\": \"encoded\", \"instances\": [{{\"b64\": \"'; base64 < picture.png | tr -d '\\n'\n\
             printf '\"}}]}}') | curl -d @- http://localhost:8501/v1/models/{name}:predict\n\
             ```\n\n"
        );
    }
    let _ = writeln!(text, "| signature | input | meaning |\n|---|---|---|");
    let size = format!("[N, {height}, {width}, {channels}]");
    let _ = writeln!(text, "| `serving_default` | `image` uint8 {size} | pixels, 0 to 255 |");
    if request.recipe.export.input == InputType::Float {
        let _ = writeln!(text, "| `float` | `image` float32 {size} | pixels, 0 to 1 |");
    }
    if has_files {
        let _ = writeln!(
            text,
            "| `encoded` | `image_bytes` string [N] | picture files of any size, also Classify |"
        );
    }
    text.push_str(
        "\nEach gives `probabilities` and `logits` (float32 [N, classes]) and `classes` (int64 [N], the most \
         probable); `encoded` also gives `labels`.\n",
    );
    text
}

fn quality(request: &PublishRequest<'_>) -> String {
    let mut text = "\n## Quality\n\n".to_owned();
    let Some(evaluation) = request.findings.map(|findings| &findings.evaluation) else {
        text.push_str("Not evaluated: the data were not at hand when this bundle was made.\n");
        return text;
    };
    let Evaluation { loss, accuracy, pictures, classes, .. } = evaluation;
    let split = split_of(request.recipe);
    let accuracy = percent(*accuracy);
    let _ = write!(text, "Accuracy {accuracy}, loss {loss:.4}, on {pictures} {split} pictures");
    text.push_str(match split {
        "test" => ", from which no step of training learnt.",
        _ => " held back from the training pictures.",
    });
    text.push_str(match request.recipe.early_stop {
        Some(_) => " They decided when training stopped, so the true accuracy may be a little lower.\n",
        None => "\n",
    });
    text.push_str("\n| class | precision | recall | F1 | pictures |\n|---|---:|---:|---:|---:|\n");
    for class in classes.iter().take(MAX_LISTED) {
        let scores = [class.precision, class.recall, class.f1].map(percent).join(" | ");
        let _ = writeln!(text, "| {} | {scores} | {} |", plain(&class.label), class.support);
    }
    rest(&mut text, classes.len());
    text
}

fn data(request: &PublishRequest<'_>) -> String {
    let mut text = "\n## Data\n\n".to_owned();
    let Some(findings) = request.findings else {
        text.push_str("Unknown.\n");
        return text;
    };
    row(&mut text, "sha256 of the training pictures and labels", format!("`{}`", findings.data_sha256));
    let Baseline { samples, features, class_shares } = &findings.baseline;
    let _ = writeln!(text, "\n| channel | mean | std | least | most |\n|---|---:|---:|---:|---:|");
    for (name, spread) in features {
        let numbers = [spread.mean, spread.std, spread.min, spread.max];
        let numbers = numbers.map(|number| format!("{number:.4}")).join(" | ");
        let _ = writeln!(text, "| {} | {numbers} |", plain(name));
    }
    let _ = writeln!(text, "\nOf {samples} training pictures, black 0, white 1.");
    if class_shares.len() == request.labels.len() {
        let _ = writeln!(text, "\n| class | share of training pictures |\n|---|---:|");
        for (label, share) in request.labels.iter().zip(class_shares).take(MAX_LISTED) {
            let _ = writeln!(text, "| {} | {} |", plain(label), percent(*share));
        }
        rest(&mut text, class_shares.len());
    }
    text
}

fn limits(request: &PublishRequest<'_>) -> String {
    let mut text = "\n## Use and limits\n\n".to_owned();
    text.push_str(
        "Meant for pictures like those of the training data. It names one of its classes for every picture, also \
         for one that shows nothing of the kind. Its probabilities are the softmax of the network's outputs and \
         have not been calibrated. Nobody has tested it for fairness between groups of people, against hostile \
         pictures, or for uses in which a mistake does harm. What the licence of the training data allows, \
         whoever publishes the model has to know.\n",
    );
    let count = request.goldens.num_pictures();
    let _ = if request.goldens.is_made_up() {
        writeln!(text, "\nThe bundle holds {count} pictures of noise as goldens.")
    } else {
        writeln!(text, "\nThe bundle holds {count} {} pictures as goldens.", split_of(request.recipe))
    };
    text
}

fn training(request: &PublishRequest<'_>) -> String {
    let recipe = request.recipe;
    let mut text = "\n## Recipe\n\n".to_owned();
    row(&mut text, "epochs, batch, seed", format!("{}, {}, {}", recipe.epochs, recipe.batch, recipe.seed));
    row(&mut text, "optimiser", settings(&recipe.optimiser));
    row(&mut text, "schedule", settings(&recipe.schedule));
    row(&mut text, "loss", settings(&recipe.loss));
    // A fence longer than any within.
    let longest = recipe.text.lines().filter(|line| line.trim_start().starts_with("```")).map(str::len).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    let _ = write!(text, "\n{fence}toml\n{}\n{fence}\n", recipe.text.trim_end());
    text
}

/// Settings as one line of code.
fn settings(settings: &impl Serialize) -> String {
    let json = serde_json::to_string(settings).unwrap_or_default();
    format!("`{}`", json.replace('"', "").replace(',', ", ").replace(':', " "))
}

fn row(text: &mut String, name: &str, value: impl std::fmt::Display) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "- {name}: {value}");
}

fn rest(text: &mut String, count: usize) {
    if let Some(more) = count.checked_sub(MAX_LISTED).filter(|more| *more > 0) {
        let _ = writeln!(text, "\n{more} more classes are not shown.");
    }
}

fn listed(labels: &[String]) -> String {
    let names: Vec<String> = labels.iter().take(MAX_LISTED).map(|label| plain(label)).collect();
    let more = if labels.len() > MAX_LISTED { ", ..." } else { "" };
    format!("{}{more}", names.join(", "))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A name that may come from anywhere, without what Markdown would take for something else.
fn plain(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars().take(200) {
        match character {
            control if control.is_control() => text.push(' '),
            '<' => text.push_str("&lt;"),
            '&' => text.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' => {
                // Underscores within a word mean nothing in Markdown.
                let is_inner = character == '_' && text.ends_with(char::is_alphanumeric);
                if !is_inner {
                    text.push('\\');
                }
                text.push(character);
            }
            other => text.push(other),
        }
    }
    text
}
