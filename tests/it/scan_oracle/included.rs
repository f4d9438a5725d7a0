//! What the compiler lists, and the order in which it looks.

use super::bench::{ALL, Tree, check_hermetic};
use super::{check, check_noticed, failure};
use rewrap::scan::ScanFailure;

#[test]
fn included_files_are_inputs() {
    let files = [
        ("src/a.c", "#include \"h.h\"\n#include <g.h>\nint a = H + G;"),
        ("src/h.h", "#define H 1"),
        ("inc/g.h", "#define G 2"),
        ("inc/unused.h", ""),
    ];
    check(&ALL, &files, &["-I", "inc", "src/a.c"], &["inc/g.h", "src/h.h"]);
}

#[test]
fn a_source_may_include_itself() {
    let files = [
        (
            "a.c",
            "#ifndef G\n#define G\n#include __FILE__\n#include \"h.h\"\n#endif\nint H;",
        ),
        ("h.h", "#define H h"),
    ];
    check(&ALL, &files, &["a.c"], &["h.h"]);
}

#[test]
fn what_text_and_pragmas_do_to_conditions_is_seen() {
    let counter = [
        (
            "a.c",
            "int x = __COUNTER__, y = __COUNTER__;\n#if __COUNTER__ == 2\n#include \"c.h\"\n#endif\nint z = C;",
        ),
        ("c.h", "#define C 5"),
    ];
    check(&ALL, &counter, &["a.c"], &["c.h"]);
    let target = [
        (
            "a.c",
            "#pragma GCC target(\"avx2\")\n#ifdef __AVX2__\n#include \"t.h\"\n#endif\nint z;",
        ),
        ("t.h", "int t;"),
    ];
    check(&["gcc"], &target, &["a.c"], &["t.h"]);
    check(&["clang", "clang-19"], &target, &["a.c"], &[]);
    let optimize = [
        (
            "a.c",
            "#pragma GCC optimize(\"O2\")\n#ifdef __OPTIMIZE__\n#include \"o.h\"\n#endif\nint z;",
        ),
        ("o.h", "int o;"),
    ];
    check(&["gcc"], &optimize, &["a.c"], &["o.h"]);
    let pushed = [
        (
            "a.c",
            "#define M 1\n_Pragma(\"push_macro(\\\"M\\\")\")\n#undef M\n_Pragma(\"pop_macro(\\\"M\\\")\")\n\
             #if defined(M)\n#include \"pm.h\"\n#endif\nint z;",
        ),
        ("pm.h", "int pm;"),
    ];
    check(&ALL, &pushed, &["a.c"], &["pm.h"]);
}

#[test]
fn include_next_is_what_the_compiler_says() {
    let files = [
        ("a.c", "#include \"w.h\"\nint t = T;"),
        ("d2/w.h", "#include \"sib.h\""),
        ("d2/sib.h", "#include_next <t.h>"),
        ("d1/t.h", "#define T 1"),
        ("d2/t.h", "#define T 2"),
        ("d3/t.h", "#define T 3"),
    ];
    let args = ["-I", "d1", "-I", "d2", "-I", "d3", "a.c"];
    check(&["gcc"], &files, &args, &["d1/t.h", "d2/sib.h", "d2/w.h"]);
    check(&["clang", "clang-19"], &files, &args, &["d2/sib.h", "d2/w.h", "d3/t.h"]);
}

