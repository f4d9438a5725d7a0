//! Another compiler under the same name is another compiler.

use super::sandbox::Sandbox;
use crate::steps::eventually;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

/// Builds before and after a change of the compiler; then plainly.
#[track_caller]
fn check(what: &str, step: &str, before: impl Fn(&Sandbox), change: impl Fn(&Sandbox)) {
    let sandbox = Sandbox::new();
    sandbox.write(
        "main.c",
        "#ifndef EXTRA\n#define EXTRA 0\n#endif\nint value = EXTRA; const char *of = __VERSION__;\n",
    );
    before(&sandbox);
    let object = || fs::read(sandbox.work().join("main.o")).unwrap();
    sandbox.wrapped(step);
    let first = object();
    // What has just been made is believed a little later.
    eventually("it is known", || {
        sandbox.starts();
        assert_eq!(sandbox.wrapped(step).exit, 0, "{what}");
        assert!(object() == first, "{what}");
        sandbox.runs() == 0
    });
    change(&sandbox);
    assert_eq!(sandbox.wrapped(step).exit, 0, "{what}");
    let wrapped = object();
    assert_eq!(sandbox.plain(step).exit, 0, "{what}");
    assert!(wrapped == object(), "{what}: the old compiler's object");
    assert!(wrapped != first, "{what}: the change changes nothing");
}

#[test]
fn a_compiler_script_that_is_edited() {
    let edit = |sandbox: &Sandbox, extra: u32| {
        sandbox.install_compiler("mine-gcc", &format!("exec /usr/bin/gcc -DEXTRA={extra} \"$@\""));
    };
    check("a script", "$W mine-gcc -c main.c", |it| edit(it, 1), |it| edit(it, 2));
}

#[test]
fn a_symlink_to_another_compiler() {
    let point = |sandbox: &Sandbox, to: &str| {
        let link = sandbox.path("bin/cc");
        if link.symlink_metadata().is_ok() {
            fs::remove_file(&link).unwrap();
        }
        symlink(to, link).unwrap();
    };
    check(
        "within PATH",
        "$W cc -c main.c",
        |it| point(it, "gcc"),
        |it| point(it, "clang"),
    );
    let clangs = |sandbox: &Sandbox, to: &str| point(sandbox, &format!("/usr/bin/{to}"));
    check(
        "between versions",
        "$W cc -c main.c",
        |it| clangs(it, "clang"),
        |it| clangs(it, "clang-19"),
    );
    check(
        "between families",
        "$W cc -c main.c",
        |it| clangs(it, "gcc"),
        |it| clangs(it, "clang"),
    );
}

#[test]
fn an_assembler_that_the_compiler_finds_through_a_link() {
    let point = |sandbox: &Sandbox, to: &str| {
        let link = sandbox.path("bin/as");
        if link.symlink_metadata().is_ok() {
            fs::remove_file(&link).unwrap();
        }
        symlink(to, link).unwrap();
    };
    // A program: what a script would run nobody can tell, and such a step has no action.
    let compressing = |sandbox: &Sandbox| {
        sandbox.write(
            "as.c",
            "#include <unistd.h>\n#include <stdlib.h>\n#include <string.h>\n\
             int main(int count, char **old) {\n\
             char **words = calloc(count + 2, sizeof *words);\n\
             memcpy(words, old, count * sizeof *words);\n\
             words[count] = \"--compress-debug-sections=zlib\";\n\
             return execv(\"/usr/bin/as\", words);\n}\n",
        );
        let program = sandbox.path("bin/as-two");
        let built = Command::new("/usr/bin/gcc")
            .args(["as.c", "-o"])
            .arg(&program)
            .current_dir(sandbox.work())
            .status();
        assert!(built.unwrap().success());
    };
    let assemblers = |sandbox: &Sandbox| {
        compressing(sandbox);
        point(sandbox, "/usr/bin/as");
    };
    check("the assembler", "$W gcc -g3 -c main.c", assemblers, |it| {
        point(it, "as-two");
    });
}

#[test]
fn a_compiler_that_is_first_found_later() {
    let nothing = |_: &Sandbox| {};
    check("earlier in PATH", "$W gcc-12 -c main.c", nothing, |sandbox| {
        sandbox.install_compiler("gcc-12", "exec /usr/bin/gcc-12 -DEXTRA=5 \"$@\"");
    });
}
