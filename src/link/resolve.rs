//! From a linker's command line to the files that it opens.

use super::content::{Content, Kind, sniff};
use super::directories::Directories;
use super::plan::LinkPlan;
use super::script::{self, Command};
use super::{LinkFailure, LinkTraits};
use crate::command::link::{Flavour, LinkItem, LinkLine, LinkState};
use crate::scan::{Found, Scan, ScannedFile};
use crate::toolchain::elf::Dynamic;
use crate::toolchain::{Environment, FileDigests};
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Scripts may include scripts; more than this is a loop (GNU ld's own limit is lower).
const SCRIPT_DEPTH: u32 = 64;

/// All that a link reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The files, in the order in which they were met, with everything that was looked at on the way.
    pub scan: Scan,
    /// What matters to relocation.
    pub traits: LinkTraits,
}

/// A shared library that was linked with.
pub(super) struct Loaded {
    pub(super) path: PathBuf,
    pub(super) dynamic: Dynamic,
}

/// Follows every word of the line. `cwd` is absolute, `env` the step's.
pub fn resolve(
    line: &LinkLine,
    plan: &LinkPlan,
    cwd: &Path,
    env: &Environment,
    digests: &dyn FileDigests,
) -> Result<Resolved, LinkFailure> {
    let mut resolver = Resolver {
        line,
        digests,
        directories: Directories::new(line, &plan.search_dirs, cwd),
        files: Vec::new(),
        met: HashMap::new(),
        kind: line.emulation.as_deref().and_then(kind_of_emulation),
        loaded: Vec::new(),
        rpath: line.rpath.clone(),
        run_paths: Vec::new(),
        lto: false,
        without_soname: BTreeSet::new(),
        named_in_text: Vec::new(),
    };
    for item in &line.items {
        resolver.item(item)?;
    }
    resolver.start_files(plan);
    let run_path = env.get("LD_RUN_PATH").and_then(OsStr::to_str).unwrap_or_default();
    let run_path: Vec<String> = run_path
        .split(':')
        .filter(|_| !run_path.is_empty())
        .map(str::to_owned)
        .collect();
    if line.flavour == Flavour::Bfd {
        resolver.needed(&run_path, env)?;
    }
    let mut rpath = resolver.rpath;
    if rpath.is_empty() {
        rpath = run_path;
    }
    rpath.extend(resolver.run_paths);
    let (search_dirs, observed) = resolver.directories.into_parts();
    Ok(Resolved {
        scan: Scan {
            files: resolver.files,
            search_dirs,
            passed_over: Vec::new(),
            observed,
            date_or_time: None,
            timestamp: None,
            named_absolutely: Vec::new(),
        },
        traits: LinkTraits {
            flavour: line.flavour,
            driver: plan.driver,
            rpath,
            lto: resolver.lto,
            without_soname: resolver.without_soname.into_iter().collect(),
            named_in_text: resolver.named_in_text,
        },
    })
}

/// Class and ELF machine of the emulations that are common; others are taken from the first object.
fn kind_of_emulation(name: &str) -> Option<Kind> {
    use object::elf::{EM_386, EM_AARCH64, EM_ARM, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64};
    Some(match name {
        "elf_x86_64" => (true, EM_X86_64),
        "elf32_x86_64" => (false, EM_X86_64),
        "elf_i386" => (false, EM_386),
        "aarch64linux" => (true, EM_AARCH64),
        "armelf_linux_eabi" => (false, EM_ARM),
        "elf64lppc" | "elf64ppc" => (true, EM_PPC64),
        "elf64lriscv" => (true, EM_RISCV),
        "elf64_s390" => (true, EM_S390),
        _ => return None,
    })
}

pub(super) struct Resolver<'a> {
    line: &'a LinkLine,
    digests: &'a dyn FileDigests,
    pub(super) directories: Directories,
    files: Vec<ScannedFile>,
    /// What each file was, by path; `None` if that did not matter.
    met: HashMap<PathBuf, Option<Kind>>,
    /// That of the output, once it is known.
    pub(super) kind: Option<Kind>,
    pub(super) loaded: Vec<Loaded>,
    pub(super) rpath: Vec<String>,
    /// Absolute ones of shared libraries, by which others were found.
    pub(super) run_paths: Vec<String>,
    lto: bool,
    without_soname: BTreeSet<String>,
    named_in_text: Vec<(PathBuf, PathBuf)>,
}

