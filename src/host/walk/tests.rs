use super::*;
use proptest::prelude::*;
use std::os::unix::fs::symlink;
use tempfile::TempDir;

/// A tree from a list: `name/` a directory, `name>target` a link, anything else a file.
fn tree(entries: &[&str]) -> TempDir {
    // Real, so that tests can name what lies in it.
    let dir = TempDir::new_in(std::env::temp_dir().canonicalize().expect("temporary directory")).expect("directory");
    for entry in entries {
        let made = match (entry.split_once('>'), entry.strip_suffix('/')) {
            (Some((name, target)), _) => symlink(target, dir.path().join(name)),
            (None, Some(name)) => std::fs::create_dir(dir.path().join(name)),
            (None, None) => std::fs::write(dir.path().join(entry), entry),
        };
        made.expect("entry");
    }
    dir
}

const TREE: &[&str] = &[
    "a/",
    "a/sub/",
    "a/sub/deep/",
    "b/",
    "b/r.h",
    "f",
    "lnk>a/sub",
    "to-file>b/r.h",
    "nowhere>gone/x",
    "self>self",
    "chain>lnk",
    "slash>f/",
    "up>a/../b",
    "a/sub/r.h",
];

/// Walks from the tree's root; all results relative to it.
fn check(path: &str, end: End, real: &str, directories: &[&str], links: &[(&str, &str)]) {
    let dir = tree(TREE);
    let walk = walk(dir.path(), Path::new(path)).expect("walk");
    let at = |name: &str| {
        if name.is_empty() {
            dir.path().to_owned()
        } else {
            dir.path().join(name)
        }
    };
    assert_eq!(walk.spelled_absolute, dir.path().join(path));
    assert_eq!(walk.end, end, "{path}");
    assert_eq!(walk.real, at(real), "{path}");
    let inside = walk.directories.iter().filter(|passed| passed.starts_with(dir.path()));
    let inside: Vec<_> = inside.skip(1).cloned().collect();
    assert_eq!(
        inside,
        directories.iter().copied().map(at).collect::<Vec<_>>(),
        "{path}"
    );
    let links: Vec<_> = links
        .iter()
        .map(|(name, target)| (at(name), PathBuf::from(target)))
        .collect();
    assert_eq!(walk.links, links, "{path}");
}

#[test]
fn a_walk_tells_what_it_passed() {
    check("f", End::File, "f", &[], &[]);
    check("a/sub", End::Directory, "a/sub", &["a", "a/sub"], &[]);
    check("a/sub/", End::Directory, "a/sub", &["a", "a/sub"], &[]);
    check(".", End::Directory, "", &[], &[]);
    check("a/../b/./r.h", End::File, "b/r.h", &["a", "b"], &[]);
    check("gone/../b/r.h", End::Missing, "gone", &[], &[]);
    check("f/../b/r.h", End::Missing, "f", &[], &[]);
    check("a/none", End::Missing, "a/none", &["a"], &[]);
}

#[test]
fn two_dots_lead_to_the_parent_of_where_a_link_led() {
    check(
        "lnk/../sub/r.h",
        End::File,
        "a/sub/r.h",
        &["a", "a/sub"],
        &[("lnk", "a/sub")],
    );
    check(
        "lnk/../../b",
        End::Directory,
        "b",
        &["a", "a/sub", "b"],
        &[("lnk", "a/sub")],
    );
    check("up/r.h", End::File, "b/r.h", &["a", "b"], &[("up", "a/../b")]);
}

#[test]
fn links_are_followed_to_the_end() {
    check("to-file", End::File, "b/r.h", &["b"], &[("to-file", "b/r.h")]);
    check(
        "chain/deep",
        End::Directory,
        "a/sub/deep",
        &["a", "a/sub", "a/sub/deep"],
        &[("chain", "lnk"), ("lnk", "a/sub")],
    );
    check("nowhere", End::Missing, "gone", &[], &[("nowhere", "gone/x")]);
    check("slash", End::Missing, "f", &[], &[("slash", "f/")]);
}

#[test]
fn a_slash_at_the_end_asks_for_a_directory() {
    check("f/", End::Missing, "f", &[], &[]);
    check("f/.", End::Missing, "f", &[], &[]);
    check("to-file/", End::Missing, "b/r.h", &["b"], &[("to-file", "b/r.h")]);
    check("lnk/", End::Directory, "a/sub", &["a", "a/sub"], &[("lnk", "a/sub")]);
}

#[test]
fn a_loop_of_links_ends() {
    let dir = tree(TREE);
    let error = walk(dir.path(), Path::new("self/x")).expect_err("loop");
    assert_eq!(error.raw_os_error(), Some(Errno::LOOP.raw_os_error()));
}

#[test]
fn an_empty_path_is_nothing_and_a_device_is_neither_file_nor_directory() {
    let end = |path| walk(Path::new("/"), Path::new(path)).expect("walk").end;
    assert_eq!(end(""), End::Missing);
    assert_eq!(end("/"), End::Directory);
    assert_eq!(end("/.."), End::Directory);
    assert_eq!(end("/dev/null"), End::Other);
}

fn names() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c", "..", "."]);
    (prop::collection::vec(name, 1..6), any::<bool>())
        .prop_map(|(parts, slash)| parts.join("/") + if slash { "/" } else { "" })
}

proptest! {
    #[test]
    fn a_walk_ends_where_the_kernel_does(
        links in prop::collection::vec((names(), names(), any::<bool>()), 0..8),
        paths in prop::collection::vec(names(), 1..20),
    ) {
        let dir = tree(&["a/", "a/b/", "a/b/c", "c/", "c/a/", "c/a/a/"]);
        for (at, target, absolute) in &links {
            let target = if *absolute { dir.path().join(target) } else { PathBuf::from(target) };
            // Names that are taken or lie nowhere leave the tree as it is.
            let _made = symlink(target, dir.path().join(at));
        }
        let mut walker = Walker::new(dir.path());
        for path in paths {
            let spelled = dir.path().join(&path);
            let walked = walker.walk(Path::new(&path));
            match std::fs::metadata(&spelled) {
                Ok(found) => {
                    let walked = walked.expect("walk");
                    let end = if found.is_dir() { End::Directory } else { End::File };
                    prop_assert_eq!(walked.end, end, "{}", path);
                    prop_assert_eq!(walked.real, spelled.canonicalize().expect("real path"), "{}", path);
                }
                Err(error) if is_absence(&error) => prop_assert_eq!(walked.expect("walk").end, End::Missing, "{}", path),
                Err(error) => prop_assert_eq!(walked.expect_err("error").kind(), error.kind(), "{}", path),
            }
        }
    }
}
