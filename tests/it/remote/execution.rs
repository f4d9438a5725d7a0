//! What comes of an action, with each habit of a server and each fault of one call.

use super::*;
use crate::support::fake_reapi::{Fault, Rpc, Violations};
use rewrap::pb::rpc;
use tonic::Code;

/// What the action of [`Job::join`] gives.
pub(super) const GOOD: &str = "out=12 said/warned exit 0";

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

pub(super) fn plain() -> Habits {
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
