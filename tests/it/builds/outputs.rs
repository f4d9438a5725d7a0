//! Modes of outputs, and what is done with a file that is there already.

use super::COMPILERS;
use super::sandbox::Sandbox;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

const STEP: &str = "-g -gsplit-dwarf -MMD -MP -Wall -c main.c -o main.o";
const OUTPUTS: [&str; 3] = ["main.o", "main.d", "main.dwo"];

#[test]
fn modes_follow_the_umask() {
    let sandbox = Sandbox::new();
    sandbox.write("main.c", "int f(void) { int unused; return 0; }\n");
    for compiler in COMPILERS {
        for umask in ["000", "002", "022", "027", "077", "0277"] {
            let thrice = sandbox.thrice(&format!("umask {umask}; $W {compiler} {STEP}"));
            assert_eq!(thrice.plain.exit, 0);
            assert_eq!(thrice.warm, 0, "{compiler} {umask}");
        }
    }
}

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
    let befores: [(&str, &dyn Fn(&Path)); 8] = [
        ("a longer file", &older("long", 0o644)),
        ("mode 0600", &older("private", 0o600)),
        ("mode 0444", &older("fixed", 0o444)),
        ("executable", &older("program", 0o755)),
        ("symlink to a file", &to_a_file),
        ("dangling symlink", &linked_to("elsewhere/new")),
        ("symlink into a missing directory", &linked_to("missing/new")),
        ("hard link", &hard_linked),
    ];
    for compiler in COMPILERS {
        for (what, before) in &befores {
            for output in OUTPUTS {
                let prepare = |work: &Path| before(&work.join(output));
                let step = format!("$W {compiler} {STEP} # {output} is there: {what}");
                sandbox.thrice_from(&step, prepare);
                sandbox.thrice_from(&step.replace("-c main.c", "-c broken.c"), prepare);
            }
        }
    }
    // All in all, it was mostly hits that were compared.
    assert!(sandbox.steps("local_cache") > 50, "{}", sandbox.stats());
}
