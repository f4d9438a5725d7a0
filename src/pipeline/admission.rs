//! Whether what the compiler did here may stand for an action, and putting it into the store if so.

use super::candidate::{Candidate, Remembered};
use crate::action::{DeclaredOutput, LocalRun, OutputKind, PathMap};
use crate::depfile::Depfile;
use crate::digest::Digest;
use crate::host::file_id::FileId;
use crate::host::fs::{PathContext as _, PathError};
use crate::host::walk::{Walker, walk};
use crate::manifest::{Change, Manifest};
use crate::outputs::{self, BadOutput, depfile, diagnostics};
use crate::pb::reapi::{ActionResult, OutputFile};
use crate::pb::wire::LocalOutcome;
use crate::store::StoreError;
use crate::store::disk::DiskStore;
use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Why a result stays out of the cache. The step itself is done and right.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAdmitted {
    /// The compiler failed.
    #[error("the compiler ended with {0}")]
    Failed(i32),
    /// An input changed while the compiler ran.
    #[error("an input changed while the compiler ran: {0}")]
    Changed(Change),
    /// A declared output is not there, or is no regular file.
    #[error("the compiler did not write `{0}`")]
    NoOutput(String),
    /// The compiler read a file that inference did not find.
    #[error("inference missed {}", .0.display())]
    Missed(PathBuf),
    /// The compiler's depfile is none.
    #[error("cannot read the depfile")]
    Depfile(#[from] depfile::BadDepfile),
    /// An output cannot be told apart from a relocated one.
    #[error(transparent)]
    Output(#[from] BadOutput),
    /// The diagnostics cannot be told apart from relocated ones.
    #[error(transparent)]
    Text(#[from] diagnostics::BadText),
    /// An output cannot be read.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NotAdmitted {
    /// The code in records.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Failed(_) => "compiler_failed",
            Self::Changed(_) => "input_changed",
            Self::NoOutput(_) => "output_missing",
            Self::Missed(_) => "input_missed",
            Self::Depfile(_) | Self::Output(BadOutput::Depfile(_)) => "bad_depfile",
            Self::Output(BadOutput::Text(_)) => "ambiguous_output",
            Self::Text(_) => "ambiguous_diagnostics",
            Self::Path(_) => "output_unreadable",
            Self::Store(_) => "store_failed",
        }
    }
}

/// A run of the compiler here, finished.
pub(super) struct LocalResult<'a> {
    /// What the wrapper reports.
    pub(super) outcome: &'a LocalOutcome,
    /// Where it ran.
    pub(super) cwd: &'a Path,
    /// How it was run.
    pub(super) run: &'a LocalRun,
    /// A depfile that only we asked for.
    pub(super) extra_depfile: Option<&'a Path>,
    /// What was read before it ran.
    pub(super) manifest: &'a Manifest,
    /// What it may stand for.
    pub(super) remembered: &'a Remembered,
    /// Whether its diagnostics look as those of the base presentation do.
    pub(super) base_presentation: bool,
}

/// Judges how inputs are now.
pub(super) type Recheck<'a> = &'a dyn Fn(&Manifest) -> Result<(), Change>;

/// Stores the result under the action that it is proven to be the result of. Gives back that action and the result.
pub(super) fn admit(
    store: &DiskStore,
    result: &LocalResult<'_>,
    recheck: Recheck<'_>,
) -> Result<(Digest, ActionResult), NotAdmitted> {
    let outcome = result.outcome;
    if outcome.exit != 0 {
        return Err(NotAdmitted::Failed(outcome.exit));
    }
    check_depfile(result)?;
    let candidate = choose(result);
    let mut files = Vec::new();
    for output in &result.remembered.outputs {
        if let Some(digest) = keep(store, result.cwd, output, &candidate.paths)? {
            files.push(OutputFile {
                path: output.action_path.clone(),
                digest: Some(digest.into()),
                is_executable: output.mode & 0o111 != 0,
                ..OutputFile::default()
            });
        }
    }
    // After the outputs were read: an input that changes later is a later build's affair.
    recheck(&without_own_changes(result)?).map_err(NotAdmitted::Changed)?;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let text = |bytes: &[u8]| -> Result<Digest, NotAdmitted> {
        Ok(store.put_bytes(&diagnostics::relocate(bytes, &candidate.paths)?)?)
    };
    let action_result = ActionResult {
        output_files: files,
        stdout_digest: Some(text(&outcome.stdout)?.into()),
        stderr_digest: Some(text(&outcome.stderr)?.into()),
        ..ActionResult::default()
    };
    store.put_action_result(candidate.action, &action_result)?;
    Ok((candidate.action, action_result))
}

