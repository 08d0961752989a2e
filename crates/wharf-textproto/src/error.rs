//! What is wrong with a text, and where.

use std::fmt;

/// A place in a text, counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A text that cannot be read, or does not say what was expected. Shown as `line:column: what`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    position: Position,
    problem: String,
}

impl TextError {
    /// `problem` at `position`.
    pub fn new(position: Position, problem: impl Into<String>) -> Self {
        Self { position, problem: problem.into() }
    }

    /// Where it is.
    pub fn position(&self) -> Position {
        self.position
    }

    /// What it is.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.position, self.problem)
    }
}

impl std::error::Error for TextError {}
