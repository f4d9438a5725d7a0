//! Precompiled headers that a compiler may take are inputs, each of them.

use super::bench::Tree;
use super::failure;
use rewrap::scan::{Found, ScanFailure};
use std::process::Command;

/// The precompiled headers of a scan, below the tree.
#[track_caller]
fn check(tree: &Tree, compiler: &str, args: &[&str], expected: &[&str]) {
    let scan = tree.scan(compiler, args).expect("a scan").scan;
    let files = scan.files.iter().filter(|file| file.found == Found::Precompiled);
    let names: Vec<_> = files
        .map(|file| {
            file.path
                .strip_prefix(tree.root())
                .expect("below")
                .to_str()
                .expect("UTF-8")
        })
        .collect();
    assert_eq!(names, expected, "{compiler} {args:?}");
}

fn made(tree: &Tree, compiler: &str, args: &[&str]) {
    let made = Command::new(compiler).args(args).current_dir(tree.root()).status();
    assert!(made.expect(compiler).success());
}

#[test]
fn gcc_takes_one_for_an_include_of_the_source() {
    let files = [
        ("a.c", "#include \"p.h\"\nint a = P;"),
        ("p.h", "#define P 1"),
        ("d/p.h", "#define P 1"),
        ("e/p.h.gch/one", "x"),
        ("e/p.h.gch/two", "y"),
        ("b.c", "#include \"a.h\"\nint b = P;"),
        ("a.h", "#include \"p.h\""),
        ("c.c", "#define NAME \"p.h\"\n#include NAME\nint c = P;"),
    ];
    let tree = Tree::new(&files);
    check(&tree, "gcc", &["a.c"], &[]);
    made(&tree, "gcc", &["-x", "c-header", "p.h", "-o", "p.h.gch"]);
    check(&tree, "gcc", &["a.c"], &["p.h.gch"]);
    check(&tree, "gcc", &["-I", "e", "a.c"], &["p.h.gch"]);
    check(&tree, "gcc", &["b.c"], &[]);
    check(&tree, "gcc", &["c.c"], &["p.h.gch"]);
    check(
        &tree,
        "gcc",
        &["-I", "e", "-I", "d", "-include", "p.h", "-iquote", "e", "a.c"],
        &["p.h.gch"],
    );
    check(&tree, "clang", &["a.c"], &[]);
    std::fs::remove_file(tree.root().join("p.h")).expect("header");
    check(
        &tree,
        "gcc",
        &["-I", "e", "-I", "d", "a.c"],
        &["e/p.h.gch/one", "e/p.h.gch/two", "p.h.gch"],
    );
    std::fs::remove_dir_all(tree.root().join("d")).expect("header");
    // The compiler needs no header if the precompiled one fits.
    check(&tree, "gcc", &["a.c"], &["p.h.gch"]);
}

#[test]
fn clang_takes_one_for_a_forced_include() {
    for (compiler, suffix) in [("clang", "gch"), ("clang-19", "pch")] {
        let tree = Tree::new(&[("a.c", "int a = P;"), ("p.h", "#define P 1")]);
        let name = format!("p.h.{suffix}");
        made(&tree, compiler, &["-x", "c-header", "p.h", "-o", &name]);
        check(&tree, compiler, &["-include", "p.h", "a.c"], &[&name]);
        check(&tree, compiler, &["-imacros", "p.h", "a.c"], &[&name]);
    }
}

#[test]
fn a_precompiled_header_that_does_not_fit_fails_the_step_at_home() {
    let files = [("a.c", "int a = P;"), ("p.h", "#define P 1"), ("p.h.pch", "x")];
    let error = failure("clang-19", &files, &["-include", "p.h", "a.c"]);
    assert!(matches!(error, ScanFailure::CompileError { .. }), "{error}");
}