/// The candidate whose outputs these are: of the same form (relocated, or the user's own words) as what ran, with
/// diagnostics that everyone or only this user sees.
fn choose<'a>(result: &LocalResult<'a>) -> &'a Candidate {
    let silent = result.outcome.stdout.is_empty() && result.outcome.stderr.is_empty();
    let everyone = silent || result.base_presentation;
    let candidates = &result.remembered.candidates;
    let form = |candidate: &&Candidate| result.run.storable || candidate.paths == PathMap::identity();
    candidates
        .iter()
        .filter(form)
        .find(|candidate| everyone || !candidate.only_if_silent)
        .expect("there is a candidate for each form and presentation")
}

/// Copies one output into the store. `None` for an optional one that was not written.
fn keep(
    store: &DiskStore,
    cwd: &Path,
    output: &DeclaredOutput,
    paths: &PathMap,
) -> Result<Option<Digest>, NotAdmitted> {
    let path = cwd.join(&output.user_path);
    let file = match File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && output.optional => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(NotAdmitted::NoOutput(output.user_path.clone()));
        }
        opened => opened.at("open", &path)?,
    };
    if !file.metadata().at("examine", &path)?.is_file() {
        return Err(NotAdmitted::NoOutput(output.user_path.clone()));
    }
    let digest = if output.format.is_opaque() {
        store.put_file(&file)?
    } else {
        let own = std::fs::read(&path).at("read", &path)?;
        store.put_bytes(&outputs::relocate(&own, output.format, paths)?)?
    };
    Ok(Some(digest))
}

/// The manifest without what the run itself is to change: the content of files that it updates, and whether there is
/// something under the names that it writes.
fn without_own_changes(result: &LocalResult<'_>) -> Result<Manifest, NotAdmitted> {
    let mut updated = BTreeSet::new();
    let mut written = BTreeSet::new();
    for output in &result.remembered.outputs {
        let path = result.cwd.join(&output.user_path);
        let real = walk(Path::new("/"), &path).at("follow", &path)?.real;
        if output.updates {
            updated.insert(real.clone());
        }
        written.insert(real);
        if let (Some(dir), Some(name)) = (path.parent(), path.file_name()) {
            written.insert(walk(Path::new("/"), dir).at("follow", dir)?.real.join(name));
        }
    }
    Ok(result.manifest.apart_from(&updated, &written))
}

/// Every file that the compiler says it read must be one that was found before it ran.
fn check_depfile(result: &LocalResult<'_>) -> Result<(), NotAdmitted> {
    let declared = result
        .remembered
        .outputs
        .iter()
        .find(|output| output.kind == OutputKind::Depfile);
    let path = match (result.extra_depfile, declared) {
        (Some(path), _) => path.to_owned(),
        (None, Some(output)) => result.cwd.join(&output.user_path),
        (None, None) => return Ok(()),
    };
    let bytes = std::fs::read(&path).at("read", &path)?;
    let known: HashSet<&Path> = result.manifest.files().map(|file| file.path.as_path()).collect();
    let mut walker = Walker::new(result.cwd);
    let written = Depfile::parse(&bytes).map_err(depfile::BadDepfile::from)?;
    for spelled in written.dependencies() {
        let real = walker.walk(&spelled).at("follow", &spelled)?.real;
        if !known.contains(real.as_path()) && !is_empty_or_gone(&real) {
            return Err(NotAdmitted::Missed(spelled));
        }
    }
    Ok(())
}

/// `/dev/null` and its like are no inputs.
fn is_empty_or_gone(path: &Path) -> bool {
    FileId::of(path).is_ok_and(|id| id.kind() != crate::host::file_id::Kind::File)
}
