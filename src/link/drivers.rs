//! What gcc and clang run and read besides the linker when they link.

use super::LinkFailure;
use super::linker::Linker;
use super::plan::Planning;
use crate::toolchain::find_in_path;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// By these clang tells the distribution, on which some of the words for the linker depend.
const DISTRIBUTION: [&str; 8] = [
    "/etc/lsb-release",
    "/etc/os-release",
    "/usr/lib/os-release",
    "/etc/redhat-release",
    "/etc/debian_version",
    "/etc/SuSE-release",
    "/etc/gentoo-release",
    "/etc/alpine-release",
];

impl Planning<'_> {
    /// What the driver says that a name of its programs means.
    fn printed(&self, question: &str) -> Result<Option<PathBuf>, LinkFailure> {
        let args: Vec<&str> = self.args.iter().map(String::as_str).chain([question]).collect();
        let answer = self.asking().put(self.step.tool, self.step.invoked_as, &args)?;
        let text = String::from_utf8_lossy(&answer.stdout);
        let path = PathBuf::from(text.trim());
        Ok((answer.success && path.components().count() > 1).then(|| self.step.cwd.join(path)))
    }

    /// What runs again for link-time optimisation, and what the driver reads.
    pub(super) fn gcc_parts(&mut self, line: &[String], said: &str) -> Result<(), LinkFailure> {
        let specs = said.lines().filter_map(|line| line.strip_prefix("Reading specs from "));
        self.plain.extend(specs.map(|path| self.step.cwd.join(path.trim())));
        if !line.iter().any(|word| word == "-plugin") {
            return Ok(());
        }
        for name in ["lto1", "as"] {
            let found = match self.printed(&format!("-print-prog-name={name}"))? {
                Some(path) => Some(path),
                None => find_in_path(OsStr::new(name), &self.env),
            };
            self.programs.extend(found);
        }
        if self.args.iter().any(|arg| arg.starts_with("-flto=")) {
            self.parallel_parts();
        }
        Ok(())
    }

    /// Of the directories of libraries that it is built with, or told by the environment, it names those that exist to
    /// the linker.
    pub(super) fn gcc_library_dirs(&mut self) -> Result<(), LinkFailure> {
        let args: Vec<&str> = self
            .args
            .iter()
            .map(String::as_str)
            .chain(["-print-search-dirs"])
            .collect();
        let answer = self.asking().put(self.step.tool, self.step.invoked_as, &args)?;
        let text = String::from_utf8_lossy(&answer.stdout);
        let list = text.lines().find_map(|line| line.strip_prefix("libraries: ="));
        let list = list.ok_or_else(|| self.no_line())?;
        let told = self.env.get("LIBRARY_PATH").unwrap_or_default();
        let dirs = std::env::split_paths(list).chain(std::env::split_paths(told));
        self.names.extend(dirs.map(|dir| self.step.cwd.join(dir)));
        Ok(())
    }

    /// lto-wrapper has `make` run the parts of a program side by side, by rules of its own.
    fn parallel_parts(&mut self) {
        let make = self.env.get("MAKE").unwrap_or(OsStr::new("make"));
        for name in [make, OsStr::new("mv"), OsStr::new("touch")] {
            self.programs.extend(find_in_path(name, &self.env));
        }
        self.programs.insert(PathBuf::from("/bin/sh"));
    }

    pub(super) fn clang_parts(&mut self, said: &str, linker: &Linker) {
        let configs = said
            .lines()
            .filter_map(|line| line.strip_prefix("Configuration file: "));
        self.plain.extend(configs.map(|path| PathBuf::from(path.trim())));
        let labels = [
            "System configuration file directory: ",
            "User configuration file directory: ",
        ];
        for label in labels {
            let dirs = said.lines().filter_map(|line| line.strip_prefix(label));
            self.directories.extend(dirs.map(|dir| PathBuf::from(dir.trim())));
        }
        self.plain.extend(DISTRIBUTION.map(PathBuf::from));
        // It takes crt files and libraries from the newest of these.
        let gccs = said
            .lines()
            .filter_map(|line| line.strip_prefix("Selected GCC installation: "));
        for gcc in gccs.map(|dir| PathBuf::from(dir.trim())) {
            self.directories.insert(gcc.parent().unwrap_or(&gcc).to_owned());
        }
        let beside = [self.step.tool.to_owned()]
            .into_iter()
            .chain(self.step.tool.canonicalize());
        for dir in beside.filter_map(|driver| driver.parent().map(Path::to_owned)) {
            self.names.insert(dir.join(linker.path.file_name().unwrap_or_default()));
        }
    }
}
