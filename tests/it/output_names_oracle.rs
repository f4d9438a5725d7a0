//! The files that the installed compilers write, against the command model.

use rewrap::command::{CompileCommand, Driver, Family, parse};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Arguments given to every compiler. Those that rewrap does not model, or that a compiler refuses, are passed over: at
/// least [`LEAST`] of them must count for each.
const LINES: &[&str] = &[
    "-c a.c",
    "-S a.c",
    "-c -S a.c",
    "-c a.b.c",
    "-c s/q.c",
    "-c p.cc",
    "-c t.s",
    "-c u.S",
    "-c i.i",
    "-c j.ii",
    "-c .hid.c",
    "-x c -c noext",
    "-x c -c dot.",
    "-c a.c -o d/out",
    "-c a.c -od/out.o",
    "-c a.c -o x.o -o y.o",
    "-c a.c --output=z.o",
    "-c a.c --output z.o",
    "-S a.c -o d/t.s",
    "-c a.c -MD",
    "-c a.c -MMD -MP",
    "-c a.c -MMD -MD",
    "-c s/q.c -MD",
    "-S a.c -MD",
    "-c .hid.c -MD",
    "-c a.c -o d/x.y.o -MD",
    "-c a.c -o d/noext -MD",
    "-c a.c -o d/x. -MD",
    "-c a.c -MD -MF d/m",
    "-c a.c -MFm -MD -MFn",
    "-c a.c -MD -MF /dev/null",
    "-c a.c -MF m",
    "-c a.c -MD -MT t -MQ u",
    "-c a.c --write-dependencies",
    "-c a.c -o d/a.o --write-user-dependencies",
    "-c a.c -Wp,-MD,w.d",
    "-c a.c -o d/a.o -Wp,-MMD,d/w.d",
    "-c t.s -MD -MF m",
    "-c u.S -MD",
    "-c i.i -MD",
    "-c p.cc -MD -o d/p.cc.o",
    "-c a.c -gsplit-dwarf",
    "-c a.c -gsplit-dwarf -g",
    "-c a.c -g -gsplit-dwarf -o d/x.y.o",
    "-c a.c -g -gsplit-dwarf -g0",
    "-c a.c -gsplit-dwarf -ggdb0",
    "-c a.c -gsplit-dwarf -g1",
    "-c a.c -gsplit-dwarf -gdwarf-4",
    "-c a.c -g -gsplit-dwarf -gno-split-dwarf",
    "-c a.c -g -gno-split-dwarf -gsplit-dwarf",
    "-c a.c -g -gsplit-dwarf -flto",
    "-c a.c -g -gsplit-dwarf -flto -fno-lto",
    "-S a.c -g -gsplit-dwarf",
    "-c t.s -g -gsplit-dwarf",
    "-c u.S -g -gsplit-dwarf",
    "-c i.i -g -gsplit-dwarf",
    "-c empty.c -g -gsplit-dwarf --coverage -fstack-usage -MD",
    "-c a.c --coverage",
    "-c a.c -coverage -o d/x.c.o",
    "-c a.c -ftest-coverage",
    "-c a.c -fprofile-arcs",
    "-c a.c --coverage -fno-test-coverage",
    "-c a.c -ftest-coverage -fno-test-coverage",
    "-c u.S --coverage -fstack-usage",
    "-S a.c --coverage -fstack-usage",
    "-c a.c -fstack-usage -o d/f.o",
    "-c j.ii -fstack-usage --coverage",
    "-c a.c -fprofile-generate",
    "-c a.c -o d/x.o -MD -g -gsplit-dwarf --coverage -fstack-usage",
    "-c a.c -aux-info d/p",
    "-c a.c -fcallgraph-info=su",
    "-c a.c -ftest-coverage -fprofile-note=d/n",
    "-c a.c -fopt-info -dA",
    "-c a.c -emit-llvm",
    "-S a.c -emit-llvm",
    "-c a.c -emit-llvm -g -gsplit-dwarf -MD",
    "-S a.c -flto",
    "-c a.c -g -gsplit-dwarf=single",
    "-c a.c -g -gsplit-dwarf=split",
    "-c a.c -gsplit-dwarf -gline-tables-only",
    "-c a.c -gsplit-dwarf -gline-directives-only",
    "-c a.c -ftime-trace -o d/x.o",
    "-c a.c -ftime-trace",
    "-c u.S -ftime-trace",
    "-c a.c --serialize-diagnostics d/x.dia",
    "-c u.S --serialize-diagnostics d/x.dia",
    "-c a.c -MJ d/x.json",
    "-c a.c -fsave-optimization-record",
    "-c a.c -flto -fstack-usage --coverage",
    "-c a.c -flto -ffat-lto-objects -fstack-usage --coverage",
    "-c a.c -flto=thin -fstack-usage -ftime-trace",
    "-c a.c -flto -fcallgraph-info",
    "-c a.c -flto -fsave-optimization-record",
    "-S a.c -flto -fstack-usage",
    "-c a.c -emit-llvm -fstack-usage --coverage",
    "-S a.c -emit-llvm -fstack-usage -ftime-trace -fsave-optimization-record",
    "-S a.c -g -gsplit-dwarf -flto",
    "-S a.c -ftime-trace",
    "-S a.c -fsave-optimization-record",
    "-c i.i -ftime-trace -fsave-optimization-record",
    "-c i.i --serialize-diagnostics d/x.dia -MJ d/y",
    "-c t.s --serialize-diagnostics d/x.dia -MJ d/y",
    "-c t.s -fsave-optimization-record -foptimization-record-file=d/r",
    "-c u.S -MJ d/y",
    "-c a.c -flto -ffat-lto-objects -g -gsplit-dwarf",
    "-c a.c -MJ d/y -MJ d/z",
    "-c a.c -aux-info d/p -aux-info d/q",
    "-c a.c --serialize-diagnostics d/x --serialize-diagnostics d/y",
    "-c i.i -aux-info d/p",
    "-c u.S -aux-info d/p",
    "-c t.s -fcallgraph-info",
    "-x assembler-with-cpp -c t.s -MD",
    "-x assembler -c u.S -MD",
    "-x cpp-output -c i.i -MD --coverage",
    "-c empty.c -fcallgraph-info -ftime-trace",
    "-c empty.c -ftime-trace -fsave-optimization-record --serialize-diagnostics d/x",
    "-c empty.c -fcallgraph-info",
    "-c a.c -gsplit-dwarf -gz -gdwarf-5 -gcolumn-info -fdebug-types-section",
    "-c a.c -gsplit-dwarf -gstrict-dwarf",
    "-c a.c -gsplit-dwarf -ggdb -g0 -gdwarf-4",
    "-c a.c -fsyntax-only -o d/x.o",
    "-c a.c -O2 -o d/x.o -fsave-optimization-record",
    "-c a.c -fsave-optimization-record=bitstream",
    "-c a.c -fsave-optimization-record -foptimization-record-file=d/r",
    "-c a.c -foptimization-record-file=d/r",
    "-c a.c -fsave-optimization-record -fno-save-optimization-record",
    "-c a.c -g3 -O2 -Wall -Wno-nonsense -std=gnu11 -fPIC -pipe -lm -L. -Wl,-z,now",
    "-x c++ -c a.c",
    "-c a.sx",
    "-c a.CC",
    "-c a.cp",
    "-c a.c++",
    "-c a.C",
    "-c a.CPP",
    // The preprocessor alone.
    "-E a.c -o o.i",
    "-E -c a.c -o o.i",
    "-S -E a.c -o o.i",
    "-E a.c -o d/o.i -MD",
    "-E a.c -MD -MF d/m -o o.i",
    "-E -Wp,-MMD,d/m.d -o o.i a.c",
    "-E p.cc -o d/o.ii -MMD -MT x",
    "-E u.S -o o.s -MD",
    "-E -x assembler-with-cpp t.s -o o",
    "-E a.c -o o.i --coverage -fstack-usage -g -gsplit-dwarf",
    "-E a.c -o o.i -fcallgraph-info -fsave-optimization-record -aux-info d/p",
    "-E a.c -o o.i -MJ d/y --serialize-diagnostics d/x -ftime-trace",
    "-E u.S -o o.i -ftime-trace -MJ d/y",
    "-E a.c -o o.i -save-temps",
    "-E a.c -o o.i -fdump-tree-original=d/o -Wa,-a=d/l",
    "-E a.c -o o.i -fsave-optimization-record -foptimization-record-file=d/r",
    "-E a.c -o o.i -flto=thin -fthin-link-bitcode=d/b",
    "-E -P -C -dD a.c -o o",
    // Intermediate files.
    "-c a.c -save-temps",
    "-c a.c -o d/x.o -save-temps",
    "-c a.c -o d/x.y.o --save-temps=obj",
    "-c a.c -o d/x.o -save-temps=cwd",
    "-c a.c -o d/x.o -save-temps=cwd -fstack-usage -g -gsplit-dwarf --coverage -MD",
    "-c a.c -o d/x.o -save-temps -fstack-usage -g -gsplit-dwarf --coverage -MD",
    "-c a.c -o d/x.o -save-temps=cwd -fcallgraph-info",
    "-c s/q.c -save-temps=obj",
    "-c s/q.c -o d/noext -save-temps=obj",
    "-c p.cc -o d/p.cc.o -save-temps",
    "-S a.c -o d/x.s -save-temps=obj",
    "-S a.c -save-temps -MD",
    "-c t.s -save-temps",
    "-c u.S -o d/u.o -save-temps=obj",
    "-c i.i -save-temps",
    "-c i.i -o d/i.o -save-temps=obj",
    "-c j.ii -o d/i.o -save-temps",
    "-x c -c noext -save-temps",
    "-c a.c -save-temps -flto",
    "-S a.c -save-temps -flto",
    "-c a.c -save-temps -flto=thin -fthin-link-bitcode=d/b",
    "-c i.i -save-temps -flto",
    "-c a.c -save-temps -fno-integrated-as",
    "-c empty.c -o d/x.o -save-temps=obj",
    "-c a.c -save-temps -ftime-trace",
    "-c a.c -save-temps -fembed-bitcode",
    // gcc's own names for what it writes beside.
    "-c a.c -dumpdir d/pre- -fstack-usage",
    "-c a.c -dumpdir d/ -fstack-usage --coverage -MD",
    "-c a.c -dumpbase foo.c -fstack-usage -MD",
    "-c a.c -dumpbase foo -fstack-usage",
    "-c a.c -dumpbase foo.c -dumpbase-ext .c -fstack-usage -g -gsplit-dwarf -MD --coverage",
    "-c a.c -o d/x.o -dumpbase foo.c -dumpbase-ext .c -fstack-usage -g -gsplit-dwarf -MD --coverage",
    "-c a.c -o d/x.o -dumpdir s/ -fstack-usage -g -gsplit-dwarf -MD --coverage -fcallgraph-info",
    "-c a.c -o d/x.o -dumpdir s/p. -dumpbase b -fstack-usage -MD --coverage -save-temps",
    "-c a.c -o d/x.o -dumpbase s/b.c -fstack-usage",
    "-c s/q.c --dumpdir d/ --dumpbase y.z --dumpbase-ext .z -fcallgraph-info -MMD",
    "-c a.c -dumpbase a.c -dumpbase-ext .x -fstack-usage -save-temps",
    "-c a.c -dumpbase .c -dumpbase-ext .c -fstack-usage",
    "-E a.c -dumpdir d/ -o o.i -MD",
    // Records, dumps and listings.
    "-c a.c -O2 -o d/x.y.o -fsave-optimization-record",
    "-c a.c -o d/noext -fsave-optimization-record",
    "-c p.cc -o d/noext -fsave-optimization-record -dumpdir s/",
    "-x c -c noext -fsave-optimization-record",
    "-c i.i -fsave-optimization-record -save-temps",
    "-c u.S -fsave-optimization-record",
    "-S a.c -o d/x.s -fsave-optimization-record",
    "-c a.c -fsave-optimization-record -fno-save-optimization-record -flto",
    "-O3 -c a.c -fopt-info-missed",
    "-c a.c -fdump-tree-original=d/o",
    "-c a.c -O2 -fdump-tree-vect=d/o -fdump-tree-optimized-lineno=d/o",
    "-c a.c -O2 -fdump-rtl-expand=d/o -fdump-ipa-inline=d/p",
    "-c a.c -fdump-tree-all-graph=d/o",
    "-c a.c -fdump-go-spec=d/o -fdump-final-insns=d/p",
    "-c u.S -fdump-tree-original=d/o",
    "-c a.c -flto -fdump-tree-optimized=d/o",
    "-c a.c -Wa,-adhln=d/l",
    "-c a.c -Wa,-alh=d/l,-L,--MD,d/m",
    "-c t.s -Wa,-a=d/l -Wa,--MD=d/m",
    "-c u.S -Xassembler -a=d/l -Xassembler --MD -Xassembler d/m",
    "-c a.c -flto -Wa,-a=d/l",
    "-S a.c -Wa,-a=d/l",
    "-c t.s -save-temps -Wa,-a=d/l",
    "-c a.c -ftime-trace=d/t",
    "-c a.c -o d/x.o -ftime-trace -ftime-trace=d/t",
    "-c a.c -ftime-trace=d/",
    "-c t.s -ftime-trace=d/t",
    "-c u.S -ftime-trace=d/t -MD",
    "-S i.i -ftime-trace=d/t",
    "-E a.c -o o.i -ftime-trace=d/t",
    "-c a.c -flto=thin -fthin-link-bitcode=d/b -MD",
    "-c a.c -flto -fthin-link-bitcode=d/b",
    "-c a.c -fthin-link-bitcode=d/b",
    "-c a.c -fembed-bitcode -g -gsplit-dwarf -fstack-usage",
];

