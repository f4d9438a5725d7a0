//! The files that a tool consists of, gathered name by name, and what the choice of them rests on.

use super::evidence::Evidence;
use super::loader::Loader;
use super::machine::{Environment, FileDigests};
use super::{ToolFile, ToolchainFailure};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What is known of the files of a tool so far.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) evidence: Evidence,
    /// Programs and plugins: their shared libraries belong to the tool too.
    pub(super) programs: BTreeSet<PathBuf>,
    /// Files that are only read.
    pub(super) plain: BTreeSet<PathBuf>,
}

/// All files of a tool.
pub(super) struct Settled {
    /// By real path, sorted.
    pub(super) files: Vec<ToolFile>,
    /// Whether a library comes, or may come, from `LD_LIBRARY_PATH`.
    pub(super) library_path_matters: bool,
    /// What all this rests on.
    pub(super) evidence: Evidence,
}

impl Parts {
    /// A program of this name that appears in `COMPILER_PATH` or in PATH may be taken instead.
    pub(super) fn note_search_paths(&mut self, name: &Path, cwd: &Path, env: &Environment) {
        for variable in ["COMPILER_PATH", "PATH"] {
            for dir in env.get(variable).map(std::env::split_paths).into_iter().flatten() {
                self.evidence.existence(&cwd.join(dir).join(name));
            }
        }
    }

    /// The files with their content, shared libraries of programs included. Files that do not exist are left out.
    pub(super) fn settle(mut self, env: &Environment, digests: &dyn FileDigests) -> Result<Settled, ToolchainFailure> {
        let mut loader = Loader::new(env);
        for program in &self.programs {
            loader.add(program)?;
        }
        let library_path_matters = loader.searched_in_vain().is_none();
        for dir in loader.searched_in_vain().into_iter().flatten() {
            self.evidence.directory(dir);
        }
        let mut paths: BTreeSet<PathBuf> = loader.into_files().into_iter().collect();
        for path in &self.plain {
            paths.extend(path.canonicalize());
        }
        // `as` is often a link to the assembler of the target, which can be made to lead to another one.
        for path in self.programs.iter().chain(&self.plain) {
            if let Some(real) = path.canonicalize().ok().filter(|real| real != path) {
                self.evidence.link(path, &real);
            }
        }
        let mut files = Vec::new();
        for path in paths {
            let digest = digests.digest(&path)?;
            self.note_siblings(&path, env);
            files.push(ToolFile { path, digest });
        }
        self.evidence.files(&files);
        self.evidence.existence(Path::new("/etc/ld.so.conf"));
        self.evidence.directory(Path::new("/etc/ld.so.conf.d"));
        Ok(Settled {
            files,
            library_path_matters,
            evidence: self.evidence,
        })
    }

    /// A new file beside a part may be preferred to it. Directories of PATH are excepted, they may be anything's: their
    /// names have been noted one by one.
    fn note_siblings(&mut self, part: &Path, env: &Environment) {
        let Some(dir) = part.parent() else {
            return;
        };
        let path = env.get("PATH").unwrap_or_default();
        if !std::env::split_paths(path).any(|listed| listed == dir) {
            self.evidence.directory(dir);
        }
    }
}
