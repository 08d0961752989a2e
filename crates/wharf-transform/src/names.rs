//! Finds the name a person most likely meant.

use std::fmt::Write as _;

/// The candidate nearest to `name` by edit distance (a swap of neighbours counts one), ignoring case, if any
/// is near enough to be a slip of the keyboard: at most a third of the longer name, and at least one edit.
///
/// ```
/// use wharf_transform::nearest;
///
/// assert_eq!(nearest("degres", ["degrees", "probability"]), Some("degrees"));
/// assert_eq!(nearest("colour", ["degrees", "probability"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = name.chars().take(64).flat_map(char::to_lowercase).collect();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let letters: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
        let distance = edit_distance(&wanted, &letters);
        let allowed = (wanted.len().max(letters.len()) / 3).max(1);
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The message for a name that is none of `candidates`: it repeats the name and proposes the nearest right
/// one, or lists them all where none is near.
///
/// ```
/// use wharf_transform::unknown_name;
///
/// assert_eq!(unknown_name("key", "degres", &["degrees"]), "unknown key `degres`, did you mean `degrees`?");
/// assert_eq!(unknown_name("key", "x", &[]), "unknown key `x`, expected none");
/// ```
pub fn unknown_name(what: &str, name: &str, candidates: &[&str]) -> String {
    let shown: String = name.chars().take(64).collect();
    let mut message = format!("unknown {what} `{shown}`, ");
    match nearest(name, candidates.iter().copied()) {
        Some(candidate) => {
            let _ = write!(message, "did you mean `{candidate}`?");
        }
        None if candidates.is_empty() => message.push_str("expected none"),
        None => {
            let _ = write!(message, "expected one of `{}`", candidates.join("`, `"));
        }
    }
    message
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proposes_the_nearest_name() {
        let candidates = ["random_rotation", "random_crop", "resize", "rgb", "pad"];
        for (name, expected) in [
            ("random_rotate", Some("random_rotation")),
            ("Random_Rotation", Some("random_rotation")),
            ("rezise", Some("resize")),
            ("rbg", Some("rgb")),
            ("paddd", None),
            ("pads", Some("pad")),
            ("", None),
            ("mixup", None),
        ] {
            assert_eq!(nearest(name, candidates), expected, "{name}");
        }
    }

    #[test]
    fn lists_all_names_when_none_is_near() {
        let message = unknown_name("op", "mixup", &["pad", "rgb"]);
        assert_eq!(message, "unknown op `mixup`, expected one of `pad`, `rgb`");
    }

    #[test]
    fn a_long_name_is_cut_in_the_message() {
        assert!(unknown_name("op", &"x".repeat(10_000), &["pad"]).len() < 150);
    }
}
