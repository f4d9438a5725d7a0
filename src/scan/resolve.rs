//! From names to files: the lookups of the preprocessor and the assembler, over lists that the compiler stated.

use super::file_facts::{FileFacts, Form, Mention, Use};
use super::look::{End, Look};
use crate::observation::Observation;
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Directories in search order, absolute as walked.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    /// For `"name"` only, before `angled`.
    pub(super) quote: Vec<PathBuf>,
    /// For both forms.
    pub(super) angled: Vec<PathBuf>,
    /// For `#embed`.
    pub(super) embed: Vec<PathBuf>,
    /// For `.include` and `.incbin`, the cwd included. The compilers differ in which of the search directories their
    /// assemblers take, so every hit in any of them counts.
    pub(super) assembler: Vec<PathBuf>,
}

/// Files that mentions led to.
#[derive(Debug, Default)]
pub(super) struct Hits {
    /// By `#include` in any branch.
    pub(super) included: BTreeSet<PathBuf>,
    /// Read or asked for without being included.
    pub(super) tested: BTreeSet<PathBuf>,
    /// `#embed`.
    pub(super) embedded: BTreeSet<PathBuf>,
    /// Precompiled headers that may be taken.
    pub(super) precompiled: BTreeSet<PathBuf>,
    /// `.include`: to be lexed too.
    pub(super) assembled: BTreeSet<PathBuf>,
}

pub(super) struct Resolver {
    look: Look,
    lists: Lists,
    quoted: HashMap<Box<[u8]>, Option<PathBuf>>,
    angled: HashMap<Box<[u8]>, Option<PathBuf>>,
    /// A precompiled header that is not taken: its real directory and name.
    left_out: Option<PathBuf>,
    pub(super) hits: Hits,
}

impl Resolver {
    pub(super) fn new(mut lists: Lists, absent: &[PathBuf]) -> Self {
        let mut look = Look::default();
        for dir in absent {
            look.search(dir);
        }
        for list in [
            &mut lists.quote,
            &mut lists.angled,
            &mut lists.embed,
            &mut lists.assembler,
        ] {
            list.retain(|dir| look.search(dir));
        }
        Self {
            look,
            lists,
            quoted: HashMap::new(),
            angled: HashMap::new(),
            left_out: None,
            hits: Hits::default(),
        }
    }

    /// The preprocessor's directories, quote list first.
    pub(super) fn search_dirs(&self) -> impl Iterator<Item = &PathBuf> {
        self.lists.quote.iter().chain(&self.lists.angled)
    }

    pub(super) fn into_parts(self) -> (Hits, Observation) {
        (self.hits, self.look.into_observation())
    }

    /// Follows everything that the file at `path` mentions.
    pub(super) fn file(&mut self, path: &Path, facts: &FileFacts) {
        let beside = path.parent().unwrap_or(Path::new("/"));
        for mention in &facts.mentions {
            self.mention(mention, beside);
        }
    }

    /// Follows only what the assembler reads.
    pub(super) fn assembler_mentions(&mut self, facts: &FileFacts) {
        for mention in &facts.mentions {
            if matches!(mention.used, Use::AsmInclude | Use::AsmBinary) {
                self.mention(mention, Path::new("/"));
            }
        }
    }

    fn mention(&mut self, mention: &Mention, beside: &Path) {
        let name = &mention.name;
        let beside = (mention.form == Form::Quote).then_some(beside);
        match mention.used {
            Use::Include => {
                let hit = self.first(name, beside);
                self.hits.included.extend(hit);
            }
            Use::Test | Use::Dependency => {
                let hit = self.first(name, beside);
                self.hits.tested.extend(hit);
            }
            // Where the search continues depends on how the file itself was found, and the compilers differ: every
            // hit counts.
            Use::IncludeNext => {
                let hits = self.every(name, beside, &self.chain());
                self.hits.included.extend(hits);
            }
            Use::TestNext => {
                let hits = self.every(name, beside, &self.chain());
                self.hits.tested.extend(hits);
            }
            Use::Embed => {
                let dirs = self.lists.embed.clone();
                let hits = self.every(name, beside, &dirs);
                self.hits.embedded.extend(hits);
            }
            Use::AsmBinary | Use::AsmInclude => {
                let dirs = self.lists.assembler.clone();
                let hits = self.every(name, None, &dirs);
                if mention.used == Use::AsmInclude {
                    self.hits.assembled.extend(hits);
                } else {
                    self.hits.tested.extend(hits);
                }
            }
        }
    }

    fn chain(&self) -> Vec<PathBuf> {
        self.search_dirs().cloned().collect()
    }

