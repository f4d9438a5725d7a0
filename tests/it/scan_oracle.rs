//! The scanner against the compilers: what it says a step reads is put into an empty directory, and the same command
//! has to give the same object there.

mod bench;

use bench::{ALL, Tree, check_hermetic};
use rewrap::scan::ScanFailure;

/// The files and links of the input root under each of the compilers, after the hermetic check.
#[track_caller]
fn check(compilers: &[&str], files: &[(&str, &str)], args: &[&str], expected: &[&str]) {
    for compiler in compilers {
        let tree = Tree::new(files);
        let scanned = check_hermetic(&tree, compiler, args);
        assert_eq!(scanned.files(), expected, "{compiler} {args:?}");
    }
}

/// After `change`, what the scan looked at must look different.
#[track_caller]
fn check_noticed(compilers: &[&str], files: &[(&str, &str)], args: &[&str], change: (&str, &str)) {
    for compiler in compilers {
        let tree = Tree::new(files);
        let scanned = check_hermetic(&tree, compiler, args);
        let before = scanned.observed_now();
        assert_eq!(before, scanned.observed_now(), "{compiler}: nothing has changed");
        tree.put(change.0, change.1);
        assert_ne!(before, scanned.observed_now(), "{compiler} {args:?} {change:?}");
    }
}

#[track_caller]
fn failure(compiler: &str, files: &[(&str, &str)], args: &[&str]) -> ScanFailure {
    Tree::new(files).scan(compiler, args).expect_err("a scan that refuses")
}

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
fn headers_that_are_only_tested_for_are_inputs() {
    let files = [
        (
            "a.c",
            "#if defined __has_include && __has_include(\"only.h\")\nint yes;\n#else\nint no;\n#endif\n\
             #if __has_include(<sys.h>)\nint sys;\n#endif",
        ),
        ("only.h", "#error never included"),
        ("d/sys.h", "#error never included"),
    ];
    check(&ALL, &files, &["-I", "d", "a.c"], &["d/sys.h", "only.h"]);
    let alias = [
        (
            "a.c",
            "#include \"qt.h\"\n#if QT_HAS_INCLUDE(<sys.h>)\nint sys;\n#endif\nint a;",
        ),
        (
            "qt.h",
            "#ifdef __has_include\n#define QT_HAS_INCLUDE(x) __has_include(x)\n#endif",
        ),
        ("d/sys.h", ""),
    ];
    check(&ALL, &alias, &["-I", "d", "a.c"], &["d/sys.h", "qt.h"]);
}

#[test]
fn what_was_looked_for_in_vain_is_noticed_when_it_appears() {
    let tested = [("a.c", "#if __has_include(\"only.h\")\n#error here\n#endif\nint a;")];
    check_noticed(&ALL, &tested, &["a.c"], ("only.h", ""));
    let shadow = [("a.c", "#include <h.h>\n"), ("i1/", ""), ("i2/h.h", "int h;")];
    let args = ["-I", "i1", "-I", "i2", "a.c"];
    check_noticed(&ALL, &shadow, &args, ("i1/h.h", "int other;"));
    let deep = [("a.c", "#include <s/h.h>\n"), ("i1/s/", ""), ("i2/s/h.h", "int h;")];
    check_noticed(&ALL, &deep, &args, ("i1/s/h.h", "int other;"));
    let no_dir = [("a.c", "#include <h.h>\n"), ("i2/h.h", "int h;")];
    check_noticed(&ALL, &no_dir, &args, ("i1/h.h", "int other;"));
    let beside = [("s/a.c", "#include \"h.h\"\n"), ("i2/h.h", "int h;")];
    check_noticed(&ALL, &beside, &["-I", "i2", "s/a.c"], ("s/h.h", "int other;"));
    let precompiled = [("a.c", "#include \"h.h\"\n"), ("h.h", "int h;")];
    check_noticed(&["gcc"], &precompiled, &["a.c"], ("h.h.gch", "x"));
    let computed = [
        ("a.c", "#define H <h.h>\n#include H\n"),
        ("i1/", ""),
        ("i2/h.h", "int h;"),
    ];
    check_noticed(&ALL, &computed, &args, ("i1/h.h", "int other;"));
    let next = [
        ("a.c", "#include <n.h>\n"),
        ("i1/n.h", "#include_next <n.h>\n"),
        ("i3/n.h", "int n;"),
        ("i2/", ""),
    ];
    let args = ["-I", "i1", "-I", "i2", "-I", "i3", "a.c"];
    check_noticed(&ALL, &next, &args, ("i2/n.h", "int other;"));
    let dangling = [
        ("a.c", "#include <h.h>\n"),
        ("i1/h.h", "-> real.h"),
        ("i2/h.h", "int h;"),
    ];
    check_noticed(
        &ALL,
        &dangling,
        &["-I", "i1", "-I", "i2", "a.c"],
        ("i1/real.h", "int other;"),
    );
}

#[test]
fn changed_content_is_noticed() {
    let files = [("a.c", "#include \"h.h\"\n"), ("h.h", "int h;")];
    check_noticed(&ALL, &files, &["a.c"], ("h.h", "int other;"));
}

