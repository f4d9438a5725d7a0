//! Execute: what comes back, what is cached, what is refused.

use super::refused;
use crate::check::checks;
use crate::peer::blobs::names_of;
use crate::peer::execution::response_of;
use crate::peer::task::Node;
use crate::peer::{Peer, Task, code, fresh};
use prost::Message as _;
use reapi::execution_stage::Value as Stage;
use rewrap::pb::{reapi, rpc};
use std::time::{Duration, Instant};
use tonic::{Code, Status};

checks! {
    Execution: an_action_succeeds, an_exit_code_is_returned, the_two_streams_are_kept_apart, bytes_of_streams_are_kept,
        much_standard_output_is_returned, a_signal_is_a_failure, a_success_is_cached, a_failure_is_not_cached,
        what_must_not_be_cached_is_not, the_cache_is_looked_into, the_cache_can_be_left_out,
        a_result_that_was_put_is_used, a_timeout_ends_the_action, a_timeout_leaves_time, a_timeout_is_not_cached,
        identical_actions_run_once, actions_that_must_not_be_cached_are_not_merged, actions_run_at_the_same_time,
        a_hundred_actions_end, metadata_tell_of_the_run, the_last_state_is_the_result, a_missing_action_is_named,
        a_missing_command_is_named, a_missing_root_is_named, a_missing_file_is_named, all_missing_blobs_are_named,
        a_missing_program_is_an_error_at_once, no_arguments_are_refused, a_garbled_action_is_refused,
        an_unknown_property_is_ignored, an_announced_property_is_matched, another_value_of_it_is_refused_at_once;
}

/// Prints something else each time.
const RANDOM: &str = "cat /proc/sys/kernel/random/uuid";

fn an_action_succeeds(peer: &Peer) {
    let result = peer.run(&Task::new(&["/bin/true"]));
    assert_eq!(result.exit_code, 0);
    assert!(result.stdout_raw.is_empty() && result.output_files.is_empty());
}

fn an_exit_code_is_returned(peer: &Peer) {
    for expected in [1, 42, 255] {
        let result = peer.run(&Task::sh(&format!("exit {expected}")));
        assert_eq!(result.exit_code, expected);
    }
}

fn the_two_streams_are_kept_apart(peer: &Peer) {
    let result = peer.run(&Task::sh("echo out; echo err >&2; echo more; exit 3"));
    assert_eq!(
        (&*peer.stdout(&result), &*peer.stderr(&result), result.exit_code),
        ("out\nmore\n", "err\n", 3)
    );
}

fn bytes_of_streams_are_kept(peer: &Peer) {
    let bytes = fresh(3000);
    let result = peer.run(&Task::sh("cat in").input("in", &bytes));
    let stdout = match &result.stdout_digest {
        Some(digest) if result.stdout_raw.is_empty() => peer.get(digest),
        _ => result.stdout_raw,
    };
    assert!(stdout == bytes, "other bytes");
}

fn much_standard_output_is_returned(peer: &Peer) {
    let result = peer.run(&Task::sh("head -c 6000000 /dev/zero | tr '\\0' x"));
    let digest = result.stdout_digest.as_ref().expect("too large for a message");
    assert_eq!(digest.size_bytes, 6_000_000);
    assert!(peer.get(digest).iter().all(|byte| *byte == b'x'));
}

fn a_signal_is_a_failure(peer: &Peer) {
    let result = peer.try_run(&Task::sh("kill -9 $$"));
    assert!(result.is_err() || result.is_ok_and(|result| result.exit_code != 0));
}

fn a_success_is_cached(peer: &Peer) {
    let action = peer.stage(&Task::sh("echo out; cp in out").input("in", b"x").outputs(&["out"]));
    refused(peer.cached(&action), Code::NotFound);
    assert!(!peer.execute(&action).unwrap().cached_result);
    let cached = peer.cached(&action).unwrap();
    assert_eq!(peer.stdout(&cached), "out\n");
    assert_eq!(peer.output(&cached, "out"), b"x");
}

