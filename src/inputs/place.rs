//! Walks paths as the kernel does and notes what the input root must hold so that the same walk succeeds on a worker:
//! every directory on the way, every symlink, the file at the end.

use super::Entry;
use crate::exec_path::ExecPath;
use crate::host::fs::{PathContext, PathError};
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The kernel follows at most this many symlinks for one path.
const LINK_LIMIT: u32 = 40;

/// A directory, on the way of a walk.
#[derive(Clone, Debug)]
struct Spot {
    /// Without symlinks.
    real: PathBuf,
    /// Where the input root has it; `None` outside of the exec root.
    inside: Option<ExecPath>,
    /// Whether `inside` is where a symlink out of the exec root is: the directory's content is copied there, and what
    /// `..` leads to is not what it leads to here.
    copied: bool,
    /// Outside: the path without `..`, symlinks kept where no `..` follows them.
    named: PathBuf,
}

/// The end of a walk.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// A regular file, at this place of the input root.
    Inside { at: ExecPath, real: PathBuf },
    /// A regular file outside of it. `astray`: the same walk would not lead there on a worker.
    Outside {
        named: PathBuf,
        real: PathBuf,
        astray: bool,
    },
    /// A directory, with its real path.
    Directory { real: PathBuf },
    /// Nothing, or no file and no directory.
    Missing,
}

enum Step {
    Directory(Spot),
    File { spot: Spot, real: PathBuf },
    Missing,
}

/// Collects entries along walks.
pub(super) struct Placer {
    root: PathBuf,
    pub(super) entries: BTreeMap<ExecPath, Entry>,
    pub(super) links: BTreeMap<PathBuf, PathBuf>,
    known: HashMap<PathBuf, (Spot, bool)>,
}

/// A name that cannot be in an input root, whose paths are UTF-8.
#[derive(Debug)]
pub(super) enum Unplaceable {
    NonUtf8(PathBuf),
    Path(PathError),
}

impl From<PathError> for Unplaceable {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

impl Placer {
    /// `root` is the exec root.
    pub(super) fn new(root: &Path) -> Result<Self, PathError> {
        Ok(Self {
            root: root.canonicalize().at("resolve", root)?,
            entries: BTreeMap::new(),
            links: BTreeMap::new(),
            known: HashMap::new(),
        })
    }

    /// Walks an absolute path.
    pub(super) fn walk(&mut self, path: &Path) -> Result<End, Unplaceable> {
        let (Some(parent), Some(Component::Normal(name))) = (path.parent(), path.components().next_back()) else {
            let (step, astray) = self.run(self.top(), path, 0)?;
            return Ok(end(step, astray));
        };
        // Many files lie in few directories.
        let (spot, astray) = match self.known.get(parent) {
            Some(known) => known.clone(),
            None => match self.run(self.top(), parent, 0)? {
                (Step::Directory(spot), astray) => {
                    self.known.insert(parent.to_owned(), (spot.clone(), astray));
                    (spot, astray)
                }
                _ => return Ok(End::Missing),
            },
        };
        let (step, more) = self.run(spot, Path::new(name), 0)?;
        Ok(end(step, astray || more))
    }

    fn top(&self) -> Spot {
        let real = PathBuf::from("/");
        Spot {
            named: real.clone(),
            inside: (self.root == real).then(ExecPath::root),
            real,
            copied: false,
        }
    }

    /// Walks from a directory. Also says whether the walk left a copied directory by `..`.
    fn run(&mut self, from: Spot, path: &Path, links: u32) -> Result<(Step, bool), Unplaceable> {
        let mut spot = if path.is_absolute() { self.top() } else { from };
        let mut astray = false;
        let mut components = path.components().peekable();
        while let Some(component) = components.next() {
            match component {
                Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
                Component::ParentDir => {
                    astray |= spot.copied;
                    let real = spot.real.parent().unwrap_or(Path::new("/")).to_owned();
                    spot = self.real_spot(real)?;
                }
                Component::Normal(name) => {
                    let (step, more) = self.enter(&spot, name, links)?;
                    astray |= more;
                    match step {
                        Step::Directory(next) => spot = next,
                        Step::File { .. } if components.peek().is_none() => return Ok((step, astray)),
                        Step::File { .. } | Step::Missing => return Ok((Step::Missing, astray)),
                    }
                }
            }
        }
        Ok((Step::Directory(spot), astray))
    }

    /// A directory by its real path.
    fn real_spot(&self, real: PathBuf) -> Result<Spot, Unplaceable> {
        let inside = match real.strip_prefix(&self.root) {
            Ok(below) => Some(exec_path(below)?),
            Err(_) => None,
        };
        Ok(Spot {
            named: real.clone(),
            real,
            inside,
            copied: false,
        })
    }

