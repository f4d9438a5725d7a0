//! Precompiled headers, made and used: both steps are cached here, and one that the compiler would refuse never comes
//! out of the cache.

use super::COMPILERS;
use super::sandbox::{Sandbox, cxx};
use crate::tools::sample;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// A header of that modification time.
fn touch(path: &Path, seconds: u64) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
}

/// As CMake has each compiler make and use one.
fn steps(compiler: &str, object: &str) -> [String; 2] {
    let driver = cxx(compiler);
    let header = "$PWD/all.hxx";
    if compiler == "gcc" {
        return [
            format!("$W {driver} -Winvalid-pch -x c++-header -include {header} -o all.hxx.gch -c all.hxx.cxx"),
            format!("$W {driver} -Winvalid-pch -include {header} -MD -MF {object}.d -o {object} -c main.cc"),
        ];
    }
    [
        format!(
            "$W {driver} -Winvalid-pch -Xclang -emit-pch -Xclang -include -Xclang {header} -x c++-header -o all.hxx.pch \
             -c all.hxx.cxx"
        ),
        format!(
            "$W {driver} -Winvalid-pch -Xclang -include-pch -Xclang {header}.pch -Xclang -include -Xclang {header} -MD \
             -MF {object}.d -o {object} -c main.cc"
        ),
    ]
}

fn sources(sandbox: &Sandbox) {
    sandbox.write_all(&[
        ("all.hxx", "#include \"part.h\"\n#include <cstddef>\n"),
        ("all.hxx.cxx", "/* for the compiler */\n"),
        ("part.h", "inline int part() { return 1; }\n"),
        ("main.cc", "std::size_t f() { int unused; return part(); }\n"),
    ]);
    for name in ["all.hxx", "part.h"] {
        touch(&sandbox.work().join(name), 1_600_000_000);
    }
}

#[test]
fn both_steps_come_from_the_cache_and_give_the_object_of_home() {
    for compiler in sample(&COMPILERS) {
        let sandbox = Sandbox::new();
        sources(&sandbox);
        let [make, use_it] = steps(compiler, "main.o");
        let both = format!("{make} && {use_it}");
        let run = |wrapped: bool| {
            let told = if wrapped {
                sandbox.wrapped(&both)
            } else {
                sandbox.plain(&both)
            };
            assert_eq!(told.exit, 0, "{compiler}: {told:?}");
            let products = ["main.o", "main.o.d"].map(|name| fs::read(sandbox.work().join(name)).unwrap());
            for name in ["main.o", "main.o.d", "all.hxx.gch", "all.hxx.pch"] {
                let _ = fs::remove_file(sandbox.work().join(name));
            }
            (told.stderr, products)
        };
        let plain = run(false);
        sandbox.starts();
        assert_eq!(run(true), plain, "{compiler}");
        assert_eq!(sandbox.runs(), 2, "{compiler}: cold");
        assert_eq!(run(true), plain, "{compiler}");
        assert_eq!(sandbox.runs(), 0, "{compiler}: warm {:?}", sandbox.reasons());
        // gcc goes by content, clang by modification time.
        touch(&sandbox.work().join("part.h"), 1_600_000_001);
        assert_eq!(run(true), plain, "{compiler}");
        let expected = if compiler == "gcc" { 0 } else { 2 };
        assert_eq!(sandbox.runs(), expected, "{compiler}: touched");
    }
}

#[test]
fn a_header_newer_than_its_precompiled_form_fails_as_at_home() {
    for compiler in sample(&["clang", "clang-19"]) {
        let sandbox = Sandbox::new();
        sources(&sandbox);
        let [make, use_it] = steps(compiler, "main.o");
        assert_eq!(sandbox.wrapped(&format!("{make} && {use_it}")).exit, 0, "{compiler}");
        touch(&sandbox.work().join("part.h"), 1_600_000_001);
        let (plain, wrapped) = (sandbox.plain(&use_it), sandbox.wrapped(&use_it));
        assert_eq!(plain, wrapped, "{compiler}");
        assert_ne!(plain.exit, 0, "{compiler}");
    }
}