/// How many of the lines must count for each compiler.
const LEAST: usize = 75;

fn set_up(root: &Path) {
    for name in ["d", "s"] {
        std::fs::create_dir(root.join(name)).expect("directory");
    }
    let code = "#include \"h.h\"\nint f(int a) { return a + 1; }\n";
    let plain = "int f(int a) { return a + 1; }\n";
    let sources = [
        "a.c", "a.b.c", "s/q.c", "p.cc", ".hid.c", "noext", "dot.", "a.CC", "a.cp", "a.c++", "a.C", "a.CPP",
    ];
    let texts = sources.iter().map(|name| (*name, code));
    let others = [
        ("h.h", ""),
        ("s/h.h", ""),
        ("empty.c", ""),
        ("i.i", plain),
        ("j.ii", plain),
    ];
    let assembler = [
        ("t.s", " .text\n"),
        ("u.S", "#include \"h.h\"\n .text\n"),
        ("a.sx", " .text\n"),
    ];
    for (name, text) in texts.chain(others).chain(assembler) {
        std::fs::write(root.join(name), text).expect("source");
    }
}

fn files(root: &Path) -> BTreeSet<String> {
    let entries = walkdir::WalkDir::new(root)
        .into_iter()
        .map(|entry| entry.expect("entry"));
    let files = entries.filter(|entry| !entry.file_type().is_dir());
    files
        .map(|entry| {
            let path = entry.path().strip_prefix(root).expect("below the root");
            path.to_str().expect("UTF-8").to_owned()
        })
        .collect()
}