fn a_failure_is_not_cached(peer: &Peer) {
    let action = peer.stage(&Task::sh("exit 1"));
    assert_eq!(peer.execute(&action).unwrap().result.unwrap().exit_code, 1);
    refused(peer.cached(&action), Code::NotFound);
}

fn what_must_not_be_cached_is_not(peer: &Peer) {
    let action = peer.stage(&Task::sh(RANDOM).do_not_cache());
    let first = peer.execute(&action).unwrap().result.unwrap();
    refused(peer.cached(&action), Code::NotFound);
    let second = peer.execute(&action).unwrap().result.unwrap();
    assert_ne!(peer.stdout(&first), peer.stdout(&second));
}

fn the_cache_is_looked_into(peer: &Peer) {
    let action = peer.stage(&Task::sh(RANDOM));
    let first = peer.execute(&action).unwrap();
    let second = peer.execute(&action).unwrap();
    assert!(second.cached_result, "not said to be cached");
    let [first, second] = [first, second].map(|response| peer.stdout(&response.result.unwrap()));
    assert_eq!(first, second);
}

fn the_cache_can_be_left_out(peer: &Peer) {
    let action = peer.stage(&Task::sh(RANDOM));
    let first = peer.execute(&action).unwrap();
    let second = peer.start(&action, true).unwrap().finish().unwrap();
    assert!(!second.cached_result, "said to be cached");
    let [first, second] = [first, second].map(|response| peer.stdout(&response.result.unwrap()));
    assert_ne!(first, second);
}

fn a_result_that_was_put_is_used(peer: &Peer) {
    let action = peer.stage(&Task::new(&["/bin/false"]));
    let put = reapi::ActionResult {
        stdout_raw: b"put".to_vec(),
        ..Default::default()
    };
    peer.update_result(&action, &put).unwrap();
    let response = peer.execute(&action).unwrap();
    let result = response.result.unwrap();
    assert_eq!((result.exit_code, &*peer.stdout(&result)), (0, "put"));
}

/// How an action with too short a timeout ends, and after how long.
fn timed_out(peer: &Peer) -> (reapi::Digest, Result<reapi::ActionResult, Status>, Duration) {
    let task = Task::sh("sleep 20").timeout(Duration::from_secs(1));
    let action = peer.stage(&task);
    let started = Instant::now();
    (action, peer.try_run(&task), started.elapsed())
}

fn a_timeout_ends_the_action(peer: &Peer) {
    let (_, result, time) = timed_out(peer);
    refused(result, Code::DeadlineExceeded);
    assert!(time < Duration::from_secs(10), "{time:?}");
}

fn a_timeout_leaves_time(peer: &Peer) {
    let task = Task::sh("sleep 0.2; echo done").timeout(Duration::from_secs(20));
    assert_eq!(peer.printed(&task), "done\n");
}

fn a_timeout_is_not_cached(peer: &Peer) {
    let (action, _, _) = timed_out(peer);
    refused(peer.cached(&action), Code::NotFound);
}

/// What two executions of this task at the same time print.
fn twice_at_once(peer: &Peer, task: &Task) -> [String; 2] {
    let action = peer.stage(task);
    let running = [peer.start(&action, false), peer.start(&action, false)];
    running.map(|running| {
        let response = running.unwrap().finish().unwrap();
        peer.stdout(&response.result.unwrap())
    })
}

fn identical_actions_run_once(peer: &Peer) {
    let [one, other] = twice_at_once(peer, &Task::sh(&format!("sleep 1; {RANDOM}")));
    assert!(!one.is_empty());
    assert_eq!(one, other);
}

fn actions_that_must_not_be_cached_are_not_merged(peer: &Peer) {
    let [one, other] = twice_at_once(peer, &Task::sh(&format!("sleep 1; {RANDOM}")).do_not_cache());
    assert_ne!(one, other);
}

