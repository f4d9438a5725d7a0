//! Trees on disk, and what of them goes into an input root.

use super::*;
use crate::command::{Arg, Chain, CompileCommand, Family, Form, Language, Role, Stage};
use crate::observation::Names;
use crate::scan::{Found, Scan, ScannedFile};
use crate::toolchain::tests::Disk;
use crate::toolchain::{FileDigests, Toolchain};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

struct Tree(TempDir);

impl Tree {
    /// `path` is a directory with a `/` at its end, `path -> target` a link, and any other a file that holds its name.
    fn new(lines: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        for line in lines {
            let (name, target) = line
                .split_once(" -> ")
                .map_or((*line, None), |(name, to)| (name, Some(to)));
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("parent")).expect("directory");
            let absolute = |to: &str| to.replace("TREE", dir.path().to_str().expect("UTF-8"));
            match target {
                Some(to) => symlink(absolute(to), &path).expect("link"),
                None if name.ends_with('/') => fs::create_dir_all(&path).expect("directory"),
                None => fs::write(&path, name).expect("file"),
            }
        }
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn collect(&self, files: &[&str], args: &[Arg], once: bool) -> Result<InputSet, InputsFailure> {
        let scanned = |name: &&str| {
            let path = self.path("x").join(name);
            ScannedFile {
                digest: Disk.digest(&path).expect("file"),
                found: Found::Listed,
                once,
                path,
            }
        };
        let scan = Scan {
            files: files.iter().map(scanned).collect(),
            search_dirs: vec![],
            passed_over: vec![],
            observed: Observation::default(),
            named_absolutely: vec![],
            date_or_time: None,
            timestamp: None,
        };
        let places = Places {
            cwd: &self.path("x"),
            exec_root: &self.path("x"),
            worker_roots: &[self.path("usr")],
        };
        collect(&command(args), &scan, &toolchain(), places, &Disk)
    }
}

fn command(args: &[Arg]) -> CompileCommand {
    CompileCommand {
        family: Family::Gcc,
        stage: Stage::Object,
        language: Language::C,
        args: args.to_vec(),
        source: "a.c".to_owned(),
        output: "a.o".to_owned(),
        secondary: vec![],
        depfile: None,
        response_files: vec![],
    }
}

fn arg(name: &str, value: &str, role: Role) -> Arg {
    Arg {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        form: Form::Separate,
        role,
        tail: String::new(),
    }
}

fn toolchain() -> Toolchain {
    Toolchain {
        driver: PathBuf::new(),
        driver_real: PathBuf::new(),
        family: Family::Gcc,
        version: (12, 2, 0),
        target: String::new(),
        files: vec![],
        facts: Digest::empty(),
        include_dirs: vec![],
        library_path_matters: false,
    }
}

/// `name`, `name/`, `name -> target`; `name = content` where the content is not its own name.
fn shown(inputs: &InputSet) -> Vec<String> {
    let show = |(path, entry): (&ExecPath, &Entry)| match entry {
        Entry::Directory => format!("{path}/"),
        Entry::Symlink { target } => format!("{path} -> {target}"),
        Entry::File { host, .. } => {
            let content = fs::read_to_string(host).expect("file");
            if content == format!("x/{path}") {
                path.to_string()
            } else {
                format!("{path} = {content}")
            }
        }
    };
    inputs.entries.iter().map(show).collect()
}

fn outside(tree: &Tree, inputs: &InputSet) -> Vec<String> {
    let show = |file: &OutsideFile| {
        let path = file.path.strip_prefix(tree.0.path()).expect("in the tree").display();
        format!("{path} {}", if file.on_worker { "there" } else { "here" })
    };
    inputs.outside.iter().map(show).collect()
}

#[test]
fn every_directory_and_link_on_the_way_is_an_input() {
    let check = |lines: &[&str], files: &[&str], expected: &[&str]| {
        let tree = Tree::new(lines);
        let inputs = tree.collect(files, &[], false).expect("inputs");
        assert_eq!(shown(&inputs), expected, "{lines:?} {files:?}");
        assert_eq!(outside(&tree, &inputs), Vec::<String>::new(), "{lines:?} {files:?}");
        for file in files {
            assert!(inputs.observed.files.contains_key(&tree.path("x").join(file)), "{file}");
        }
    };
    check(&["x/a.h", "x/sub/"], &["sub/../a.h"], &["a.h", "sub/"]);
    check(
        &["x/real/sub/", "x/real/r.h", "x/lnk -> real/sub"],
        &["lnk/../r.h"],
        &["lnk -> real/sub", "real/", "real/r.h", "real/sub/"],
    );
    check(
        &["x/d2/real.h", "x/d1/l.h -> ../d2/real.h"],
        &["d1/l.h"],
        &["d1/", "d1/l.h -> ../d2/real.h", "d2/", "d2/real.h"],
    );
    check(
        &["x/d/f.h", "x/abs.h -> TREE/x/d/f.h", "x/around -> ../x/d"],
        &["abs.h", "around/f.h"],
        &["abs.h -> d/f.h", "around -> d", "d/", "d/f.h"],
    );
}

#[test]
fn a_link_out_of_the_exec_root_is_replaced_by_what_it_leads_to() {
    let tree = Tree::new(&[
        "x/a.h -> ../o/f.h",
        "x/dir -> TREE/o",
        "o/f.h",
        "o/l.h -> f.h",
        "o/sub/s.h",
    ]);
    let inputs = tree
        .collect(&["a.h", "dir/l.h", "dir/sub/s.h"], &[], false)
        .expect("inputs");
    assert_eq!(
        shown(&inputs),
        [
            "a.h = o/f.h",
            "dir/",
            "dir/l.h = o/f.h",
            "dir/sub/",
            "dir/sub/s.h = o/sub/s.h"
        ]
    );
    assert_eq!(
        inputs.observed.links[&tree.path("x").canonicalize().expect("real").join("a.h")],
        Path::new("../o/f.h")
    );
}