/// The files that the model says there will be, and those there may be.
fn predicted(command: &CompileCommand) -> (BTreeSet<String>, BTreeSet<String>) {
    let (optional, certain): (Vec<_>, Vec<_>) = command.secondary.iter().partition(|file| file.optional);
    let depfile = command.depfile.iter().map(|depfile| depfile.path.clone());
    let certain = certain
        .into_iter()
        .map(|file| file.path.clone())
        .chain(depfile)
        .chain([command.output.clone()]);
    (
        certain.collect(),
        optional.into_iter().map(|file| file.path.clone()).collect(),
    )
}

/// Runs one line; `None` where there is nothing to compare, else what differs.
fn compare(program: &str, driver: &Driver, line: &str) -> Option<Result<(), String>> {
    let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let command = parse(driver, &args, &mut |_| None).ok()?;
    let directory = tempfile::tempdir().expect("temporary directory");
    set_up(directory.path());
    let before = files(directory.path());
    let run = Command::new(program)
        .args(&args)
        .current_dir(directory.path())
        .output()
        .expect("the compiler");
    if !run.status.success() {
        return None;
    }
    let written: BTreeSet<String> = files(directory.path()).difference(&before).cloned().collect();
    let (certain, optional) = predicted(&command);
    let all: BTreeSet<String> = certain.union(&optional).cloned().collect();
    let right = certain.is_subset(&written) && written.is_subset(&all);
    Some(
        right
            .then_some(())
            .ok_or_else(|| format!("{line}: predicted {certain:?}, {optional:?}, written {written:?}")),
    )
}

fn check(program: &str, family: Family, cxx: bool, version: (u32, u32, u32)) {
    if Command::new(program).arg("--version").output().is_err() {
        return;
    }
    let driver = Driver { family, cxx, version };
    let results: Vec<_> = LINES
        .iter()
        .filter_map(|line| compare(program, &driver, line))
        .collect();
    let wrong: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert!(wrong.is_empty(), "{program}: {wrong:#?}");
    assert!(
        results.len() >= LEAST,
        "{program}: only {} of {} lines",
        results.len(),
        LINES.len()
    );
}

#[test]
fn gcc_writes_what_the_model_says() {
    check("gcc", Family::Gcc, false, (12, 0, 0));
}

#[test]
fn gxx_writes_what_the_model_says() {
    check("g++", Family::Gcc, true, (12, 0, 0));
}

#[test]
fn clang_writes_what_the_model_says() {
    check("clang", Family::Clang, false, (14, 0, 0));
}

#[test]
fn newer_clang_writes_what_the_model_says() {
    check("clang-19", Family::Clang, false, (19, 0, 0));
}

#[test]
fn clangxx_writes_what_the_model_says() {
    check("clang++-19", Family::Clang, true, (19, 0, 0));
}
