//! Executing: what a client does about each habit and each fault of Execute and of everything around it.

use super::*;
use crate::support::fake_reapi::{Fault, Rpc, Violations};
use rewrap::pb::rpc;
use std::sync::Arc;
use tonic::Code;

/// What the action of [`Job::join`] gives.
const GOOD: &str = "out=12 said/warned exit 0";

/// Runs [`Job::join`] on a server with the habits and faults: what comes of it, and how often Execute and
/// WaitExecution were called.
#[track_caller]
fn check(name: &str, habits: Habits, faults: &[(Rpc, Fault)], expected: (&str, usize, usize)) {
    check_job(name, &Job::join(), habits, faults, expected);
}

#[track_caller]
fn check_job(name: &str, job: &Job, habits: Habits, faults: &[(Rpc, Fault)], expected: (&str, usize, usize)) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let (server, remote) = pair(habits);
        for (rpc, fault) in faults {
            server.fault(*rpc, fault.clone());
        }
        let result = job.run(&remote).await;
        let calls = (server.calls(Rpc::Execute), server.calls(Rpc::WaitExecution));
        let text = result.as_ref().map_or_else(ToString::to_string, |_| String::new());
        assert_eq!((&*shown(&result), calls.0, calls.1), expected, "{name}: {text}");
    });
}

fn status(code: Code) -> rpc::Status {
    rpc::Status {
        code: code as i32,
        ..Default::default()
    }
}

fn plain() -> Habits {
    Habits::default()
}

#[test]
fn a_server_by_the_book_takes_one_execute() {
    check("by the book", plain(), &[], (GOOD, 1, 0));
    let inlines = Habits {
        inlines: true,
        ..plain()
    };
    check("inlines everything", inlines, &[], (GOOD, 1, 0));
    let old = Habits {
        tells_stage: false,
        ..plain()
    };
    check("tells no stage", old, &[], (GOOD, 1, 0));
}

#[test]
fn passing_failures_of_execute_are_tried_again_and_lasting_ones_are_not() {
    let fails = |code, times| vec![(Rpc::Execute, Fault::Status(code, "no")); times];
    check("an outage", plain(), &fails(Code::Unavailable, 3), (GOOD, 4, 0));
    check(
        "a long outage",
        plain(),
        &fails(Code::Unavailable, 9),
        ("remote_error", 6, 0),
    );
    check("overload", plain(), &fails(Code::ResourceExhausted, 2), (GOOD, 3, 0));
    check("aborted", plain(), &fails(Code::Aborted, 1), (GOOD, 2, 0));
    check(
        "a bug of the server",
        plain(),
        &fails(Code::Internal, 9),
        ("remote_error", 3, 0),
    );
    check(
        "a wrong request",
        plain(),
        &fails(Code::InvalidArgument, 9),
        ("remote_error", 1, 0),
    );
    check(
        "no permission",
        plain(),
        &fails(Code::PermissionDenied, 9),
        ("remote_error", 1, 0),
    );
    check(
        "no such service",
        plain(),
        &fails(Code::Unimplemented, 9),
        ("remote_error", 1, 0),
    );
    let retry_in_an_hour = rpc::Status {
        details: vec![prost_types::Any {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
            value: rpc::RetryInfo {
                retry_delay: Some(prost_types::Duration {
                    seconds: 3600,
                    nanos: 0,
                }),
            }
            .encode_to_vec(),
        }],
        ..status(Code::Unavailable)
    };
    let delayed = [(Rpc::Execute, Fault::Detailed(retry_in_an_hour))];
    check("back in an hour", plain(), &delayed, ("remote_error", 1, 0));
    let no_worker = Fault::Status(
        Code::Unavailable,
        "No workers exist for instance name prefix \"\" platform {}",
    );
    check(
        "no worker",
        plain(),
        &vec![(Rpc::Execute, no_worker); 9],
        ("remote_no_worker", 2, 0),
    );
}

