//! The toolchain of a step that is no compile: whoever resolved the step says which programs run in it.

use super::evidence::Proven;
use super::machine::{Environment, FileDigests};
use super::parts::Parts;
use super::programs::interpreters;
use super::{Toolchain, ToolchainFailure};
use crate::command::Family;
use crate::digest::Digest;
use crate::host::fs::PathContext;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What is known of the tools of a step, and what follows from nothing but that: the files they consist of.
#[derive(Clone, Copy, Debug)]
pub struct ToolSubject<'a> {
    /// As invoked; absolute, links not resolved. Its own files count.
    pub driver: &'a Path,
    /// Its `argv[0]`.
    pub invoked_as: &'a OsStr,
    /// Whose options it takes; for a tool that is no compiler driver, whose project it comes from.
    pub family: Family,
    /// Major, minor, patch.
    pub version: (u32, u32, u32),
    /// The target triple; empty if the tool does not state one.
    pub target: &'a str,
    /// What the tool runs and the plugins that it loads, absolute: their shared libraries count too.
    pub programs: &'a [PathBuf],
    /// Files that it reads unasked, absolute. Those that do not exist are left out.
    pub plain: &'a [PathBuf],
    /// Directories whose listing matters, absolute: the tool loads what lies in them (`bfd-plugins`; what is there now
    /// stands in `programs`), or would prefer what comes to lie there.
    pub directories: &'a [PathBuf],
    /// Names whose appearing or vanishing matters, absolute: where a program was looked for in vain.
    pub names: &'a [PathBuf],
    /// What the tool states about itself, as far as it matters to the step.
    pub facts: &'a [u8],
    /// The step's.
    pub env: &'a Environment,
}

/// Puts the toolchain together.
pub(super) fn learn(
    subject: &ToolSubject<'_>,
    digests: &dyn FileDigests,
) -> Result<Proven<Toolchain>, ToolchainFailure> {
    let env = subject.env.for_questions();
    let mut parts = Parts::default();
    parts.programs.insert(subject.driver.to_owned());
    parts.programs.extend(subject.programs.iter().cloned());
    parts.plain.extend(subject.plain.iter().cloned());
    parts.programs.extend(interpreters(subject.driver, &env)?);
    for directory in subject.directories {
        parts.evidence.directory(directory);
    }
    for path in subject.names.iter().chain(subject.plain) {
        parts.evidence.existence(path);
    }
    for name in subject.programs.iter().filter_map(|path| path.file_name()) {
        parts.note_search_paths(Path::new(name), Path::new("/"), &env);
    }
    let settled = parts.settle(&env, digests)?;
    let driver_real = subject.driver.canonicalize().at("resolve", subject.driver)?;
    Ok(Proven {
        value: Toolchain {
            driver: subject.driver.to_owned(),
            driver_real,
            family: subject.family,
            version: subject.version,
            target: subject.target.to_owned(),
            files: settled.files,
            facts: Digest::of(subject.facts),
            include_dirs: Vec::new(),
            library_path_matters: settled.library_path_matters,
        },
        evidence: settled.evidence,
    })
}
