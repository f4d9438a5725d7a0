//! The daemon's own life: control, idle exit, panics, stuck clients.

use crate::steps::{Bench, Quick, Slow, as_asked, eventually, run, saying};
use rewrap::daemon::{self, Answer, Conversation, DaemonOptions, client};
use rewrap::pb::wire::{Publish, StepRequest, ToDaemon, ToWrapper, control_request::Kind, to_daemon, to_wrapper};
use rewrap::wire::Patience;
use rewrap::wire::place::Place;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Tells this test program that it is a daemon: its arguments, then what its service does.
const AS_DAEMON: &str = "REWRAP_TEST_DAEMON";

/// Shell text that makes this test program the daemon, with the arguments that a wrapper gives to `rewrap`.
pub(crate) fn as_process(behaviour: &str) -> String {
    let program = std::env::current_exe().unwrap();
    let test = "daemon::a_daemon_process_takes_over_the_socket_it_is_given";
    format!(
        "exec /usr/bin/env {AS_DAEMON}=\"{behaviour} $*\" {} --exact {test}",
        program.display()
    )
}

/// In the process that [`as_process`] makes.
fn be_the_daemon(told: &str) {
    let words: Vec<&str> = told.split(' ').collect();
    let [
        behaviour,
        "daemon",
        "run",
        "--inherited-socket",
        "--socket",
        socket,
        "--state",
        state,
    ] = words[..]
    else {
        panic!("not what `rewrap` understands: {told}");
    };
    daemon::log::start(Path::new(state)).unwrap();
    let mut options = DaemonOptions::new(Place::of_socket(Path::new(socket)).unwrap());
    options.inherited_socket = true;
    let waits = behaviour == "wait";
    let service = Slow(move |_: &StepRequest, conversation: &dyn Conversation| {
        while waits && !conversation.cancelled().is_cancelled() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _gone = conversation.answer(Answer::Publish(saying("answer\n", "", 0), Vec::new()));
    });
    drop(daemon::run(options, Arc::new(service)).unwrap());
}

#[test]
fn a_daemon_process_takes_over_the_socket_it_is_given() {
    if let Ok(told) = std::env::var(AS_DAEMON) {
        return be_the_daemon(&told);
    }
    let bench = Bench::new();
    bench.install_daemon(&as_process("answer"));
    // Sends the starter's first step too, if it comes up in time; the second one in any case.
    run(&mut bench.step("exit 3"));
    eventually("the daemon serves", || {
        client::ask(&bench.place(), Kind::Status).is_ok()
    });
    assert_eq!(
        run(&mut bench.step("exit 3")),
        (0, "answer\n".to_owned(), String::new())
    );
    let pid = bench.status().pid;
    assert_ne!(pid, std::process::id());
    assert!(bench.path("cache/rewrap/daemon.log").exists());
    // It leaves in order when it is told by a signal.
    let process = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    eventually("the socket is gone", || !bench.meeting_file("sock").exists());
}

#[test]
fn status_flush_and_stop() {
    let bench = Bench::new();
    assert!(matches!(
        client::ask(&bench.place(), Kind::Status),
        Err(client::ControlError::NotRunning)
    ));
    let flushed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&flushed);
    let daemon = bench.serve_with(Quick(|step: &StepRequest| Answer::RunHere(as_asked(step))), |options| {
        options.flush = Box::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        options.state_directory = Some("/somewhere".into());
    });
    run(&mut bench.step("exit 0"));
    let status = bench.status();
    assert_eq!((status.pid, status.steps), (std::process::id(), 1));
    assert_eq!(status.socket, bench.place().socket().display().to_string());
    assert_eq!(status.state_directory, "/somewhere");
    assert_eq!(flushed.load(Ordering::SeqCst), 0);
    client::ask(&bench.place(), Kind::Flush).unwrap();
    assert_eq!(flushed.load(Ordering::SeqCst), 1);
    assert_eq!(client::start(&bench.place()).unwrap().pid, std::process::id());
    daemon.stop();
    assert!(!bench.meeting_file("sock").exists());
    assert!(matches!(
        client::stop(&bench.place()),
        Err(client::ControlError::NotRunning)
    ));
}

