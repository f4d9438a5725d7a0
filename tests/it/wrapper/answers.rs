//! What the wrapper does with an answer to publish.

use crate::steps::{Bench, Quick, Slow, eventually, run, saying, signal, told};
use rewrap::daemon::{Answer, Conversation};
use rewrap::pb::wire::{OutputFile, Publish, StepRequest, output_file::Content};
use rustix::process::Signal;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Places each (name, content, mode) as a blob.
fn placing(files: &[(&str, &str, u32)], said: Publish) -> Answer {
    let blobs = files.iter().map(|(_, content, _)| {
        let mut blob = tempfile::tempfile().unwrap();
        blob.write_all(content.as_bytes()).unwrap();
        OwnedFd::from(blob)
    });
    let blobs = blobs.collect();
    let files = files.iter().zip(0..).map(|((path, _, mode), number)| OutputFile {
        path: path.as_bytes().to_vec(),
        content: Some(Content::Descriptor(number)),
        mode: *mode,
        in_place: false,
    });
    Answer::Publish(
        Publish {
            files: files.collect(),
            ..said
        },
        blobs,
    )
}

#[test]
fn outputs_text_and_exit_code_are_the_answers() {
    let bench = Bench::new();
    let _daemon = bench.serve(Quick(|_: &StepRequest| {
        placing(
            &[("a.d", "deps", 0o666), ("a.o", "object", 0o666)],
            saying("out\n", "warn\u{e9}\0", 3),
        )
    }));
    let said = run(&mut bench.step("echo the tool ran"));
    assert_eq!(said, (3, "out\n".to_owned(), "warn\u{e9}\0".to_owned()));
    assert_eq!(bench.made(), ["a.d", "a.o"]);
    assert_eq!(
        (bench.text("a.d"), bench.text("a.o")),
        ("deps".to_owned(), "object".to_owned())
    );
}

#[test]
fn modes_follow_the_umask_of_the_step() {
    let bench = Bench::new();
    let _daemon = bench.serve(Quick(|_: &StepRequest| {
        placing(
            &[("a.o", "object", 0o666), ("a.out", "program", 0o777)],
            Publish::default(),
        )
    }));
    let check = |umask: &str, object: u32, program: u32| {
        let mut shell = std::process::Command::new("sh");
        bench.equip(&mut shell);
        shell.args([
            "-c",
            &format!("umask {umask}; exec \"$0\" gcc"),
            bench.path("install/rewrap-cc").to_str().unwrap(),
        ]);
        assert_eq!(run(&mut shell).0, 0);
        let mode = |name: &str| std::fs::metadata(bench.path("work").join(name)).unwrap().mode() & 0o7777;
        assert_eq!((mode("a.o"), mode("a.out")), (object, program), "umask {umask}");
    };
    check("022", 0o644, 0o755);
    check("077", 0o600, 0o700);
    check("0", 0o666, 0o777);
}

#[test]
fn hundreds_of_outputs_are_placed() {
    let bench = Bench::new();
    let _daemon = bench.serve(Quick(|_: &StepRequest| {
        let names: Vec<String> = (0..300).map(|number| format!("{number}.o")).collect();
        let files: Vec<(&str, &str, u32)> = names.iter().map(|name| (name.as_str(), name.as_str(), 0o666)).collect();
        placing(&files, Publish::default())
    }));
    assert_eq!(run(&mut bench.step("exit 9")).0, 0);
    assert_eq!(bench.made().len(), 300);
    assert_eq!(bench.text("299.o"), "299.o");
}

#[test]
fn what_cannot_be_published_is_made_by_the_tool() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("work/directory")).unwrap();
    let check = |path: &'static str, script: &str, exit: i32| {
        let daemon = bench.serve(Quick(move |_: &StepRequest| {
            placing(
                &[("a.d", "deps", 0o666), (path, "object", 0o666)],
                saying("no", "no", 0),
            )
        }));
        let said = run(&mut bench.step(script));
        assert_eq!(said, (exit, "tool\n".to_owned(), String::new()), "{path}");
        assert_eq!(bench.made(), ["directory"], "{path}");
        daemon.stop();
    };
    check("missing/a.o", "echo tool; exit 7", 7);
    check("directory", "echo tool", 0);
    check("/dev/null", "echo tool", 0);
}

