//! From a scan and a command to the set of inputs.

use super::place::{End, Placer, Unplaceable};
use super::{Entry, InputSet, OutsideFile, profiles};
use crate::command::{Chain, CompileCommand, Family, PieceRole, Role, Stage, ToolCommand};
use crate::digest::Digest;
use crate::host::fs::{PathContext, PathError};
use crate::observation::{Names, Observation};
use crate::scan::{Found, Scan, ScannedFile};
use crate::toolchain::{FileDigests, Toolchain};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Directories that distributions leave to the administrator: below `/usr`, and not part of an installed system.
const NOT_INSTALLED: [&str; 2] = ["/usr/local", "/usr/src"];

/// What the loader is set up with, which GNU ld reads to find needed libraries: every system has its own, and like all
/// that counts as present they are compared before anything runs there.
const LOADER_CONFIGURATION: [&str; 2] = ["/etc/ld.so.conf", "/etc/ld.so.conf.d"];

/// The directories of a step.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// Where it runs; absolute.
    pub cwd: &'a Path,
    /// What is sent to a worker lies in it; absolute, contains `cwd`.
    pub exec_root: &'a Path,
    /// What counts as present on a worker. `/usr` does not stand for `/usr/local` and `/usr/src`: they are named or
    /// do not count.
    pub worker_roots: &'a [PathBuf],
}

/// Why the inputs of a step cannot be collected. The step runs here, without an Action.
#[derive(Debug, thiserror::Error)]
pub enum InputsFailure {
    /// A file could not be read.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The names of an input root are UTF-8.
    #[error("cannot name `{}` in an input root: it is not UTF-8", path.display())]
    NonUtf8 {
        /// The path or a part of it.
        path: PathBuf,
    },
    /// The compiler will fail to write there.
    #[error("cannot write into `{}`: it does not exist", path.display())]
    NoOutputDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// An option names a directory where a file is read: nobody knows which files in it.
    #[error("cannot tell what is read in the directory `{}`", path.display())]
    DirectoryInput {
        /// The directory.
        path: PathBuf,
    },
}

impl From<Unplaceable> for InputsFailure {
    fn from(failure: Unplaceable) -> Self {
        match failure {
            Unplaceable::NonUtf8(path) => Self::NonUtf8 { path },
            Unplaceable::Path(error) => Self::Path(error),
        }
    }
}

/// Puts everything together that the step reads: what the scan found, what options name, every directory and link on
/// the way there, and the directories that the compiler looks into or writes to. The same for the same command and
/// file system.
pub fn collect(
    command: &CompileCommand,
    scan: &Scan,
    toolchain: &Toolchain,
    places: Places<'_>,
    digests: &dyn FileDigests,
) -> Result<InputSet, InputsFailure> {
    let mut collection = Collection::begin(scan, toolchain, places, digests)?;
    collection.named_by_options(command, places.cwd)?;
    let secondary = command.secondary.iter().map(|output| output.path.as_str());
    let depfile = command.depfile.iter().map(|depfile| depfile.path.as_str());
    let outputs = std::iter::once(command.output.as_str()).chain(depfile).chain(secondary);
    collection.written_to(outputs, places.cwd)?;
    Ok(InputSet {
        times: times(command, scan)?,
        ..collection.end(scan)?
    })
}

/// The same for a step that is no compile.
pub fn collect_tool(
    command: &ToolCommand,
    scan: &Scan,
    toolchain: &Toolchain,
    places: Places<'_>,
    digests: &dyn FileDigests,
) -> Result<InputSet, InputsFailure> {
    let mut collection = Collection::begin(scan, toolchain, places, digests)?;
    let named = |role| command.with_role(role).filter(|value: &&str| !value.is_empty());
    for dir in named(PieceRole::SearchDir).chain(named(PieceRole::ToolDir)) {
        // `=dir` is below the sysroot; where that leads the scan has seen.
        if !dir.starts_with(['=', '$']) {
            collection.directory(&places.cwd.join(dir))?;
        }
    }
    for file in named(PieceRole::Input) {
        collection.option_file(&places.cwd.join(file))?;
    }
    collection.written_to(command.outputs.iter().map(|output| output.path.as_str()), places.cwd)?;
    collection.end(scan)
}

