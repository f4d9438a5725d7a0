//! Builds with a Remote Execution server.

use super::COMPILERS;
use super::sandbox::{Sandbox, Told, runs};
use super::tree::Tree;
use crate::support::fake_reapi::{FakeReapi, Fault, Habits, OutputFields, Rpc, Zstd};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;

const FILES: &[(&str, &str)] = &[
    (
        "main.c",
        "#include \"include/own.h\"\n#include <stdio.h>\nconst char *f(void) { int unused; return OWN __FILE__; }\n",
    ),
    ("include/own.h", "#define OWN \"own\"\n"),
    (
        "sub/part.cc",
        "#include <string>\n#include \"../include/own.h\"\nstd::string part() { return OWN; }\n",
    ),
    (
        "code.S",
        ".globl code\ncode: ret\n.section .note.GNU-stack,\"\",@progbits\n",
    ),
];

/// A user whose settings name the server; workers are known to have the compilers.
fn sandbox(server: &FakeReapi, settings: &[(&str, &str)]) -> Sandbox {
    let mut sandbox = Sandbox::with(settings);
    let roots = format!("/usr:{}", sandbox.path("bin").display());
    sandbox.set("REWRAP_WORKER_ROOTS", &roots);
    // Short enough for tests with a server that is down.
    sandbox.set("REWRAP_REMOTE_RETRIES", "1");
    sandbox.set("REWRAP_REMOTE_RETRY_MAX_DELAY", "50ms");
    if !settings.iter().any(|(name, _)| *name == "REWRAP_REMOTE_CACHE") {
        sandbox.set("REWRAP_REMOTE_EXECUTOR", &server.endpoint().address);
    }
    sandbox.write_all(FILES);
    sandbox
}

fn steps(compiler: &str) -> String {
    let cxx = super::sandbox::cxx(compiler);
    format!(
        "$W {compiler} -g -Wall -MMD -MP -c main.c -o main.o && $W {cxx} -O2 -g -MD -Iinclude -c $PWD/sub/part.cc -o sub/part.o \
         && $W {compiler} -g -c code.S"
    )
}

#[test]
fn a_remote_build_is_the_plain_build() {
    let server = FakeReapi::start(Habits::default());
    let sandbox = sandbox(&server, &[]);
    let before = Tree::of(&sandbox.work());
    for (index, compiler) in (0..).zip(COMPILERS) {
        let steps = steps(compiler);
        let thrice = sandbox.thrice(&steps);
        assert!(thrice.plain.stderr.contains("unused"));
        assert_eq!(
            (thrice.cold, thrice.warm),
            (0, 0),
            "{compiler}: {:?}",
            sandbox.reasons()
        );
        assert_eq!(
            sandbox.steps("remote"),
            3 * (index + 1),
            "{compiler}: {:?}",
            sandbox.reasons()
        );
        // Somebody with nothing of their own.
        let other = sandbox.another_user(compiler);
        let thrice = other.thrice(&steps);
        assert_eq!((thrice.cold, thrice.warm), (0, 0), "{compiler}: {:?}", other.reasons());
        assert_eq!(
            (other.steps("remote_cache"), other.steps("remote")),
            (3, 0),
            "{compiler}: {:?}",
            other.reasons()
        );
        before.restore(&sandbox.work());
    }
}

