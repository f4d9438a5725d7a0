//! The action cache: only complete, proven successes are hits.

use super::*;
use crate::support::fake_reapi::{Fault, Rpc};
use rewrap::execute::remote::lookup;
use rewrap::remote::RemoteActionCache;
use rewrap::store::{ActionCache, DiskStore};
use tonic::Code;

/// Stores a result of an action with the output `out` and looks it up: "miss", or the outcome, or the failure.
async fn look(server: &FakeReapi, remote: &Remote, edit: impl FnOnce(&mut reapi::ActionResult)) -> String {
    let job = Job::join();
    let mut result = reapi::ActionResult {
        output_files: vec![reapi::OutputFile {
            path: "out".to_owned(),
            digest: Some(server.put(b"12").into()),
            ..Default::default()
        }],
        stdout_digest: Some(server.put(b"said").into()),
        stderr_raw: b"warned".to_vec(),
        ..Default::default()
    };
    edit(&mut result);
    server.set_result(job.action, result);
    match lookup(remote, None, job.action, &job.outputs, &CancellationToken::new()).await {
        Ok(None) => "miss".to_owned(),
        Ok(Some(finished)) => {
            assert!(finished.outcome.cached);
            shown(&Ok(finished))
        }
        Err(failure) => shown(&Err(failure)),
    }
}

const HIT: &str = "out=12 said/warned exit 0";

#[tokio::test]
async fn what_is_not_there_is_a_miss() {
    let (_server, remote) = pair(Habits::default());
    let job = Job::join();
    let found = lookup(&remote, None, job.action, &job.outputs, &CancellationToken::new()).await;
    assert!(found.expect("an answer").is_none());
}

#[tokio::test]
async fn a_complete_success_is_a_hit_inlined_or_not() {
    for inlines in [false, true] {
        let (server, remote) = pair(Habits {
            inlines,
            ..Habits::default()
        });
        assert_eq!(look(&server, &remote, |_| {}).await, HIT);
        assert_eq!(server.calls(Rpc::BatchReadBlobs), usize::from(!inlines));
    }
}

#[tokio::test]
async fn a_dangling_result_is_a_miss() {
    for checks_completeness in [false, true] {
        let (server, remote) = pair(Habits {
            checks_completeness,
            ..Habits::default()
        });
        let text = look(&server, &remote, |_| server.lose(Digest::of(b"12"))).await;
        assert_eq!(text, "miss");
    }
    let (server, remote) = pair(Habits::default());
    assert_eq!(
        look(&server, &remote, |_| server.lose(Digest::of(b"said"))).await,
        "miss"
    );
}

#[tokio::test]
async fn an_output_that_is_here_is_not_downloaded_and_one_that_was_is_here() {
    let dir = tempfile::tempdir().expect("a directory");
    let near = DiskStore::open(dir.path(), 0).expect("a store");
    let (server, remote) = pair(Habits::default());
    let job = Job::join();
    let result = reapi::ActionResult {
        output_files: vec![reapi::OutputFile {
            path: "out".to_owned(),
            digest: Some(server.put(b"12").into()),
            ..Default::default()
        }],
        ..Default::default()
    };
    server.set_result(job.action, result);
    let mut downloaded = Vec::new();
    for _ in 0..2 {
        let found = lookup(
            &remote,
            Some(&near),
            job.action,
            &job.outputs,
            &CancellationToken::new(),
        )
        .await;
        let found = found.expect("an answer").expect("a hit");
        assert_eq!(content(&found.outcome.outputs[0].content), b"12");
        downloaded.push(found.cost.downloaded_bytes);
        server.lose(Digest::of(b"12"));
    }
    assert_eq!(downloaded, [2, 0]);
}

#[tokio::test]
async fn failures_and_partial_results_are_misses() {
    let (server, remote) = pair(Habits::default());
    assert_eq!(look(&server, &remote, |result| result.exit_code = 1).await, "miss");
    assert_eq!(look(&server, &remote, |result| result.exit_code = -1).await, "miss");
    assert_eq!(
        look(&server, &remote, |result| result.output_files.clear()).await,
        "miss"
    );
}

#[tokio::test]
async fn a_result_with_wrong_content_is_refused() {
    let (server, remote) = pair(Habits::default());
    assert_eq!(
        look(&server, &remote, |_| server.corrupt(Digest::of(b"12"))).await,
        "remote_bad_result"
    );
    server.put(b"12");
    let other = |result: &mut reapi::ActionResult| result.output_files[0].path = "other".to_owned();
    assert_eq!(look(&server, &remote, other).await, "remote_bad_result");
}

#[tokio::test]
async fn wrong_inlined_content_is_fetched_instead() {
    let (server, remote) = pair(Habits::default());
    let lies = |result: &mut reapi::ActionResult| result.output_files[0].contents = b"34".to_vec();
    assert_eq!(look(&server, &remote, lies).await, HIT);
}

#[tokio::test]
async fn an_answer_too_large_to_inline_is_asked_for_without() {
    let (server, remote) = pair(Habits::default());
    let refused = Fault::Status(Code::OutOfRange, "message larger than max");
    server.fault(Rpc::GetActionResult, refused);
    assert_eq!(look(&server, &remote, |_| {}).await, HIT);
    assert_eq!(server.calls(Rpc::GetActionResult), 2);
}

#[tokio::test]
async fn results_are_kept_where_updates_are_taken() {
    let action = Digest::of(b"action");
    let result = reapi::ActionResult {
        stdout_raw: b"text".to_vec(),
        ..Default::default()
    };
    let (server, remote) = pair(Habits::default());
    let cache = RemoteActionCache::new(remote);
    cache.update(action, result.clone()).await.expect("kept");
    assert_eq!(cache.get(action).await.expect("an answer"), Some(result.clone()));
    assert!(server.result(action).is_some());

    let (server, remote) = pair(Habits {
        takes_updates: false,
        ..Habits::default()
    });
    let refused = RemoteActionCache::new(remote)
        .update(action, result)
        .await
        .expect_err("refused");
    let address = server.endpoint().address;
    assert_eq!(
        refused.to_string(),
        format!("cannot use `{address}`: its action cache takes no updates")
    );
    assert_eq!(server.calls(Rpc::UpdateActionResult), 0);
}
