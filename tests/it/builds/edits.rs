//! What changes between two builds is seen, whatever it is; what does not change is not compiled again.

use super::COMPILERS;
use super::sandbox::{Sandbox, Told};
use super::tree::Tree;
use crate::tools::sample;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::SystemTime;

const FILES: &[(&str, &str)] = &[
    (
        "main.c",
        "#include <late.h>\n#include <cpath.h>\n#include \"own.h\"\n#include \"linked.h\"\n\
         #if __has_include(\"maybe.h\")\n#include \"maybe.h\"\n#else\n#define MAYBE 0\n#endif\n\
         #include <stddef.h>\nint values[] = { LATE, CPATH, OWN, LINKED, MAYBE, FLAG };\n",
    ),
    ("own.h", "#define OWN 1\n"),
    ("late/late.h", "#define LATE 1\n"),
    ("early/other.h", "\n"),
    ("one/cpath.h", "#define CPATH 1\n"),
    ("two/cpath.h", "#define CPATH 2\n"),
    ("linked1.h", "#define LINKED 1\n"),
    ("linked2.h", "#define LINKED 2\n"),
    ("flags", "-DFLAG=1 -Iearly -Ilate\n"),
    ("cpath", "one\n"),
];

/// What is done, and whether the step must run again.
type Change = (&'static str, bool, fn(&Path));

fn put(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

const CHANGES: &[Change] = &[
    ("nothing", false, |_| {}),
    ("a header is edited", true, |dir| {
        put(&dir.join("own.h"), "#define OWN 234\n");
    }),
    ("a header is edited at the same size", true, |dir| {
        put(&dir.join("own.h"), "#define OWN 2\n");
    }),
    ("a header is replaced at the same size and time", true, |dir| {
        let path = dir.join("own.h");
        let time = path.metadata().unwrap().modified().unwrap();
        put(&dir.join("new"), "#define OWN 3\n");
        fs::File::open(dir.join("new")).unwrap().set_modified(time).unwrap();
        fs::rename(dir.join("new"), path).unwrap();
    }),
    ("a header is deleted", true, |dir| {
        fs::remove_file(dir.join("own.h")).unwrap();
    }),
    ("a header becomes a directory", true, |dir| {
        fs::remove_file(dir.join("own.h")).unwrap();
        fs::create_dir(dir.join("own.h")).unwrap();
    }),
    ("a header is shadowed", true, |dir| {
        put(&dir.join("early/late.h"), "#define LATE 2\n");
    }),
    ("a header is shadowed by a directory", false, |dir| {
        fs::create_dir(dir.join("early/late.h")).unwrap();
    }),
    ("a header that was asked for comes", true, |dir| {
        put(&dir.join("maybe.h"), "#define MAYBE 1\n");
    }),
    ("a symlink points elsewhere", true, |dir| {
        fs::remove_file(dir.join("linked.h")).unwrap();
        symlink("linked2.h", dir.join("linked.h")).unwrap();
    }),
    ("a symlink's target is edited", true, |dir| {
        put(&dir.join("linked1.h"), "#define LINKED 5\n");
    }),
    ("the source is edited", true, |dir| {
        put(&dir.join("main.c"), "int value;\n");
    }),
    ("a response file is edited", true, |dir| {
        put(&dir.join("flags"), "-DFLAG=7 -Iearly -Ilate\n");
    }),
    ("CPATH names another directory", true, |dir| {
        put(&dir.join("cpath"), "two\n");
    }),
    ("a header is touched", false, |dir| {
        fs::File::open(dir.join("own.h"))
            .unwrap()
            .set_modified(SystemTime::now())
            .unwrap();
    }),
    ("everything is written again as it was", false, |dir| {
        for (name, text) in FILES {
            fs::remove_file(dir.join(name)).unwrap();
            put(&dir.join(name), text);
        }
    }),
    ("a header that nobody asks for comes", false, |dir| {
        put(&dir.join("early/unrelated.h"), "#error\n");
    }),
];

fn set_up(sandbox: &Sandbox, name: &str) {
    for (file, text) in FILES {
        sandbox.write(&format!("{name}/{file}"), text);
    }
    symlink("linked1.h", sandbox.work().join(name).join("linked.h")).unwrap();
}

#[test]
fn every_change_of_an_input_is_seen() {
    for compiler in sample(&COMPILERS) {
        let sandbox = Sandbox::new();
        for (index, (what, runs_again, change)) in CHANGES.iter().enumerate() {
            let name = format!("{compiler}-{index}");
            set_up(&sandbox, &name);
            let dir = sandbox.work().join(&name);
            let step = format!("cd {name}; CPATH=$(cat cpath) $W {compiler} -g -MMD -MP @flags -c main.c -o main.o");
            let build = || -> (Told, usize) { (sandbox.wrapped(&step), sandbox.runs()) };
            sandbox.starts();
            let (told, runs) = build();
            assert_eq!((told.exit, runs), (0, 1), "{compiler}: {what}: {told:?}");
            let (told, runs) = build();
            assert_eq!((told.exit, runs), (0, 0), "{compiler}: {what}: {told:?}");
            change(&dir);
            let objects = ["main.o", "main.d"].map(|file| (file, fs::read(dir.join(file)).unwrap()));
            let (told, runs) = build();
            let left = Tree::of(&dir);
            for (file, bytes) in objects {
                fs::write(dir.join(file), bytes).unwrap();
            }
            let plain = sandbox.plain(&step);
            assert_eq!(told, plain, "{compiler}: {what}");
            let differences = Tree::of(&dir).differences(&left);
            assert!(differences.is_empty(), "{compiler}: {what}\n{}", differences.join("\n"));
            assert_eq!(runs > 0, *runs_again, "{compiler}: {what}: {runs} runs");
        }
    }
}

#[test]
fn what_comes_back_is_not_compiled_again() {
    let sandbox = Sandbox::new();
    sandbox.write("main.c", "#include \"own.h\"\nint value = OWN;\n");
    let mut runs = Vec::new();
    for text in [
        "#define OWN 1\n",
        "#define OWN 2\n",
        "#define OWN 1\n",
        "#define OWN 2\n",
    ] {
        sandbox.write("own.h", text);
        assert_eq!(sandbox.wrapped("$W gcc -c main.c").exit, 0);
        let object = fs::read(sandbox.work().join("main.o")).unwrap();
        runs.push(sandbox.runs());
        sandbox.plain("gcc -c main.c");
        assert_eq!(object, fs::read(sandbox.work().join("main.o")).unwrap(), "{text}");
        sandbox.starts();
    }
    assert_eq!(runs, [1, 1, 0, 0]);
}

#[test]
fn an_edit_right_after_each_build_is_seen() {
    let sandbox = Sandbox::new();
    sandbox.write("main.c", "#include \"own.h\"\nint value = OWN;\n");
    // In place and of equal size, faster than the clock of many file systems ticks.
    sandbox.write("own.h", "#define OWN 10\n");
    for number in 11..31 {
        put(&sandbox.work().join("own.h"), &format!("#define OWN {number}\n"));
        assert_eq!(sandbox.wrapped("$W gcc -S main.c").exit, 0);
        let text = fs::read_to_string(sandbox.work().join("main.s")).unwrap();
        assert!(text.contains(&format!(".long\t{number}")), "{number}: {text}");
    }
}
