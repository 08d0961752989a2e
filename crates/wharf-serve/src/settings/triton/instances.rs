//! `instance_group`: how many runs of a model there may be at once.

use wharf_textproto::{Fields, Message, TextError};

use super::whole;

/// More runs at once are a mistake.
const MOST: usize = 1024;

/// The instances of all groups together; `None` where there is no group.
///
/// # Errors
/// A group is not for the processor, or there are too many instances.
pub(super) fn read(fields: &mut Fields<'_>) -> Result<Option<usize>, TextError> {
    let groups = fields.messages("instance_group")?;
    let mut total = 0_usize;
    for group in &groups {
        total = total.saturating_add(count(group)?);
    }
    if total > MOST {
        let problem = format!("`instance_group` asks for {total} instances, expected at most {MOST}");
        return Err(TextError::new(fields.position("instance_group"), problem));
    }
    Ok((!groups.is_empty()).then_some(total))
}

fn count(group: &Message) -> Result<usize, TextError> {
    let mut inner = group.fields("ModelInstanceGroup");
    inner.string("name")?;
    let kind = inner.word("kind")?.unwrap_or_default();
    if !["", "KIND_AUTO", "KIND_CPU"].contains(&kind.as_str()) {
        let problem = format!(
            "the kind of an instance group is `{kind}`, expected KIND_CPU or KIND_AUTO: models run on the processor"
        );
        return Err(TextError::new(inner.position("kind"), problem));
    }
    // Without a number there is one.
    let count = whole(&mut inner, "count")?.unwrap_or(0).max(1);
    inner.finish()?;
    Ok(count)
}