#[test]
fn a_full_disk_is_left_to_the_tool() {
    let bench = Bench::new();
    let content = "x".repeat(1 << 20);
    let _daemon = bench.serve(Quick(move |_: &StepRequest| {
        placing(&[("a.d", "deps", 0o666), ("a.o", &content, 0o666)], saying("no", "", 0))
    }));
    // A limit on file sizes refuses a write halfway as a full disk does, and sends a signal on top.
    let mut shell = std::process::Command::new("bash");
    bench.equip(&mut shell);
    let wrapper = bench.path("install/rewrap-cc");
    shell
        .args(["-c", "ulimit -f 64; exec \"$0\" gcc -c 'echo tool; exit 5'"])
        .arg(wrapper);
    assert_eq!(run(&mut shell), (5, "tool\n".to_owned(), String::new()));
    assert_eq!(bench.made(), [""; 0]);
}

#[test]
fn a_request_says_what_the_tool_would_see() {
    let bench = Bench::new();
    let seen = Arc::new(Mutex::new(None));
    let saw = Arc::clone(&seen);
    let _daemon = bench.serve(Quick(move |step: &StepRequest| {
        *saw.lock().unwrap() = Some(step.clone());
        Answer::Publish(Publish::default(), Vec::new())
    }));
    let mut command = bench.wrapper();
    command.args([
        std::ffi::OsStr::new("gcc"),
        std::ffi::OsStr::from_bytes(b"-D\xff"),
        std::ffi::OsStr::new(""),
    ]);
    assert_eq!(run(command.env("SECRET", "\u{1}=x")).0, 0);
    let step = seen.lock().unwrap().take().unwrap();
    assert_eq!(step.tool, bench.path("tools/gcc").as_os_str().as_bytes());
    assert_eq!(step.invoked_as, b"gcc");
    assert_eq!(step.args, [b"-D\xff".to_vec(), Vec::new()]);
    assert_eq!(
        step.cwd,
        std::fs::canonicalize(bench.path("work"))
            .unwrap()
            .as_os_str()
            .as_bytes()
    );
    assert!(
        step.env
            .iter()
            .any(|variable| variable.name == b"SECRET" && variable.value == b"\x01=x")
    );
    let umask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    rustix::process::umask(umask);
    assert_eq!(step.umask, umask.as_raw_mode());
    assert!(!step.stderr_is_terminal);
}

#[test]
fn two_hundred_at_once() {
    let bench = Bench::new();
    let _daemon = bench.serve(Slow(|step: &StepRequest, conversation: &dyn Conversation| {
        let name = String::from_utf8(step.args[2].clone()).unwrap();
        // A wrapper that has lost its patience is gone.
        let _hung_up = conversation.answer(placing(&[(&name, "daemon", 0o666)], saying(&name, "", 0)));
    }));
    // On a crowded machine an acknowledgement may be late; then the tool makes the same, and leaves a record.
    let text = "printf tool > $0; printf $0";
    let children: Vec<_> = (0..200)
        .map(|number| {
            bench
                .wrapper()
                .args(["gcc", "-c", text, &format!("{number}.o")])
                .stdout(Stdio::piped())
                .spawn()
        })
        .collect();
    for (number, child) in children.into_iter().enumerate() {
        assert_eq!(
            told(&child.unwrap().wait_with_output().unwrap()),
            (0, format!("{number}.o"), String::new())
        );
    }
    assert_eq!(bench.made().len(), 200);
    let published = bench.made().iter().filter(|name| bench.text(name) == "daemon").count();
    let late = bench.reasons();
    assert_eq!(published + late.len(), 200, "{late:?}");
    assert!(published >= 100, "{late:?}");
}

#[test]
fn a_signal_while_waiting_cancels_and_is_what_the_parent_sees() {
    for ending in [Signal::TERM, Signal::INT, Signal::HUP] {
        let bench = Bench::new();
        let cancelled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&cancelled);
        let _daemon = bench.serve(Slow(move |_: &StepRequest, conversation: &dyn Conversation| {
            while !conversation.cancelled().is_cancelled() {
                std::thread::yield_now();
            }
            count.fetch_add(1, Ordering::SeqCst);
        }));
        let child = bench
            .step("echo the tool ran")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        eventually("the daemon has the step", || bench.status().steps == 1);
        signal(&child, ending);
        assert_eq!(
            told(&child.wait_with_output().unwrap()),
            (-ending.as_raw(), String::new(), String::new())
        );
        eventually("the step is cancelled", || cancelled.load(Ordering::SeqCst) == 1);
        eventually("the connection is forgotten", || bench.status().connections == 0);
        assert_eq!(bench.made(), [""; 0]);
    }
}

#[test]
fn who_prints_where_nobody_reads_dies_of_it() {
    let bench = Bench::new();
    let _daemon = bench.serve(Quick(|_: &StepRequest| {
        Answer::Publish(saying("text", "", 0), Vec::new())
    }));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = bench.step("").stdout(writer).status().unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(Signal::PIPE.as_raw())
    );
}
