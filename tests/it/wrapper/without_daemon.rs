//! Steps without a daemon, or with one that is of no use.

use crate::steps::{Bench, Quick, as_asked, eventually, make_private, run, told};
use rewrap::daemon::Answer;
use rewrap::pb::wire::to_wrapper::Message;
use rewrap::pb::wire::{Ack, Publish, StepRequest, ToDaemon, ToWrapper, to_daemon};
use std::io::Read as _;
use std::process::Stdio;
use std::time::Duration;

const RAN: (i32, &str) = (3, "tool\n");

fn runs_here(bench: &Bench) {
    let (exit, stdout, stderr) = run(&mut bench.step("echo tool; exit 3"));
    assert_eq!(((exit, stdout.as_str()), stderr.as_str()), (RAN, ""));
}

#[test]
fn a_daemon_that_cannot_be_started_is_not_tried_again_at_once() {
    let bench = Bench::new();
    bench.install_daemon(&format!("echo >> {}", bench.path("tries").display()));
    runs_here(&bench);
    let first = bench.reasons();
    // It ended before the wrapper connected, or after.
    assert!(first == ["daemon-not-started"] || first == ["daemon-lost"], "{first:?}");
    assert!(bench.place().is_down());
    let tries = std::fs::read(bench.path("tries")).unwrap();
    runs_here(&bench);
    assert_eq!(bench.reasons()[1..], ["daemon-marked-down"]);
    assert_eq!(std::fs::read(bench.path("tries")).unwrap(), tries);
}

#[test]
fn a_daemon_marked_down_is_not_asked() {
    let bench = Bench::new();
    let daemon = bench.serve(Quick(|_: &StepRequest| Answer::Publish(Publish::default(), Vec::new())));
    bench.place().mark_down().unwrap();
    runs_here(&bench);
    assert_eq!(bench.status().steps, 0);
    bench.place().clear_down().unwrap();
    assert_eq!(run(&mut bench.step("exit 3")).0, 0);
    daemon.stop();
}

#[test]
fn a_new_daemon_takes_the_mark_away() {
    let bench = Bench::new();
    bench.place().mark_down().unwrap();
    let _daemon = bench.serve(Quick(|_: &StepRequest| Answer::Publish(Publish::default(), Vec::new())));
    assert!(!bench.place().is_down());
}

#[test]
fn a_daemon_that_never_acknowledges_costs_one_step() {
    for beats in [true, false] {
        let bench = Bench::new();
        let _listener = bench.place().listen().unwrap();
        if beats {
            bench.place().heart().unwrap().beat_for_start().unwrap();
        }
        runs_here(&bench);
        assert_eq!(bench.reasons(), ["daemon-late"]);
        assert!(bench.place().is_down());
    }
}

/// A step with a daemon that says this to it, after a while.
fn runs_here_with_a_daemon(bench: &Bench, silent: Duration, says: fn(&StepRequest) -> Vec<Message>) {
    let listener = bench.place().listen().unwrap();
    bench.place().heart().unwrap().beat_for_start().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (stream, _) = listener.accept().unwrap();
            let (request, _): (ToDaemon, _) =
                rewrap::wire::receive(&stream, rewrap::wire::Patience::default()).unwrap();
            let Some(to_daemon::Message::Step(step)) = request.message else {
                panic!("{request:?}")
            };
            std::thread::sleep(silent);
            for message in says(&step) {
                let message = Some(message);
                rewrap::wire::send(&stream, &ToWrapper { message }, &[]).unwrap();
            }
        });
        runs_here(bench);
    });
}

#[test]
fn a_daemon_that_acknowledges_late_is_waited_for_while_its_heart_beats() {
    let bench = Bench::new();
    // Longer than a wrapper waits for a heart that stands still.
    let silent = Duration::from_millis(400);
    runs_here_with_a_daemon(&bench, silent, |step| {
        vec![Message::Ack(Ack {}), Message::RunHere(as_asked(step))]
    });
    assert!(bench.reasons().is_empty(), "{:?}", bench.reasons());
    assert!(!bench.place().is_down());
}

#[test]
fn a_daemon_that_hangs_up_after_its_word_is_no_reason_to_skip_the_next() {
    let bench = Bench::new();
    runs_here_with_a_daemon(&bench, Duration::ZERO, |_| vec![Message::Ack(Ack {})]);
    assert_eq!(bench.reasons(), ["daemon-lost"]);
    assert!(!bench.place().is_down());
}