/// clang's precompiled headers hold the modification times of all headers in them, and their users check them. Who says
/// `-fno-pch-timestamp` wants neither: a step that uses such a header rests on contents alone, as the one that made it.
fn times(command: &CompileCommand, scan: &Scan) -> Result<BTreeMap<String, i64>, InputsFailure> {
    let mut times = BTreeMap::new();
    let says = |text: &str| {
        let mut args = command.args.iter();
        args.any(|arg| arg.name == text || arg.tail == text || arg.value.as_deref() == Some(text))
    };
    let makes = command.stage == Stage::PrecompiledHeader;
    let uses = says("-include-pch") || scan.files.iter().any(|file| file.found == Found::Precompiled);
    if command.family != Family::Clang || !(makes || uses) || says("-fno-pch-timestamp") {
        return Ok(times);
    }
    for file in scan.files.iter().filter(|file| file.found != Found::Precompiled) {
        let seen = file.path.metadata().at("look at", &file.path)?;
        let path = file.path.to_str().ok_or_else(|| InputsFailure::NonUtf8 {
            path: file.path.clone(),
        })?;
        times.insert(path.to_owned(), seen.mtime());
    }
    Ok(times)
}

struct Collection<'a> {
    placer: Placer,
    /// Directories whose files a worker has.
    present: Vec<PathBuf>,
    outside: BTreeMap<PathBuf, OutsideFile>,
    observed: Observation,
    real_dirs: BTreeMap<String, PathBuf>,
    /// Files that are read once, by content: where they would lie on a worker, and their path here.
    once: BTreeMap<Digest, (PathBuf, PathBuf)>,
    once_alias: Option<(PathBuf, PathBuf)>,
    digests: &'a dyn FileDigests,
}

impl<'a> Collection<'a> {
    /// With everything that the scan found.
    fn begin(
        scan: &Scan,
        toolchain: &Toolchain,
        places: Places<'_>,
        digests: &'a dyn FileDigests,
    ) -> Result<Self, InputsFailure> {
        let mut collection = Collection {
            placer: Placer::new(places.exec_root)?,
            present: present(toolchain, places),
            outside: BTreeMap::new(),
            observed: scan.observed.clone(),
            real_dirs: BTreeMap::new(),
            once: BTreeMap::new(),
            once_alias: None,
            digests,
        };
        collection.directory(places.cwd)?;
        for dir in &scan.search_dirs {
            collection.directory(dir)?;
        }
        for file in &scan.files {
            collection.scanned(file)?;
        }
        Ok(collection)
    }

    fn end(mut self, scan: &Scan) -> Result<InputSet, InputsFailure> {
        for path in &scan.passed_over {
            self.passed_over(path)?;
        }
        self.observed.links.append(&mut self.placer.links);
        self.observed.present.extend(scan.passed_over.iter().cloned());
        Ok(InputSet {
            entries: self.placer.entries,
            outside: self.outside.into_values().collect(),
            observed: self.observed,
            real_dirs: self.real_dirs,
            once_alias: self.once_alias,
            times: BTreeMap::new(),
        })
    }

    fn scanned(&mut self, file: &ScannedFile) -> Result<(), InputsFailure> {
        let end = self.placer.walk(&file.path)?;
        let place = self.file(&file.path, file.digest, end)?;
        if file.once && matches!(file.found, Found::Listed | Found::Spelled) {
            self.read_once(file.digest, &place, &file.path);
        }
        Ok(())
    }

    /// Takes a file in; says where a worker will have it, in a way that tells different places apart.
    fn file(&mut self, path: &Path, digest: Digest, end: End) -> Result<PathBuf, InputsFailure> {
        self.observed.files.insert(path.to_owned(), digest);
        match end {
            End::Inside { at, real } => {
                let place = PathBuf::from(at.as_str());
                self.placer.entries.insert(at, Entry::File { digest, host: real });
                Ok(place)
            }
            End::Outside { named, real, astray } => {
                if named.to_str().is_none() {
                    return Err(InputsFailure::NonUtf8 { path: named });
                }
                let on_worker = !astray && (self.is_present(&named) || self.is_present(&real));
                let file = OutsideFile {
                    path: named.clone(),
                    digest,
                    on_worker,
                };
                // Once astray, always astray.
                let known = self.outside.entry(named).or_insert(file);
                known.on_worker &= on_worker;
                Ok(real)
            }
            // It was read a moment ago.
            End::Directory { .. } | End::Missing => {
                let source = std::io::Error::from(std::io::ErrorKind::NotFound);
                Err(source).at("find", path).map_err(InputsFailure::Path)
            }
        }
    }

    fn is_present(&self, path: &Path) -> bool {
        self.present.iter().any(|root| counts(root, path))
    }

    /// Two places with one content, of a file that is read once: on a worker, equal content may be one file, and
    /// modification times tell nothing.
    fn read_once(&mut self, digest: Digest, place: &Path, path: &Path) {
        let first = || (place.to_owned(), path.to_owned());
        let (known, first) = self.once.entry(digest).or_insert_with(first);
        if *known != place && self.once_alias.is_none() {
            self.once_alias = Some((first.clone(), path.to_owned()));
        }
    }

