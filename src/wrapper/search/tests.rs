use super::*;
use std::os::unix::fs::symlink;
use std::process::Command;
use tempfile::TempDir;

/// A tree of directories with programs and wrappers, and a search over some of them.
struct Tree(TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        tree.script("install/rewrap-cc");
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn script(&self, name: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn link(&self, name: &str, target: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(self.path(target), path).unwrap();
    }

    fn search(&self, directories: &[&str]) -> Search {
        let path = std::env::join_paths(directories.iter().map(|name| self.path(name))).unwrap();
        Search::new(Some(path), InodeId::of(&self.path("install/rewrap-cc")).ok())
    }
}

#[test]
fn wrappers_of_ours_are_never_found() {
    let tree = Tree::new();
    tree.link("shims/gcc", "install/rewrap-cc");
    tree.link("chain/gcc", "shims/gcc");
    std::fs::create_dir(tree.path("hard")).unwrap();
    std::fs::hard_link(tree.path("install/rewrap-cc"), tree.path("hard/gcc")).unwrap();
    // Another build of rewrap, told by its name.
    tree.script("other/rewrap-c++");
    tree.link("foreign/gcc", "other/rewrap-c++");
    tree.script("usr/gcc");
    std::fs::create_dir_all(tree.path("directory/gcc")).unwrap();
    std::fs::create_dir(tree.path("plain")).unwrap();
    std::fs::write(tree.path("plain/gcc"), "").unwrap();

    let check = |directories: &[&str], expected: Found| {
        let search = tree.search(directories);
        assert_eq!(search.find(OsStr::new("gcc")), expected, "{directories:?}");
    };
    let real = || Found::Program(tree.path("usr/gcc"));
    check(&["usr"], real());
    check(&["shims", "usr"], real());
    check(&["chain", "shims", "hard", "foreign", "usr"], real());
    check(&["directory", "plain", "usr"], real());
    check(&["shims", "foreign"], Found::OnlyOurs);
    check(&["plain", "directory"], Found::NotExecutable(tree.path("plain/gcc")));
    check(&["shims", "plain"], Found::OnlyOurs);
    check(&["missing"], Found::Nothing);
}

#[test]
fn the_next_one_is_looked_for_behind_ours_first() {
    let tree = Tree::new();
    tree.link("shims/gcc", "install/rewrap-cc");
    tree.script("ccache/gcc");
    tree.script("usr/gcc");
    let check = |directories: &[&str], expected: &str| {
        let found = tree.search(directories).next_after_ours(OsStr::new("gcc"));
        assert_eq!(found, Found::Program(tree.path(expected)), "{directories:?}");
    };
    check(&["ccache", "shims", "usr"], "usr/gcc");
    check(&["shims", "ccache", "usr"], "ccache/gcc");
    check(&["usr", "shims"], "usr/gcc");
    check(&["usr"], "usr/gcc");
}

#[test]
fn a_tool_gets_a_path_without_shims() {
    let tree = Tree::new();
    tree.link("shims/gcc", "install/rewrap-cc");
    tree.link("shims/ld", "install/rewrap-cc");
    std::fs::write(tree.path("shims/.made-by"), "").unwrap();
    tree.link("mixed/gcc", "install/rewrap-cc");
    tree.script("mixed/other");
    tree.script("usr/gcc");
    std::fs::create_dir(tree.path("empty")).unwrap();
    let directories = ["shims", "usr", "mixed", "empty", "missing"];
    let check = |name: &str, nested: bool, expected: &[&str]| {
        let path = tree
            .search(&directories)
            .path_for_tool(OsStr::new(name), nested)
            .unwrap();
        let expected: Vec<PathBuf> = expected.iter().map(|name| tree.path(name)).collect();
        assert_eq!(
            std::env::split_paths(&path).collect::<Vec<_>>(),
            expected,
            "{name} {nested}"
        );
    };
    check("gcc", false, &["usr", "mixed", "empty", "missing"]);
    check("gcc", true, &["usr", "empty", "missing"]);
    check("other", true, &["usr", "mixed", "empty", "missing"]);
    assert_eq!(Search::new(None, None).path_for_tool(OsStr::new("gcc"), false), None);
}

#[test]
fn empty_entries_stay_what_they_are() {
    let search = Search::new(Some(":/usr/bin::/bin".into()), None);
    assert_eq!(
        search.path_for_tool(OsStr::new("gcc"), true),
        Some(":/usr/bin::/bin".into())
    );
}

#[test]
fn programs_are_told_from_libraries() {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("a.c");
    std::fs::write(&source, "int main(void) { return 0; }").unwrap();
    let build = |name: &str, options: &[&str]| {
        let output = directory.path().join(name);
        let status = Command::new("gcc")
            .arg(&source)
            .arg("-o")
            .arg(&output)
            .args(options)
            .status()
            .unwrap();
        assert!(status.success(), "{options:?}");
    };
    let check = |name: &str, expected: bool| {
        assert_eq!(is_program(&directory.path().join(name)).unwrap(), expected, "{name}");
    };
    for (name, options, expected) in [
        ("pie", &["-pie", "-fPIE"][..], true),
        ("no-pie", &["-no-pie"], true),
        ("static", &["-static"], true),
        ("static-pie", &["-static-pie", "-fPIE"], true),
        ("lib.so", &["-shared", "-fPIC"], false),
        (
            "lib-with-soname.so",
            &["-shared", "-fPIC", "-Wl,-soname,lib.so.1"],
            false,
        ),
        ("a.o", &["-c"], false),
    ] {
        build(name, options);
        check(name, expected);
    }
    for (name, content, expected) in [
        ("script", "#!/bin/sh\n", true),
        ("text", "int x;\n", false),
        ("none", "", false),
        ("torn", "\x7fELF", false),
    ] {
        std::fs::write(directory.path().join(name), content).unwrap();
        check(name, expected);
    }
    // The C library is a library although it can be run.
    let libc = Command::new("gcc")
        .arg("-print-file-name=libc.so.6")
        .output()
        .unwrap()
        .stdout;
    let libc = String::from_utf8(libc).unwrap();
    assert!(!is_program(Path::new(libc.trim())).unwrap());
}