#[test]
fn a_daemon_killed_in_the_middle_of_a_step_is_missed_by_nobody() {
    let bench = Bench::new();
    bench.install_daemon(&crate::daemon::as_process("wait"));
    let step = bench
        .step("echo tool; exit 3")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the daemon has the step", || {
        bench.meeting_file("sock").exists() && bench.status().steps == 1
    });
    let pid = i32::try_from(bench.status().pid).unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    let (exit, stdout, stderr) = told(&step.wait_with_output().unwrap());
    assert_eq!(((exit, stdout.as_str()), stderr.as_str()), (RAN, ""));
    assert!(!bench.place().is_down());
}

#[test]
fn without_any_directory_it_still_works() {
    let bench = Bench::new();
    let mut step = bench.step("echo tool; exit 3");
    step.env_remove("XDG_CACHE_HOME")
        .env("XDG_RUNTIME_DIR", "/nowhere")
        .env("TMPDIR", "/nowhere/else");
    assert_eq!(run(&mut step), (3, "tool\n".to_owned(), String::new()));
}

#[test]
fn the_temporary_directory_will_do() {
    let bench = Bench::new();
    let uid = rustix::process::geteuid().as_raw();
    let id = rewrap::wire::place::BuildId::of(&bench.path("install")).unwrap();
    let place = rewrap::wire::place::Place::within(&bench.path("runtime"), &format!("rewrap-{uid}"), id).unwrap();
    make_private(&bench.path(&format!("runtime/rewrap-{uid}")));
    place.mark_down().unwrap();
    let mut step = bench.step("exit 3");
    assert_eq!(
        run(step.env_remove("XDG_RUNTIME_DIR").env("TMPDIR", bench.path("runtime"))).0,
        3
    );
    assert_eq!(bench.reasons(), ["daemon-marked-down"]);
}

#[test]
fn a_daemon_inherits_nothing_of_the_build_that_started_it() {
    let bench = Bench::new();
    bench.install_daemon(&crate::daemon::as_process("answer"));
    // As under ninja: a pipe that the build tool waits on, open in the step; a variable, a priority, a mask.
    let mut shell = std::process::Command::new("bash");
    bench.equip(&mut shell);
    let text = "umask 077; exec 7>&1; exec nice -n 5 \"$0\" gcc -c 'exit 3'";
    let child = shell
        .args(["-c", text])
        .arg(bench.path("install/rewrap-cc"))
        .env("SECRET", "value");
    let mut child = child.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut text = String::new();
    // Ends only when nobody holds the pipe any more.
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    eventually("the daemon answers", || bench.meeting_file("sock").exists());
    let daemon = rewrap::daemon::client::start(&bench.place()).unwrap();
    let proc = std::path::PathBuf::from(format!("/proc/{}", daemon.pid));
    let environment = std::fs::read(proc.join("environ")).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains("SECRET"));
    assert_eq!(std::fs::read_link(proc.join("cwd")).unwrap(), std::path::Path::new("/"));
    let stat = std::fs::read_to_string(proc.join("stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
    let own = std::fs::read_to_string("/proc/self/stat").unwrap();
    let own_session = own
        .rsplit_once(')')
        .unwrap()
        .1
        .split_ascii_whitespace()
        .nth(3)
        .unwrap()
        .to_owned();
    assert_ne!(fields[3], own_session);
    if rustix::process::geteuid().is_root() {
        assert_eq!(fields[16], "0", "only root may raise a priority");
    }
    let status = std::fs::read_to_string(proc.join("status")).unwrap();
    assert!(status.contains("Umask:\t0022"), "{status}");
    rewrap::daemon::client::stop(&bench.place()).unwrap();
}

#[test]
fn of_many_first_wrappers_one_starts_the_daemon() {
    let bench = Bench::new();
    let count = format!(
        "echo >> {}; {}",
        bench.path("starts").display(),
        crate::daemon::as_process("answer")
    );
    bench.install_daemon(&count);
    let steps: Vec<_> = (0..20)
        .map(|_| bench.step("exit 3").stdout(Stdio::null()).spawn().unwrap())
        .collect();
    for mut step in steps {
        // By the daemon's answer, or here if it was slow to come up.
        assert!(matches!(step.wait().unwrap().code(), Some(0 | 3)));
    }
    assert_eq!(std::fs::read(bench.path("starts")).unwrap(), b"\n");
    rewrap::daemon::client::stop(&bench.place()).unwrap();
}
