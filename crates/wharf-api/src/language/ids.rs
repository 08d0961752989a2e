//! Names for requests and answers, which nobody else has.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// Makes names.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ids;

impl Ids {
    /// `prefix` and 24 letters.
    pub(crate) fn with(prefix: &str) -> String {
        // The keys of hash tables come from the system's random numbers, and no two are the same.
        let random = |mark: u8| {
            let mut hasher = RandomState::new().build_hasher();
            hasher.write_u8(mark);
            hasher.finish()
        };
        let number = u128::from(random(0)) << 64 | u128::from(random(1));
        let digits = format!("{number:032x}");
        format!("{prefix}{}", digits.get(..24).unwrap_or(&digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_not_repeated() {
        let names: std::collections::BTreeSet<String> = (0..1000).map(|_| Ids::with("chatcmpl-")).collect();
        assert_eq!(names.len(), 1000);
        assert!(names.iter().all(|name| name.starts_with("chatcmpl-") && name.len() == 33));
    }
}
