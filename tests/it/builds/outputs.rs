//! Modes of outputs, and what is done with a file that is there already.

use super::COMPILERS;
use super::sandbox::Sandbox;
use crate::tools::sample;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

const STEP: &str = "-g -gsplit-dwarf -MMD -MP -Wall -c main.c -o main.o";

/// Steps of all compilers, and one of the files that each writes.
const OUTPUTS: &[(&str, &str)] = &[
    (STEP, "main.o"),
    (STEP, "main.d"),
    (STEP, "main.dwo"),
    ("-S main.c -o main.s", "main.s"),
    ("--coverage -frandom-seed=1 -c main.c -o main.o", "main.gcno"),
    ("-fstack-usage -c main.c -o main.o", "main.su"),
    ("-E -g main.c -o main.pre", "main.pre"),
    ("-save-temps -c main.c -o main.o", "main.i"),
    ("-save-temps -c main.c -o main.o", "main.s"),
];

const OF_GCC: &[(&str, &str)] = &[
    ("-fcallgraph-info -c main.c -o main.o", "main.ci"),
    ("-fdump-tree-original=main.dump -c main.c -o main.o", "main.dump"),
];

const OF_CLANG: &[(&str, &str)] = &[
    ("-fsave-optimization-record -O2 -c main.c -o main.o", "main.opt.yaml"),
    ("--serialize-diagnostics main.dia -c main.c -o main.o", "main.dia"),
    ("-emit-llvm -S main.c -o main.ll", "main.ll"),
    ("-save-temps -c main.c -o main.o", "main.bc"),
    (
        "-flto=thin -fthin-link-bitcode=main.thin -c main.c -o main.o",
        "main.thin",
    ),
];

#[test]
fn modes_follow_the_umask() {
    let sandbox = Sandbox::new();
    sandbox.write("main.c", "int f(void) { int unused; return 0; }\n");
    for compiler in sample(&COMPILERS) {
        for umask in ["000", "002", "022", "027", "077", "0277"] {
            let thrice = sandbox.thrice(&format!("umask {umask}; $W {compiler} {STEP}"));
            assert_eq!(thrice.plain.exit, 0);
            assert_eq!(thrice.warm, 0, "{compiler} {umask}");
        }
    }
}

/// Makes a file of this name.
type Before<'a> = &'a dyn Fn(&Path);

#[test]
fn files_that_are_there_already_are_treated_as_the_compiler_does() {
    let sandbox = Sandbox::new();
    sandbox.write("main.c", "int f(void) { return 0; }\n");
    sandbox.write("broken.c", "int f(void) { return }\n");
    sandbox.write("elsewhere/keep", "");
    let older = |name: &'static str, mode: u32| {
        move |path: &Path| {
            fs::write(path, name.repeat(5000)).unwrap();
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
    };
    let linked_to = |target: &'static str| move |path: &Path| symlink(target, path).unwrap();
    let hard_linked = |path: &Path| {
        let other = path.with_extension("other");
        fs::write(&other, "shared").unwrap();
        fs::hard_link(other, path).unwrap();
    };
    let to_a_file = |path: &Path| {
        let target = path.with_extension("target");
        fs::write(&target, "target").unwrap();
        symlink(target, path).unwrap();
    };
    let befores: [(&str, Before<'_>); 5] = [
        ("a longer file of mode 0600", &older("long", 0o600)),
        ("symlink to a file", &to_a_file),
        ("dangling symlink", &linked_to("elsewhere/new")),
        ("symlink into a missing directory", &linked_to("missing/new")),
        ("hard link", &hard_linked),
    ];
    for compiler in sample(&COMPILERS) {
        let steps = match compiler {
            "gcc" => [OUTPUTS, OF_GCC],
            "clang" => [OUTPUTS, &[]],
            _ => [OUTPUTS, OF_CLANG],
        };
        for (what, before) in &befores {
            for (args, output) in steps.into_iter().flatten() {
                let prepare = |work: &Path| before(&work.join(output));
                let step = format!("$W {compiler} {args} # {output} is there: {what}");
                sandbox.thrice_from(&step, prepare);
                if output.ends_with(['o', 's']) {
                    sandbox.thrice_from(&step.replace(" main.c", " broken.c"), prepare);
                }
            }
        }
    }
    // All in all, it was mostly hits that were compared.
    assert!(sandbox.steps("local_cache") > 15, "{}", sandbox.stats());
}
