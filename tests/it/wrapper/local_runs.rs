//! Steps that the daemon has run here.

use crate::steps::{Bench, Quick, Slow, as_asked, eventually, run, signal, told};
use rewrap::daemon::{Answer, Conversation};
use rewrap::pb::wire::{LocalOutcome, RunHere, StepRequest, Variable};
use rustix::process::Signal;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};

/// Serves steps by having them run and reported; what was reported comes out of the channel, `None` for a hang-up.
fn reporting(bench: &Bench) -> (crate::steps::Serving<'_>, mpsc::Receiver<Option<LocalOutcome>>) {
    let (reported, outcomes) = mpsc::channel();
    let reported = Mutex::new(reported);
    let daemon = bench.serve(Slow(move |step: &StepRequest, conversation: &dyn Conversation| {
        let outcome = conversation.run_here(as_asked(step)).ok();
        let staged = outcome.is_none() || conversation.staged().is_ok();
        assert!(staged);
        reported.lock().unwrap().send(outcome).unwrap();
    }));
    (daemon, outcomes)
}

/// What a process can tell of how it was started.
const SELF_PORTRAIT: &str = "ls /proc/self/fd | wc -l; grep -E 'Sig(Ign|Blk)|Umask' /proc/self/status; env | grep -v REWRAP | sort; pwd; cat; exit 6";

/// Runs the tool with something to read.
fn typing(command: &mut Command) -> (i32, String, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"typed\n").unwrap();
    told(&child.wait_with_output().unwrap())
}

#[test]
fn a_tool_finds_everything_as_without_a_wrapper() {
    let bench = Bench::new();
    let mut plain = Command::new(bench.path("tools/gcc"));
    bench.equip(&mut plain);
    let plain = typing(plain.arg0("gcc").args(["-c", SELF_PORTRAIT]));
    assert!(plain.1.ends_with("typed\n"), "{plain:?}");
    for report in [false, true] {
        let daemon = bench.serve(Slow(move |step: &StepRequest, conversation: &dyn Conversation| {
            if report {
                conversation.run_here(as_asked(step)).unwrap();
                conversation.staged().unwrap();
            } else {
                conversation.answer(Answer::RunHere(as_asked(step))).unwrap();
            }
        }));
        assert_eq!(typing(&mut bench.step(SELF_PORTRAIT)), plain, "report: {report}");
        assert_eq!(bench.status().steps, 1);
        daemon.stop();
    }
}

#[test]
fn a_tool_that_is_not_reported_takes_the_wrappers_place() {
    let bench = Bench::new();
    let _daemon = bench.serve(Quick(|step: &StepRequest| Answer::RunHere(as_asked(step))));
    let child = bench.step("echo $$").stdout(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    assert_eq!(
        told(&child.wait_with_output().unwrap()),
        (0, format!("{pid}\n"), String::new())
    );
}

#[test]
fn a_plan_may_change_arguments_and_variables() {
    let bench = Bench::new();
    let _daemon = bench.serve(Slow(|_: &StepRequest, conversation: &dyn Conversation| {
        let plan = RunHere {
            args: vec![b"-c".to_vec(), b"echo $0 $ADDED; pwd".to_vec()],
            set_env: vec![Variable {
                name: b"ADDED".to_vec(),
                value: b"value".to_vec(),
            }],
            ..RunHere::default()
        };
        let outcome = conversation.run_here(plan).unwrap();
        assert_eq!(outcome.exit, 0);
        conversation.staged().unwrap();
    }));
    let work = std::fs::canonicalize(bench.path("work")).unwrap();
    let said = run(&mut bench.step("exit 1"));
    assert_eq!(said, (0, format!("gcc value\n{}\n", work.display()), String::new()));
}

#[test]
fn what_a_tool_prints_is_passed_on_and_reported() {
    let bench = Bench::new();
    let (_daemon, outcomes) = reporting(&bench);
    let text = "head -c 3000000 /dev/zero | tr '\\0' x; head -c 2000000 /dev/zero >&2; printf '\\377' >&2; exit 5";
    let output = bench.step(text).stdin(Stdio::null()).output().unwrap();
    let outcome = outcomes.recv().unwrap().unwrap();
    assert_eq!((output.status.code(), outcome.exit), (Some(5), 5));
    assert!(output.stdout == b"x".repeat(3_000_000) && outcome.stdout == output.stdout);
    assert!(output.stderr.len() == 2_000_001 && output.stderr[2_000_000] == 0xff && outcome.stderr == output.stderr);
    assert!(outcome.wall_micros > 0);
}

#[test]
fn output_too_long_to_keep_is_passed_on_and_not_reported() {
    let bench = Bench::new();
    let (_daemon, outcomes) = reporting(&bench);
    let output = bench
        .step("head -c 20000000 /dev/zero; exit 3")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 20_000_000));
    assert_eq!(outcomes.recv().unwrap(), None);
}

