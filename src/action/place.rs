//! Where a step stands: exec root and working directory, and how both are named on a worker.

use crate::exec_path::ExecPath;
use std::fmt::Write as _;
use std::path::Path;

/// The directory of the input root that holds [`ROOT_NAME`]. Its only purpose is its length, 200 characters: gcc
/// records the real path of a system header where that is shorter than the spelled one, and on a worker the real path
/// would name the worker's directory. With this in it, it never is the shorter one.
pub const FILLER: &str = concat!(
    "rewrap____________________________________________",
    "__________________________________________________",
    "__________________________________________________",
    "__________________________________________________",
);

/// The exec root's name in the input root. No user spells `../_rw/`, so what we wrote can be told from what they wrote.
pub const ROOT_NAME: &str = "_rw";

/// The name of the exec root in outputs of `paths = portable`.
pub const PORTABLE_ROOT: &str = "/_rw";

/// Exec root and working directory of a step, as the compiler here names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    exec_root: String,
    cwd: String,
    cwd_rel: ExecPath,
}

/// Two directories that cannot be exec root and working directory of a step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPlace {
    /// The protocol's strings are UTF-8.
    #[error("cannot use `{0}` as a directory of an action: not UTF-8")]
    NotUtf8(String),
    /// Relative, or with `.`, `..`, empty components or a slash at the end.
    #[error("cannot use `{0}` as a directory of an action: not an absolute path in normal form")]
    NotNormal(String),
    /// The file system's root as exec root.
    #[error("cannot use `/` as the exec root")]
    FileSystemRoot,
    /// The working directory lies elsewhere.
    #[error("cannot use `{exec_root}` as the exec root: `{cwd}` is not in it")]
    Outside {
        /// The exec root.
        exec_root: String,
        /// The working directory.
        cwd: String,
    },
}

impl Place {
    /// `cwd` is the name that compilers record: the value of `PWD` where that names the working directory, else its
    /// real path. `exec_root` is spelled the same way: a prefix of `cwd`.
    pub fn new(exec_root: &Path, cwd: &Path) -> Result<Self, BadPlace> {
        let exec_root = normal(exec_root)?;
        let cwd = normal(cwd)?;
        if exec_root == "/" {
            return Err(BadPlace::FileSystemRoot);
        }
        let Some(below) = inside(&exec_root, &cwd) else {
            return Err(BadPlace::Outside { exec_root, cwd });
        };
        let cwd_rel = ExecPath::new(below.trim_start_matches('/')).expect("a suffix of a normal path is normal");
        Ok(Self {
            exec_root,
            cwd,
            cwd_rel,
        })
    }

    /// The exec root, absolute; `X` in the comments of this module.
    pub fn exec_root(&self) -> &str {
        &self.exec_root
    }

    /// The working directory, absolute; `C` in the comments of this module.
    pub fn cwd(&self) -> &str {
        &self.cwd
    }

    /// How an action names the exec root; `P` in the comments of this module. It climbs out of the exec root and comes
    /// back through [`ROOT_NAME`], which no path of the user's does.
    pub fn relocated_root(&self) -> String {
        format!("{}{ROOT_NAME}", "../".repeat(self.cwd_rel.depth() + 1))
    }

    /// The directory of the input root that stands for the exec root.
    pub fn input_prefix() -> ExecPath {
        ExecPath::new(format!("{FILLER}/{ROOT_NAME}")).expect("two normal components")
    }

    /// The action's working directory.
    pub fn working_directory(&self) -> ExecPath {
        Self::input_prefix().join(&self.cwd_rel)
    }

    /// The working directory below another name of the exec root.
    pub(super) fn cwd_below(&self, root: &str) -> String {
        if self.cwd_rel.is_root() {
            root.to_owned()
        } else {
            format!("{root}/{}", self.cwd_rel)
        }
    }

    /// Where a path of the user's leads, told from its text alone.
    pub(super) fn locate(&self, spelled: &str) -> Location {
        if !spelled.starts_with('/') {
            return locate_below(&self.cwd_rel, spelled);
        }
        if let Some(below) = inside(&self.exec_root, spelled) {
            return locate_below(&ExecPath::root(), below);
        }
        let plain = normalised(spelled);
        if inside(&self.exec_root, &plain).is_some() {
            Location::OtherSpelling
        } else if inside(&plain, &self.exec_root).is_some() {
            Location::Above
        } else {
            Location::Outside
        }
    }

    /// A path of the input root as seen from the working directory: the form of `output_paths`.
    pub(super) fn relative(&self, path: &ExecPath) -> String {
        let common = self
            .cwd_rel
            .components()
            .zip(path.components())
            .take_while(|(a, b)| a == b)
            .count();
        let mut text = "../".repeat(self.cwd_rel.depth() - common);
        for (at, name) in path.components().skip(common).enumerate() {
            let slash = if at == 0 { "" } else { "/" };
            write!(text, "{slash}{name}").expect("writing to a String cannot fail");
        }
        text
    }