fn actions_run_at_the_same_time(peer: &Peer) {
    let script = "date +%s%N; sleep 2; date +%s%N";
    let running = [0, 1].map(|_| peer.start(&peer.stage(&Task::sh(script)), false).unwrap());
    let times = running.map(|running| {
        let printed = peer.stdout(&running.finish().unwrap().result.unwrap());
        let times = printed.lines().map(|line| line.parse::<u64>().expect("nanoseconds"));
        times.collect::<Vec<_>>()
    });
    let (one, other) = (&times[0], &times[1]);
    assert!(one[0] < other[1] && other[0] < one[1], "{times:?}");
}

fn a_hundred_actions_end(peer: &Peer) {
    std::thread::scope(|threads| {
        for client in 0..10 {
            threads.spawn(move || {
                for number in 0..10 {
                    let text = format!("{client} {number}");
                    assert_eq!(peer.printed(&Task::new(&["/bin/echo", &text])), format!("{text}\n"));
                }
            });
        }
    });
}

fn metadata_tell_of_the_run(peer: &Peer) {
    let result = peer.run(&Task::sh("sleep 0.1"));
    let told = result.execution_metadata.expect("metadata");
    assert!(!told.worker.is_empty(), "no worker");
    let at = |time: Option<prost_types::Timestamp>| {
        let time = time.expect("a time");
        (time.seconds, time.nanos)
    };
    let times = [
        at(told.queued_timestamp),
        at(told.worker_start_timestamp),
        at(told.execution_start_timestamp),
        at(told.execution_completed_timestamp),
        at(told.worker_completed_timestamp),
    ];
    assert!(times.is_sorted(), "{times:?}");
    let nanos = (times[3].0 - times[2].0) * 1_000_000_000 + i64::from(times[3].1 - times[2].1);
    assert!((100_000_000..10_000_000_000).contains(&nanos), "it ran {nanos} ns");
}

fn the_last_state_is_the_result(peer: &Peer) {
    let action = peer.stage(&Task::sh("sleep 0.3; echo out"));
    let states = peer.start(&action, false).unwrap().states().unwrap();
    let (last, before) = states.split_last().expect("states");
    assert!(before.iter().all(|state| !state.done), "{states:?}");
    assert!(
        states
            .iter()
            .all(|state| state.name == last.name && !state.name.is_empty())
    );
    let told = states.iter().map(|state| {
        let any = state.metadata.as_ref().expect("metadata");
        assert!(
            any.type_url
                .ends_with("/build.bazel.remote.execution.v2.ExecuteOperationMetadata")
        );
        let metadata = reapi::ExecuteOperationMetadata::decode(any.value.as_slice()).unwrap();
        assert_eq!(metadata.action_digest.as_ref(), Some(&action));
        metadata.stage()
    });
    let order: Vec<_> = told.collect();
    assert!(
        order.is_sorted() && order.last() == Some(&Stage::Completed),
        "{order:?}"
    );
    assert_eq!(peer.stdout(&response_of(last).unwrap().result.unwrap()), "out\n");
}