    /// The file that an `#include` of this name finds.
    pub(super) fn first(&mut self, name: &[u8], beside: Option<&Path>) -> Option<PathBuf> {
        if name.starts_with(b"/") {
            return self.hit(Path::new("/"), name);
        }
        let Some(beside) = beside else {
            return self.first_angled(name);
        };
        if let Some(found) = self.hit(beside, name) {
            return Some(found);
        }
        if let Some(known) = self.quoted.get(name) {
            return known.clone();
        }
        let dirs = self.lists.quote.clone();
        let found = dirs
            .iter()
            .find_map(|dir| self.hit(dir, name))
            .or_else(|| self.first_angled(name));
        self.quoted.insert(name.into(), found.clone());
        found
    }

    fn first_angled(&mut self, name: &[u8]) -> Option<PathBuf> {
        if let Some(known) = self.angled.get(name) {
            return known.clone();
        }
        let look = &mut self.look;
        let found = self.lists.angled.iter().find_map(|dir| hit(look, dir, name));
        self.angled.insert(name.into(), found.clone());
        found
    }

    fn every(&mut self, name: &[u8], beside: Option<&Path>, dirs: &[PathBuf]) -> Vec<PathBuf> {
        if name.starts_with(b"/") {
            return self.hit(Path::new("/"), name).into_iter().collect();
        }
        let beside = beside.map(Path::to_owned);
        beside
            .iter()
            .chain(dirs)
            .filter_map(|dir| self.hit(dir, name))
            .collect()
    }

    fn hit(&mut self, dir: &Path, name: &[u8]) -> Option<PathBuf> {
        hit(&mut self.look, dir, name)
    }

    /// This file is not taken for a precompiled header.
    pub(super) fn leave_out(&mut self, path: &Path) {
        self.left_out = place(path);
    }

    /// Adds the precompiled headers that an include of this name may take: `name` with one of the suffixes, a file or all
    /// files of a directory, in each directory up to the one where `name` itself is.
    pub(super) fn precompiled(&mut self, name: &[u8], beside: Option<&Path>, suffixes: &[&str]) {
        let quote: &[PathBuf] = if beside.is_some() { &self.lists.quote } else { &[] };
        let beside = beside.map(Path::to_owned);
        let mut dirs: Vec<PathBuf> = beside.iter().chain(quote).chain(&self.lists.angled).cloned().collect();
        if name.starts_with(b"/") {
            dirs = vec![PathBuf::from("/")];
        }
        for dir in &dirs {
            for suffix in suffixes {
                let candidate = [name, suffix.as_bytes()].concat();
                let path = dir.join(OsStr::from_bytes(&candidate));
                if self.left_out.is_some() && place(&path) == self.left_out {
                    continue;
                }
                match self.look.at(dir, &candidate) {
                    End::File => drop(self.hits.precompiled.insert(path)),
                    End::Directory => self.hits.precompiled.extend(self.look.files_in(&path)),
                    End::Nothing => {}
                }
            }
            if self.look.at(dir, name) == End::File {
                break;
            }
        }
    }

    /// Notes what a computed `#include` in the file at `path` looked for. Its operand is not in the text, but what it
    /// found is in the compiler's list, and a path there is a directory and the operand. If a listed path begins with
    /// none of the directories, every name in all of them counts.
    pub(super) fn computed(&mut self, path: &Path, listed: &[PathBuf]) {
        let beside = path.parent().unwrap_or(Path::new("/")).to_owned();
        let dirs: Vec<PathBuf> = [&beside].into_iter().chain(self.search_dirs()).cloned().collect();
        let real: Vec<PathBuf> = dirs.iter().filter_map(|dir| dir.canonicalize().ok()).collect();
        let mut unexplained = false;
        for found in listed {
            let mut explained = self.hits.included.contains(found);
            for dir in dirs.iter().chain(&real) {
                if let Ok(operand) = found.strip_prefix(dir) {
                    explained = true;
                    let operand = operand.as_os_str().as_bytes().to_owned();
                    self.first(&operand, Some(&beside));
                    self.first(&operand, None);
                }
            }
            unexplained |= !explained;
        }
        if unexplained {
            for dir in &dirs {
                self.look.all_names(dir);
            }
        }
    }
}

/// The real directory of a path that may lead nowhere, and its name.
fn place(path: &Path) -> Option<PathBuf> {
    Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?))
}

fn hit(look: &mut Look, dir: &Path, name: &[u8]) -> Option<PathBuf> {
    (look.at(dir, name) == End::File).then(|| dir.join(OsStr::from_bytes(name)))
}