#[test]
fn an_idle_daemon_leaves() {
    let bench = Bench::new();
    let mut daemon = bench.serve_with(Quick(|step: &StepRequest| Answer::RunHere(as_asked(step))), |options| {
        options.idle_timeout = Duration::from_millis(300);
    });
    daemon.join();
    assert!(!bench.meeting_file("sock").exists());
}

#[test]
fn an_open_connection_keeps_the_daemon() {
    let bench = Bench::new();
    let (release, held) = std::sync::mpsc::channel();
    let gate = std::sync::Mutex::new(held);
    let mut daemon = bench.serve_with(
        Slow(move |_: &StepRequest, conversation: &dyn Conversation| {
            gate.lock().unwrap().recv().unwrap();
            conversation
                .answer(Answer::Publish(saying("late", "", 0), Vec::new()))
                .unwrap();
        }),
        |options| options.idle_timeout = Duration::from_millis(1),
    );
    // With so short a time it may leave between any two looks; the step is what keeps it.
    let step = std::thread::scope(|scope| {
        let step = scope.spawn(|| run(&mut bench.step("echo here")));
        let until = std::time::Instant::now() + Duration::from_secs(1);
        while std::time::Instant::now() < until && !step.is_finished() {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _sent = release.send(());
        step.join().unwrap()
    });
    assert!(["late", "here\n"].contains(&step.1.as_str()), "{step:?}");
    daemon.join();
}

#[test]
fn a_panic_costs_one_step_its_cache() {
    let bench = Bench::new();
    let _daemon = bench.serve(Quick(|step: &StepRequest| {
        assert!(step.args.len() < 3, "a bug");
        Answer::Publish(saying("answer", "", 0), Vec::new())
    }));
    let mut longer = bench.step("echo tool; exit 3");
    assert_eq!(run(longer.arg("name")), (3, "tool\n".to_owned(), String::new()));
    assert_eq!(run(&mut bench.step("exit 3")), (0, "answer".to_owned(), String::new()));
}

#[test]
fn whatever_a_service_leaves_undone_the_wrapper_goes_on() {
    let check = |service: fn(&StepRequest, &dyn Conversation)| {
        let bench = Bench::new();
        let daemon = bench.serve(Slow(service));
        for _ in 0..2 {
            assert_eq!(
                run(&mut bench.step("echo tool; exit 3")),
                (3, "tool\n".to_owned(), String::new())
            );
        }
        eventually("nothing is left", || bench.status().connections == 0);
        daemon.stop();
    };
    check(|_, _| panic!("a bug before the answer"));
    check(|_, _| {});
    check(|step, conversation| {
        conversation.run_here(as_asked(step)).unwrap();
        panic!("a bug after the run");
    });
    check(|step, conversation| drop(conversation.run_here(as_asked(step)).unwrap()));
    // An answer after the run is one too many: the outputs are there.
    check(|step, conversation| {
        conversation.run_here(as_asked(step)).unwrap();
        conversation
            .answer(Answer::Publish(Publish::default(), Vec::new()))
            .unwrap();
    });
}

#[test]
fn stuck_clients_do_not_hold_the_daemon() {
    let bench = Bench::new();
    let _daemon = bench.serve_with(
        Quick(|_: &StepRequest| Answer::Publish(saying("answer", "", 0), Vec::new())),
        |options| options.accept_threads = 1,
    );
    let _stuck = bench.place().connect(Duration::from_secs(1)).unwrap();
    // Served after the stuck one was given up; this client is patient, as a wrapper is not.
    assert!(client::ask(&bench.place(), Kind::Status).is_ok());
}

#[test]
fn a_step_that_sees_another_file_system_runs_there() {
    let bench = Bench::new();
    let _daemon = bench.serve(Quick(|_: &StepRequest| {
        Answer::Publish(saying("answer", "", 0), Vec::new())
    }));
    let view = rewrap::wire::view::FileSystemView::own().unwrap();
    let cwd = rewrap::wire::view::InodeId::of(Path::new("/")).unwrap();
    let same = StepRequest {
        cwd: b"/".to_vec(),
        mount_namespace: view.mount_namespace,
        root_device: view.root.device,
        root_inode: view.root.inode,
        cwd_device: cwd.device,
        cwd_inode: cwd.inode,
        ..StepRequest::default()
    };
    let check = |step: StepRequest, expected: &str| {
        let stream = bench.place().connect(Duration::from_secs(1)).unwrap();
        let request = ToDaemon {
            message: Some(to_daemon::Message::Step(step.clone())),
        };
        rewrap::wire::send(&stream, &request, &[]).unwrap();
        let next = || -> ToWrapper { rewrap::wire::receive(&stream, Patience::default()).unwrap().0 };
        assert!(matches!(next().message, Some(to_wrapper::Message::Ack(_))));
        let answer = match next().message {
            Some(to_wrapper::Message::Publish(_)) => "publish",
            Some(to_wrapper::Message::RunHere(_)) => "run here",
            _ => "something else",
        };
        assert_eq!(answer, expected, "{step:?}");
    };
    check(same.clone(), "publish");
    check(
        StepRequest {
            mount_namespace: view.mount_namespace + 1,
            ..same.clone()
        },
        "run here",
    );
    check(
        StepRequest {
            root_inode: view.root.inode + 1,
            ..same.clone()
        },
        "run here",
    );
    check(
        StepRequest {
            cwd_inode: cwd.inode + 1,
            ..same.clone()
        },
        "run here",
    );
    check(
        StepRequest {
            cwd: b"/no/such/directory".to_vec(),
            ..same
        },
        "run here",
    );
}

#[test]
fn a_place_has_one_daemon() {
    let bench = Bench::new();
    let _daemon = bench.serve(Quick(|step: &StepRequest| Answer::RunHere(as_asked(step))));
    let mut options = DaemonOptions::new(bench.place());
    options.obeys_signals = false;
    let second = daemon::run(
        options,
        Arc::new(Quick(|step: &StepRequest| Answer::RunHere(as_asked(step)))),
    );
    assert!(matches!(second, Err(daemon::DaemonError::AlreadyServed(_))));
    assert_eq!(bench.status().steps, 0);
}

#[test]
fn a_waiting_wrapper_is_pinged() {
    let bench = Bench::new();
    let _daemon = bench.serve(Slow(|_: &StepRequest, conversation: &dyn Conversation| {
        while !conversation.cancelled().is_cancelled() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }));
    let view = rewrap::wire::view::FileSystemView::own().unwrap();
    let cwd = rewrap::wire::view::InodeId::of(Path::new("/")).unwrap();
    let step = StepRequest {
        cwd: b"/".to_vec(),
        mount_namespace: view.mount_namespace,
        root_device: view.root.device,
        root_inode: view.root.inode,
        cwd_device: cwd.device,
        cwd_inode: cwd.inode,
        ..StepRequest::default()
    };
    let stream = bench.place().connect(Duration::from_secs(1)).unwrap();
    rewrap::wire::send(
        &stream,
        &ToDaemon {
            message: Some(to_daemon::Message::Step(step)),
        },
        &[],
    )
    .unwrap();
    let next = || -> ToWrapper { rewrap::wire::receive(&stream, Patience::default()).unwrap().0 };
    assert!(matches!(next().message, Some(to_wrapper::Message::Ack(_))));
    assert!(matches!(next().message, Some(to_wrapper::Message::Ping(_))));
}