#[test]
fn outside_files_are_on_the_worker_below_its_roots() {
    let tree = Tree::new(&["x/", "usr/h.h", "usr/l.h -> h.h", "o/f.h", "usr/deep/er/"]);
    let inputs = tree
        .collect(&["../usr/deep/../h.h", "../usr/l.h", "../o/f.h"], &[], false)
        .expect("inputs");
    assert_eq!(shown(&inputs), Vec::<String>::new());
    assert_eq!(
        outside(&tree, &inputs),
        ["o/f.h here", "usr/h.h there", "usr/l.h there"]
    );
}

#[test]
fn what_leaves_a_replaced_directory_by_dots_is_not_on_the_worker() {
    let tree = Tree::new(&["x/dir -> ../usr/sub", "usr/sub/", "usr/f.h"]);
    let inputs = tree.collect(&["dir/../f.h"], &[], false).expect("inputs");
    assert_eq!(outside(&tree, &inputs), ["usr/f.h here"]);
}

#[test]
fn installed_is_what_the_distribution_installs() {
    let check = |root: &str, path: &str, expected: bool| {
        assert_eq!(
            collect::counts(Path::new(root), Path::new(path)),
            expected,
            "{root} {path}"
        );
    };
    check("/usr", "/usr/include/a.h", true);
    check("/usr", "/usr/local/include/a.h", false);
    check("/usr", "/usr/src/a.h", false);
    check("/usr/local", "/usr/local/include/a.h", true);
    check("/usr/local/include", "/usr/local/include/a.h", true);
    check("/usr", "/usr2/a.h", false);
}

#[test]
fn searched_directories_are_inputs_if_they_exist() {
    let tree = Tree::new(&["x/inc/", "x/sys/deep/", "x/l -> sys/deep"]);
    let args = [
        arg("-I", "inc", Role::SearchDir(Chain::Angled)),
        arg("-I", "none", Role::SearchDir(Chain::Angled)),
        arg("-isystem", "l", Role::SearchDir(Chain::System)),
        arg("-isystem", "=/usr", Role::SearchDir(Chain::System)),
    ];
    let inputs = tree.collect(&[], &args, false).expect("inputs");
    assert_eq!(shown(&inputs), ["inc/", "l -> sys/deep", "sys/", "sys/deep/"]);
    assert_eq!(inputs.observed.absent, BTreeSet::from([tree.path("x/none")]));
    let real = tree.path("x/sys/deep").canonicalize().expect("real");
    assert_eq!(inputs.real_dirs, BTreeMap::from([("l".to_owned(), real)]));
}

#[test]
fn files_of_options_are_inputs_and_may_be_missing() {
    let tree = Tree::new(&["x/list.txt", "x/dir/"]);
    let args = [arg("-f=", "list.txt", Role::Input), arg("-g=", "none.txt", Role::Input)];
    let inputs = tree.collect(&[], &args, false).expect("inputs");
    assert_eq!(shown(&inputs), ["list.txt"]);
    let names = Names::These(BTreeSet::from([b"none.txt".to_vec()]));
    assert_eq!(inputs.observed.directories[&tree.path("x")], names);
    let failure = tree.collect(&[], &[arg("-f=", "dir", Role::Input)], false);
    assert!(
        matches!(failure, Err(InputsFailure::DirectoryInput { .. })),
        "{failure:?}"
    );
}

#[test]
fn output_directories_must_exist() {
    let tree = Tree::new(&["x/out/"]);
    let scan = Scan {
        files: vec![],
        search_dirs: vec![],
        passed_over: vec![],
        observed: Observation::default(),
        named_absolutely: vec![],
        date_or_time: None,
        timestamp: None,
    };
    let places = Places {
        cwd: &tree.path("x"),
        exec_root: &tree.path("x"),
        worker_roots: &[],
    };
    let mut step = command(&[]);
    step.output = "out/a.o".to_owned();
    let inputs = collect(&step, &scan, &toolchain(), places, &Disk).expect("inputs");
    assert_eq!(shown(&inputs), ["out/"]);
    step.output = "gone/a.o".to_owned();
    let failure = collect(&step, &scan, &toolchain(), places, &Disk);
    assert!(
        matches!(failure, Err(InputsFailure::NoOutputDirectory { .. })),
        "{failure:?}"
    );
}

#[test]
fn equal_files_that_are_read_once_are_an_alias() {
    let check = |lines: &[&str], files: &[&str], once: bool, expected: bool| {
        let tree = Tree::new(lines);
        let same = |name: &str| fs::write(tree.path(name), "same").expect("file");
        same("x/a.h");
        same("x/b.h");
        let inputs = tree.collect(files, &[], once).expect("inputs");
        assert_eq!(inputs.once_alias.is_some(), expected, "{files:?}");
    };
    check(&["x/a.h", "x/b.h"], &["a.h", "b.h"], true, true);
    check(&["x/a.h", "x/b.h"], &["a.h", "b.h"], false, false);
    check(&["x/a.h", "x/b.h", "x/l.h -> a.h"], &["a.h", "l.h"], true, false);
}

#[test]
fn a_name_that_is_not_utf8_is_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let tree = Tree::new(&["x/"]);
    let path = tree.path("x").join(OsStr::from_bytes(b"\xff.h"));
    fs::write(&path, "").expect("file");
    let mut placer = place::Placer::new(&tree.path("x")).expect("root");
    assert!(matches!(placer.walk(&path), Err(place::Unplaceable::NonUtf8(_))));
}
