//! Fields that may be there as long as they ask for nothing.

use wharf_textproto::{Fields, TextError};

/// Checks that none of the remaining fields asks for what this server does not do.
pub(super) fn check(fields: &mut Fields<'_>) -> Result<(), TextError> {
    for (name, instead) in [
        ("batch_input", "no inputs are made from batches"),
        ("batch_output", "outputs are split by rows"),
        ("model_repository_agents", "no code runs at loading"),
        ("model_operations", "no libraries are loaded"),
        ("cc_model_filenames", "models run on the processor"),
    ] {
        if fields.has(name) {
            let problem = format!("`{name}` is not supported: {instead}");
            return Err(TextError::new(fields.position(name), problem));
        }
    }
    switched_off(fields, "model_transaction_policy", "decoupled")?;
    optimization(fields)?;
    // Labels for metrics, and which of them to record: numbers are recorded for every model under its name.
    fields.has("metric_tags");
    fields.has("model_metrics");
    match fields.string("runtime")?.filter(|runtime| !runtime.is_empty()) {
        None => Ok(()),
        Some(runtime) => {
            let problem = format!("`runtime` is `{runtime}`, expected none: the back end is built in");
            Err(TextError::new(fields.position("runtime"), problem))
        }
    }
}

fn switched_off(fields: &mut Fields<'_>, name: &'static str, switch: &'static str) -> Result<(), TextError> {
    let Some(message) = fields.message(name)? else { return Ok(()) };
    let mut inner = message.fields(name);
    let is_on = inner.bool(switch)?.unwrap_or_default();
    let place = inner.position(switch);
    inner.finish()?;
    match is_on {
        false => Ok(()),
        true => Err(TextError::new(place, format!("`{name}` with `{switch}` is not supported"))),
    }
}

/// The graph is always optimised; accelerators there are none.
fn optimization(fields: &mut Fields<'_>) -> Result<(), TextError> {
    let Some(message) = fields.message("optimization")? else { return Ok(()) };
    let mut inner = message.fields("ModelOptimizationPolicy");
    if let Some(graph) = inner.message("graph")? {
        let mut graph = graph.fields("Graph");
        graph.integer("level")?;
        graph.finish()?;
    }
    inner.finish()
}
