//! Follows a path as the kernel does, and tells what it went through.
//!
//! An input root must have every directory that is passed (`a/../b` needs `a`), and symbolic links stay links. So `..`
//! is never removed from the text: it is the parent of where the walk really is.
//!
//! Links of procfs (`/proc/self/fd/0`) lead to where their text cannot; such a walk ends as missing.

use super::file_id::{FileId, Kind};
use rustix::io::Errno;
use std::collections::{HashMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// As many links as the kernel follows for one path.
const MAX_LINKS: usize = 40;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A device, pipe or socket.
    Other,
    /// Nothing: the last component or one before it does not exist, or one before it is no directory.
    Missing,
}

/// One path, walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// The path as spelled, made absolute by putting the working directory before it; nothing else is changed.
    pub spelled_absolute: PathBuf,
    /// Where it really ends: absolute, no links, `.` or `..`. For [`End::Missing`] the first name that is not there.
    pub real: PathBuf,
    /// The links that were followed in order: where each really lies, and its target as it is written.
    pub links: Vec<(PathBuf, PathBuf)>,
    /// The directories that were passed, and the one it ends in; where they really lie, without `/`, each once.
    pub directories: Vec<PathBuf>,
    /// What is there.
    pub end: End,
}

/// Walks one path. Relative ones start at `cwd`, which is absolute.
pub fn walk(cwd: &Path, path: &Path) -> io::Result<Walk> {
    Walker::new(cwd).walk(path)
}

/// Walks many paths that share directories; looks at each directory and link once. It is for the length of one scan:
/// what changes meanwhile goes unnoticed.
pub struct Walker {
    cwd: PathBuf,
    /// What lies at a real path. Last components are left out, they rarely come again.
    entries: HashMap<PathBuf, Entry>,
    /// By the spelled path of a directory, how it was reached.
    reached: HashMap<PathBuf, Arc<Trail>>,
}

#[derive(Clone)]
enum Entry {
    Directory,
    Link(PathBuf),
    End(End),
}

/// How far a walk got.
#[derive(Clone, Default)]
struct Trail {
    real: PathBuf,
    links: Vec<(PathBuf, PathBuf)>,
    directories: Vec<PathBuf>,
}

/// A step of a walk.
enum Part {
    /// `..`
    Parent,
    /// `.`, or nothing between or after slashes: what is before it must be a directory.
    Here,
    /// Anything else.
    Name(OsString),
}

impl Walker {
    /// Relative paths will start at `cwd`, which is absolute.
    pub fn new(cwd: &Path) -> Self {
        Self {
            cwd: cwd.to_owned(),
            entries: HashMap::new(),
            reached: HashMap::new(),
        }
    }

    /// Walks one path. Fails where the kernel would fail otherwise than by finding nothing: no permission, too many
    /// links, a name that is too long.
    pub fn walk(&mut self, path: &Path) -> io::Result<Walk> {
        let spelled = self.cwd.join(path);
        if path.as_os_str().is_empty() {
            return Ok(finish(spelled, Trail::default(), End::Missing));
        }
        let bytes = spelled.as_os_str().as_bytes();
        let (mut trail, left) = match (spelled.parent(), spelled.file_name()) {
            // All but those that ask for a directory by a slash or dot at their end.
            (Some(parent), Some(name)) if bytes.ends_with(name.as_bytes()) => match self.directory(parent)? {
                Ok(trail) => ((*trail).clone(), VecDeque::from([Part::Name(name.to_owned())])),
                Err(walk) => {
                    return Ok(Walk {
                        spelled_absolute: spelled,
                        ..walk
                    });
                }
            },
            _ => (start(), parts(&spelled).collect()),
        };
        let end = self.follow(&mut trail, left)?;
        Ok(finish(spelled, trail, end))
    }

    /// The way to a directory; or, where there is none, the walk that shows it.
    fn directory(&mut self, spelled: &Path) -> io::Result<Result<Arc<Trail>, Walk>> {
        if let Some(trail) = self.reached.get(spelled) {
            return Ok(Ok(Arc::clone(trail)));
        }
        let mut trail = start();
        let end = self.follow(&mut trail, parts(spelled).chain([Part::Here]).collect())?;
        if end != End::Directory {
            return Ok(Err(finish(spelled.to_owned(), trail, End::Missing)));
        }
        let trail = Arc::new(trail);
        self.reached.insert(spelled.to_owned(), Arc::clone(&trail));
        Ok(Ok(trail))
    }

    /// Goes on from where the trail ends.
    fn follow(&mut self, trail: &mut Trail, mut left: VecDeque<Part>) -> io::Result<End> {
        while let Some(part) = left.pop_front() {
            let name = match part {
                Part::Here => continue,
                Part::Parent => {
                    trail.real.pop();
                    continue;
                }
                Part::Name(name) => name,
            };
            trail.real.push(name);
            let inner = !left.is_empty();
            match self.entry(&trail.real, inner)? {
                Entry::Directory => trail.pass(),
                Entry::Link(target) => {
                    if trail.links.len() == MAX_LINKS {
                        return Err(Errno::LOOP.into());
                    }
                    trail.links.push((trail.real.clone(), target.clone()));
                    trail.real.pop();
                    if target.is_absolute() {
                        trail.real = PathBuf::from("/");
                    }
                    left = parts(&target).chain(left).collect();
                }
                Entry::End(end) => return Ok(if inner { End::Missing } else { end }),
            }
        }
        Ok(End::Directory)
    }

    fn entry(&mut self, real: &Path, remember: bool) -> io::Result<Entry> {
        if let Some(entry) = self.entries.get(real) {
            return Ok(entry.clone());
        }
        let entry = match FileId::of_entry(real).map(|id| id.kind()) {
            Ok(Kind::Directory) => Entry::Directory,
            Ok(Kind::Link) => Entry::Link(std::fs::read_link(real)?),
            Ok(Kind::File) => Entry::End(End::File),
            Ok(Kind::Other) => Entry::End(End::Other),
            Err(error) if is_absence(&error) => Entry::End(End::Missing),
            Err(error) => return Err(error),
        };
        if remember {
            self.entries.insert(real.to_owned(), entry.clone());
        }
        Ok(entry)
    }
}

impl Trail {
    fn pass(&mut self) {
        if !self.directories.contains(&self.real) {
            self.directories.push(self.real.clone());
        }
    }
}

/// Whether the error says that nothing is there.
pub fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn start() -> Trail {
    Trail {
        real: PathBuf::from("/"),
        ..Trail::default()
    }
}

fn finish(spelled_absolute: PathBuf, trail: Trail, end: End) -> Walk {
    Walk {
        spelled_absolute,
        real: trail.real,
        links: trail.links,
        directories: trail.directories,
        end,
    }
}

fn parts(path: &Path) -> impl Iterator<Item = Part> {
    let names = path.as_os_str().as_bytes().split(|byte| *byte == b'/');
    names.map(|name| match name {
        b"" | b"." => Part::Here,
        b".." => Part::Parent,
        name => Part::Name(OsStr::from_bytes(name).to_owned()),
    })
}

#[cfg(test)]
mod tests;
