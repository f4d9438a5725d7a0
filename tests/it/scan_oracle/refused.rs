//! What makes a step stay at home, and what asking must not do.

use super::bench::{ALL, Tree, check_hermetic};
use super::failure;
use rewrap::scan::ScanFailure;

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