#[test]
fn a_broken_stream_is_found_again_and_the_action_runs_once() {
    let breaks = |after| [(Rpc::Execute, Fault::BreakAfter(after, Code::Unavailable))];
    check("after the first message", plain(), &breaks(1), (GOOD, 1, 1));
    check("before any message", plain(), &breaks(0), (GOOD, 2, 0));
    check(
        "ended early",
        plain(),
        &[(Rpc::Execute, Fault::EndAfter(1))],
        (GOOD, 1, 1),
    );
    let twice = [
        (Rpc::Execute, Fault::EndAfter(1)),
        (Rpc::WaitExecution, Fault::Status(Code::Unavailable, "no")),
        (Rpc::WaitExecution, Fault::EndAfter(0)),
    ];
    check("again and again", plain(), &twice, (GOOD, 1, 3));
}

#[test]
fn an_execution_that_the_server_forgot_is_started_again() {
    let breaks = [(Rpc::Execute, Fault::BreakAfter(1, Code::Unavailable))];
    let forgets = Habits {
        forgets_operations: true,
        ..plain()
    };
    check("forgotten", forgets, &breaks, (GOOD, 2, 1));
    let without = Habits {
        has_wait_execution: false,
        ..plain()
    };
    check("no WaitExecution", without, &breaks, (GOOD, 2, 1));
}

#[test]
fn failures_of_the_execution_are_told_from_those_of_the_stream() {
    let verdict = |code| [(Rpc::Execute, Fault::Verdict(status(code)))];
    check("a worker was lost", plain(), &verdict(Code::Unavailable), (GOOD, 2, 0));
    check(
        "the action's timeout",
        plain(),
        &verdict(Code::DeadlineExceeded),
        ("remote_timeout", 1, 0),
    );
    check(
        "no compiler there",
        plain(),
        &verdict(Code::NotFound),
        ("remote_error", 1, 0),
    );
    let error = [(Rpc::Execute, Fault::OperationError(status(Code::Internal)))];
    check("an operation's error", plain(), &error, (GOOD, 2, 0));
}

#[test]
fn missing_blobs_are_uploaded_however_the_server_names_them() {
    let loses = [(Rpc::Execute, Fault::LoseInputs)];
    let habits = |violations| Habits { violations, ..plain() };
    check("all at once", habits(Violations::All), &loses, (GOOD, 2, 0));
    check("one at a time", habits(Violations::One), &loses, (GOOD, 3, 0));
    check("without details", habits(Violations::None), &loses, (GOOD, 2, 0));
    let lost_again = [(Rpc::Execute, Fault::LoseInputs), (Rpc::Execute, Fault::LoseInputs)];
    check("lost twice", habits(Violations::All), &lost_again, (GOOD, 3, 0));
}

#[test]
fn a_server_that_keeps_nothing_is_given_up() {
    for violations in [Violations::All, Violations::One, Violations::None] {
        let habits = Habits {
            drops_uploads: true,
            violations,
            ..plain()
        };
        // The action is named first, as new; then twice more.
        check("drops uploads", habits, &[], ("remote_missing_blobs", 3, 0));
    }
    let refused = Fault::Status(Code::FailedPrecondition, "for reasons of its own");
    check(
        "refuses for ever",
        plain(),
        &vec![(Rpc::Execute, refused); 9],
        ("remote_missing_blobs", 2, 0),
    );
}

#[test]
fn an_exit_code_is_final_and_a_kill_is_not() {
    let fails = Job::new("echo bad >&2; exit 3", &[], &["out"]);
    check_job("a compile error", &fails, plain(), &[], ("/bad exit 3", 1, 0));
    let dies = Job::new("echo text >&2; kill -KILL $$", &[], &["out"]);
    let habits = |killed_exit| Habits { killed_exit, ..plain() };
    for exit in [-1, -9, 137, 255] {
        check_job("killed", &dies, habits(exit), &[], ("remote_killed", 1, 0));
    }
    check_job("nine errors", &dies, habits(9), &[], ("/text exit 9", 1, 0));
    let dies_silently = Job::new("kill -KILL $$", &[], &["out"]);
    check_job(
        "9 without a word",
        &dies_silently,
        habits(9),
        &[],
        ("remote_killed", 1, 0),
    );
    let leaves_nothing = Job::new("true", &[], &["out"]);
    check_job(
        "success without outputs",
        &leaves_nothing,
        plain(),
        &[],
        ("remote_killed", 1, 0),
    );
}

