//! Links of real tools, resolved.

use super::*;
use crate::command::link::parse_line;
use crate::observation::Names;
use crate::scan::Found;
use crate::toolchain::tests::{Disk, Run};
use crate::toolchain::{Environment, Keep, Toolchains};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

struct Forget;

impl Keep for Forget {
    fn get(&self, _: &crate::digest::Digest) -> Option<Vec<u8>> {
        None
    }

    fn put(&self, _: &crate::digest::Digest, _: &[u8]) {}
}

struct Tree {
    dir: TempDir,
    vars: Vec<(&'static str, &'static str)>,
}

impl Tree {
    /// `steps` are commands, one a line, that run in it.
    fn new(steps: &str) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        fs::write(dir.path().join("f.c"), "int f(void) { return 1; }\n").expect("file");
        for step in steps.lines().map(str::trim).filter(|step| !step.is_empty()) {
            let status = Command::new("sh").args(["-ec", step]).current_dir(dir.path()).status();
            assert!(status.expect("a shell").success(), "{step}");
        }
        Self { dir, vars: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.vars.push((name, value));
        self
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn environment(&self) -> Environment {
        let vars = [("PATH", "/usr/bin:/bin")].into_iter().chain(self.vars.iter().copied());
        vars.map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect()
    }

    fn resolve(&self, tool: &str, args: &str) -> Result<Resolved, LinkFailure> {
        let env = self.environment();
        let tool = Path::new("/usr/bin").join(tool);
        let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
        let is_linker = tool.to_string_lossy().contains("ld");
        let toolchains = Toolchains::new(Arc::new(Run::default()), Arc::new(Disk), Arc::new(Forget));
        let driver = (!is_linker).then(|| toolchains.identify(&tool, OsStr::new("cc"), &env).expect("a driver"));
        let step = LinkStep {
            driver: driver.as_deref(),
            tool: &tool,
            invoked_as: tool.as_os_str(),
            args: &args,
            cwd: self.dir.path(),
            env: &env,
        };
        let plan = plan(&Run::default(), &step)?;
        let line = parse_line(plan.flavour, &plan.line, &mut |_| None).expect("understood");
        resolve(&line, &plan, self.dir.path(), &env, &Disk)
    }

    fn names(&self, resolved: &Resolved, dir: &str) -> Vec<String> {
        match &resolved.scan.observed.directories[&self.at(dir)] {
            Names::These(names) => names
                .iter()
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect(),
            Names::All => panic!("all names of {dir}"),
        }
    }

    /// The files in the tree, with how they were found.
    fn files(&self, resolved: &Resolved) -> Vec<(String, Found)> {
        let files = resolved.scan.files.iter();
        let below = files.filter_map(|file| Some((file.path.strip_prefix(self.dir.path()).ok()?, file.found)));
        below.map(|(path, found)| (path.display().to_string(), found)).collect()
    }
}

/// Opening it would not end: nobody writes into it.
#[test]
fn a_response_file_that_is_a_pipe_is_left_to_the_tool() {
    let tree = Tree::new("gcc -c f.c\n mkfifo words");
    let refused = tree.resolve("gcc", "-o out f.o @words");
    assert!(matches!(refused, Err(LinkFailure::NoLine { .. })));
}

#[test]
fn names_that_would_be_preferred_are_noted() {
    let tree = Tree::new("gcc -c f.c\n mkdir one two three\n ar rcs two/libf.a f.o\n ar rcs three/libf.a f.o");
    let found = tree
        .resolve("ld.bfd", "-Lone -Ltwo -Lthree -Lnone -lf -o out")
        .expect("resolved");
    assert_eq!(tree.files(&found), [("two/libf.a".to_owned(), Found::Searched)]);
    for (dir, names) in [
        ("one", ["libf.a", "libf.so"].as_slice()),
        ("two", &["libf.a", "libf.so"]),
        ("three", &[]),
    ] {
        assert_eq!(tree.names(&found, dir), names, "{dir}");
    }
    assert!(found.scan.observed.absent.contains(&tree.at("none")));
    assert!(found.scan.search_dirs.contains(&tree.at("three")));
    let found = tree.resolve("ld.bfd", "-static -Ltwo -lf -o out").expect("resolved");
    assert_eq!(tree.names(&found, "two"), ["libf.a"]);
}

#[test]
fn a_startup_file_may_come_to_be_in_an_earlier_directory() {
    let tree = Tree::new("gcc -c f.c\n mkdir first").with("LIBRARY_PATH", "first");
    let found = tree.resolve("gcc", "-shared f.o -o out.so").expect("resolved");
    let names = tree.names(&found, "first");
    for name in ["crti.o", "crtbeginS.o"] {
        assert!(names.iter().any(|other| other == name), "{name} in {names:?}");
    }
}

#[test]
fn what_a_link_names_in_turn_is_read() {
    let tree = Tree::new(
        "gcc -c f.c
        mkdir lib
        gcc -shared f.o -o lib/libf.so
        ar rcT lib/libthin.a f.o
        echo 'INPUT(libf.so) INCLUDE more.ld' > lib/libtext.so
        echo 'EXTERN(f)' > more.ld",
    );
    let found = tree.resolve("ld.gold", "-Llib -lthin -ltext -o out").expect("resolved");
    let expected = [
        ("lib/libthin.a", Found::Searched),
        ("lib/../f.o", Found::Member),
        ("lib/libtext.so", Found::Searched),
        ("lib/libf.so", Found::Scripted),
        ("more.ld", Found::Operand),
    ];
    assert_eq!(
        tree.files(&found),
        expected.map(|(name, found)| (name.to_owned(), found))
    );
}

#[test]
fn traits_tell_what_cannot_be_moved() {
    let tree = Tree::new(
        "gcc -c f.c
        gcc -c -flto f.c -o lto.o
        clang-19 -c -flto f.c -o bitcode.o
        ar rcs liblto.a f.o lto.o
        mkdir lib
        gcc -shared f.o -o lib/libbare.so
        gcc -shared -Wl,-soname,libf.so.1 f.o -o lib/libf.so
        ar rcT libabsolute.a $PWD/f.o
        echo \"INPUT($PWD/f.o)\" > absolute.ld",
    );
    let traits = |args: &str| tree.resolve("ld.bfd", args).expect("resolved").traits;
    let plain = traits("f.o lib/libf.so -Llib -lbare -o out");
    assert_eq!((plain.flavour, plain.driver, plain.lto), (Flavour::Bfd, None, false));
    assert!(plain.without_soname.is_empty() && plain.named_in_text.is_empty() && plain.rpath.is_empty());
    for lto in ["lto.o", "liblto.a", "bitcode.o"] {
        assert!(traits(&format!("f.o {lto} -o out")).lto, "{lto}");
    }
    assert_eq!(traits("f.o lib/libbare.so -o out").without_soname, ["lib/libbare.so"]);
    for text in ["libabsolute.a", "absolute.ld"] {
        let named = traits(&format!("f.o {text} -o out")).named_in_text;
        assert_eq!(named, [(tree.at(text), tree.at("f.o"))], "{text}");
    }
    assert_eq!(
        traits("f.o -rpath a:b --just-symbols lib -o out").rpath,
        ["a", "b", "lib"]
    );
}

#[test]
fn libraries_that_objects_name_are_not_followed() {
    let tree = Tree::new(
        "echo '#pragma comment(lib, \"f\")' >> f.c
        clang-19 -c f.c
        clang-19 -c -flto f.c -o bitcode.o
        clang-19 -c -flto=thin f.c -o thin.o
        llvm-ar-19 rcs libmixed.a bitcode.o
        gcc -c f.c -o plain.o",
    );
    for object in ["f.o", "bitcode.o", "thin.o", "libmixed.a"] {
        let failure = tree
            .resolve("ld.lld", &format!("plain.o {object} -o out"))
            .expect_err(object);
        assert_eq!(failure.code(), "link_strange_input", "{object}: {failure}");
        tree.resolve("ld.bfd", &format!("plain.o {object} -o out"))
            .expect(object);
    }
    tree.resolve("ld.lld", "plain.o -o out").expect("resolved");
}

#[test]
fn both_kinds_of_libraries_count_where_a_script_may_mean_either() {
    let tree = Tree::new(
        "gcc -c f.c
        gcc -shared f.o -o libf.so
        ar rcs libf.a f.o
        echo 'INPUT(-lf)' > text.ld",
    );
    let check = |args: &str, expected: &str| {
        let found = tree.resolve("ld.bfd", &format!("-L. {args} -o out")).expect(args);
        assert!(
            tree.files(&found).contains(&(expected.to_owned(), Found::Searched)),
            "{args}: {found:?}"
        );
    };
    check("text.ld f.o", "libf.so");
    for args in [
        "-Bstatic text.ld -Bdynamic f.o",
        "-Bstatic f.o -T text.ld -Bdynamic f.o",
    ] {
        check(args, "libf.so");
        check(args, "libf.a");
    }
}

#[test]
fn run_paths_of_the_environment_count_without_others() {
    let tree = Tree::new("gcc -c f.c").with("LD_RUN_PATH", "/a:/b");
    let rpath = |args: &str| tree.resolve("ld.bfd", args).expect("resolved").traits.rpath;
    assert_eq!(rpath("f.o -o out"), ["/a", "/b"]);
    assert_eq!(rpath("f.o -rpath /c -o out"), ["/c"]);
}

#[test]
fn what_cannot_be_told_is_refused() {
    let tree = Tree::new("gcc -c f.c\n printf '\\0\\1\\2\\3' > strange\n echo 'OUTPUT(x)' > output.ld");
    let check = |tree: &Tree, tool: &str, args: &str, code: &str| {
        let failure = tree.resolve(tool, args).expect_err(args);
        assert_eq!(failure.code(), code, "{tool} {args}: {failure}");
    };
    check(&tree, "ld.bfd", "none.o -o out", "link_missing_input");
    check(&tree, "ld.bfd", "f.o -lnone -o out", "link_missing_input");
    check(&tree, "ld.bfd", "f.o -T none.ld -o out", "link_missing_input");
    check(&tree, "ld.bfd", "f.o strange -o out", "link_strange_input");
    check(&tree, "ld.bfd", "f.o output.ld -o out", "link_strange_input");
    check(&tree, "ld.bfd", "f.o -plugin strange.so -o out", "link_plugin");
    check(&tree, "gcc", "none.o -o out", "link_missing_input");
    check(&tree, "gcc", "f.c -o out", "link_no_line");
    check(&tree, "clang-19", "f.c -o out", "link_no_line");
    check(
        &Tree::new("").with("LDEMULATION", "elf_i386"),
        "ld.bfd",
        "f.o -o out",
        "link_variable",
    );
    check(&tree, "ldd", "f.o -o out", "link_unknown_linker");
}
