//! `wharf models show`.

use wharf_bundle::{Bundle, Encoder, EncoderKind, Signature};

use crate::say;

/// Shows a bundle in words, or its manifest as JSON.
pub(super) fn run(bundle: &Bundle, json: bool) -> anyhow::Result<()> {
    if json {
        say(serde_json::to_string_pretty(bundle.manifest())?);
        return Ok(());
    }
    let manifest = bundle.manifest();
    say(format!("{}/{}", manifest.name, manifest.version));
    say(format!("  folder    {}", bundle.folder().display()));
    say(format!("  size      {} bytes", super::list::size_bytes(bundle)));
    if !bundle.has_manifest() {
        say("  manifest  none: the signature is read from the graph when it is served");
        return Ok(());
    }
    show_lineage(bundle);
    for (name, value) in &manifest.metrics {
        say(format!("  metric    {name} {value:.4}"));
    }
    if !manifest.labels.is_empty() {
        say(format!("  labels    {}", manifest.labels.join(", ")));
    }
    if let Some(encoder) = &manifest.encoder {
        say(format!("  encoder   {}", words_of(encoder)));
    }
    for (name, signature) in &manifest.signatures {
        show_signature(name, signature);
    }
    for file in &manifest.files {
        say(format!("  file      {} {} bytes sha256 {}", file.path, file.size_bytes, file.sha256));
    }
    Ok(())
}

/// How a graph is asked with text.
fn words_of(encoder: &Encoder) -> String {
    let gives = match encoder.kind {
        EncoderKind::Rank => "ranks documents".to_owned(),
        _ => format!("gives vectors, pooling {}", encoder.pooling.name()),
    };
    let scaled = match (encoder.normalize, encoder.kind) {
        (false, _) => "",
        (true, EncoderKind::Rank) => ", between 0 and 1",
        (true, _) => ", of length 1",
    };
    let most = encoder.max_tokens.map(|most| format!(", up to {most} tokens"));
    format!("{gives}{scaled}{}", most.unwrap_or_default())
}

fn show_lineage(bundle: &Bundle) {
    let lineage = &bundle.manifest().lineage;
    let facts = [
        ("created", lineage.created.clone()),
        ("seed", lineage.seed.map(|seed| seed.to_string())),
        ("recipe", lineage.recipe_sha256.as_ref().map(|digest| format!("sha256 {digest}"))),
        ("data", lineage.data_sha256.as_ref().map(|digest| format!("sha256 {digest}"))),
        ("parent", lineage.parent.as_ref().map(|digest| format!("sha256 {digest}"))),
        ("wharf", lineage.wharf_version.clone()),
    ];
    for (name, fact) in facts {
        if let Some(fact) = fact {
            say(format!("  {name:<8}  {fact}"));
        }
    }
}

fn show_signature(name: &str, signature: &Signature) {
    say(format!("  signature {name}"));
    for input in &signature.inputs {
        say(format!("    in      {} {} {}", input.spec.name, input.spec.dtype, input.spec.shape));
    }
    for output in &signature.outputs {
        say(format!("    out     {} {} {}", output.spec.name, output.spec.dtype, output.spec.shape));
    }
}