    /// The absolute path that a spelling means, without `.` and `..`; symbolic links are not looked at.
    pub(super) fn absolute(&self, spelled: &str) -> String {
        if spelled.starts_with('/') {
            normalised(spelled)
        } else {
            normalised(&format!("{}/{spelled}", self.cwd))
        }
    }
}

/// Where a spelling leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// Into the exec root, never leaving it on the way.
    Inside {
        /// The path itself.
        path: ExecPath,
        /// The directories that the kernel goes through, the path itself last (unless the spelling ends in `..`).
        walked: Vec<ExecPath>,
    },
    /// Begins inside and leaves by `..`, whether or not it comes back.
    ClimbsOut,
    /// Leads inside, by a text that does not begin with the exec root.
    OtherSpelling,
    /// A directory above the exec root.
    Above,
    /// Elsewhere.
    Outside,
}

/// Where `below` leads from a directory inside.
fn locate_below(start: &ExecPath, below: &str) -> Location {
    let mut at: Vec<&str> = start.components().collect();
    let mut walked = Vec::new();
    for name in below.split('/').filter(|name| !name.is_empty() && *name != ".") {
        if name == ".." {
            if at.pop().is_none() {
                return Location::ClimbsOut;
            }
        } else {
            at.push(name);
            walked.push(exec_path(&at));
        }
    }
    Location::Inside {
        path: exec_path(&at),
        walked,
    }
}

/// What follows `root` in `path`: empty or beginning with a slash. `None` if `path` is not in `root`.
pub(super) fn inside<'a>(root: &str, path: &'a str) -> Option<&'a str> {
    if root == "/" {
        return path.starts_with('/').then_some(path);
    }
    path.strip_prefix(root)
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// An absolute path without `.`, `..` and empty components, by its text.
pub(super) fn normalised(path: &str) -> String {
    let mut names = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            _ => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}

fn exec_path(names: &[&str]) -> ExecPath {
    ExecPath::new(names.join("/")).expect("components of a path without `.` and `..`")
}

fn normal(path: &Path) -> Result<String, BadPlace> {
    let Some(text) = path.to_str() else {
        return Err(BadPlace::NotUtf8(path.display().to_string()));
    };
    if text.starts_with('/') && normalised(text) == text && !text.contains('\0') {
        Ok(text.to_owned())
    } else {
        Err(BadPlace::NotNormal(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(exec_root: &str, cwd: &str) -> Place {
        Place::new(Path::new(exec_root), Path::new(cwd)).expect("place")
    }

    #[test]
    fn the_filler_is_as_long_as_gcc_needs_it() {
        assert_eq!(FILLER.len(), 200);
        assert!(!FILLER.contains('='), "it stands in a prefix map");
    }

    #[test]
    fn the_relocated_root_leaves_the_exec_root_and_comes_back() {
        assert_eq!(place("/h/p", "/h/p").relocated_root(), "../_rw");
        assert_eq!(place("/h/p", "/h/p/build").relocated_root(), "../../_rw");
        assert_eq!(place("/h/p", "/h/p/a/b").relocated_root(), "../../../_rw");
    }

    #[test]
    fn only_a_normal_root_with_the_cwd_in_it_is_a_place() {
        for (exec_root, cwd) in [
            ("/", "/a"),
            ("a", "a/b"),
            ("/a/", "/a/b"),
            ("/a/../b", "/b"),
            ("/a", "/ab"),
            ("/a/b", "/a"),
        ] {
            assert!(
                Place::new(Path::new(exec_root), Path::new(cwd)).is_err(),
                "{exec_root} {cwd}"
            );
        }
    }

    #[test]
    fn spellings_are_told_apart() {
        #[track_caller]
        fn check(spelled: &str, expected: &str) {
            let found = match place("/h/p", "/h/p/build").locate(spelled) {
                Location::Inside { path, .. } => format!("inside {path}"),
                other => format!("{other:?}"),
            };
            assert_eq!(found, expected, "{spelled}");
        }
        check("a.c", "inside build/a.c");
        check("../src/./a.c", "inside src/a.c");
        check("sub/../../src//a.c", "inside src/a.c");
        check("..", "inside ");
        check("../..", "ClimbsOut");
        check("../../p/src/a.c", "ClimbsOut");
        check("/h/p", "inside ");
        check("/h/p//src/../x", "inside x");
        check("/h/p/../p/x", "ClimbsOut");
        check("/h//p/x", "OtherSpelling");
        check("/h/q/../p/x", "OtherSpelling");
        check("/h/p2/x", "Outside");
        check("/usr/include", "Outside");
        check("/h", "Above");
        check("/h/p2/..", "Above");
        check("/", "Above");
    }

    #[test]
    fn output_paths_are_relative_to_the_working_directory() {
        let place = place("/h/p", "/h/p/build/x");
        for (path, expected) in [
            ("build/x/a.o", "a.o"),
            ("build/x/sub/a.o", "sub/a.o"),
            ("build/a.o", "../a.o"),
            ("out/a.o", "../../out/a.o"),
        ] {
            assert_eq!(place.relative(&ExecPath::new(path).expect("path")), expected);
        }
    }
}
