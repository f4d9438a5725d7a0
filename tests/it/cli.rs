//! The commands for people through the real program: what they print, where, and how they exit.

use rewrap::pb::record::{Record, Where};
use rewrap::report::record::RecordLog;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// A home, an environment and a working directory of its own.
struct Sandbox {
    root: tempfile::TempDir,
}

impl Sandbox {
    fn new() -> Self {
        let sandbox = Self {
            root: tempfile::tempdir().expect("temporary directory"),
        };
        fs::create_dir_all(sandbox.path("home")).expect("made");
        fs::create_dir_all(sandbox.path("work")).expect("made");
        sandbox
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().canonicalize().expect("it exists").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        let directory = path.parent().expect("a directory");
        fs::create_dir_all(directory).expect("made");
        fs::write(&path, text).expect("written");
        // Whatever the umask: a file that a group may write does not count.
        mode(directory, 0o755);
        mode(&path, 0o644);
    }

    fn command(&self, args: &[&str]) -> Command {
        self.of_program(env!("CARGO_BIN_EXE_rewrap"), args)
    }

    fn of_program(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.path("work")).env_clear();
        command
            .env("HOME", self.path("home"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    /// Runs it; exit status, stdout and stderr as one text with the sandbox's path made short.
    #[must_use]
    fn run(&self, args: &[&str]) -> String {
        self.outcome(&mut self.command(args))
    }

    #[must_use]
    fn outcome(&self, command: &mut Command) -> String {
        let output = command.stdin(Stdio::null()).output().expect("it starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&*self.path("").to_string_lossy(), "/S/");
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        format!("{}\n--- stdout\n{out}--- stderr\n{err}", ended(output.status))
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode set");
}

fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
    }
}

#[test]
fn a_wrong_command_line_is_explained() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run(&[]), @r"
    exit 2
    --- stdout
    --- stderr
    rewrap: error: cannot understand the command line
      caused by: a command is missing
      hint: `rewrap --help` and `rewrap COMMAND --help` show what there is
    ");
    insta::assert_snapshot!(sandbox.run(&["bild"]), @r"
    exit 2
    --- stdout
    --- stderr
    rewrap: error: cannot understand the command line
      caused by: unrecognized subcommand 'bild'
      hint: a similar subcommand exists: 'build'
      hint: `rewrap --help` and `rewrap COMMAND --help` show what there is
    ");
    insta::assert_snapshot!(sandbox.run(&["build"]), @r"
    exit 2
    --- stdout
    --- stderr
    rewrap: error: cannot understand the command line
      caused by: missing: <COMMAND>...
      hint: `rewrap --help` and `rewrap COMMAND --help` show what there is
    ");
    insta::assert_snapshot!(sandbox.run(&["build", "--remote-cahce=x", "--", "true"]), @r"
    exit 2
    --- stdout
    --- stderr
    rewrap: error: cannot understand the command line
      caused by: unexpected argument '--remote-cahce' found
      hint: a similar argument exists: '--remote-cache'
      hint: to pass '--remote-cahce' as a value, use '-- --remote-cahce'
      hint: `rewrap --help` and `rewrap COMMAND --help` show what there is
    ");
    insta::assert_snapshot!(sandbox.run(&["build", "-j0", "--", "make"]), @r"
    exit 2
    --- stdout
    --- stderr
    rewrap: error: cannot understand the command line
      caused by: invalid value '0' for '--jobs <N>': 0 is not in 1..=4294967295
      hint: `rewrap --help` and `rewrap COMMAND --help` show what there is
    ");
    insta::assert_snapshot!(sandbox.run(&["build", "-j3", "--", "ninja"]), @r"
    exit 2
    --- stdout
    --- stderr
    rewrap: error: cannot pass `-j3` to `ninja`
      hint: write `{jobs}` where the command takes the number, as in `ninja -j {jobs}`
    ");
}

#[test]
fn help_and_version_go_to_stdout() {
    let sandbox = Sandbox::new();
    let version = format!("exit 0\n--- stdout\nrewrap {}\n--- stderr\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(sandbox.run(&["--version"]), version);
    insta::assert_snapshot!(sandbox.run(&["-h"]), @r"
    exit 0
    --- stdout
    Run C and C++ builds on Bazel's remote execution infrastructure

    Usage: rewrap <COMMAND>

    Commands:
      build        Run a build command with its compilers wrapped, and sum up what became of their steps
      stats        Print what became of the steps of the last build: hits, reasons, times
      config       Look at the configuration
      completions  Print a script that teaches a shell to complete `rewrap` commands
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Examples:
      rewrap build -- make -j8                       build with compilers wrapped
      rewrap build -j200 -- cmake --build out
      cmake -DCMAKE_CXX_COMPILER_LAUNCHER=rewrap-cc  wrap them without `rewrap build`
      rewrap stats                                   what became of the last build
      rewrap config show                             every setting and its origin

    Without any setting results are kept in a store on this machine.
    `rewrap build --help` lists what can be set.
    --- stderr
    ");
    insta::assert_snapshot!(sandbox.run(&["stats", "--help"]), @r"
    exit 0
    --- stdout
    Print what became of the steps of the last build: hits, reasons, times.

    The last build is the last `rewrap build`, or without one the newest steps of one directory tree
    without a pause of five minutes.

    Usage: rewrap stats [OPTIONS]

    Options:
          --json
              Print JSON

          --all
              All recorded steps, not only the last build's

      -h, --help
              Print help (see a summary with '-h')
    --- stderr
    ");
}

#[test]
fn a_wrong_value_is_named_with_its_origin() {
    let sandbox = Sandbox::new();
    sandbox.write("home/.config/rewrap/rewrap.toml", "\nremote_timeout = '1 min'\n");
    insta::assert_snapshot!(sandbox.run(&["config", "show"]), @r"
    exit 1
    --- stdout
    --- stderr
    rewrap: error: cannot use `1 min` as `remote_timeout`
      caused by: not a duration; write seconds, or a unit as in `500ms`, `30s`, `5m`, `2h`
      caused by: set by /S/home/.config/rewrap/rewrap.toml:2
    ");
    sandbox.write("home/.config/rewrap/rewrap.toml", "\nremote_retires = 1\n");
    insta::assert_snapshot!(sandbox.run(&["build", "--", "echo", "not run"]), @r"
    exit 1
    --- stdout
    --- stderr
    rewrap: error: cannot use `remote_retires` at /S/home/.config/rewrap/rewrap.toml:2
      caused by: there is no such setting
      hint: did you mean `remote_retries`?
    ");
    sandbox.write("home/.config/rewrap/rewrap.toml", "");
    sandbox.write("work/rewrap.toml", "disk_cache = '/tmp'\n");
    insta::assert_snapshot!(sandbox.run(&["stats"]), @r"
    exit 1
    --- stdout
    --- stderr
    rewrap: error: cannot let /S/work/rewrap.toml:1 set `disk_cache`
      caused by: the store serves all of a user's projects
      hint: set `disk_cache` in your own ~/.config/rewrap/rewrap.toml, or by variable or flag
    ");
    sandbox.write("work/rewrap.toml", "");
    insta::assert_snapshot!(sandbox.run(&["config", "show", "--strategy=remote"]), @r"
    exit 1
    --- stdout
    --- stderr
    rewrap: error: cannot use `strategy` without `remote_executor`
      caused by: `strategy` is set by --strategy
      hint: set `remote_executor` too
    ");
}

#[test]
fn an_unknown_variable_is_warned_of() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.outcome(sandbox.command(&["stats"]).env("REWRAP_REMOTE_EXECUTER", "x")), @r"
    exit 0
    --- stdout
    No step has been recorded yet.
    --- stderr
    rewrap: warning: unknown variable REWRAP_REMOTE_EXECUTER; did you mean REWRAP_REMOTE_EXECUTOR?
    ");
}

#[test]
fn values_are_shown_with_their_origin_and_without_secrets() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "home/.config/rewrap/rewrap.toml",
        "remote_header = 'Key=secret'\nremote_cache = 'h'\n",
    );
    sandbox.write("work/rewrap.toml", "paths = 'portable'\n");
    let mut command = sandbox.command(&["config", "show", "--remote-retries=2"]);
    let shown = sandbox.outcome(command.env("REWRAP_LOCAL_JOBS", "3"));
    // How far apart the columns are depends on the sandbox's path.
    let columns = |line: &str| {
        line.split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect::<Vec<_>>()
            .join("  ")
    };
    let shown: Vec<_> = shown.lines().map(columns).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    exit 0
    --- stdout
    strategy  cache_only  default
    remote_executor  not set  default
    remote_cache  grpcs://h:443  /S/home/.config/rewrap/rewrap.toml:2
    remote_instance_name  ""  default
    remote_header  key=…  /S/home/.config/rewrap/rewrap.toml:1
    tls_certificate  not set  default
    tls_client_certificate  not set  default
    tls_client_key  not set  default
    remote_timeout  1m  default
    remote_retries  2  --remote_retries
    remote_retry_max_delay  5s  default
    remote_default_exec_properties  not set  default
    remote_accept_cached  true  default
    remote_upload_local_results  true  default
    paths  portable  /S/work/rewrap.toml:1
    exec_root  not set  default
    worker_roots  /usr  default
    disk_cache  /S/home/.cache/rewrap  default
    disk_cache_max_size  10G  default
    local_jobs  3  REWRAP_LOCAL_JOBS
    daemon_idle_timeout  10m  default
    progress  auto  default
    --- stderr
    "#);
    let json = sandbox.run(&["config", "show", "--json"]);
    assert!(
        json.contains("\"schema\": 1") && json.contains("key=…") && !json.contains("secret"),
        "{json}"
    );
}

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

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["completions", "bash"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!(
        (ended(output.status).as_str(), output.stderr.as_slice()),
        ("exit 0", &b""[..])
    );
}
