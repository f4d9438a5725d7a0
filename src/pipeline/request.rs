//! A step as the wrapper sent it, in the types that the stages take.

use crate::action::{Locale, Presentation};
use crate::command::{EnvironmentUse, Family, LocalOnly};
use crate::pb::wire::StepRequest;
use crate::toolchain::{Environment, Toolchain};
use crate::wrapper::search::Search;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// One step. Borrowed from the frame: a hit copies nothing of the environment.
pub(super) struct Request<'a> {
    /// The frame.
    pub(super) wire: &'a StepRequest,
    /// The real tool, absolute.
    pub(super) tool: &'a Path,
    /// The name that the tool is invoked by.
    pub(super) invoked_as: &'a str,
    /// Its arguments.
    pub(super) args: Vec<&'a str>,
    /// The working directory as compilers name it: `PWD` where it names the cwd, else the real path.
    pub(super) cwd: PathBuf,
    env: HashMap<&'a [u8], &'a [u8]>,
}

impl<'a> Request<'a> {
    /// Refuses what the protocol cannot carry: REAPI strings are UTF-8.
    pub(super) fn new(wire: &'a StepRequest) -> Result<Self, LocalOnly> {
        let text = |bytes: &'a [u8]| std::str::from_utf8(bytes).map_err(|_| LocalOnly::NonUtf8);
        let args = wire.args.iter().map(|word| text(word)).collect::<Result<_, _>>()?;
        let env: HashMap<&[u8], &[u8]> = wire
            .env
            .iter()
            .map(|variable| (variable.name.as_slice(), variable.value.as_slice()))
            .collect();
        let real = Path::new(text(&wire.cwd)?);
        let cwd = match env.get(b"PWD".as_slice()) {
            Some(value) => logical_cwd(text(value)?, wire).unwrap_or_else(|| real.to_owned()),
            None => real.to_owned(),
        };
        Ok(Self {
            wire,
            tool: Path::new(text(&wire.tool)?),
            invoked_as: text(&wire.invoked_as)?,
            args,
            cwd,
            env,
        })
    }

    /// A variable of the step's environment.
    pub(super) fn env(&self, name: &str) -> Option<&'a [u8]> {
        self.variable(name.as_bytes())
    }

    /// The same by a name in bytes.
    pub(super) fn variable(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.env.get(name).copied()
    }

    /// All variables.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.env.iter().map(|(name, value)| (*name, *value))
    }

    /// The whole environment, for asking a tool: with the `PATH` that the wrapper gives it, in which it does not take
    /// our shims for its own helpers.
    pub(super) fn environment(&self) -> Environment {
        let text = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
        let variables = self.variables().map(|(name, value)| (text(name), text(value)));
        let without_shims = |(name, value): (OsString, OsString)| {
            if name != "PATH" {
                return (name, value);
            }
            let tool = self.invoked_as.rsplit('/').next().unwrap_or(self.invoked_as);
            let path = Search::new(Some(value), None).path_for_tool(OsStr::new(tool), false);
            (name, path.unwrap_or_default())
        };
        variables.map(without_shims).collect()
    }

    /// The variables that an action of this toolchain is made of. A value that is not UTF-8 cannot be in one; compilers take it for a
    /// path that is not there.
    pub(super) fn action_environment(
        &self,
        toolchain: &Toolchain,
        usage: fn(&str) -> Option<EnvironmentUse>,
    ) -> Vec<(String, String)> {
        let relevant = self.variables().filter_map(|(name, value)| {
            let name = std::str::from_utf8(name)
                .ok()
                .filter(|name| usage(name).is_some_and(EnvironmentUse::is_in_action))
                .filter(|name| *name != "LD_LIBRARY_PATH" || toolchain.library_path_matters)?;
            Some((name.to_owned(), String::from_utf8_lossy(value).into_owned()))
        });
        let mut variables: Vec<_> = relevant.collect();
        variables.sort();
        variables
    }

    /// A variable that names a directory.
    pub(super) fn env_path(&self, name: &str) -> Option<&'a Path> {
        self.env(name).map(|value| Path::new(OsStr::from_bytes(value)))
    }

    /// How diagnostics of such a compiler look to this user.
    pub(super) fn presentation(&self, family: Family) -> Presentation {
        let colour = self.wire.stderr_is_terminal;
        // As observed of gcc 12, clang 14 and 19; without a terminal at stdin gcc's lines are as long as they are.
        let columns = match family {
            Family::Gcc => self.wire.stdin_columns,
            Family::Clang => self.wire.columns,
        };
        Presentation {
            locale: self.locale(),
            colour,
            width: colour.then_some(columns),
        }
    }

    /// The locale of messages. Only three kinds matter: compilers quote with Unicode in UTF-8 and translate into a
    /// language; a locale that is not known to be one of the first two is taken for a translated one.
    fn locale(&self) -> Locale {
        let category = |name: &str| {
            ["LC_ALL", name, "LANG"]
                .into_iter()
                .filter_map(|variable| self.env(variable))
                .find(|value| !value.is_empty())
                .unwrap_or(b"C")
        };
        match (category("LC_MESSAGES"), category("LC_CTYPE")) {
            (b"C" | b"POSIX", b"C" | b"POSIX") => Locale::C,
            (b"C.UTF-8" | b"C.utf8" | b"C" | b"POSIX", b"C.UTF-8" | b"C.utf8") => Locale::CUtf8,
            (messages, ctype) => Locale::Other(format!(
                "{}/{}/{}",
                String::from_utf8_lossy(messages),
                String::from_utf8_lossy(ctype),
                String::from_utf8_lossy(self.env("LANGUAGE").unwrap_or_default())
            )),
        }
    }
}

/// `PWD`, if it is absolute, free of `.` and `..`, and really the cwd: the rule of gcc and clang.
fn logical_cwd(pwd: &str, wire: &StepRequest) -> Option<PathBuf> {
    let plain = pwd.starts_with('/') && !pwd.split('/').any(|part| part == "." || part == "..");
    let metadata = plain.then(|| std::fs::metadata(pwd).ok())??;
    (metadata.dev() == wire.cwd_device && metadata.ino() == wire.cwd_inode).then(|| PathBuf::from(pwd))
}