#[test]
fn results_that_are_not_the_actions_are_refused() {
    let edits = |edit| Habits {
        edit_result: Some(edit),
        ..plain()
    };
    let undeclared = |result: &mut reapi::ActionResult| {
        let mut other = result.output_files[0].clone();
        other.path = "../../.profile".to_owned();
        result.output_files.push(other);
    };
    check(
        "an undeclared output",
        edits(undeclared),
        &[],
        ("remote_bad_result", 1, 0),
    );
    let twice = |result: &mut reapi::ActionResult| result.output_files.push(result.output_files[0].clone());
    check("an output twice", edits(twice), &[], ("remote_bad_result", 1, 0));
    let huge = |result: &mut reapi::ActionResult| {
        result.output_files[0].digest.as_mut().expect("set").size_bytes = 1 << 40;
    };
    check("an output of a terabyte", edits(huge), &[], ("remote_bad_result", 1, 0));
    let nameless = |result: &mut reapi::ActionResult| result.output_files[0].digest = None;
    check(
        "an output without a digest",
        edits(nameless),
        &[],
        ("remote_bad_result", 1, 0),
    );
    let another = |result: &mut reapi::ActionResult| {
        result.output_files[0].digest = Some(Digest::of(b"nowhere").into());
    };
    // Perhaps evicted: it is run once more.
    check(
        "an output that is nowhere",
        edits(another),
        &[],
        ("remote_bad_result", 2, 0),
    );
    let link = Job::new("ln -s /etc/passwd out", &[], &["out"]);
    check_job("a symlink", &link, plain(), &[], ("remote_bad_result", 1, 0));
    let directory = Job::new("mkdir out", &[], &["out"]);
    check_job("a directory", &directory, plain(), &[], ("remote_bad_result", 1, 0));
}

#[test]
fn outputs_are_fetched_whatever_a_batch_does() {
    let batch = |fault| [(Rpc::BatchReadBlobs, fault)];
    let one_fails = batch(Fault::FirstBlob(Code::Internal));
    check("one blob fails", plain(), &one_fails, (GOOD, 1, 0));
    check(
        "one blob is left out",
        plain(),
        &batch(Fault::LeaveOutFirst),
        (GOOD, 1, 0),
    );
    let no_batches = batch(Fault::Status(Code::Unimplemented, "no"));
    check("no batches", plain(), &no_batches, (GOOD, 1, 0));
    check(
        "wrong bytes",
        plain(),
        &batch(Fault::WrongBytes),
        ("remote_bad_result", 1, 0),
    );
    let lost = [(Rpc::Execute, Fault::LoseOutputs)];
    check("evicted at once", plain(), &lost, (GOOD, 2, 0));
    let inlines = Habits {
        inlines: true,
        ..plain()
    };
    check("evicted but inlined", inlines, &batch(Fault::WrongBytes), (GOOD, 1, 0));
}

#[test]
fn inputs_are_uploaded_whatever_a_batch_does() {
    let batch = |fault| [(Rpc::BatchUpdateBlobs, fault)];
    let one_fails = batch(Fault::FirstBlob(Code::ResourceExhausted));
    check("one blob fails", plain(), &one_fails, (GOOD, 1, 0));
    check(
        "one blob is left out",
        plain(),
        &batch(Fault::LeaveOutFirst),
        (GOOD, 1, 0),
    );
    let overload = batch(Fault::Status(Code::ResourceExhausted, "no"));
    check("overload", plain(), &overload, (GOOD, 1, 0));
    let always = vec![(Rpc::BatchUpdateBlobs, Fault::Status(Code::Internal, "no")); 9];
    check("a bug of the server", plain(), &always, ("remote_error", 0, 0));
    let repeats = Habits {
        repeats_missing: true,
        names_others: true,
        ..plain()
    };
    check("FindMissing says more than asked", repeats, &[], (GOOD, 1, 0));
    let tiny = Habits {
        announced_batch: 100,
        ..plain()
    };
    check("tiny batches", tiny, &[], (GOOD, 1, 0));
}

