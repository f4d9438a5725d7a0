//! What an action may use, and what becomes of it when it wants more, or when nobody wants it any more.

use super::bench::{Bench, RUNTIME, sh};
use rewrap::serve::job::{Run as _, RunError};
use rewrap::serve::sandbox::SandboxMode::{Off, Require};
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Whether a process runs whose command line has this word.
fn runs(word: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    processes
        .filter_map(|process| fs::read(process.join("cmdline")).ok())
        .any(|line| {
            line.split(|byte| *byte == 0)
                .any(|argument| argument == word.as_bytes())
        })
}

/// A number that no other process has in its command line.
fn word(test: u32) -> String {
    format!("3{test}{}", std::process::id())
}

#[test]
fn nothing_that_an_action_has_started_outlives_it() {
    for mode in [Require, Off] {
        let bench = Bench::new(mode);
        let word = word(1);
        // Out of its process group, out of its session, and an orphan.
        let script = format!("setsid sleep {word} & (setsid sleep {word} &) ; sleep {word} & echo done");
        assert_eq!(bench.told(&bench.sh(&script, &[], &[])), "0|done;");
        assert!(!runs(&word), "{mode:?}");
    }
}

#[test]
fn an_action_ends_at_its_deadline_with_all_it_has_started() {
    for mode in [Require, Off] {
        let bench = Bench::new(mode);
        let word = word(2);
        let script = format!("echo begun; echo x > x; setsid sleep {word} & trap '' TERM; sleep {word}");
        let mut job = bench.job(sh(&script, &["x"]), bench.tree(&[]));
        job.timeout = Duration::from_secs(1);
        let Err(RunError::TimedOut { after, result }) = bench.run_job(job) else {
            panic!("it sleeps for hours")
        };
        assert_eq!(after, Duration::from_secs(1));
        assert_eq!(bench.stdout(&result), "begun\n");
        assert!(result.output_files.is_empty() && result.execution_metadata.is_some());
        assert!(!runs(&word), "{mode:?}");
    }
}

#[test]
fn a_fork_bomb_dies_at_its_deadline() {
    for mode in [Require, Off] {
        let bench = Bench::new(mode);
        let word = word(3);
        // Each process starts its successors before it ends; bounded, for the sake of the machine that tests this.
        let script = format!(
            "cat > bomb <<'END'\n[ $1 -gt 0 ] || exec sleep {word}\nsetsid sh bomb $(($1 - 1)) &\nsh bomb $(($1 - 1)) &\nEND\n\
             sh bomb 5; sleep {word}"
        );
        let mut job = bench.job(sh(&script, &[]), bench.tree(&[]));
        job.timeout = Duration::from_secs(2);
        assert!(matches!(bench.run_job(job), Err(RunError::TimedOut { .. })));
        assert!(!runs(&word), "{mode:?}");
    }
}

#[test]
fn a_cancelled_action_is_dead_when_it_is_said_to_be() {
    for mode in [Require, Off] {
        let bench = Bench::new(mode);
        let word = word(4);
        let job = bench.job(sh(&format!("sleep {word}"), &[]), bench.tree(&[]));
        let cancelled = job.cancelled.clone();
        let ended = RUNTIME.block_on(async {
            let running = bench.worker.run(job);
            let cancel = async {
                while !runs(&word) {
                    tokio::task::yield_now().await;
                }
                cancelled.cancel();
            };
            tokio::join!(running, cancel).0
        });
        assert!(matches!(ended, Err(RunError::Cancelled)));
        assert!(!runs(&word), "{mode:?}");
    }
}

/// Runs an action that does not end, for [`nothing_outlives_a_server_that_is_killed`].
#[test]
#[ignore = "the part of another test that is killed"]
fn a_server_to_be_killed() {
    let told = |name: &str| std::env::var(name).unwrap();
    let mode = if told("REWRAP_TEST_SANDBOX") == "yes" {
        Require
    } else {
        Off
    };
    let bench = Bench::new(mode);
    let word = told("REWRAP_TEST_WORD");
    let script = format!("setsid sleep {word} & sleep {word}");
    bench.sh(&script, &[], &[]).unwrap();
}