/// The blobs that an execution says are missing; it must fail for want of them.
fn named_missing(peer: &Peer, action: &reapi::Digest) -> Vec<String> {
    let details = match peer.execute(action) {
        Err(status) => {
            assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
            rpc::Status::decode(status.details()).expect("details").details
        }
        Ok(response) => {
            let status = response.status.expect("an error");
            assert_eq!(Code::from(status.code), Code::FailedPrecondition, "{status:?}");
            status.details
        }
    };
    let failures = details
        .iter()
        .filter(|any| any.type_url.ends_with("/google.rpc.PreconditionFailure"));
    let failures = failures.map(|any| rpc::PreconditionFailure::decode(any.value.as_slice()).unwrap());
    let violations: Vec<_> = failures.flat_map(|failure| failure.violations).collect();
    assert!(
        violations.iter().all(|violation| violation.r#type == "MISSING"),
        "{violations:?}"
    );
    violations.into_iter().map(|violation| violation.subject).collect()
}

#[track_caller]
fn is_named(peer: &Peer, action: &reapi::Digest, missing: &[&reapi::Digest]) {
    let mut expected: Vec<_> = missing
        .iter()
        .map(|digest| format!("blobs/{}", names_of(peer.function, digest)))
        .collect();
    expected.sort();
    let mut named = named_missing(peer, action);
    named.sort();
    assert_eq!(named, expected);
}

fn a_missing_action_is_named(peer: &Peer) {
    let action = peer.digest(&fresh(100));
    is_named(peer, &action, &[&action]);
}

fn a_missing_command_is_named(peer: &Peer) {
    let command = peer.digest(&fresh(100));
    let task = Task::new(&["/bin/true"]);
    let action = task.action_of(command.clone(), peer.put(b""));
    is_named(peer, &peer.put(&action.encode_to_vec()), &[&command]);
}

fn a_missing_root_is_named(peer: &Peer) {
    let root = peer.digest(&fresh(100));
    let action = peer.stage_with_root(&Task::new(&["/bin/true"]), root.clone());
    is_named(peer, &action, &[&root]);
}

fn absent(bytes: &[u8]) -> Node {
    Node::AbsentFile(bytes.to_vec())
}

fn a_missing_file_is_named(peer: &Peer) {
    let bytes = fresh(100);
    let action = peer.stage(&Task::new(&["/bin/true"]).node("a/b/file", absent(&bytes)));
    is_named(peer, &action, &[&peer.digest(&bytes)]);
}

fn all_missing_blobs_are_named(peer: &Peer) {
    let (one, other, command) = (fresh(100), fresh(200), peer.digest(&fresh(300)));
    let task = Task::new(&[])
        .node("a/b/file", absent(&one))
        .node("c", absent(&other))
        .input("d", b"there");
    let staged = peer.stage(&task);
    let mut action = reapi::Action::decode(peer.get(&staged).as_slice()).unwrap();
    action.command_digest = Some(command.clone());
    let action = peer.put(&action.encode_to_vec());
    is_named(peer, &action, &[&peer.digest(&one), &peer.digest(&other), &command]);
}

fn a_missing_program_is_an_error_at_once(peer: &Peer) {
    let answer = peer.try_run(&Task::new(&["/no/such/program"]));
    assert!(answer.is_err() || answer.is_ok_and(|result| result.exit_code != 0));
}

fn no_arguments_are_refused(peer: &Peer) {
    refused(peer.try_run(&Task::new(&[])), Code::InvalidArgument);
}

fn a_garbled_action_is_refused(peer: &Peer) {
    let garbage = peer.put(&[&[0xff; 100], fresh(16).as_slice()].concat());
    let answer = peer.execute(&garbage).and_then(|response| match response.status {
        Some(status) if status.code != 0 => Err(Status::new(Code::from(status.code), status.message)),
        _ => Ok(()),
    });
    let sensible = [Code::InvalidArgument, Code::FailedPrecondition];
    assert!(sensible.contains(&code(&answer)), "{answer:?}");
}

fn an_unknown_property_is_ignored(peer: &Peer) {
    let task = Task::new(&["/bin/echo", "ran"]).platform(&[("no-server-knows-this", "x")]);
    let impatient = peer.with_patience(Duration::from_secs(10));
    assert_eq!(impatient.printed(&task), "ran\n");
}

fn an_announced_property_is_matched(peer: &Peer) {
    let task = Task::new(&["/bin/echo", "ran"]).platform(&[("ISA", "x86-64"), ("OSFamily", "linux")]);
    assert_eq!(peer.printed(&task), "ran\n");
}

fn another_value_of_it_is_refused_at_once(peer: &Peer) {
    let task = Task::new(&["/bin/echo", "ran"]).platform(&[("OSFamily", "none")]);
    let impatient = peer.with_patience(Duration::from_secs(10));
    refused(impatient.try_run(&task), Code::FailedPrecondition);
}
