//! Where a value comes from.

use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Where a value comes from; shown by `rewrap config show` and in every error about the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The user's own `rewrap.toml`.
    UserFile {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// The `rewrap.toml` of a project.
    ProjectFile {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// A variable.
    Variable {
        /// Its name.
        name: String,
    },
    /// A flag.
    Flag {
        /// As in the table, with `--`.
        name: String,
    },
}

impl Origin {
    /// Whether the user said so, and not a file that came with a checkout.
    pub fn is_trusted(&self) -> bool {
        !matches!(self, Self::ProjectFile { .. })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::UserFile { path, line } | Self::ProjectFile { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable { name } | Self::Flag { name } => f.write_str(name),
        }
    }
}
