//! `dynamic_batching`.

use std::collections::BTreeMap;

use wharf_textproto::{Fields, Message, TextError};

use super::whole;
use crate::settings::{DynamicBatching, QueuePolicy};
use crate::{BatchConfig, TimeoutAction};

/// How requests are to be joined, as it is written and as it is done; `None` where nothing is said of it.
pub(super) fn read(
    fields: &mut Fields<'_>,
    max_batch_size: usize,
) -> Result<Option<(DynamicBatching, BatchConfig)>, TextError> {
    let place = fields.position("dynamic_batching");
    let Some(message) = fields.message("dynamic_batching")? else { return Ok(None) };
    let mut batching = message.fields("ModelDynamicBatching");
    let number =
        |batching: &mut Fields<'_>, name| Ok::<_, TextError>(whole(batching, name)?.unwrap_or(0) as u64);
    let read = DynamicBatching {
        max_batch_size: i64::try_from(max_batch_size).unwrap_or(i64::MAX),
        preferred_batch_size: batching.integers("preferred_batch_size")?,
        max_queue_delay_microseconds: number(&mut batching, "max_queue_delay_microseconds")?,
        preserve_ordering: batching.bool("preserve_ordering")?.unwrap_or_default(),
        priority_levels: number(&mut batching, "priority_levels")?,
        default_priority_level: number(&mut batching, "default_priority_level")?,
        default_queue_policy: match batching.message("default_queue_policy")? {
            Some(policy) => read_policy(policy)?,
            None => QueuePolicy::default(),
        },
        priority_queue_policy: read_policies(&mut batching)?,
    };
    batching.finish()?;
    let settings = read.settings().map_err(|error| TextError::new(place, error.message()))?;
    Ok(Some((read, settings)))
}

/// A map from levels: an entry each, with a key and a value.
fn read_policies(batching: &mut Fields<'_>) -> Result<BTreeMap<u64, QueuePolicy>, TextError> {
    let mut policies = BTreeMap::new();
    for entry in batching.messages("priority_queue_policy")? {
        let mut entry = entry.fields("priority_queue_policy");
        let level = whole(&mut entry, "key")?.unwrap_or(0) as u64;
        let place = entry.position("key");
        let policy = entry.message("value")?.map(read_policy).transpose()?.unwrap_or_default();
        entry.finish()?;
        if policies.insert(level, policy).is_some() {
            return Err(TextError::new(place, format!("`priority_queue_policy` has level {level} twice")));
        }
    }
    Ok(policies)
}

fn read_policy(message: &Message) -> Result<QueuePolicy, TextError> {
    let mut policy = message.fields("ModelQueuePolicy");
    let action = policy.word("timeout_action")?.unwrap_or_default();
    let timeout_action = match action.as_str() {
        "" | "REJECT" => TimeoutAction::Reject,
        "DELAY" => TimeoutAction::Delay,
        other => {
            let problem = format!("`timeout_action` is `{other}`, expected REJECT or DELAY");
            return Err(TextError::new(policy.position("timeout_action"), problem));
        }
    };
    let read = QueuePolicy {
        timeout_action,
        default_timeout_microseconds: whole(&mut policy, "default_timeout_microseconds")?.unwrap_or(0) as u64,
        allow_timeout_override: policy.bool("allow_timeout_override")?.unwrap_or_default(),
        max_queue_size: whole(&mut policy, "max_queue_size")?.unwrap_or(0) as u64,
    };
    policy.finish()?;
    Ok(read)
}
