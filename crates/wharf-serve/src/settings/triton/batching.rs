//! `dynamic_batching`.

use std::time::Duration;

use wharf_textproto::{Fields, TextError};

use super::whole;
use crate::BatchConfig;

/// How requests are to be joined; `None` where nothing is said of it.
pub(super) fn read(fields: &mut Fields<'_>, max_batch_size: usize) -> Result<Option<BatchConfig>, TextError> {
    let Some(message) = fields.message("dynamic_batching")? else { return Ok(None) };
    let mut batching = message.fields("ModelDynamicBatching");
    let delay = whole(&mut batching, "max_queue_delay_microseconds")?.unwrap_or(0);
    let levels = level(&mut batching, "priority_levels")?;
    let default = level(&mut batching, "default_priority_level")?;
    if levels > 0 && !(1..=levels).contains(&default) {
        let problem = format!("`default_priority_level` is {default}, expected 1 to {levels}");
        return Err(TextError::new(batching.position("default_priority_level"), problem));
    }
    // Replies go to whoever asked: an order between them is only seen by clients who wait for one before they send
    // the next, and then it is kept.
    batching.bool("preserve_ordering")?;
    batching.finish()?;
    Ok(Some(
        BatchConfig::default()
            .with_max_batch_size(max_batch_size)
            .with_max_queue_delay(Duration::from_micros(delay as u64))
            .with_priority_levels(levels, default),
    ))
}

fn level(fields: &mut Fields<'_>, name: &'static str) -> Result<u32, TextError> {
    let number = whole(fields, name)?.unwrap_or(0);
    let wrong = |_| TextError::new(fields.position(name), format!("`{name}` is {number}, expected fewer"));
    u32::try_from(number).map_err(wrong)
}
