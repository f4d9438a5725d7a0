//! What the compiler reads and does not list.

use super::bench::{ALL, Tree, check_hermetic};
use super::{check, check_noticed};

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
