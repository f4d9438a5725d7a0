//! Which directory of this machine becomes the input root of a step.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the step's tree is rooted, and how that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecRoot {
    /// This directory; it contains the cwd.
    At(PathBuf),
    /// There is none that may be sent: the nearest one that holds everything is this directory, which is never made
    /// the exec root by itself (`/`, the home directory, the temporary directory, one of a toolchain).
    TooWide(PathBuf),
}

/// What the user or the project said about it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints<'a> {
    /// The setting `exec_root`.
    pub setting: Option<&'a Path>,
    /// The directory of the nearest `rewrap.toml`.
    pub project: Option<&'a Path>,
    /// The user's home directory.
    pub home: Option<&'a Path>,
}

/// The exec root of a step that runs in `cwd` (absolute, without `.` and `..`).
///
/// The setting; else the directory of the nearest `rewrap.toml`; else the source directory in the nearest
/// `CMakeCache.txt`; else the git root; else the top of an unpacked project (the line of directories upward that hold
/// build files); else the cwd. Widened to contain the cwd, so that a build directory beside the source directory works.
pub fn find(cwd: &Path, hints: Hints<'_>) -> ExecRoot {
    let start = hints
        .setting
        .or(hints.project)
        .map(Path::to_owned)
        .or_else(|| cmake_source(cwd))
        .or_else(|| git_root(cwd))
        .or_else(|| build_files_top(cwd, hints.home))
        .unwrap_or_else(|| cwd.to_owned());
    let root = common_ancestor(&start, cwd);
    // The setting may name any directory but `/` and those of the toolchain: whoever writes it means it.
    let asked_for = hints.setting == Some(root.as_path());
    let forbidden = root == Path::new("/")
        || is_toolchain_dir(&root)
        || (!asked_for && (hints.home == Some(root.as_path()) || is_shared_dir(&root)));
    if forbidden {
        ExecRoot::TooWide(root)
    } else {
        ExecRoot::At(root)
    }
}

fn common_ancestor(one: &Path, other: &Path) -> PathBuf {
    one.components()
        .zip(other.components())
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a)
        .collect()
}

/// Directories that everyone writes into.
fn is_shared_dir(dir: &Path) -> bool {
    ["/tmp", "/var/tmp", "/home", "/var", "/dev/shm"]
        .iter()
        .any(|shared| dir == Path::new(shared))
}

/// Directories that belong to the system's toolchains, whose headers count as present on the worker.
fn is_toolchain_dir(dir: &Path) -> bool {
    const ROOTS: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/opt"];
    const DEEP: &[&str] = &[
        "/usr/bin",
        "/usr/lib",
        "/usr/lib64",
        "/usr/include",
        "/usr/libexec",
        "/usr/share",
        "/usr/local",
    ];
    ROOTS.iter().chain(DEEP).any(|root| dir == Path::new(root))
}

/// `CMAKE_HOME_DIRECTORY` of the nearest `CMakeCache.txt`, upward from the cwd.
fn cmake_source(cwd: &Path) -> Option<PathBuf> {
    let cache = cwd
        .ancestors()
        .map(|dir| dir.join("CMakeCache.txt"))
        .find(|cache| cache.is_file())?;
    // An unreadable or odd cache is as good as none: the next rule applies.
    let text = fs::read(cache).ok()?;
    text.split(|byte| *byte == b'\n').find_map(|line| {
        let value = line.strip_prefix(b"CMAKE_HOME_DIRECTORY:INTERNAL=")?;
        let source = PathBuf::from(std::str::from_utf8(value).ok()?);
        source.is_absolute().then_some(source)
    })
}

/// The nearest directory upward that holds `.git` (a directory, or a file in worktrees and submodules).
fn git_root(cwd: &Path) -> Option<PathBuf> {
    cwd.ancestors()
        .find(|dir| dir.join(".git").exists())
        .map(Path::to_owned)
}

/// Files that the directories of a project hold, from its top down to where it is built.
const BUILD_FILES: &[&str] = &[
    "configure.ac",
    "configure",
    "Makefile.am",
    "Makefile.in",
    "Makefile",
    "makefile",
    "GNUmakefile",
    "CMakeLists.txt",
    "meson.build",
    "build.ninja",
];

/// The topmost of the unbroken line of directories upward from the cwd that hold a build file: the top of an unpacked
/// release, which has no repository. Never one that everyone writes into, nor the home directory.
fn build_files_top(cwd: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let holds_build_file = |dir: &&Path| BUILD_FILES.iter().any(|name| dir.join(name).exists());
    let is_nobodys = |dir: &&Path| *dir != Path::new("/") && !is_shared_dir(dir) && home != Some(*dir);
    let line = cwd.ancestors().take_while(holds_build_file).take_while(is_nobodys);
    line.last().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_apply_in_order_and_the_root_contains_the_cwd() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let top = dir.path().canonicalize().expect("real path");
        let (source, build) = (top.join("src/proj"), top.join("src/build"));
        for each in [&source, &build] {
            fs::create_dir_all(each).expect("directory");
        }
        assert_eq!(
            find(&build, Hints::default()),
            ExecRoot::At(build.clone()),
            "nothing but the cwd"
        );
        fs::write(build.join("Makefile"), "").expect("file");
        fs::write(top.join("src/configure"), "").expect("file");
        assert_eq!(
            find(&build, Hints::default()),
            ExecRoot::At(top.join("src")),
            "build files"
        );
        fs::create_dir(top.join(".git")).expect("directory");
        assert_eq!(find(&build, Hints::default()), ExecRoot::At(top.clone()), "git root");
        let cache = format!("//x\nCMAKE_HOME_DIRECTORY:INTERNAL={}\n", source.display());
        fs::write(build.join("CMakeCache.txt"), cache).expect("cache");
        assert_eq!(
            find(&build, Hints::default()),
            ExecRoot::At(top.join("src")),
            "source, widened to the cwd"
        );
        let project = Hints {
            project: Some(&source),
            ..Hints::default()
        };
        assert_eq!(find(&source, project), ExecRoot::At(source.clone()), "rewrap.toml");
        let setting = Hints {
            setting: Some(&top),
            ..Hints::default()
        };
        assert_eq!(find(&source, setting), ExecRoot::At(top.clone()), "setting");
    }

    #[test]
    fn directories_that_hold_everything_are_refused() {
        let home = Path::new("/home/u");
        let hints = Hints {
            home: Some(home),
            ..Hints::default()
        };
        for wide in ["/", "/tmp", "/home", "/usr", "/usr/include", "/home/u"] {
            assert_eq!(find(Path::new(wide), hints), ExecRoot::TooWide(wide.into()));
        }
        let asked = Hints {
            setting: Some(home),
            ..hints
        };
        assert_eq!(
            find(&home.join("x"), asked),
            ExecRoot::At(home.into()),
            "asked for by name"
        );
        let root = Hints {
            setting: Some(Path::new("/")),
            ..hints
        };
        assert_eq!(find(home, root), ExecRoot::TooWide("/".into()));
    }
}