#[test]
fn a_tool_killed_by_a_signal_is_seen_as_such() {
    let bench = Bench::new();
    let (_daemon, outcomes) = reporting(&bench);
    for fatal in [Signal::SEGV, Signal::KILL, Signal::ABORT] {
        let said = run(&mut bench.step(&format!("kill -{} $$", fatal.as_raw())));
        assert_eq!(said, (-fatal.as_raw(), String::new(), String::new()));
        assert_eq!(outcomes.recv().unwrap().unwrap().exit, -fatal.as_raw());
    }
}

#[test]
fn a_child_left_behind_does_not_hold_the_step() {
    let bench = Bench::new();
    let (_daemon, _outcomes) = reporting(&bench);
    let output = bench.step("sleep 600 & echo $!").stdin(Stdio::null()).output().unwrap();
    let pid: i32 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    let sleeper = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(sleeper, Signal::KILL).unwrap();
    assert!(output.status.success());
}

#[test]
fn a_signal_to_the_wrapper_reaches_the_tool() {
    let bench = Bench::new();
    let (_daemon, outcomes) = reporting(&bench);
    for ending in [Signal::TERM, Signal::INT, Signal::HUP] {
        let text = format!(
            "trap 'echo told; exit 1' {}; echo ready > ready; while :; do sleep 0.01; done",
            ending.as_raw()
        );
        let child = bench
            .step(&text)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let ready = bench.path("work/ready");
        eventually("the tool runs", || ready.exists());
        std::fs::remove_file(ready).unwrap();
        signal(&child, ending);
        assert_eq!(
            told(&child.wait_with_output().unwrap()),
            (-ending.as_raw(), "told\n".to_owned(), String::new())
        );
        assert_eq!(outcomes.recv().unwrap(), None);
    }
}

#[test]
fn an_interrupt_of_the_whole_group_ends_both() {
    let bench = Bench::new();
    let (_daemon, _outcomes) = reporting(&bench);
    let mut command = bench.step("trap 'echo told; exit 1' INT; echo ready > ready; while :; do sleep 0.01; done");
    let child = command
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the tool runs", || bench.path("work/ready").exists());
    rustix::process::kill_process_group(rustix::process::Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(
        told(&child.wait_with_output().unwrap()),
        (-Signal::INT.as_raw(), "told\n".to_owned(), String::new())
    );
}

#[test]
fn an_ignored_signal_stays_ignored() {
    let bench = Bench::new();
    let (_daemon, _outcomes) = reporting(&bench);
    let mut shell = Command::new("bash");
    bench.equip(&mut shell);
    shell
        .args([
            "-c",
            "trap '' HUP; exec \"$0\" gcc -c 'echo > ready; read line; exit 4'",
        ])
        .arg(bench.path("install/rewrap-cc"));
    let mut child = shell.stdin(Stdio::piped()).spawn().unwrap();
    eventually("the tool runs", || bench.path("work/ready").exists());
    signal(&child, Signal::HUP);
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(4));
}

#[test]
fn a_tool_dies_with_its_wrapper() {
    let bench = Bench::new();
    let (_daemon, outcomes) = reporting(&bench);
    let mut child = bench
        .step("echo $$ > pid; mv pid ready; while :; do sleep 0.01; done")
        .spawn()
        .unwrap();
    eventually("the tool runs", || bench.path("work/ready").exists());
    let tool = bench.text("ready").trim().to_owned();
    signal(&child, Signal::KILL);
    child.wait().unwrap();
    assert_eq!(outcomes.recv().unwrap(), None);
    // Gone, or a zombie where nobody collects orphans.
    eventually("the tool is gone", || {
        let stat = std::fs::read_to_string(format!("/proc/{tool}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    });
}

#[test]
fn a_permit_is_held_until_the_tool_ends() {
    let bench = Bench::new();
    let (told, ended) = mpsc::channel();
    let told = Mutex::new(told);
    let _daemon = bench.serve(Slow(move |step: &StepRequest, conversation: &dyn Conversation| {
        let plan = RunHere {
            holds_permit: true,
            ..as_asked(step)
        };
        conversation.answer(Answer::RunHere(plan)).unwrap();
        let token = conversation.cancelled();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(token.cancelled());
        told.lock().unwrap().send(()).unwrap();
    }));
    let mut child = bench
        .step("echo > ready; read line; exit 8")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the tool runs", || bench.path("work/ready").exists());
    assert_eq!(ended.try_recv(), Err(mpsc::TryRecvError::Empty));
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(8));
    ended.recv().unwrap();
}

#[test]
fn a_daemon_that_leaves_during_the_run_changes_nothing() {
    let bench = Bench::new();
    let (daemon, _outcomes) = reporting(&bench);
    let gate = Arc::new(bench.path("work/go"));
    let child = bench.step("echo > ready; while [ ! -e go ]; do sleep 0.01; done; echo done; exit 2");
    let child = { child }.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("the tool runs", || bench.path("work/ready").exists());
    let stopping = std::thread::scope(|scope| {
        let stopped = scope.spawn(|| daemon.stop());
        eventually("the daemon leaves", || !bench.meeting_file("sock").exists());
        std::fs::write(gate.as_path(), "").unwrap();
        stopped.join()
    });
    stopping.unwrap();
    assert_eq!(
        told(&child.wait_with_output().unwrap()),
        (2, "done\n".to_owned(), String::new())
    );
}
