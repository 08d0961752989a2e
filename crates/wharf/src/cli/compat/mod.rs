//! The flags of other servers, in their spelling, turned into our own: whoever has a start script keeps it.
//!
//! A flag is taken over, refused, or, where it tunes what this server does not have, named on standard error as
//! without effect. None is passed over in silence.

mod tfs;
mod traces;
mod triton;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;

use clap::{CommandFactory, FromArgMatches, ValueEnum};

use super::Cli;
#[cfg(test)]
use super::{Command, ServeArgs};
use tfs::TfsArgs;
use triton::TritonArgs;

/// A server whose flags are understood.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compat {
    /// TensorFlow Serving's `tensorflow_model_server`
    Tfs,
    /// Triton's `tritonserver`
    Triton,
}

/// What another server's flags come to.
#[derive(Debug, Default)]
struct Translation {
    /// The same in flags of `wharf serve`.
    flags: Vec<OsString>,
    /// Flags that change nothing here, and why.
    without_effect: Vec<String>,
}

impl Translation {
    fn flag(&mut self, name: &str) {
        self.flags.push(name.into());
    }

    /// In one word, so that a value which begins with a dash stays a value.
    fn value(&mut self, name: &str, value: impl Into<OsString>) {
        let mut word = OsString::from(name);
        word.push("=");
        word.push(value.into());
        self.flags.push(word);
    }

    fn optional(&mut self, name: &str, value: Option<impl Into<OsString>>) {
        if let Some(value) = value {
            self.value(name, value);
        }
    }

    /// A flag that was given and changes nothing, for this reason.
    fn no_effect(&mut self, is_given: bool, name: &str, reason: &str) {
        if is_given {
            self.without_effect.push(format!("{name} has no effect: {reason}"));
        }
    }
}

/// Our own command line, or another server's where the words ask for one.
pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Option<Cli>, clap::Error> {
    let words: Vec<OsString> = words.into_iter().collect();
    let Some((compat, words)) = invoked_as(&words) else { return Ok(None) };
    let translation = match compat {
        Compat::Tfs => read::<TfsArgs>(words)?.translate(),
        Compat::Triton => read::<TritonArgs>(words)?.translate(),
    };
    let Translation { flags, without_effect } = translation
        .map_err(|problem| clap::Error::raw(clap::error::ErrorKind::ValueValidation, problem + "\n"))?;
    for line in without_effect {
        let _closed_pipe = writeln!(std::io::stderr().lock(), "wharf: {line}");
    }
    let words = ["wharf", "serve"].into_iter().map(OsString::from).chain(flags);
    <Cli as clap::Parser>::try_parse_from(words).map(Some)
}

fn read<A: CommandFactory + FromArgMatches>(words: Vec<OsString>) -> Result<A, clap::Error> {
    A::from_arg_matches(&A::command().try_get_matches_from(words)?)
}

/// Whose flags these are: told by the name of the program, or by `serve --compat NAME`. With the words that are left.
fn invoked_as(words: &[OsString]) -> Option<(Compat, Vec<OsString>)> {
    let program = words.first().and_then(|word| Path::new(word).file_name()?.to_str());
    match program {
        Some("tensorflow_model_server") => return Some((Compat::Tfs, words.to_vec())),
        Some("tritonserver") => return Some((Compat::Triton, words.to_vec())),
        _ => {}
    }
    if words.get(1)? != "serve" {
        return None;
    }
    let at = words.iter().position(|word| word.to_str().is_some_and(is_compat))?;
    let mut rest = words.to_vec();
    let word = rest.remove(at);
    let value = match word.to_str()?.split_once('=') {
        Some((_, value)) => value.to_owned(),
        // Left in place where it is missing: clap says what it should be.
        None if at < rest.len() => rest.remove(at).into_string().ok()?,
        None => return None,
    };
    let compat = Compat::from_str(&value, false).ok()?;
    rest.remove(1);
    Some((compat, rest))
}

fn is_compat(word: &str) -> bool {
    word == "--compat" || word.starts_with("--compat=")
}

/// The value of a switch, as both servers write it: `true`, `1`, `false` or `0`; the flag alone is `true`.
fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

/// The arguments of `serve`, for tests of what a translation comes to.
#[cfg(test)]
fn served(words: &[&str]) -> Result<ServeArgs, String> {
    let parsed = parse(words.iter().map(OsString::from)).map_err(|error| error.to_string())?;
    match parsed.map(|cli| cli.command) {
        Some(Command::Serve(arguments)) => Ok(*arguments),
        other => Err(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        TfsArgs::command().debug_assert();
        TritonArgs::command().debug_assert();
    }

    #[test]
    fn the_server_is_told_by_program_name_or_flag() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        for (line, expected) in [
            (
                "/usr/bin/tensorflow_model_server --port=1",
                Some((Compat::Tfs, "/usr/bin/tensorflow_model_server --port=1")),
            ),
            ("tritonserver", Some((Compat::Triton, "tritonserver"))),
            ("wharf serve --compat tfs --port=1", Some((Compat::Tfs, "wharf --port=1"))),
            ("wharf serve --port 1 --compat=triton", Some((Compat::Triton, "wharf --port 1"))),
            ("wharf serve --compat other", None),
            ("wharf serve --compat", None),
            ("wharf serve", None),
            ("wharf predict --compat tfs", None),
        ] {
            let expected = expected.map(|(compat, rest)| (compat, words(rest)));
            assert_eq!(invoked_as(&words(line)), expected, "{line}");
        }
    }
}
