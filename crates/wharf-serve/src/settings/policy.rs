//! Which versions are served, as TensorFlow Serving and Triton both write it.

use std::collections::BTreeSet;

use wharf_textproto::{Message, TextError};

use crate::VersionPolicy;

/// The policy of a message: one of `latest`, `all` and `specific`, or the default where it is empty.
pub(super) fn read(message: &Message) -> Result<VersionPolicy, TextError> {
    let mut fields = message.fields("ServableVersionPolicy");
    let place = message.fields.first().map(|field| field.position).unwrap_or_default();
    let (latest, all, specific) =
        (fields.message("latest")?, fields.message("all")?, fields.message("specific")?);
    fields.finish()?;
    match (latest, all, specific) {
        (None, None, None) => Ok(VersionPolicy::default()),
        (Some(latest), None, None) => {
            let mut fields = latest.fields("Latest");
            let count = fields.integer("num_versions")?.unwrap_or(1);
            let position = fields.position("num_versions");
            fields.finish()?;
            let count = usize::try_from(count).ok();
            let wrong = || TextError::new(position, "`num_versions` is negative");
            count.map(VersionPolicy::Latest).ok_or_else(wrong)
        }
        (None, Some(all), None) => all.fields("All").finish().map(|()| VersionPolicy::All),
        (None, None, Some(specific)) => {
            let mut fields = specific.fields("Specific");
            let versions = fields.integers("versions")?;
            let position = fields.position("versions");
            fields.finish()?;
            let versions = versions.into_iter().map(u64::try_from).collect::<Result<BTreeSet<_>, _>>();
            let versions = versions.map_err(|_| TextError::new(position, "a version is negative"))?;
            Ok(VersionPolicy::Specific(versions))
        }
        _ => Err(TextError::new(place, "a version policy is one of `latest`, `all` and `specific`")),
    }
}
