//! The grammar of names: models, versions, files. What does not fit is refused before it becomes a path.

use crate::BundleError;

/// The longest name of a model or a file.
pub const MAX_NAME_BYTES: usize = 128;

/// The largest version: wires carry it as a signed 64-bit number.
pub const MAX_VERSION: u64 = i64::MAX as u64;

/// Checks a model name: `^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`.
///
/// # Errors
/// The name does not fit.
pub fn check_model_name(name: &str) -> Result<(), BundleError> {
    if is_plain(name) { Ok(()) } else { Err(BundleError::name("model", name)) }
}

/// Checks the name of a file in a bundle: the same grammar, hence no separators and no hidden files.
///
/// # Errors
/// The name does not fit.
pub fn check_file_name(name: &str) -> Result<(), BundleError> {
    if is_plain(name) { Ok(()) } else { Err(BundleError::name("file", name)) }
}

/// Checks a version: 1 to 2^63 - 1.
///
/// # Errors
/// The version is out of range.
pub fn check_version(version: u64) -> Result<(), BundleError> {
    if (1..=MAX_VERSION).contains(&version) {
        Ok(())
    } else {
        Err(BundleError::name("version", &version.to_string()))
    }
}

/// The version that a folder name stands for. Leading zeros are allowed, as TensorFlow Serving allows them:
/// `00000123` is 123. `None` where the name is no version.
pub fn version_of_folder(name: &str) -> Option<u64> {
    let digits = !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.bytes().all(|b| b.is_ascii_digit());
    let version = if digits { name.parse().ok()? } else { return None };
    check_version(version).ok().map(|()| version)
}

fn is_plain(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    name.len() <= MAX_NAME_BYTES
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_grammar() {
        let longest = "a".repeat(MAX_NAME_BYTES);
        let too_long = "a".repeat(MAX_NAME_BYTES + 1);
        for (name, expected) in [
            ("m", true),
            ("0", true),
            ("fashion-mnist", true),
            ("v1.2_final", true),
            ("a..b", true),
            (longest.as_str(), true),
            (too_long.as_str(), false),
            ("", false),
            (".", false),
            ("..", false),
            (".hidden", false),
            ("-rf", false),
            ("_x", false),
            ("a b", false),
            ("a/b", false),
            ("a\\b", false),
            ("a:b", false),
            ("a\0", false),
            ("a\n", false),
            ("%2e%2e", false),
            (";$(x)", false),
            ("m\u{43e}del", false),
            ("m\u{200d}", false),
            ("\u{ff4d}odel", false),
        ] {
            assert_eq!(check_model_name(name).is_ok(), expected, "{name:?}");
            assert_eq!(check_file_name(name).is_ok(), expected, "{name:?}");
        }
    }

    #[test]
    fn version_folders_are_positive_numbers() {
        for (name, expected) in [
            ("1", Some(1)),
            ("00000123", Some(123)),
            ("9223372036854775807", Some(MAX_VERSION)),
            ("9223372036854775808", None),
            ("99999999999999999999999", None),
            ("0", None),
            ("000", None),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1 ", None),
            ("1.0", None),
            ("0x1", None),
            ("v1", None),
            ("\u{661}", None),
        ] {
            assert_eq!(version_of_folder(name), expected, "{name:?}");
        }
    }

    #[test]
    fn refusal_repeats_the_name_and_cuts_long_ones() {
        let message = check_model_name("../etc").unwrap_err().to_string();
        assert!(message.contains("`../etc`"), "{message}");
        assert!(check_model_name(&"x".repeat(100_000)).unwrap_err().to_string().len() < 300);
    }
}