    fn enter(&mut self, spot: &Spot, name: &OsStr, links: u32) -> Result<(Step, bool), Unplaceable> {
        let real = spot.real.join(name);
        let meta = match fs::symlink_metadata(&real) {
            Ok(meta) => meta,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok((Step::Missing, false));
            }
            Err(source) => {
                let (verb, path) = ("look at", real);
                return Err(PathError { verb, path, source }.into());
            }
        };
        if meta.is_symlink() {
            return self.follow(spot, name, &real, links);
        }
        let next = Spot {
            inside: self.below(spot, name, &real)?,
            copied: spot.copied,
            named: spot.named.join(name),
            real: real.clone(),
        };
        if meta.is_dir() {
            if let Some(at) = next.inside.as_ref().filter(|at| !at.is_root()) {
                self.entries.entry(at.clone()).or_insert(Entry::Directory);
            }
            return Ok((Step::Directory(next), false));
        }
        let step = if meta.is_file() {
            Step::File { spot: next, real }
        } else {
            Step::Missing
        };
        Ok((step, false))
    }

    /// Where the input root has `name` of a directory.
    fn below(&self, spot: &Spot, name: &OsStr, real: &Path) -> Result<Option<ExecPath>, Unplaceable> {
        match &spot.inside {
            Some(dir) => Ok(Some(dir.join(&exec_path(Path::new(name))?))),
            None if real == self.root => Ok(Some(ExecPath::root())),
            None => Ok(None),
        }
    }

    /// A symlink. If it and its target are inside the exec root it is sent, with a target that does not leave the
    /// root on its way; if it leads out, what it leads to takes its place.
    fn follow(&mut self, spot: &Spot, name: &OsStr, link: &Path, links: u32) -> Result<(Step, bool), Unplaceable> {
        let target = fs::read_link(link).at("read the link", link)?;
        self.links.insert(link.to_owned(), target.clone());
        if links >= LINK_LIMIT {
            return Ok((Step::Missing, false));
        }
        let (step, astray) = self.run(spot.clone(), &target, links + 1)?;
        let Some(dir) = &spot.inside else {
            return Ok((renamed(step, spot.named.join(name)), astray));
        };
        let at = dir.join(&exec_path(Path::new(name))?);
        let (Step::Directory(reached) | Step::File { spot: reached, .. }) = &step else {
            return Ok((step, false));
        };
        if let Some(destination) = reached.inside.as_ref().filter(|_| !reached.copied && !spot.copied) {
            let target = if stays_inside(dir, &target) {
                text(&target)?.to_owned()
            } else {
                relative(dir, destination)
            };
            self.entries.insert(at, Entry::Symlink { target });
            return Ok((step, false));
        }
        let copy = Spot {
            inside: Some(at.clone()),
            copied: true,
            ..reached.clone()
        };
        let step = if let Step::File { real, .. } = step {
            Step::File { spot: copy, real }
        } else {
            self.entries.entry(at).or_insert(Entry::Directory);
            Step::Directory(copy)
        };
        Ok((step, false))
    }
}

/// Whether a target, read as text in the directory `dir`, never climbs above the exec root and never leaves a named
/// directory again: `name/..` is another directory if `name` is a link.
fn stays_inside(dir: &ExecPath, target: &Path) -> bool {
    let mut depth = dir.depth();
    let mut named = false;
    target.components().all(|component| match component {
        Component::ParentDir => {
            let stays = depth > 0 && !named;
            depth = depth.saturating_sub(1);
            stays
        }
        Component::Normal(_) => {
            named = true;
            true
        }
        Component::CurDir => true,
        Component::RootDir | Component::Prefix(_) => false,
    })
}

fn end(step: Step, astray: bool) -> End {
    match step {
        Step::Missing => End::Missing,
        Step::Directory(spot) => End::Directory { real: spot.real },
        Step::File { spot, real } => match spot.inside.filter(|_| !astray) {
            Some(at) => End::Inside { at, real },
            None => End::Outside {
                named: spot.named,
                real,
                astray,
            },
        },
    }
}

/// What was reached through a link outside keeps the name of the link.
fn renamed(step: Step, named: PathBuf) -> Step {
    match step {
        Step::Directory(spot) => Step::Directory(Spot { named, ..spot }),
        Step::File { spot, real } => Step::File {
            spot: Spot { named, ..spot },
            real,
        },
        Step::Missing => Step::Missing,
    }
}

fn text(path: &Path) -> Result<&str, Unplaceable> {
    path.to_str().ok_or_else(|| Unplaceable::NonUtf8(path.to_owned()))
}

fn exec_path(below: &Path) -> Result<ExecPath, Unplaceable> {
    let text = text(below)?;
    ExecPath::new(text).map_err(|_| Unplaceable::NonUtf8(below.to_owned()))
}

/// The way from one directory of the exec root to a path in it.
fn relative(from: &ExecPath, to: &ExecPath) -> String {
    let common = from
        .components()
        .zip(to.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = std::iter::repeat_n("..", from.depth() - common);
    let words: Vec<&str> = up.chain(to.components().skip(common)).collect();
    if words.is_empty() {
        ".".to_owned()
    } else {
        words.join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_between_two_places_is_relative() {
        let path = |text: &str| ExecPath::new(text).expect("path");
        for (from, to, expected) in [
            ("a/b", "a/c/x.h", "../c/x.h"),
            ("", "a/x.h", "a/x.h"),
            ("a", "", ".."),
            ("a", "a", "."),
        ] {
            assert_eq!(relative(&path(from), &path(to)), expected, "{from} → {to}");
        }
    }
}