#[test]
fn nothing_outlives_a_server_that_is_killed() {
    for sandbox in ["yes", "no"] {
        let word = word(6);
        let temporary = tempfile::tempdir().unwrap();
        let mut server = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "serve::worker::limits::a_server_to_be_killed"])
            .envs([("REWRAP_TEST_WORD", &*word), ("REWRAP_TEST_SANDBOX", sandbox)])
            // What it has no time to remove goes with this test.
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while !runs(&word) {
            assert_eq!(server.try_wait().unwrap(), None);
            std::thread::yield_now();
        }
        server.kill().unwrap();
        server.wait().unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while runs(&word) {
            assert!(Instant::now() < until, "it still runs: sandbox {sandbox}");
            std::thread::yield_now();
        }
    }
}

#[test]
fn an_action_cancelled_before_it_begins_does_not_begin() {
    let bench = Bench::new(Off);
    let job = bench.job(sh("echo", &[]), bench.tree(&[]));
    job.cancelled.cancel();
    assert!(matches!(bench.run_job(job), Err(RunError::Cancelled)));
}

#[test]
fn outputs_are_bounded_together() {
    for mode in [Require, Off] {
        let bench = Bench::with(mode, |options| options.output = 100_000);
        let check = |script: &str, fits: bool| {
            let ended = bench.sh(script, &[], &["a", "b"]);
            match &ended {
                Ok(result) => assert!(fits && result.exit_code == 0, "{script}: {}", bench.told(&ended)),
                Err(error) => {
                    assert!(!fits, "{script}: {error}");
                    let expected = "the action has written more than 100000 bytes";
                    assert!(
                        matches!(error, RunError::Exhausted(text) if text == expected),
                        "{script}: {error}"
                    );
                }
            }
        };
        check("head -c 100000 /dev/zero > a", true);
        check("head -c 100001 /dev/zero > a", false);
        check("exec head -c 200000 /dev/zero > a", false);
        check("head -c 60000 /dev/zero > a; head -c 40000 /dev/zero > b", true);
        check("head -c 60000 /dev/zero > a; head -c 40001 /dev/zero > b", false);
        check("head -c 60000 /dev/zero; head -c 40000 /dev/zero > b", true);
        check("head -c 60000 /dev/zero; head -c 40001 /dev/zero > b", false);
        check("head -c 60000 /dev/zero >&2; head -c 50000 /dev/zero", false);
        check("cat /dev/zero", false);
        // What is no output does not count, as long as no file is larger.
        check("head -c 90000 /dev/zero > x; head -c 90000 /dev/zero > y", true);
    }
}

#[test]
fn memory_is_bounded() {
    for mode in [Require, Off] {
        let bench = Bench::with(mode, |options| options.memory = Some(100 << 20));
        let allocate = "python3 -c 'import sys; x = b\"x\" * (int(sys.argv[1]) << 20)'";
        assert_eq!(bench.told(&bench.sh(&format!("{allocate} 20"), &[], &[])), "0");
        let ended = bench.sh(&format!("{allocate} 200"), &[], &[]);
        if bench.worker.describe().contains("cgroup") {
            assert!(
                matches!(&ended, Err(RunError::Exhausted(text)) if text.contains("memory")),
                "{ended:?}"
            );
        } else {
            let ended = ended.unwrap();
            assert!(
                ended.exit_code != 0 && bench.stderr(&ended).contains("MemoryError"),
                "{ended:?}"
            );
        }
        // A group that was exhausted once serves the next action.
        assert_eq!(bench.told(&bench.sh(&format!("{allocate} 20"), &[], &[])), "0");
    }
}

#[test]
fn there_are_no_core_files() {
    let bench = Bench::new(Require);
    assert_eq!(bench.told(&bench.sh("ulimit -c; ulimit -H -c", &[], &[])), "0|0;0;");
}