impl Resolver<'_> {
    fn item(&mut self, item: &LinkItem) -> Result<(), LinkFailure> {
        match item {
            LinkItem::File(name, state) => self.operand(name, *state),
            LinkItem::Library(name, state) => self.library(name, *state, 0),
            LinkItem::Script(name) => {
                let path = self.along_directories(name)?;
                self.script(&path, 0)
            }
            LinkItem::Plain(name) => {
                let path = self.along_directories(name)?;
                self.note(&path, Found::Operand)
            }
            // A program of the toolchain.
            LinkItem::Plugin(_) => Ok(()),
        }
    }

    fn operand(&mut self, name: &str, state: LinkState) -> Result<(), LinkFailure> {
        let plain = self.directories.cwd().join(name);
        let path = if plain.exists() {
            plain
        } else {
            self.directories.expanded(name)
        };
        if state.just_symbols && path.is_dir() {
            self.rpath.push(name.to_owned());
            return Ok(());
        }
        if !path.is_file() {
            return Err(missing(name));
        }
        if state.raw {
            return self.note(&path, Found::Operand);
        }
        self.input(&path, Found::Operand, Some(name), 0).map(drop)
    }

    /// A file that is taken as it is named, else from the directories of libraries.
    fn along_directories(&mut self, name: &str) -> Result<PathBuf, LinkFailure> {
        if let Some(path) = self.directories.in_cwd(name) {
            return Ok(path);
        }
        let dirs = self.directories.for_libraries();
        let mut hits = dirs
            .iter()
            .filter_map(|(dir, _)| self.directories.file(dir, OsStr::new(name)));
        hits.next().ok_or_else(|| missing(name))
    }

    /// `-l`.
    fn library(&mut self, name: &str, state: LinkState, depth: u32) -> Result<(), LinkFailure> {
        let names = match name.strip_prefix(':') {
            Some(exact) => vec![exact.to_owned()],
            None if state.static_only => vec![format!("lib{name}.a")],
            None => vec![format!("lib{name}.so"), format!("lib{name}.a")],
        };
        let mut found = false;
        for (dir, ends) in self.directories.for_libraries() {
            for name in &names {
                let Some(path) = self.directories.file(&dir, OsStr::new(name)) else {
                    continue;
                };
                let fits = self.input(&path, Found::Searched, None, depth)?;
                found |= fits;
                if fits && ends {
                    return Ok(());
                }
            }
        }
        found.then_some(()).ok_or_else(|| missing(&format!("-l{name}")))
    }

    /// Takes a file in by what it holds. `spelled` is what a shared library without a soname would be called by.
    /// Returns whether a search ends with it.
    fn input(&mut self, path: &Path, found: Found, spelled: Option<&str>, depth: u32) -> Result<bool, LinkFailure> {
        if let Some(kind) = self.met.get(path) {
            return Ok(self.fits(*kind));
        }
        let content = sniff(path)?;
        self.note(path, found)?;
        let kind = match content {
            Content::Object { kind, lto } => {
                self.lto |= lto;
                self.kind.get_or_insert(kind);
                Some(kind)
            }
            Content::Archive { kind, lto } => {
                self.lto |= lto;
                kind
            }
            Content::Shared(dynamic) => {
                let kind = dynamic.kind;
                if let Some(spelled) = spelled.filter(|_| dynamic.soname.is_none()) {
                    self.without_soname.insert(spelled.to_owned());
                }
                if self.fits(Some(kind)) {
                    let path = path.to_owned();
                    self.loaded.push(Loaded { path, dynamic });
                }
                Some(kind)
            }
            Content::Bitcode => {
                self.lto = true;
                None
            }
            Content::Thin(members) => {
                self.members(path, &members)?;
                None
            }
            Content::Text => {
                self.script(path, depth)?;
                None
            }
            Content::Unknown => {
                return Err(LinkFailure::Strange {
                    path: path.to_owned(),
                    what: "no object, archive, library or text",
                });
            }
        };
        self.met.insert(path.to_owned(), kind);
        Ok(self.fits(kind))
    }

    /// lld takes what it finds; the others pass over libraries for another machine.
    pub(super) fn line(&self) -> &LinkLine {
        self.line
    }

    pub(super) fn fits(&self, kind: Option<Kind>) -> bool {
        let other = matches!((self.kind, kind), (Some(ours), Some(theirs)) if ours != theirs);
        !other || self.line.flavour == Flavour::Lld
    }

    /// A file that is read.
    pub(super) fn note(&mut self, path: &Path, found: Found) -> Result<(), LinkFailure> {
        if self.met.insert(path.to_owned(), None).is_none() {
            self.files.push(ScannedFile {
                path: path.to_owned(),
                digest: self.digests.digest(path)?,
                found,
                once: false,
            });
        }
        Ok(())
    }

    /// Members are named from the archive's directory.
    fn members(&mut self, archive: &Path, members: &[Vec<u8>]) -> Result<(), LinkFailure> {
        let dir = archive.parent().unwrap_or(Path::new("/")).to_owned();
        for member in members {
            let name = Path::new(OsStr::from_bytes(member));
            if name.is_absolute() {
                self.names_absolutely(archive, name);
            }
            let path = dir.join(name);
            if !path.is_file() {
                return Err(missing(&name.to_string_lossy()));
            }
            self.input(&path, Found::Member, None, 0)?;
        }
        Ok(())
    }

    pub(super) fn names_absolutely(&mut self, by: &Path, path: &Path) {
        if !self.named_in_text.iter().any(|(known, _)| known == by) {
            self.named_in_text.push((by.to_owned(), path.to_owned()));
        }
    }

    fn script(&mut self, path: &Path, depth: u32) -> Result<(), LinkFailure> {
        let strange = |what| LinkFailure::Strange {
            path: path.to_owned(),
            what,
        };
        if depth > SCRIPT_DEPTH {
            return Err(strange("scripts that include one another"));
        }
        self.note(path, Found::Operand)?;
        let bytes = self.digests.bytes(path)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| strange("text that is not UTF-8"))?;
        let commands = script::commands(text).map_err(|reason| strange(reason.0))?;
        for command in &commands {
            match command {
                Command::SearchDir(dir) => {
                    if dir.starts_with('/') {
                        self.names_absolutely(path, Path::new(dir));
                    }
                    self.directories.add_scripted(dir);
                }
                Command::Include(name) => {
                    let included = self.along_directories(name)?;
                    self.script(&included, depth + 1)?;
                }
                Command::Input(name) => self.scripted(path, name, depth + 1)?,
                // The other linkers take it for a pattern.
                Command::Section(name) => {
                    let named = |item: &LinkItem| matches!(item, LinkItem::File(other, _) if other == name);
                    if self.line.flavour == Flavour::Bfd && !self.line.items.iter().any(named) {
                        self.scripted(path, name, depth + 1)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A file that a script names. The linkers differ in whether its directory or the cwd comes first.
    fn scripted(&mut self, script: &Path, name: &str, depth: u32) -> Result<(), LinkFailure> {
        if let Some(library) = name.strip_prefix("-l") {
            let state = LinkState {
                static_only: self.is_static(),
                ..LinkState::default()
            };
            return self.library(library, state, depth);
        }
        if name.starts_with('=') || name.starts_with("$SYSROOT") {
            let path = self.directories.expanded(name);
            return self.input(&path, Found::Scripted, Some(name), depth).map(drop);
        }
        if Path::new(name).is_absolute() {
            return self.scripted_absolutely(script, name, depth);
        }
        let beside = script.parent().unwrap_or(Path::new("/")).to_owned();
        let hits = [
            self.directories.file(&beside, OsStr::new(name)),
            self.directories.in_cwd(name),
        ];
        let hits: BTreeSet<PathBuf> = hits.into_iter().flatten().collect();
        for path in &hits {
            self.input(path, Found::Scripted, Some(name), depth)?;
        }
        // Older ones of mold do not look beside the script.
        let looks_on = self.line.flavour == Flavour::Mold && self.searchable(name);
        if hits.is_empty() || looks_on {
            return self.library(&format!(":{name}"), LinkState::default(), depth);
        }
        Ok(())
    }

    /// Whether a directory of libraries has a file of this name.
    fn searchable(&mut self, name: &str) -> bool {
        let dirs = self.directories.for_libraries();
        dirs.iter()
            .any(|(dir, _)| self.directories.file(dir, OsStr::new(name)).is_some())
    }

    fn scripted_absolutely(&mut self, script: &Path, name: &str, depth: u32) -> Result<(), LinkFailure> {
        let plain = Path::new(name);
        self.names_absolutely(script, plain);
        let below = self
            .directories
            .below_sysroot(plain)
            .filter(|_| self.directories.is_in_sysroot(script));
        // The linkers differ in what they do if it is not there.
        let root = Path::new("/");
        let below = below.and_then(|path| self.directories.file(root, path.as_os_str()));
        let path = below.or_else(|| self.directories.file(root, plain.as_os_str()));
        let path = path.ok_or_else(|| missing(name))?;
        self.input(&path, Found::Scripted, Some(name), depth).map(drop)
    }

    /// Whether every `-l` of the line is for archives; where the state changes along the line, scripts of both kinds
    /// of libraries are rare, and a shared library is read besides.
    fn is_static(&self) -> bool {
        let mut states = self.line.items.iter().filter_map(|item| match item {
            LinkItem::Library(_, state) | LinkItem::File(_, state) => Some(state.static_only),
            _ => None,
        });
        states.clone().count() > 0 && states.all(|is_static| is_static)
    }

    /// The driver takes its own files from the first directory that has them: there may come to be an earlier one.
    fn start_files(&mut self, plan: &LinkPlan) {
        let dirs = self.directories.named().to_vec();
        for item in &self.line.items {
            let LinkItem::File(name, _) = item else { continue };
            let own = plan.driver.is_some() && plan.added.contains(name);
            if let Some(file) = Path::new(name).file_name().filter(|_| own) {
                for dir in &dirs {
                    self.directories.file(dir, file);
                }
            }
        }
    }
}

fn missing(name: &str) -> LinkFailure {
    LinkFailure::Missing { name: name.to_owned() }
}
