//! Steps that fail or warn.

use super::COMPILERS;
use super::sandbox::Sandbox;
use crate::tools::sample;
use std::fs;

#[test]
fn a_source_that_does_not_compile_says_so_once_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write_all(&[
        ("typo.c", "#include <stddef.h>\nint f(void) { return missing_name; }\n"),
        ("gone.c", "#include \"no-such-header.h\"\n"),
        ("warns.c", "int f(void) { int unused; return 0; }\n"),
    ]);
    for compiler in sample(&COMPILERS) {
        let check = |step: &str, error: &str| {
            for before in ["", "older object"] {
                let thrice = sandbox.thrice_from(&format!("$W {compiler} {step}"), |work| {
                    if !before.is_empty() {
                        fs::write(work.join("out.o"), before).unwrap();
                        fs::write(work.join("out.d"), before).unwrap();
                    }
                });
                assert_eq!(thrice.plain.exit, 1);
                assert!(thrice.plain.stderr.contains(error), "{}", thrice.plain.stderr);
                assert_eq!(
                    (thrice.cold, thrice.warm),
                    (1, 1),
                    "{compiler} {step}: run each time, once"
                );
            }
        };
        check("-c typo.c -o out.o", "missing_name");
        check("-O2 -g -MMD -MP -MF out.d -c typo.c -o out.o", "missing_name");
        check("-c gone.c -o out.o", "no-such-header.h");
        check("-Wall -Werror -c warns.c -o out.o", "unused");
    }
    assert_eq!(sandbox.results(), 0);
    assert_eq!(sandbox.stats()["stored"], 0);
}

#[test]
fn warnings_are_shown_again_from_the_cache() {
    let sandbox = Sandbox::new();
    sandbox.write_all(&[
        (
            "include/warns.h",
            "static inline int g(void) { int in_header; return 0; }\n",
        ),
        (
            "warns.c",
            "#include \"include/warns.h\"\nint f(void) { int in_source; return 0; }\n",
        ),
        (
            "says.c",
            "#warning \"of ours: naïve\"\n#pragma message(\"note\")\nint value;\n",
        ),
    ]);
    for compiler in sample(&COMPILERS) {
        let check = |step: &str, warning: &str| {
            let thrice = sandbox.thrice(&format!("$W {compiler} {step}"));
            assert_eq!(thrice.plain.exit, 0);
            assert!(thrice.plain.stderr.contains(warning), "{}", thrice.plain.stderr);
            assert_eq!((thrice.cold, thrice.warm), (1, 0), "{compiler} {step}");
        };
        check("-Wall -g -c warns.c -o out.o", "in_header");
        check("-Wall -c $PWD/warns.c -o out.o", "in_source");
        check("-c says.c", "naïve");
        check("-Wall -fdiagnostics-color=always -c warns.c", "\x1b[");
        check("-Wall -MMD -Wno-error -Werror=return-type -c warns.c", "in_source");
    }
}

#[test]
fn a_warning_looks_as_the_locale_wants_it() {
    let sandbox = Sandbox::new();
    sandbox.write("warns.c", "int f(void) { int unused; return 0; }\n");
    for locale in [
        "LC_ALL=C",
        "LC_ALL=C.UTF-8",
        "LC_ALL= LANG=",
        "LC_ALL= LANG=C LC_CTYPE=C.UTF-8",
    ] {
        let thrice = sandbox.thrice(&format!("{locale} $W gcc -Wall -c warns.c"));
        assert!(thrice.plain.stderr.contains("unused"));
        assert_eq!(thrice.warm, 0, "{locale}");
    }
}
