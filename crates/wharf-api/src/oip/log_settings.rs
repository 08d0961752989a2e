//! The logging extension: how much is logged, as both wires ask for it and change it.
//!
//! Triton switches each level by itself; here, as in most logs, a level holds those that are graver. What turns one on
//! turns on those as well, and what turns one off turns off those that are finer; the reply says what came of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;
use wharf_infer::ServiceError;

use super::shown;

/// The levels from gravest to finest; a place in here is a rank.
const LEVELS: [LevelFilter; 6] = [
    LevelFilter::OFF,
    LevelFilter::ERROR,
    LevelFilter::WARN,
    LevelFilter::INFO,
    LevelFilter::DEBUG,
    LevelFilter::TRACE,
];
/// The switches, with the rank of each.
const SWITCHES: [(&str, usize); 3] = [("log_error", 1), ("log_warning", 2), ("log_info", 3)];
const VERBOSE: &str = "log_verbose_level";
/// The first rank that is verbose.
const FIRST_VERBOSE: usize = 4;
/// The one format there is.
const FORMAT: &str = "default";

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    Bool(bool),
    Uint(u32),
    String(String),
}

/// Settings by name.
pub(super) type Settings = BTreeMap<String, Setting>;

/// Everything that a log at `level` has.
pub(super) fn of(level: LevelFilter) -> Settings {
    let rank = rank(level);
    let switches = SWITCHES.map(|(name, place)| (name, Setting::Bool(rank >= place)));
    let verbosity = u32::try_from(rank.saturating_sub(FIRST_VERBOSE - 1)).unwrap_or_default();
    let others = [
        ("log_file", Setting::String(String::new())),
        (VERBOSE, Setting::Uint(verbosity)),
        ("log_format", Setting::String(FORMAT.to_owned())),
    ];
    switches.into_iter().chain(others).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The level of a log that was at `level`, after `changes`.
///
/// # Errors
/// A setting is unknown, has another type, cannot be changed, or contradicts another.
pub(super) fn changed(level: LevelFilter, changes: &Settings) -> Result<LevelFilter, ServiceError> {
    let (mut on, mut off) = (0, LEVELS.len());
    for (name, value) in changes {
        let (turned_on, turned_off) = change(name, value)?;
        on = on.max(turned_on.unwrap_or(0));
        off = off.min(turned_off.unwrap_or(LEVELS.len()));
    }
    if on >= off {
        let text = "the log settings contradict each other: a level is on while a graver one is off";
        return Err(ServiceError::invalid_argument(text));
    }
    let rank = rank(level).max(on).min(off - 1);
    Ok(LEVELS.get(rank).copied().unwrap_or(level))
}

/// The rank that a setting turns on, and the one that it turns off.
fn change(name: &str, value: &Setting) -> Result<(Option<usize>, Option<usize>), ServiceError> {
    if let Some((_, rank)) = SWITCHES.iter().find(|(switch, _)| *switch == name) {
        return match value {
            Setting::Bool(true) => Ok((Some(*rank), None)),
            Setting::Bool(false) => Ok((None, Some(*rank))),
            _ => Err(invalid(name, "a boolean")),
        };
    }
    match (name, value) {
        (VERBOSE, Setting::Uint(0)) => Ok((None, Some(FIRST_VERBOSE))),
        (VERBOSE, Setting::Uint(1)) => Ok((Some(FIRST_VERBOSE), Some(FIRST_VERBOSE + 1))),
        (VERBOSE, Setting::Uint(2)) => Ok((Some(FIRST_VERBOSE + 1), None)),
        (VERBOSE, _) => Err(invalid(name, "0, 1 or 2")),
        ("log_format", Setting::String(format)) if format == FORMAT => Ok((None, None)),
        ("log_format", _) => Err(invalid(name, "'default'")),
        ("log_file", _) => Err(ServiceError::invalid_argument(
            "log file location can not be updated through network protocol",
        )),
        _ => Err(ServiceError::invalid_argument(format!("unknown log setting '{}'", shown(name)))),
    }
}

fn rank(level: LevelFilter) -> usize {
    LEVELS.iter().position(|&other| other == level).unwrap_or_default()
}

fn invalid(name: &str, expected: &str) -> ServiceError {
    ServiceError::invalid_argument(format!("log setting '{name}' has another value, expected {expected}"))
}

/// Settings as JSON.
pub(super) fn to_json(settings: Settings) -> Value {
    let value = |value| match value {
        Setting::Bool(value) => json!(value),
        Setting::Uint(value) => json!(value),
        Setting::String(value) => json!(value),
    };
    Value::Object(settings.into_iter().map(|(name, setting)| (name, value(setting))).collect())
}

/// Settings out of JSON.
///
/// # Errors
/// One is neither a flag nor a number nor a text.
pub(super) fn from_json(document: &Value) -> Result<Settings, ServiceError> {
    let members = document.as_object().into_iter().flatten();
    let settings = members.map(|(name, value)| {
        let setting = match value {
            Value::Bool(value) => Some(Setting::Bool(*value)),
            Value::Number(value) => {
                value.as_u64().and_then(|value| u32::try_from(value).ok()).map(Setting::Uint)
            }
            Value::String(value) => Some(Setting::String(value.clone())),
            _ => None,
        };
        let expected = "a boolean, a whole number or a string";
        Ok((name.clone(), setting.ok_or_else(|| invalid(&shown(name), expected))?))
    });
    settings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(level: LevelFilter, text: &str) -> Result<LevelFilter, String> {
        let document: Value = serde_json::from_str(text).unwrap();
        let settings = from_json(&document).map_err(|error| error.message().to_owned())?;
        changed(level, &settings).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn switches_move_the_level() {
        for (from, changes, to) in [
            (LevelFilter::WARN, "{}", LevelFilter::WARN),
            (LevelFilter::WARN, r#"{"log_info": true}"#, LevelFilter::INFO),
            (LevelFilter::WARN, r#"{"log_verbose_level": 1}"#, LevelFilter::DEBUG),
            (LevelFilter::TRACE, r#"{"log_verbose_level": 1}"#, LevelFilter::DEBUG),
            (LevelFilter::INFO, r#"{"log_verbose_level": 2, "log_info": true}"#, LevelFilter::TRACE),
            (LevelFilter::DEBUG, r#"{"log_verbose_level": 0}"#, LevelFilter::INFO),
            (LevelFilter::WARN, r#"{"log_verbose_level": 0}"#, LevelFilter::WARN),
            (LevelFilter::TRACE, r#"{"log_warning": false, "log_error": true}"#, LevelFilter::ERROR),
            (LevelFilter::INFO, r#"{"log_error": false, "log_format": "default"}"#, LevelFilter::OFF),
        ] {
            assert_eq!(after(from, changes), Ok(to), "{from} {changes}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (changes, expected) in [
            (r#"{"log_info": false, "log_verbose_level": 1}"#, "contradict each other"),
            (r#"{"log_error": false, "log_warning": true}"#, "contradict each other"),
            (r#"{"log_verbose_level": 3}"#, "expected 0, 1 or 2"),
            (r#"{"log_verbose_level": -1}"#, "a whole number"),
            (r#"{"log_info": 1}"#, "'log_info' has another value, expected a boolean"),
            (r#"{"log_info": null}"#, "a boolean, a whole number or a string"),
            (r#"{"log_format": "ISO8601"}"#, "expected 'default'"),
            (r#"{"log_file": "x"}"#, "log file location can not be updated through network protocol"),
            (r#"{"log_fine": true}"#, "unknown log setting 'log_fine'"),
        ] {
            let error = after(LevelFilter::WARN, changes).unwrap_err();
            assert!(error.contains(expected), "{changes}: {error}");
        }
    }

    #[test]
    fn the_settings_of_a_level_lead_back_to_it() {
        for level in LEVELS {
            assert!(of(level).len() == 6);
            let mut settings = of(level);
            settings.remove("log_file");
            assert_eq!(changed(LevelFilter::WARN, &settings).ok(), Some(level), "{level}");
        }
        let expected = r#"{"log_error":true,"log_file":"","log_format":"default","log_info":false,"log_verbose_level":0,"log_warning":true}"#;
        assert_eq!(to_json(of(LevelFilter::WARN)).to_string(), expected);
    }
}
