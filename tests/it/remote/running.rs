//! What happens while actions run: shared uploads, cancelling, lost connections, patience that ends.

use super::execution::{GOOD, plain};
use super::*;
use crate::support::fake_reapi::{Fault, Rpc};
use std::sync::Arc;

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