#[test]
fn directories_that_a_name_walks_through_are_inputs() {
    let files = [
        ("a.c", "#include \"sub/../a.h\"\nint x = A;"),
        ("a.h", "#define A 1"),
        ("sub/", ""),
    ];
    check(&ALL, &files, &["a.c"], &["a.h"]);
    let link = [
        ("a.c", "#include \"lnk/../r.h\"\nint x = R;"),
        ("lnk", "-> real/sub"),
        ("real/sub/", ""),
        ("real/r.h", "#define R 1"),
        ("r.h", "#define R 2"),
    ];
    check(&ALL, &link, &["a.c"], &["lnk", "real/r.h"]);
    let dirs = [("a.c", "#include \"h.h\"\n"), ("one/two/", ""), ("one/h.h", "int h;")];
    check(&ALL, &dirs, &["-I", "one/two/..", "a.c"], &["one/h.h"]);
}

#[test]
fn a_linked_header_includes_from_where_the_link_is() {
    let files = [
        ("a.c", "#include \"d1/l.h\"\nint n = N;"),
        ("d1/l.h", "-> ../d2/real.h"),
        ("d2/real.h", "#include \"n.h\""),
        ("d1/n.h", "#define N 1"),
        ("d2/n.h", "#define N 2"),
    ];
    check(&ALL, &files, &["a.c"], &["d1/l.h", "d1/n.h", "d2/real.h"]);
    // gcc replaces a system header's path by a shorter real one, and then includes from there.
    let system = [
        ("a.c", "#include <l.h>\nint n = N;"),
        ("a/long/directory/l.h", "-> ../../../r/real.h"),
        ("r/real.h", "#include \"n.h\""),
        ("a/long/directory/n.h", "#define N 1"),
        ("r/n.h", "#define N 2"),
    ];
    for compiler in ALL {
        check_hermetic(&Tree::new(&system), compiler, &["-isystem", "a/long/directory", "a.c"]);
    }
}

#[test]
fn links_out_of_the_exec_root_are_followed() {
    let outside = Tree::new(&[("real.h", "#define N 1"), ("dir/deep.h", "#define D 1")]);
    for compiler in ALL {
        let tree = Tree::new(&[("a.c", "#include \"l.h\"\n#include \"d/deep.h\"\nint n = N + D;")]);
        tree.put("l.h", &format!("-> {}", outside.root().join("real.h").display()));
        tree.put("d", &format!("-> {}", outside.root().join("dir").display()));
        let scanned = check_hermetic(&tree, compiler, &["a.c"]);
        assert_eq!(scanned.files(), ["d/deep.h", "l.h"], "{compiler}");
    }
}

#[test]
fn equal_files_that_are_read_once_are_named() {
    let same = "#pragma once\n#include \"in.h\"";
    let files = [
        ("a.c", "#include \"a/o.h\"\n#include \"b/o.h\"\nint x;"),
        ("a/o.h", same),
        ("b/o.h", same),
        ("a/in.h", "int a;"),
        ("b/in.h", "int b;"),
    ];
    let import = [
        ("a.c", "#import \"a/o.h\"\n#import \"b/o.h\"\nint x;"),
        ("a/o.h", "extern int o;"),
        ("b/o.h", "extern int o;"),
    ];
    for compiler in ALL {
        for (what, files) in [("pragma", &files[..]), ("import", &import[..])] {
            for equal_times in [true, false] {
                let tree = Tree::new(files);
                for (name, seconds) in [("a/o.h", 1_000), ("b/o.h", if equal_times { 1_000 } else { 2_000 })] {
                    let file = std::fs::File::options()
                        .write(true)
                        .open(tree.root().join(name))
                        .expect("file");
                    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
                    file.set_modified(time).expect("time");
                }
                let scanned = tree.scan(compiler, &["a.c"]).expect("scan");
                let alias = scanned.inputs.once_alias.clone();
                assert!(alias.is_some(), "{compiler} {what} {equal_times}");
            }
        }
        let linked = [
            ("a.c", "#include \"a.h\"\n#include \"l.h\"\n"),
            ("a.h", same),
            ("l.h", "-> a.h"),
            ("in.h", ""),
        ];
        let scanned = check_hermetic(&Tree::new(&linked), compiler, &["a.c"]);
        assert_eq!(scanned.inputs.once_alias, None, "{compiler}: one file under two names");
    }
}

#[test]
fn a_precompiled_header_is_refused() {
    let source = ("a.c", "#include \"p.h\"\nint a = P;");
    let tree = Tree::new(&[source, ("p.h", "#define P 1")]);
    let made = std::process::Command::new("gcc")
        .args(["-x", "c-header", "p.h", "-o", "p.h.gch"])
        .current_dir(tree.root())
        .status()
        .expect("gcc");
    assert!(made.success());
    let refused = |failure: ScanFailure| assert!(matches!(failure, ScanFailure::PrecompiledHeader { .. }), "{failure}");
    refused(tree.scan("gcc", &["a.c"]).expect_err("refused"));
    std::fs::remove_file(tree.root().join("p.h")).expect("header");
    refused(tree.scan("gcc", &["a.c"]).expect_err("refused without the header"));
    refused(failure(
        "gcc",
        &[source, ("p.h", "#define P 1"), ("p.h.gch/one", "")],
        &["a.c"],
    ));
    let forced = [("a.c", "int a = P;"), ("d/p.h", "#define P 1"), ("d/p.h.gch", "x")];
    refused(failure("gcc", &forced, &["-I", "d", "-include", "p.h", "a.c"]));
}

