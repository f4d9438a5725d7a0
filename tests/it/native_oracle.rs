//! `-march=native` and its like against the compilers: the words that a command is given in their place make the same
//! file, byte for byte, or the step is placed locally.

use crate::scan_oracle::bench::MACHINE;
use crate::tools::missing;
use rewrap::command::{Driver, Native, Role, parse};
use rewrap::toolchain::Environment;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

const SOURCE: &str = "#ifdef __AVX2__\nint wide = __AVX2__;\n#endif\n\
    int dot(const int *a, const int *b, int n) { int s = 0; for (int i = 0; i < n; i++) s += a[i] * b[i]; return s; }\n\
    double sum(const double *a, int n) { double s = 0; for (int i = 0; i < n; i++) s += a[i] * 3.0; return s; }\n";

/// What is shown of a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// The words can take the place of the native ones, and give the same file.
    Equal,
    /// The same, and the file is another one, which the action's table of options says too.
    Recorded,
    /// The words only tell which processor it is.
    Known,
    /// The driver does not say.
    Unclear,
}

use Expect::{Equal, Known, Recorded, Unclear};

/// Arguments, and what holds for gcc and for clang.
const LINES: &[(&str, Expect, Expect)] = &[
    ("-march=native -O2 -c a.c -o a.o", Equal, Equal),
    (
        "-O3 -march=native -ffast-math -fno-math-errno -c a.c -o a.o",
        Equal,
        Equal,
    ),
    ("-march=native -mtune=native -O2 -S a.c -o a.s", Equal, Equal),
    ("-mtune=native -O2 -c a.c -o a.o", Equal, Equal),
    ("-mtune=native -march=x86-64-v2 -O2 -c a.c -o a.o", Equal, Equal),
    ("-march=native -mtune=skylake -O2 -c a.c -o a.o", Equal, Equal),
    ("-O2 -march=native -x c++ -std=c++17 -c a.c -o a.o", Equal, Equal),
    // gcc drops options that the user repeats or takes back; clang puts features after the user's own.
    ("-march=native -mno-avx -O2 -c a.c -o a.o", Known, Known),
    ("-mno-avx -march=native -O2 -c a.c -o a.o", Known, Known),
    ("-march=native --param=l1-cache-size=16 -O2 -c a.c -o a.o", Equal, Equal),
    ("-march=native -m64 -O2 -c i.i -o a.o", Equal, Equal),
    ("-march=native -O2 -fopenmp -msse4.2 -c a.c -o a.o", Known, Known),
    // gcc lists its options there.
    ("-march=native -g -O2 -c a.c -o a.o", Recorded, Equal),
    ("-march=native -O2 -fverbose-asm -S a.c -o a.s", Recorded, Equal),
    ("-march=native -O2 -flto -frandom-seed=1 -c a.c -o a.o", Recorded, Equal),
    // No part of it depends on the processor, so nothing says which it is.
    ("-march=native -c t.s -o a.o", Unclear, Known),
];

fn environment() -> Environment {
    let path = (OsString::from("PATH"), OsString::from("/usr/bin:/bin"));
    [path].into_iter().collect()
}

/// The bytes of the output of one run.
fn run(driver: &Path, args: &[String], cwd: &Path) -> Vec<u8> {
    let done = Command::new(driver)
        .args(args)
        .current_dir(cwd)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    let at = args.iter().position(|word| word == "-o").unwrap();
    std::fs::read(cwd.join(&args[at + 1])).unwrap()
}

/// What one line gives.
fn found(driver: &Path, line: &str, cwd: &Path) -> Expect {
    let env = environment();
    let identity = MACHINE.toolchains.identify(driver, driver.as_os_str(), &env).unwrap();
    let parsed = Driver {
        family: identity.family,
        cxx: identity.cxx,
        version: identity.version,
    };
    let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let command = parse(&parsed, &args, &mut |_| None).unwrap();
    let Ok((command, fact)) = MACHINE.toolchains.with_processor(&identity, command, cwd, &env) else {
        return Unclear;
    };
    assert!(fact.is_some() && command.processor().next().is_some(), "{line}");
    if command.with_role(Role::Native(Native::Known)).next().is_some() {
        return Known;
    }
    let asked = Role::Native(Native::Asked);
    let resolved: Vec<String> = command
        .args
        .iter()
        .filter(|arg| arg.role != asked)
        .flat_map(rewrap::command::Arg::words)
        .collect();
    if run(driver, &args, cwd) == run(driver, &resolved, cwd) {
        Equal
    } else {
        Recorded
    }
}

fn check(compiler: &str, expected: fn(&(&str, Expect, Expect)) -> Expect) {
    let driver = Path::new("/usr/bin").join(compiler);
    if !driver.exists() {
        return missing(compiler);
    }
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("a.c", SOURCE),
        ("i.i", "int f(int a) { return a; }\n"),
        ("t.s", " .text\n"),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    for row in LINES {
        assert_eq!(found(&driver, row.0, dir.path()), expected(row), "{compiler} {}", row.0);
    }
}

#[test]
fn gcc_makes_the_same_of_resolved_options() {
    check("gcc", |row| row.1);
}

#[test]
fn clang_makes_the_same_of_resolved_options() {
    check("clang", |row| row.2);
}

#[test]
fn newer_clang_makes_the_same_of_resolved_options() {
    check("clang-19", |row| row.2);
}
