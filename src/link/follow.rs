//! Following linker scripts to the files that they name.

use super::LinkFailure;
use super::plan::LinkPlan;
use super::resolve::{Resolver, missing};
use super::script::{self, Command};
use crate::command::link::{Flavour, LinkItem, LinkState};
use crate::scan::Found;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Scripts may include scripts; more than this is a loop (GNU ld's own limit is lower).
const SCRIPT_DEPTH: u32 = 64;

/// Whether `-l` in a script that is named may take archives only. Where on the line that begins and ends decides, but
/// not in the same way for all linkers.
pub(super) fn kinds_of_libraries(plan: &LinkPlan) -> Vec<bool> {
    const STATIC: [&str; 6] = ["Bstatic", "static", "dn", "non_shared", "r", "relocatable"];
    let mut words = plan.line.iter();
    let may_be_static = words.any(|word| {
        let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
        word.starts_with('@') || name.is_some_and(|name| STATIC.contains(&name))
    });
    if may_be_static { vec![false, true] } else { vec![false] }
}

impl Resolver<'_> {
    /// Follows all that it names.
    pub(super) fn script(&mut self, path: &Path, depth: u32) -> Result<(), LinkFailure> {
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
            let mut found = false;
            for static_only in self.static_only.clone() {
                let state = LinkState {
                    static_only,
                    ..LinkState::default()
                };
                match self.library(library, state, depth) {
                    Err(LinkFailure::Missing { .. }) => {}
                    other => found |= other.map(|()| true)?,
                }
            }
            return found.then_some(()).ok_or_else(|| missing(name));
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
}
