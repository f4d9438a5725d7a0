//! `rewrap build` and `rewrap stats`.

use super::{Sandbox, ended, mode};
use rewrap::pb::record::{Record, Where};
use rewrap::report::record::RecordLog;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

#[test]
fn a_project_file_that_others_may_write_is_ignored_and_the_build_says_so() {
    let sandbox = Sandbox::new();
    sandbox.write("work/rewrap.toml", "paths = 'portable'\n");
    mode(&sandbox.path("work/rewrap.toml"), 0o666);
    insta::assert_snapshot!(sandbox.run(&["build", "--", "true"]), @r"
    exit 0
    --- stdout
    --- stderr
    rewrap: no step was seen: nothing had to be compiled, or the build names its compilers by absolute paths (configure it again under `rewrap build`)
    rewrap: /S/work/rewrap.toml is ignored: it can be written by everybody
    ");
}

#[test]
fn the_builds_output_and_exit_code_pass_through() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run(&["build", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]), @r"
    exit 7
    --- stdout
    out
    --- stderr
    err
    rewrap: no step was seen: nothing had to be compiled, or the build names its compilers by absolute paths (configure it again under `rewrap build`)
    ");
    insta::assert_snapshot!(sandbox.run(&["build", "--", "/nonexistent/make"]), @r"
    exit 127
    --- stdout
    --- stderr
    rewrap: error: cannot run `/nonexistent/make`
      caused by: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(sandbox.run(&["build", "--", "/etc/passwd"]), @r"
    exit 126
    --- stdout
    --- stderr
    rewrap: error: cannot run `/etc/passwd`
      caused by: Permission denied (os error 13)
    ");
}

#[test]
fn a_build_that_a_signal_ends_ends_us_likewise() {
    let sandbox = Sandbox::new();
    let end = |script: &str| {
        sandbox
            .run(&["build", "--", "sh", "-c", script])
            .lines()
            .next()
            .map(str::to_owned)
    };
    assert_eq!(end("kill -INT $$").as_deref(), Some("signal 2"));
    assert_eq!(end("kill -TERM $$").as_deref(), Some("signal 15"));
    assert_eq!(end("kill -KILL $$").as_deref(), Some("exit 137"));
}

#[test]
fn a_signal_sent_to_us_alone_reaches_the_build() {
    let sandbox = Sandbox::new();
    // The shell says that it is there, then waits for its own end; the trap shows who was told.
    let script = "trap 'exit 9' TERM; echo ready; while :; do read line || exit 1; done";
    let mut command = sandbox.command(&["build", "--", "sh", "-c", script]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    // Waiting closes it otherwise, and the build's `read` would end.
    let stdin = child.stdin.take();
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe"))
        .read_line(&mut line)
        .expect("a line");
    assert_eq!(line, "ready\n");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
        .expect("sent");
    assert_eq!(ended(child.wait().expect("ends")), "exit 9");
    drop(stdin);
}

#[test]
fn a_signal_that_we_ignore_is_ignored_by_the_build() {
    let sandbox = Sandbox::new();
    let script = r#"trap '' HUP; exec "$0" build -- grep SigIgn: /proc/self/status"#;
    let mut shell = sandbox.of_program("sh", &["-c", script, env!("CARGO_BIN_EXE_rewrap")]);
    let outcome = sandbox.outcome(&mut shell);
    let mask = outcome
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .expect("the kernel says it");
    assert_eq!(
        u64::from_str_radix(mask.trim(), 16).expect("hexadecimal") & 1,
        1,
        "{outcome}"
    );
}

#[test]
fn compilers_on_the_path_are_shims_at_a_permanent_place() {
    let sandbox = Sandbox::new();
    sandbox.write("bin/gcc", "#!/bin/sh\n");
    mode(&sandbox.path("bin/gcc"), 0o755);
    let found = || {
        let mut command = sandbox.command(&[
            "build",
            "--",
            "/bin/sh",
            "-c",
            "command -v gcc; command -v nothing-like-it",
        ]);
        let outcome = sandbox.outcome(command.env("PATH", sandbox.path("bin")));
        outcome.lines().nth(2).expect("a path").to_owned()
    };
    let first = found();
    assert!(first.starts_with("/S/home/.local/share/rewrap/shims/"), "{first}");
    assert_eq!(first, found());
    let link = fs::read_link(sandbox.path(first.strip_prefix("/S/").expect("inside"))).expect("a link");
    assert_eq!(
        link,
        Path::new(env!("CARGO_BIN_EXE_rewrap-cc"))
            .canonicalize()
            .expect("built")
    );
}

#[test]
fn flags_and_jobs_reach_the_build_by_variables() {
    let sandbox = Sandbox::new();
    let script = "echo $REWRAP_PATHS $REWRAP_DISK_CACHE; test -n \"$REWRAP_BUILD_ID\"";
    let args = [
        "build",
        "--paths=portable",
        "--disk_cache=cache",
        "--",
        "sh",
        "-c",
        script,
    ];
    let outcome = sandbox.run(&args);
    assert!(
        outcome.starts_with("exit 0\n--- stdout\nportable /S/work/cache\n"),
        "{outcome}"
    );

    sandbox.write("work/Makefile", "all:\n\t@echo $(MAKEFLAGS)\n");
    let outcome = sandbox.run(&["build", "-j3", "--", "make"]);
    assert!(outcome.contains("-j3"), "{outcome}");
}

#[test]
fn a_build_sums_up_its_own_records() {
    let sandbox = Sandbox::new();
    let log = RecordLog::open(&sandbox.path("home/.cache/rewrap")).expect("opened");
    let step = |build_id: &str, r#where: Where, reason: &str| Record {
        build_id: build_id.into(),
        r#where: r#where.into(),
        reason: reason.into(),
        reason_text: "it is a link".into(),
        action_digest: if reason.is_empty() {
            "aa/1".into()
        } else {
            String::new()
        },
        ..Record::default()
    };
    // The build waits until its records are there, as the daemon would have written them.
    let script = "echo $REWRAP_BUILD_ID; read line";
    let mut command = sandbox.command(&["build", "--", "sh", "-c", script]);
    let command = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut id = String::new();
    BufReader::new(child.stdout.take().expect("a pipe"))
        .read_line(&mut id)
        .expect("a line");
    for record in [
        step(id.trim(), Where::LocalCache, ""),
        step("other", Where::Remote, ""),
        step(id.trim(), Where::LocalOnly, "link"),
        step(id.trim(), Where::LocalCache, ""),
    ] {
        log.append(&record).expect("appended");
    }
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "rewrap: 3 steps: 2 hits (66 %), 1 ran here (1 link)\n"
    );

    let stats = sandbox.run(&["stats", "--json"]);
    let json = stats
        .split("--- stdout\n")
        .nth(1)
        .and_then(|text| text.split("--- stderr").next())
        .expect("JSON");
    let json: serde_json::Value = serde_json::from_str(json).expect("JSON");
    assert_eq!((&json["schema"], &json["scope"]), (&1.into(), &"last_build".into()));
    assert_eq!(
        (&json["steps"], &json["hits"], &json["build_id"]),
        (&3.into(), &2.into(), &id.trim().into())
    );
    let all = sandbox.run(&["stats", "--all"]);
    assert!(
        all.contains("4 steps: 2 hits (66 % of the 3 that can be cached)"),
        "{all}"
    );
}