#[test]
fn a_cached_failure_is_confirmed_by_a_run() {
    let job = Job::new("exit 3", &[], &["out"]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let (server, remote) = pair(Habits {
            caches_failures: true,
            ..plain()
        });
        for executed in [1, 2] {
            assert_eq!(shown(&job.run(&remote).await), "/ exit 3");
            assert_eq!(server.executed(), executed);
        }
    });
}

#[test]
fn a_server_that_cannot_execute_is_told_so() {
    let check = |habits, expected: &str| {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let (server, remote) = pair(habits);
            let failure = Job::join().run(&remote).await.expect_err("unusable");
            let address = server.endpoint().address;
            assert_eq!(failure.code(), "remote_unusable");
            assert_eq!(failure.to_string(), format!("cannot use `{address}`: {expected}"));
        });
    };
    check(
        Habits {
            executes: false,
            ..plain()
        },
        "it does not execute actions",
    );
    let functions = vec![reapi::digest_function::Value::Blake3];
    let text = "its digest functions are BLAKE3, and SHA256 is not among them";
    check(
        Habits {
            digest_functions: functions,
            ..plain()
        },
        text,
    );
}

#[tokio::test]
async fn an_input_that_changed_is_never_sent_under_its_old_name() {
    let (server, remote) = pair(plain());
    let job = Job::join();
    let (digest, path) = &job.files[0];
    std::fs::write(path, "other").expect("write");
    let failure = job.run(&remote).await.expect_err("changed");
    assert_eq!(failure.code(), "input_changed");
    std::fs::remove_file(path).expect("remove");
    let failure = job.run(&remote).await.expect_err("gone");
    let text = format!(
        "an input changed while the step was prepared: cannot open `{}`",
        path.display()
    );
    assert_eq!(failure.to_string(), text);
    assert!(!server.has(*digest));
    assert_eq!(server.calls(Rpc::Execute), 0);
}

#[tokio::test]
async fn concurrent_actions_upload_what_they_share_once() {
    let (server, remote) = pair(plain());
    let shared: Vec<Vec<u8>> = (0..20_u8).map(|number| vec![number; 3000]).collect();
    let names: Vec<String> = (0..20).map(|number| format!("header{number}")).collect();
    let inputs: Vec<(&str, &[u8])> = names
        .iter()
        .map(String::as_str)
        .zip(shared.iter().map(Vec::as_slice))
        .collect();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..16 {
        let job = Job::new(&format!("cat header* | wc -c; echo {number} >out"), &inputs, &["out"]);
        let remote = remote.clone();
        tasks.spawn(async move { (number, shown(&job.run(&remote).await)) });
    }
    while let Some(done) = tasks.join_next().await {
        let (number, text) = done.expect("no panic");
        assert_eq!(text, format!("out={number} 60000/ exit 0"));
    }
    for content in &shared {
        assert_eq!(server.uploads(Digest::of(content)), 1);
    }
    // The headers and the root once; a Command and an Action for each.
    assert_eq!(server.all_uploads(), 20 + 1 + 2 * 16);
    assert_eq!(server.executed(), 16);
}

#[tokio::test]
async fn a_cancelled_upload_is_taken_over_by_one_who_waits_for_it() {
    let (server, remote) = pair(plain());
    server.fault(Rpc::FindMissingBlobs, Fault::Hang);
    let job = Arc::new(Job::join());
    let cancelled = CancellationToken::new();
    let first = tokio::spawn({
        let (job, remote, cancelled) = (job.clone(), remote.clone(), cancelled.clone());
        async move { shown(&job.run_until(&remote, LIMITS, &cancelled).await) }
    });
    until(|| server.calls(Rpc::FindMissingBlobs) == 1).await;
    let second = tokio::spawn({
        let (job, remote) = (job.clone(), remote.clone());
        async move { shown(&job.run(&remote).await) }
    });
    cancelled.cancel();
    assert_eq!(first.await.expect("no panic"), "cancelled");
    assert_eq!(second.await.expect("no panic"), GOOD);
}

