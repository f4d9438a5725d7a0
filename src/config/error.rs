//! What can be wrong with settings.

use super::origin::Origin;
use crate::host::fs::PathError;
use std::path::PathBuf;
use std::sync::Arc;

/// Why there is no configuration. Cheap to clone, since a remembered one is given to every step that asks.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value that its setting does not take.
    #[error("cannot use `{text}` as `{key}`, set by {origin}: {why}")]
    BadValue {
        /// The setting.
        key: &'static str,
        /// The value; `…` for a secret one.
        text: String,
        /// Who set it.
        origin: Origin,
        /// What is wrong: "not a duration".
        why: String,
    },
    /// A key that is no setting.
    #[error("cannot use `{key}` at {}:{line}: there is no such setting", path.display())]
    UnknownKey {
        /// The key.
        key: String,
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// A setting with a similar name.
        similar: Option<&'static str>,
    },
    /// A setting that a project's file may not set.
    #[error("cannot let {origin} set `{key}`: {why}")]
    NotForProjects {
        /// The setting.
        key: &'static str,
        /// The line in the file.
        origin: Origin,
        /// Why not.
        why: &'static str,
    },
    /// No TOML.
    #[error("cannot understand {}:{line}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// Two settings that do not go together.
    #[error("cannot use `{key}`, set by {origin}, without `{needs}`")]
    Needs {
        /// The setting that is there.
        key: &'static str,
        /// Who set it.
        origin: Origin,
        /// The setting that is missing.
        needs: &'static str,
    },
    /// The user's file is there, and cannot be read.
    #[error(transparent)]
    Unreadable(Arc<PathError>),
}