#[test]
fn a_remote_build_is_the_plain_build_whatever_the_servers_habits() {
    // Someone has all of it run, and someone else finds it.
    let check = |seen: &str, habits, settings: &[(&str, &str)]| {
        let server = FakeReapi::start(habits);
        let sandbox = sandbox(&server, settings);
        // A link by its full name, to a file and to a directory: what is sent must not depend on where it lies.
        let work = sandbox.work();
        symlink(work.join("include"), work.join("inc")).unwrap();
        symlink(work.join("include/own.h"), work.join("own.h")).unwrap();
        sandbox.write(
            "links.c",
            "#include \"inc/own.h\"\n#include \"own.h\"\nchar *f(void) { return OWN __FILE__; }\n",
        );
        let steps = "$W gcc -g -MD -c main.c && $W gcc -g -MD -c links.c";
        for (name, cached, run) in [("user", 0, 2), ("other", 2, 0)] {
            let user = sandbox.another_user(name);
            let thrice = user.thrice(steps);
            assert_eq!((thrice.cold, thrice.warm), (0, 0), "{seen}: {:?}", user.reasons());
            let places = (user.steps("remote_cache"), user.steps("remote"));
            assert_eq!(places, (cached, run), "{seen}: {name}: {:?}", user.reasons());
        }
        server
    };
    let zstd = || Habits {
        zstd: Zstd::WORKS,
        ..Habits::default()
    };
    let server = check("a server on this machine has zstd, which is not worth it", zstd(), &[]);
    assert_eq!(server.compressed(Rpc::BatchUpdateBlobs), 0);
    let wanted = ("REWRAP_REMOTE_CACHE_COMPRESSION", "true");
    let server = check("and is asked for it by who wants it", zstd(), &[wanted]);
    assert_ne!(server.compressed(Rpc::BatchUpdateBlobs), 0);
    assert_ne!(server.compressed(Rpc::BatchReadBlobs), 0);
    let no_symlinks = Habits {
        refuses_absolute_symlinks: true,
        ..Habits::default()
    };
    check("BuildGrid refuses symlinks with absolute targets", no_symlinks, &[]);
    let no_lookup = Habits {
        serves_cached: false,
        ..Habits::default()
    };
    check(
        "Buildbarn's Execute looks into no cache: GetActionResult does",
        no_lookup,
        &[],
    );
    let old = Habits {
        high_api_version: (2, 0),
        output_fields: OutputFields::Files,
        ..Habits::default()
    };
    // Its results have another key, under which only Execute looks.
    check("a server of API 2.0 knows no `output_paths`", old, &[]);
}

#[test]
fn a_platform_without_a_worker_is_asked_for_twice_and_named() {
    let server = FakeReapi::start(Habits::default());
    for _ in 0..99 {
        let refused = "No workers exist for instance name prefix \"\" platform {}";
        server.fault(Rpc::Execute, Fault::Status(tonic::Code::Unavailable, refused));
    }
    let sandbox = sandbox(&server, &[("REWRAP_REMOTE_RETRIES", "5")]);
    let told = sandbox.rewrap(&["build", "--", "sh", "-c", &steps("gcc").replace("$W ", "")]);
    assert_eq!(told.exit, 0, "{told:?}");
    assert_eq!((sandbox.steps("fallback"), server.calls(Rpc::Execute)), (3, 2));
    let named = "no worker has the platform that `remote_default_exec_properties` asks for";
    assert!(told.stderr.contains(named), "{}", told.stderr);
}

#[test]
fn a_library_path_for_other_programs_keeps_no_step_here() {
    let server = FakeReapi::start(Habits::default());
    let sandbox = sandbox(&server, &[("LD_LIBRARY_PATH", "/usr/local/share:/nonexistent")]);
    for compiler in COMPILERS {
        let told = sandbox.plain(&steps(compiler).replace("$W", "rewrap-cc"));
        assert_eq!(told.exit, 0, "{told:?}");
    }
    assert_eq!(sandbox.steps("remote"), 9, "{:?}", sandbox.reasons());
}

#[test]
fn a_remote_compile_error_is_final() {
    let server = FakeReapi::start(Habits::default());
    let sandbox = sandbox(&server, &[]);
    sandbox.write(
        "typo.c",
        "#include \"include/own.h\"\nint f(void) { return missing_name; }\n",
    );
    for compiler in COMPILERS {
        let thrice = sandbox.thrice(&format!("$W {compiler} -g -MD -c typo.c -o out.o"));
        assert_eq!(
            (thrice.plain.exit, thrice.cold, thrice.warm),
            (1, 0, 0),
            "{compiler}: {:?}",
            sandbox.reasons()
        );
        let older = |work: &std::path::Path| fs::write(work.join("out.o"), "older").unwrap();
        sandbox.thrice_from(&format!("$W {compiler} -g -c typo.c -o out.o"), older);
    }
    assert_eq!(sandbox.results(), 0);
}

