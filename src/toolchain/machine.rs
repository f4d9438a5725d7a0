//! What identifying a compiler and scanning ask of the machine: run a compiler and read its answer, read a file.
//! The implementations live elsewhere; nothing here starts a process or opens a file.

use crate::digest::Digest;
use crate::host::fs::PathError;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The variables of a step's environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<OsString, OsString>);

/// Variables that add directories to the header search (GCC manual, "Environment Variables Affecting GCC"; clang takes
/// the same).
const HEADER_PATHS: [&str; 5] = [
    "CPATH",
    "C_INCLUDE_PATH",
    "CPLUS_INCLUDE_PATH",
    "OBJC_INCLUDE_PATH",
    "OBJCPLUS_INCLUDE_PATH",
];

/// Other variables by which a compiler finds its parts.
const TOOL_PATHS: [&str; 8] = [
    "PATH",
    "COMPILER_PATH",
    "LIBRARY_PATH",
    "LD_LIBRARY_PATH",
    "LD_RUN_PATH",
    "SDKROOT",
    "HOME",
    "XDG_CONFIG_HOME",
];

/// Beginnings of the names of variables that compilers, and wrappers that stand in for them, read.
const TOOL_PREFIXES: [&str; 5] = ["GCC_", "CLANG_", "CCC_", "CCACHE_", "COLLECT_"];

impl Environment {
    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// All variables, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// The environment for a question: untranslated answers, no files written on the side, and a wrapper of ours that
    /// the driver may come upon steps aside.
    #[must_use]
    pub fn for_questions(&self) -> Self {
        let mut vars = self.0.clone();
        for name in [
            "DEPENDENCIES_OUTPUT",
            "SUNPRO_DEPENDENCIES",
            "LANGUAGE",
            "GCC_COMPARE_DEBUG",
        ] {
            vars.remove(OsStr::new(name));
        }
        vars.insert("LC_ALL".into(), "C".into());
        vars.insert("REWRAP_INSIDE".into(), "1".into());
        Self(vars)
    }

    /// The same without the user's own header directories.
    #[must_use]
    pub fn without_header_paths(&self) -> Self {
        let mut vars = self.0.clone();
        vars.retain(|name, _| !HEADER_PATHS.iter().any(|known| name == *known));
        Self(vars)
    }

    /// The variables on which a compiler's statements about itself depend.
    #[must_use]
    pub fn about_tools(&self) -> Self {
        let mut vars = self.0.clone();
        vars.retain(|name, _| {
            let prefixed = |prefix: &&str| name.as_encoded_bytes().starts_with(prefix.as_bytes());
            TOOL_PATHS.iter().any(|known| name == *known) || TOOL_PREFIXES.iter().any(prefixed)
        });
        Self(vars)
    }
}

impl FromIterator<(OsString, OsString)> for Environment {
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(vars: I) -> Self {
        Self(vars.into_iter().collect())
    }
}

/// A compiler run that answers a question. Standard input is empty.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What to execute.
    pub program: &'a Path,
    /// `argv[0]`: clang and busybox-like drivers look at it.
    pub invoked_as: &'a OsStr,
    /// The arguments after it.
    pub args: &'a [OsString],
    /// Where.
    pub cwd: &'a Path,
    /// The whole environment.
    pub env: &'a Environment,
}

/// What it said.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Whether it exited with 0.
    pub success: bool,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// Runs compilers to ask them for facts.
pub trait Ask: Send + Sync {
    /// Runs it to its end. `Err` if it could not be started, or did not end in reasonable time.
    fn ask(&self, question: &Question<'_>) -> Result<Answer, PathError>;
}

/// Reads files, knowing the digests of those that did not change.
pub trait FileDigests: Send + Sync {
    /// The digest of a regular file's content; symlinks are followed.
    fn digest(&self, path: &Path) -> Result<Digest, PathError>;
    /// The content.
    fn bytes(&self, path: &Path) -> Result<Bytes, PathError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(vars: &[(&str, &str)]) -> Environment {
        vars.iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect()
    }

    #[test]
    fn a_question_is_asked_untranslated_and_leaves_no_files() {
        let env = environment(&[("LC_ALL", "de_DE"), ("DEPENDENCIES_OUTPUT", "/tmp/d"), ("PATH", "/bin")]);
        assert_eq!(
            env.for_questions(),
            environment(&[("LC_ALL", "C"), ("PATH", "/bin"), ("REWRAP_INSIDE", "1")])
        );
    }

    #[test]
    fn only_what_compilers_read_is_about_tools() {
        let env = environment(&[
            ("PATH", "/bin"),
            ("GCC_EXEC_PREFIX", "/x"),
            ("CPATH", "/i"),
            ("EDITOR", "vi"),
        ]);
        assert_eq!(
            env.about_tools(),
            environment(&[("PATH", "/bin"), ("GCC_EXEC_PREFIX", "/x")])
        );
        assert_eq!(env.without_header_paths().get("CPATH"), None);
    }
}
