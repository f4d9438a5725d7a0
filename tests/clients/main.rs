#![expect(clippy::print_stdout, reason = "a program of its own: its report goes to stdout")]

//! Clients that we did not write, with `rewrap serve`: each has something executed, and then finds it in the cache.
//!
//!     cargo test --test clients -- [CLIENT…]
//!
//! `tests/setup buildbox siso` gets them. Bazel has a script of its own, [`tests/clients/bazel`](bazel), since it needs a
//! whole system around it.

#[path = "../support/casd.rs"]
#[expect(dead_code, reason = "only where the programs are")]
mod casd;
#[path = "../support/serve.rs"]
#[expect(dead_code, reason = "the soak needs more of it")]
mod serve;

use serve::Serve;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The server, and a directory for one client.
struct Stage<'a> {
    /// `HOST:PORT`.
    server: &'a str,
    dir: PathBuf,
    /// In sources, so that no earlier run has had the same actions.
    unique: String,
}

type Client = (&'static str, fn(&Stage));

const CLIENTS: &[Client] = &[("recc", recc), ("trexe", trexe), ("siso", siso)];

fn main() -> ExitCode {
    let wanted: Vec<_> = std::env::args().skip(1).collect();
    let files = tempfile::tempdir().expect("temporary directory");
    let server = Serve::start(&files.path().join("server"), &[]);
    let address = server.address.strip_prefix("grpc://").expect("an address");
    let mut failed = false;
    for (name, run) in CLIENTS {
        if !wanted.is_empty() && !wanted.iter().any(|word| word == name) {
            continue;
        }
        let stage = Stage {
            server: address,
            dir: files.path().join(name),
            unique: format!("{:016x}", fastrand::u64(..)),
        };
        fs::create_dir(&stage.dir).expect("directory");
        let passed = catch_unwind(AssertUnwindSafe(|| run(&stage))).is_ok();
        println!("{}      {name}", if passed { "ok" } else { "FAILED" });
        failed |= !passed;
    }
    let log = fs::read_to_string(files.path().join("server/log")).unwrap_or_default();
    if failed {
        println!("log of the server:\n{log}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

impl Stage<'_> {
    fn write(&self, name: &str, text: &str) {
        let path = self.dir.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directory");
        fs::write(path, text).expect("written");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Starts a client here, without settings that the user may have for it.
    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(casd::tools().join("bin").join(program));
        command.current_dir(&self.dir).env("HOME", &self.dir);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("RECC_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// A C program that prints what is unique.
    fn write_program(&self, name: &str) {
        let unique = &self.unique;
        let text = format!("#include <stdio.h>\nint main(void) {{ puts(\"{unique}\"); return 0; }}\n");
        self.write(name, &text);
    }

    /// An object of that program must be whole.
    fn runs(&self, object: &Path) {
        let program = self.path("program");
        let linked = Command::new("gcc").arg(object).arg("-o").arg(&program).status();
        assert!(linked.expect("gcc").success(), "the object does not link");
        let printed = Command::new(&program).output().expect("the program").stdout;
        assert_eq!(String::from_utf8_lossy(&printed).trim_end(), self.unique);
    }
}

/// What a client that must succeed says.
#[track_caller]
fn said(command: &mut Command) -> String {
    let output = command.output().expect("a client; run tests/setup");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

/// A compile: executed, then a hit; then one of C++ with many headers.
fn recc(stage: &Stage) {
    stage.write_program("hello.c");
    stage.write(
        "part.cc",
        &format!(
            "#include <map>\n#include <string>\nstd::map<std::string, int> part_{};\n",
            stage.unique
        ),
    );
    for words in [
        ["gcc", "-c", "hello.c", "-o", "hello.o"],
        ["g++", "-c", "part.cc", "-o", "part.o"],
    ] {
        let compile = || {
            let mut recc = stage.client("recc");
            recc.args(words)
                .env("RECC_SERVER", format!("http://{}", stage.server))
                .env("RECC_LOG_LEVEL", "info")
                .env("RECC_REMOTE_PLATFORM_OSFamily", "linux")
                .env("RECC_REMOTE_PLATFORM_ISA", "x86-64");
            said(&mut recc)
        };
        let object = stage.path(words[4]);
        let cold = compile();
        assert!(cold.contains("Executing action remotely"), "{cold}");
        assert!(!cold.contains("Action Cache hit"), "{cold}");
        let executed = fs::read(&object).expect("an object");
        fs::remove_file(&object).expect("removed");
        let warm = compile();
        assert!(warm.contains("Action Cache hit"), "{warm}");
        assert!(!warm.contains("Executing action"), "{warm}");
        assert!(fs::read(&object).expect("an object") == executed, "another object");
    }
    stage.runs(&stage.path("hello.o"));
}

/// A command with an input tree and an output, which tells where it ran.
fn trexe(stage: &Stage) {
    stage.write("in/word", &stage.unique);
    let run = |into: &str| {
        let mut trexe = stage.client("trexe");
        trexe
            .args(["--remote", &format!("http://{}", stage.server)])
            .args([
                "--platform-properties=OSFamily=linux,ISA=x86-64",
                "--input-path",
                "in:in",
            ])
            .args(["--output-path", "out", "--d", into, "--"])
            .args([
                "/bin/sh",
                "-c",
                "set -e; cat in/word >out; cat /proc/sys/kernel/random/uuid >>out",
            ]);
        said(&mut trexe);
        fs::read_to_string(stage.path(into).join("out")).expect("the output")
    };
    let cold = run("cold");
    assert!(cold.starts_with(&stage.unique), "{cold}");
    assert_eq!(run("warm"), cold, "executed again");
}

/// A ninja build of one step, whose compiler has no path and which sends no `PATH`.
fn siso(stage: &Stage) {
    stage.write_program("hello.c");
    stage.write(
        "build/config/siso/main.star",
        r#"load("@builtin//encoding.star", "json")
load("@builtin//struct.star", "module")

def init(ctx):
    rule = {"name": "compile", "action": "compile", "command_prefix": "gcc ", "remote": True,
            "platform_ref": "any", "deps": "gcc"}
    platforms = {"any": {"OSFamily": "linux", "ISA": "x86-64"}}
    return module("config", filegroups = {}, handlers = {},
                  step_config = json.encode({"platforms": platforms, "rules": [rule]}))
"#,
    );
    stage.write(
        "out/build.ninja",
        "rule compile\n  command = gcc -MMD -MF $out.d -c $in -o $out\n  depfile = $out.d\n  deps = gcc\n\
         build hello.o: compile ../hello.c\n",
    );
    let build = |counted: &str| {
        // What it knows of earlier builds, and their output.
        for entry in fs::read_dir(stage.path("out")).expect("directory") {
            let path = entry.expect("entry").path();
            if !path.ends_with("build.ninja") {
                if path.is_dir() {
                    fs::remove_dir_all(path)
                } else {
                    fs::remove_file(path)
                }
                .expect("removed");
            }
        }
        let mut siso = stage.client("siso");
        siso.args([
            "ninja",
            "-C",
            "out",
            "-project",
            "none",
            "-reapi_insecure",
            "-strict_remote",
        ])
        .args(["-reapi_address", stage.server, "-reapi_instance", "", "hello.o"]);
        let text = said(&mut siso);
        assert!(text.contains(counted), "not {counted}: {text}");
    };
    build("remote:1 cache:0");
    stage.runs(&stage.path("out/hello.o"));
    build("remote:0 cache:1");
    stage.runs(&stage.path("out/hello.o"));
}