#[test]
fn results_of_this_machine_reach_the_others_through_a_cache() {
    let server = FakeReapi::start(Habits {
        executes: false,
        ..Habits::default()
    });
    let address = server.endpoint().address;
    let sandbox = sandbox(&server, &[("REWRAP_REMOTE_CACHE", &address)]);
    let thrice = sandbox.thrice(&steps("gcc"));
    assert_eq!((thrice.cold, thrice.warm), (3, 0));
    let other = sandbox.another_user("other");
    let thrice = other.thrice(&steps("gcc"));
    assert_eq!((thrice.cold, thrice.warm), (0, 0), "{:?}", other.reasons());
    assert_eq!(other.steps("remote_cache"), 3);
}

#[test]
fn without_its_server_a_build_goes_on_here() {
    let mut server = FakeReapi::start(Habits::default());
    server.stop();
    let sandbox = sandbox(&server, &[]);
    let thrice = sandbox.thrice(&steps("gcc"));
    assert_eq!((thrice.cold, thrice.warm), (3, 0));
    assert_eq!(sandbox.steps("fallback"), 3);
    sandbox.write("new.c", "int value;\n");
    let told = sandbox.rewrap(&["build", "--", "gcc", "-c", "new.c"]);
    assert_eq!(told.exit, 0, "{told:?}");
    let address = server.endpoint().address;
    assert!(
        told.stderr.contains("1 step ran here because") && told.stderr.contains(&address),
        "{}",
        told.stderr
    );
}

#[test]
fn steps_that_fall_back_take_turns() {
    let mut server = FakeReapi::start(Habits::default());
    server.stop();
    let sandbox = sandbox(&server, &[("REWRAP_LOCAL_JOBS", "2")]);
    let log = sandbox.path("turns.log");
    let log = log.display();
    // Slow enough to overlap with the others, if they are let.
    sandbox.install_compiler(
        "gcc",
        &format!(
            "[ \"$asker\" != rewrap ] || exec /usr/bin/gcc \"$@\"\necho start >>{log}\n/usr/bin/gcc \"$@\"; exit=$?\n\
             sleep 0.05\necho stop >>{log}\nexit $exit"
        ),
    );
    let mut rules = "all:".to_owned();
    for number in 0..30 {
        sandbox.write(&format!("{number}.c"), &format!("int f{number};\n"));
        write!(rules, " {number}.o").unwrap();
    }
    sandbox.write("Makefile", &format!("{rules}\n%.o: %.c\n\t$(W) gcc -c $<\n"));
    let told = sandbox.plain("make -s -j50 W=rewrap-cc");
    assert_eq!((told.exit, &*told.stderr), (0, ""));
    let text = fs::read_to_string(sandbox.path("turns.log")).unwrap();
    let (mut now, mut most) = (0, 0);
    for line in text.lines() {
        now += if line == "start" { 1 } else { -1 };
        most = most.max(now);
    }
    assert_eq!((text.lines().count(), now, most), (60, 0, 2));
}

#[test]
fn a_step_that_must_be_remote_fails_without_the_server() {
    let mut server = FakeReapi::start(Habits::default());
    server.stop();
    let sandbox = sandbox(&server, &[("REWRAP_STRATEGY", "remote")]);
    let Told { exit, stdout, stderr } = sandbox.wrapped("$W gcc -c main.c");
    assert_eq!((exit, &*stdout), (125, ""));
    assert!(
        stderr.starts_with("rewrap: error: cannot run the step remotely\n  caused by: "),
        "{stderr}"
    );
    assert!(
        stderr.contains(&server.endpoint().address) && stderr.contains("\n  hint: "),
        "{stderr}"
    );
    let starts = sandbox.starts();
    assert_eq!(runs(&starts), 0, "{starts:?}");
    assert!(!sandbox.work().join("main.o").exists());
    // What needs no server works.
    assert_eq!(sandbox.wrapped("$W gcc --version").exit, 0);
}
