//! How a command fails: one `error:` line with its causes, and at most one `hint:` line.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

/// Advice attached to an error with `anyhow::Context`, printed on a line of its own.
#[derive(Debug)]
pub(crate) struct Hint(pub(crate) String);

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The run was stopped by a signal and can be resumed: not an error, but not finished either.
#[derive(Debug)]
pub(crate) struct Interrupted(pub(crate) String);

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Interrupted {}

/// Prints `error` with its chain of causes.
pub(crate) fn print(error: &anyhow::Error) {
    let mut output = std::io::stderr().lock();
    let hint = error.downcast_ref::<Hint>().map(Hint::to_string);
    let _closed_pipe = writeln!(output, "{}", render(error, hint.as_deref()));
}

/// 130 after a signal, as shells expect; 1 otherwise.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.downcast_ref::<Interrupted>().is_some() { ExitCode::from(130) } else { ExitCode::FAILURE }
}

fn render(error: &anyhow::Error, hint: Option<&str>) -> String {
    if error.downcast_ref::<Interrupted>().is_some() {
        return error.to_string();
    }
    let mut causes: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        let is_hint = hint == Some(cause.as_str());
        // Some libraries repeat their source in their own text.
        let is_repeated = causes.last().is_some_and(|outer| outer.contains(&cause));
        if !is_hint && !is_repeated {
            causes.push(cause);
        }
    }
    let mut text = format!("error: {}", causes.join(": "));
    if let Some(hint) = hint {
        text.push_str("\nhint: ");
        text.push_str(hint);
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn hint_stands_on_its_own_line_and_repeats_are_dropped() {
        let error = anyhow!("file `x` is missing")
            .context("cannot read: file `x` is missing")
            .context(Hint("make deps".into()));
        let hint = error.downcast_ref::<Hint>().map(Hint::to_string);
        assert_eq!(
            render(&error, hint.as_deref()),
            "error: cannot read: file `x` is missing\nhint: make deps"
        );
    }

    #[test]
    fn causes_are_joined_outermost_first() {
        let error = Err::<(), _>(anyhow!("permission denied")).context("cannot open `a`").unwrap_err();
        assert_eq!(render(&error, None), "error: cannot open `a`: permission denied");
    }
}