#[test]
fn assembly_reads_files() {
    let inline = [
        ("a.c", "asm(\".data\\n.incbin \\\"blob.bin\\\"\");\nint a;"),
        ("d/blob.bin", "bytes"),
    ];
    check(&ALL, &inline, &["-I", "d", "a.c"], &["d/blob.bin"]);
    let here = [
        ("b/a.c", "asm(\".data\\n.incbin \\\"blob.bin\\\"\");\nint a;"),
        ("blob.bin", "bytes"),
    ];
    check(&ALL, &here, &["b/a.c"], &["blob.bin"]);
    let source = [
        (
            "s.S",
            "#include \"cpp.h\"\n.include \"mac.inc\"\n.data\n.incbin \"b.bin\" # don't\n",
        ),
        ("cpp.h", "// it's cpp\n"),
        ("i/mac.inc", ".include \"inner.inc\"\n"),
        ("inner.inc", ".byte 1\n"),
        ("i/b.bin", "bytes"),
    ];
    check(
        &ALL,
        &source,
        &["-I", "i", "s.S"],
        &["cpp.h", "i/b.bin", "i/mac.inc", "inner.inc"],
    );
    let plain = [("p.s", ".include \"mac.inc\"\n"), ("i/mac.inc", ".byte 1\n")];
    check(&ALL, &plain, &["-I", "i", "p.s"], &["i/mac.inc"]);
    let preprocessed = [
        ("p.i", "# 1 \"p.c\"\nasm(\".incbin \\\"b.bin\\\"\"); int a;\n"),
        ("b.bin", "x"),
    ];
    check(&ALL, &preprocessed, &["p.i"], &["b.bin"]);
}

#[test]
fn embedded_files_are_inputs() {
    let files = [
        (
            "a.c",
            "char q[] = {\n#embed \"q.bin\"\n};\nchar d[] = {\n#embed <data.bin>\n};\n\
             #if __has_embed(<asked.bin>)\nint asked;\n#endif",
        ),
        ("q.bin", "__TIME__ quoted"),
        ("e/data.bin", "angled"),
        ("e/asked.bin", "asked"),
    ];
    let args = ["-std=c23", "--embed-dir=e", "a.c"];
    let tree = Tree::new(&files);
    let scanned = check_hermetic(&tree, "clang-19", &args);
    assert_eq!(scanned.files(), ["e/asked.bin", "e/data.bin", "q.bin"]);
    assert_eq!(scanned.scan.date_or_time, None, "bytes are no text");
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
fn what_cannot_be_told_is_refused() {
    let refused = |source: &str| {
        let failure = failure("gcc", &[("a.c", source)], &["a.c"]);
        assert!(
            matches!(failure, ScanFailure::Unresolvable { .. }),
            "{source}: {failure}"
        );
    };
    refused("#define H <h.h>\n#if __has_include(H)\n#endif\nint a;");
    refused("#define F \"x\"\nvoid f(void) { if (0) { asm(\".incbin \" F); } }");
    let error = failure("clang", &[("a.c", "#include \"gone.h\"")], &["a.c"]);
    assert!(matches!(error, ScanFailure::CompileError { .. }), "{error}");
}

#[test]
fn dates_are_named_with_their_file() {
    for compiler in ALL {
        let tree = Tree::new(&[
            ("a.c", "#include \"d.h\"\n"),
            ("d.h", "char *d = __DATE__, *t = __TIMESTAMP__;"),
        ]);
        let scan = tree.scan(compiler, &["a.c"]).expect("scan").scan;
        assert_eq!(scan.date_or_time, Some(tree.root().join("d.h")), "{compiler}");
        assert_eq!(scan.timestamp, Some(tree.root().join("d.h")), "{compiler}");
    }
}

#[test]
fn questions_leave_nothing_behind() {
    let options = [
        "-fstack-usage",
        "--coverage",
        "-gsplit-dwarf",
        "-save-temps",
        "-ftime-trace",
        "-fcallgraph-info",
    ];
    for compiler in ALL {
        for option in options {
            if compiler != "gcc" && option == "-fcallgraph-info" || compiler == "gcc" && option == "-ftime-trace" {
                continue;
            }
            let tree = Tree::new(&[("a.c", "int a;")]);
            tree.scan(compiler, &[option, "a.c"]).expect("scan");
            let names = std::fs::read_dir(tree.root()).expect("listing");
            let names: Vec<_> = names.map(|entry| entry.expect("entry").file_name()).collect();
            assert_eq!(names, ["a.c"], "{compiler} {option}");
        }
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