/// Runs the action until the client knows its operation's name: only then can it ask for the state.
async fn run_until_known(
    server: &FakeReapi,
    remote: &Remote,
    cancelled: &CancellationToken,
) -> tokio::task::JoinHandle<String> {
    let limits = ExecutionLimits {
        silence: Duration::from_millis(20),
        ..LIMITS
    };
    let (remote, cancelled) = (remote.clone(), cancelled.clone());
    let running = tokio::spawn(async move { shown(&Job::join().run_until(&remote, limits, &cancelled).await) });
    until(|| server.calls(Rpc::WaitExecution) >= 1).await;
    running
}

#[tokio::test]
async fn a_dead_connection_is_replaced_and_a_lost_execution_started_again() {
    let (mut server, remote) = pair(Habits { gated: true, ..plain() });
    let running = run_until_known(&server, &remote, &CancellationToken::new()).await;
    // All connections break, and the execution is gone, which only WaitExecution can tell.
    server.restart(false);
    server.let_one_run();
    assert_eq!(running.await.expect("no panic"), GOOD);
    assert_eq!((server.calls(Rpc::Execute), server.executed()), (2, 1));
}

#[tokio::test]
async fn a_server_that_is_gone_is_unreachable() {
    let (mut server, remote) = pair(plain());
    server.stop();
    let failure = Job::join().run(&remote).await.expect_err("gone");
    assert_eq!(failure.code(), "remote_unreachable", "{failure}");
    assert!(failure.to_string().contains("onnection refused"), "{failure}");
}

#[tokio::test]
async fn cancelling_stops_the_execution_on_the_server() {
    let (server, remote) = pair(Habits { gated: true, ..plain() });
    let cancelled = CancellationToken::new();
    let running = run_until_known(&server, &remote, &cancelled).await;
    cancelled.cancel();
    assert_eq!(running.await.expect("no panic"), "cancelled");
    until(|| server.running() == 0).await;
    assert_eq!((server.calls(Rpc::CancelOperation), server.executed()), (1, 0));
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_after_its_time() {
    let (server, _) = pair(plain());
    let hasty = Policy {
        call_timeout: Duration::from_millis(500),
        ..POLICY
    };
    let remote = client_of(&server.endpoint(), hasty);
    server.fault(Rpc::FindMissingBlobs, Fault::Hang);
    assert_eq!(
        shown(&Job::join().run(&remote).await),
        GOOD,
        "once is no reason to give up"
    );
    let remote = client_of(&server.endpoint(), hasty);
    for _ in 0..2 {
        server.fault(Rpc::FindMissingBlobs, Fault::Hang);
    }
    let begin = Instant::now();
    assert_eq!(shown(&Job::join().run(&remote).await), "remote_timeout");
    assert!(begin.elapsed() >= 2 * hasty.call_timeout);
}

#[tokio::test]
async fn a_queue_without_end_is_left() {
    let (server, remote) = pair(Habits { gated: true, ..plain() });
    let limits = ExecutionLimits {
        queued: Duration::from_millis(500),
        ..LIMITS
    };
    let result = Job::join().run_until(&remote, limits, &CancellationToken::new()).await;
    assert_eq!(shown(&result), "remote_timeout");
    until(|| server.running() == 0).await;
    assert_eq!(server.calls(Rpc::CancelOperation), 1);
}

#[tokio::test]
async fn a_silent_stream_is_asked_for_its_state() {
    let (server, remote) = pair(Habits {
        gated: true,
        tells_stage: false,
        ..plain()
    });
    let running = run_until_known(&server, &remote, &CancellationToken::new()).await;
    server.let_one_run();
    assert_eq!(running.await.expect("no panic"), GOOD);
    assert_eq!((server.calls(Rpc::Execute), server.executed()), (1, 1));
}
