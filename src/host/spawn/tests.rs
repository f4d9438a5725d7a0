use super::*;

fn shell(script: &str, timeout: Duration) -> Result<Finished, SpawnError> {
    run(&Invocation {
        program: "/bin/sh".into(),
        invoked_as: "any-name".into(),
        args: vec!["-c".into(), script.into()],
        env: vec![("NAME".into(), "value".into())],
        cwd: "/usr".into(),
        timeout,
    })
}

const LONG: Duration = Duration::from_mins(1);

fn check(script: &str, stdout: &str, stderr: &str, code: i32) {
    let finished = shell(script, LONG).expect("runs");
    assert_eq!(String::from_utf8_lossy(&finished.stdout), stdout, "{script}");
    assert_eq!(String::from_utf8_lossy(&finished.stderr), stderr, "{script}");
    assert_eq!(finished.status.code(), Some(code), "{script}");
}

#[test]
fn a_program_gets_what_was_said_and_nothing_else() {
    check(
        "echo $NAME; pwd; echo to-err >&2; exit 3",
        "value\n/usr\n",
        "to-err\n",
        3,
    );
    check("echo $0", "any-name\n", "", 0);
    check("cat", "", "", 0);
    check("echo \"$HOME$USER\"", "\n", "", 0);
    check("exec >&- 2>&-; exit 1", "", "", 1);
}

#[test]
fn more_than_a_pipe_holds_is_taken_from_both_outputs() {
    let script = "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; \
                  echo 0123456789012345678901234567890123456789 >&2; i=$((i+1)); done";
    let finished = shell(script, LONG).expect("runs");
    assert_eq!((finished.stdout.len(), finished.stderr.len()), (3000 * 41, 3000 * 41));
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let missing = Invocation {
        program: "/nowhere/cc".into(),
        invoked_as: "cc".into(),
        args: Vec::new(),
        env: Vec::new(),
        cwd: "/".into(),
        timeout: LONG,
    };
    let error = run(&missing).expect_err("no such program");
    assert_eq!(error.to_string(), "cannot run `/nowhere/cc`");
}

/// The time limit kills everything that the program started, whether it ended itself or not.
fn check_killed(script: &str) {
    let dir = tempfile::tempdir().expect("directory");
    let pid_file = dir.path().join("pid");
    let script = script.replace("PID", &pid_file.display().to_string());
    let error = shell(&script, Duration::from_millis(500)).expect_err("too long");
    assert!(matches!(error, SpawnError::TimedOut { .. }), "{error}");
    let pid = std::fs::read_to_string(pid_file)
        .expect("pid")
        .trim()
        .parse()
        .expect("number");
    // The signal is on its way; it has arrived when the pidfd is readable or there is no such process.
    if let Ok(end) = pidfd_open(Pid::from_raw(pid).expect("pid"), PidfdFlags::empty()) {
        let ended = poll(&mut [PollFd::new(&end, PollFlags::IN)], Some(&timespec(LONG)));
        assert_eq!(ended, Ok(1), "{script}");
    }
}

#[test]
fn a_program_that_takes_too_long_is_killed_with_its_children() {
    check_killed("sleep 600 & echo $! > PID; wait");
    check_killed("sleep 600 & echo $! > PID; exit 0");
}
