//! What a person is told when something cannot be done.

use std::fmt;

/// Whose affair a failure is; decides the exit code of `rewrap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The user asked for something that cannot be: wrong flag, bad setting, missing file. Exit code 2 for usage.
    Usage,
    /// A value in a settings file or a variable.
    Config,
    /// The machine: disk, permissions, processes.
    Host,
}

/// The only error that reaches a user: what could not be done, why, and what would help.
///
/// Rendered as `rewrap: error: cannot …`, one `caused by:` per cause, one `hint:` per hint.
#[derive(Debug)]
pub struct Failure {
    /// Whose affair it is.
    pub kind: FailureKind,
    /// "cannot …", lower case, naming the path, setting or endpoint; one sentence without a full stop.
    pub what: String,
    /// Causes, outermost first.
    pub causes: Vec<String>,
    /// Commands or settings that change the outcome; only true ones.
    pub hints: Vec<String>,
}

impl Failure {
    /// A failure without causes or hints yet.
    pub fn new(kind: FailureKind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            causes: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// Adds an error and everything it wraps as causes.
    #[must_use]
    pub fn caused_by(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            self.causes.push(cause.to_string());
            next = cause.source();
        }
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The exit code of `rewrap` for this failure: 2 for usage, else 1.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            FailureKind::Usage => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}