    fn passed_over(&mut self, path: &Path) -> Result<(), InputsFailure> {
        if self.once.is_empty() {
            return Ok(());
        }
        let size = path.metadata().at("look at", path)?.len();
        if !self.once.keys().any(|digest| digest.size() == size) {
            return Ok(());
        }
        let digest = self.digests.digest(path)?;
        if self.once.contains_key(&digest) {
            self.read_once(digest, path, path);
        }
        Ok(())
    }

    /// A directory that has to be there. `None` if it is not.
    fn directory(&mut self, path: &Path) -> Result<Option<PathBuf>, InputsFailure> {
        if let End::Directory { real } = self.placer.walk(path)? {
            return Ok(Some(real));
        }
        self.observed.absent.insert(path.to_owned());
        Ok(None)
    }

    fn named_by_options(&mut self, command: &CompileCommand, cwd: &Path) -> Result<(), InputsFailure> {
        for path in profiles::files(command, cwd) {
            self.option_file(&path)?;
        }
        for dir in profiles::directories(command, cwd) {
            self.profiles_in(&dir)?;
        }
        for arg in &command.args {
            let Some(value) = arg.value.as_deref().filter(|value| !value.is_empty()) else {
                continue;
            };
            let path = cwd.join(value);
            match arg.role {
                // `=dir` is below the sysroot; the compiler has stated where that is.
                Role::SearchDir(_) if value.starts_with(['=', '$']) => {}
                Role::SearchDir(chain) => {
                    let real = self.directory(&path)?;
                    let system = matches!(chain, Chain::System | Chain::After);
                    if let Some(real) = real.filter(|_| system) {
                        self.real_dirs.insert(value.to_owned(), real);
                    }
                }
                Role::ToolDir => {
                    self.directory(&path)?;
                }
                Role::Input => self.option_file(&path)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// All gcc profiles in a directory: which of them is taken depends on names that gcc makes.
    fn profiles_in(&mut self, dir: &Path) -> Result<(), InputsFailure> {
        if self.directory(dir)?.is_none() {
            return Ok(());
        }
        self.observed.directories.insert(dir.to_owned(), Names::All);
        let entries = std::fs::read_dir(dir).at("list", dir)?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "gcda") && path.is_file());
        paths.sort();
        paths.iter().try_for_each(|path| self.option_file(path))
    }

    /// A file that may be missing: the compiler then says so, here as there.
    fn option_file(&mut self, path: &Path) -> Result<(), InputsFailure> {
        match self.placer.walk(path)? {
            End::Directory { .. } => Err(InputsFailure::DirectoryInput { path: path.to_owned() }),
            End::Missing => {
                if let (Some(dir), Some(name)) = (path.parent(), path.file_name()) {
                    self.look_for(dir, name.as_bytes());
                }
                Ok(())
            }
            end => {
                let digest = self.digests.digest(path)?;
                self.file(path, digest, end).map(drop)
            }
        }
    }

    fn look_for(&mut self, dir: &Path, name: &[u8]) {
        if !dir.is_dir() {
            self.observed.absent.insert(dir.to_owned());
            return;
        }
        let names = self.observed.directories.entry(dir.to_owned());
        if let Names::These(names) = names.or_insert_with(|| Names::These([].into())) {
            names.insert(name.to_owned());
        }
    }

    fn written_to<'p>(&mut self, outputs: impl Iterator<Item = &'p str>, cwd: &Path) -> Result<(), InputsFailure> {
        for output in outputs {
            let path = cwd.join(output);
            let dir = path.parent().unwrap_or(cwd);
            if self.directory(dir)?.is_none() {
                return Err(InputsFailure::NoOutputDirectory { path: dir.to_owned() });
            }
        }
        Ok(())
    }
}

fn present(toolchain: &Toolchain, places: Places<'_>) -> Vec<PathBuf> {
    let real = |dir: &PathBuf| places.cwd.join(dir).canonicalize().ok();
    let built_in = toolchain.include_dirs.iter().filter_map(real);
    let configuration = LOADER_CONFIGURATION.iter().map(PathBuf::from);
    let roots = places.worker_roots.iter().cloned();
    built_in.chain(roots).chain(configuration).collect()
}

pub(super) fn counts(root: &Path, path: &Path) -> bool {
    let left_out = |dir: &&str| path.starts_with(dir) && !root.starts_with(dir);
    path.starts_with(root) && !NOT_INSTALLED.iter().any(left_out)
}