#[test]
fn the_search_order_is_the_compilers() {
    let dirs = ["q", "i", "cpath", "s", "cinc", "after"];
    for compiler in ALL {
        // From the first directory on, one after the other loses its header.
        for first in 0..dirs.len() {
            let mut tree = Tree::new(&[("src/a.c", "#include \"h.h\"\nint h = H;")]);
            for (at, dir) in dirs.iter().enumerate() {
                tree.put(&format!("{dir}/"), "");
                if at >= first {
                    tree.put(&format!("{dir}/h.h"), &format!("#define H {at}"));
                }
            }
            tree = tree.env("CPATH", "cpath").env("C_INCLUDE_PATH", "cinc");
            let args = [
                "-idirafter",
                "after",
                "-isystem",
                "s",
                "-I",
                "i",
                "-iquote",
                "q",
                "src/a.c",
            ];
            let scanned = check_hermetic(&tree, compiler, &args);
            assert_eq!(scanned.files(), [format!("{}/h.h", dirs[first])], "{compiler}");
        }
    }
    // An empty element is the cwd.
    for compiler in ALL {
        let tree = Tree::new(&[("s/a.c", "#include <h.h>\n"), ("h.h", "int h;")]).env("CPATH", "/nonexistent:");
        assert_eq!(check_hermetic(&tree, compiler, &["s/a.c"]).files(), ["h.h"]);
    }
    // A directory that is also a system directory is no other.
    let files = [("a.c", "#include <h.h>\n"), ("s/h.h", "int s;"), ("i/h.h", "int i;")];
    check(
        &ALL,
        &files,
        &["-I", "s", "-isystem", "s", "-I", "i", "a.c"],
        &["i/h.h"],
    );
}

#[test]
fn forced_includes_are_looked_up_from_the_cwd() {
    let source = ("src/a.c", "int a = P;");
    let (here, beside, listed) = (
        ("pre.h", "#define P 1"),
        ("src/pre.h", "#define P 2"),
        ("i/pre.h", "#define P 3"),
    );
    let args = ["-I", "i", "-include", "pre.h", "src/a.c"];
    check(&ALL, &[source, here, beside, listed], &args, &["pre.h"]);
    check(&ALL, &[source, beside, listed], &args, &["i/pre.h"]);
    check_noticed(&ALL, &[source, beside, listed], &args, here);
    let refused = failure("gcc", &[source, beside], &["-include", "pre.h", "src/a.c"]);
    assert!(matches!(refused, ScanFailure::CompileError { .. }), "{refused}");
}

#[test]
fn directories_and_dangling_links_named_like_a_header_are_passed_over() {
    let files = [
        ("a.c", "#include <h.h>\n"),
        ("i1/h.h/", ""),
        ("i2/h.h", "-> gone"),
        ("i3/h.h", "int h;"),
    ];
    check(&ALL, &files, &["-I", "i1", "-I", "i2", "-I", "i3", "a.c"], &["i3/h.h"]);
}

#[test]
fn odd_names_are_names() {
    let files = [
        (
            "a.c",
            "#include \"with blank.h\"\n#include \"do$lar.h\"\n#include \"ha#sh.h\"\n#include \"ü:%.h\"\n",
        ),
        ("with blank.h", "int b;"),
        ("do$lar.h", "int d;"),
        ("ha#sh.h", "int h;"),
        ("ü:%.h", "int u;"),
    ];
    check(
        &ALL,
        &files,
        &["a.c"],
        &["do$lar.h", "ha#sh.h", "with blank.h", "ü:%.h"],
    );
}

#[test]
fn another_cwd_climbs() {
    for compiler in ALL {
        let files = [
            ("src/a.c", "#include \"g.h\"\n#include <c.h>\n"),
            ("inc/g.h", "int g;"),
            ("build/gen/c.h", "int c;"),
        ];
        let tree = Tree::new(&files).cwd("build");
        let scanned = check_hermetic(&tree, compiler, &["-I", "../inc", "-I", "gen", "../src/a.c"]);
        assert_eq!(scanned.files(), ["build/gen/c.h", "inc/g.h"], "{compiler}");
    }
}

#[test]
fn the_whole_standard_library_is_scanned() {
    let source = "#include <algorithm>\n#include <iostream>\n#include <map>\n#include <regex>\n#include <thread>\n\
        int main() { std::map<int, int> m; std::cout << m.size(); }";
    for compiler in ALL {
        let tree = Tree::new(&[("a.cc", source)]);
        let scanned = check_hermetic(&tree, compiler, &["-O1", "a.cc"]);
        assert!(scanned.listed() > 200, "{compiler}: {}", scanned.listed());
        assert!(scanned.inputs.outside.iter().all(|file| file.on_worker), "{compiler}");
        assert_eq!(scanned.scan.date_or_time, None, "{compiler}");
        assert_eq!(scanned.inputs.once_alias, None, "{compiler}");
        assert_eq!(scanned.files(), Vec::<&str>::new(), "{compiler}");
    }
}
