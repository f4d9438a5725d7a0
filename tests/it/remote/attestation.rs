//! Attestation: one action for all who wait, and nothing counts that the worker did not say.

use super::*;
use crate::support::fake_reapi::{Fault, Rpc};
use rewrap::execute::attestation::{Attestation, DriverName, Expected, Finding, Workers};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tonic::Code;

fn workers(remote: &Remote, platform: &[(&str, &str)]) -> Workers {
    Workers {
        cache: remote.clone(),
        executor: remote.clone(),
        platform: platform
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        limits: LIMITS,
    }
}

/// Some files on this machine, which is the fake worker's too.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["cc1", "stdio.h", "limits.h"] {
            std::fs::write(directory.path().join(name), name).expect("write");
        }
        std::os::unix::fs::symlink("cc1", directory.path().join("cc")).expect("link");
        Self(directory)
    }

    fn content(&self, name: &str, content: &str) -> (PathBuf, Expected) {
        (
            self.0.path().join(name),
            Expected::Content(Digest::of(content.as_bytes())),
        )
    }

    fn absent(&self, name: &str) -> (PathBuf, Expected) {
        (self.0.path().join(name), Expected::Absent)
    }
}

#[tokio::test]
async fn each_path_is_found_as_it_is_there() {
    let (server, remote) = pair(Habits::default());
    let files = Files::new();
    let paths = [
        files.content("cc1", "cc1"),
        files.content("cc", "cc1"),
        files.content("stdio.h", "another"),
        files.content("none.h", "none.h"),
        files.absent("gone.h"),
        files.absent("limits.h"),
    ];
    let attestation = Attestation::default();
    let verdict = attestation
        .check(&workers(&remote, &[]), &paths, &CancellationToken::new())
        .await
        .expect("a verdict");
    let unequal: Vec<_> = verdict
        .unequal()
        .map(|(path, finding)| (path.file_name().expect("a name").to_str().expect("text"), finding))
        .collect();
    let expected = [
        ("limits.h", Finding::Differs),
        ("none.h", Finding::Missing),
        ("stdio.h", Finding::Differs),
    ];
    assert_eq!(unequal, expected);
    assert!(Path::new(&verdict.surroundings.directory).is_absolute());
    assert_eq!((server.calls(Rpc::Execute), server.executed()), (1, 1));
}

#[tokio::test]
async fn the_drivers_name_is_the_users_if_the_worker_has_it() {
    let (_server, remote) = pair(Habits::default());
    let files = Files::new();
    let check = async |invoked: &str, resolved: &str| {
        let paths = [files.content(invoked, "cc1"), files.content(resolved, "cc1")];
        let verdict = Attestation::default()
            .check(&workers(&remote, &[]), &paths, &CancellationToken::new())
            .await
            .expect("a verdict");
        verdict.driver_name(&paths[0].0, &paths[1].0)
    };
    assert_eq!(check("cc", "cc1").await, Some(DriverName::AsInvoked));
    assert_eq!(check("c++", "cc1").await, Some(DriverName::Resolved));
    assert_eq!(check("stdio.h", "cc1").await, Some(DriverName::Resolved));
    assert_eq!(check("c++", "limits.h").await, None);
}

#[tokio::test]
async fn concurrent_steps_wait_for_one_action_and_later_ones_for_none() {
    let (server, remote) = pair(Habits {
        gated: true,
        ..Habits::default()
    });
    let files = Arc::new(Files::new());
    let attestation = Arc::new(Attestation::default());
    let mut steps = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (attestation, files, workers) = (attestation.clone(), files.clone(), workers(&remote, &[]));
        steps.spawn(async move {
            let paths = [files.content("cc1", "cc1"), files.content("stdio.h", "stdio.h")];
            attestation
                .check(&workers, &paths, &CancellationToken::new())
                .await
                .expect("a verdict")
        });
    }
    server.let_one_run();
    while let Some(verdict) = steps.join_next().await {
        assert_eq!(verdict.expect("no panic").unequal().count(), 0);
    }
    assert_eq!(server.executed(), 1);
    // Only the new file is asked about.
    server.let_one_run();
    let paths = [files.content("cc1", "cc1"), files.content("limits.h", "limits.h")];
    let token = CancellationToken::new();
    attestation
        .check(&workers(&remote, &[]), &paths, &token)
        .await
        .expect("a verdict");
    attestation
        .check(&workers(&remote, &[]), &paths, &token)
        .await
        .expect("a verdict");
    assert_eq!(server.executed(), 2);
    // Another platform has other workers.
    server.let_one_run();
    attestation
        .check(&workers(&remote, &[("OS", "other")]), &paths, &token)
        .await
        .expect("a verdict");
    assert_eq!(server.executed(), 3);
}

#[tokio::test]
async fn an_answer_counts_for_an_hour() {
    let (server, remote) = pair(Habits::default());
    let files = Files::new();
    let begin = Instant::now();
    let minutes = Arc::new(AtomicU64::new(0));
    let clock = {
        let minutes = minutes.clone();
        move || begin + Duration::from_secs(60 * minutes.load(Ordering::Relaxed))
    };
    let attestation = Attestation::with_clock(clock);
    for (minute, executed) in [(0, 1), (59, 1), (61, 2), (62, 2)] {
        minutes.store(minute, Ordering::Relaxed);
        let paths = [files.content("cc1", "cc1")];
        attestation
            .check(&workers(&remote, &[]), &paths, &CancellationToken::new())
            .await
            .expect("a verdict");
        assert_eq!(server.executed(), executed, "after {minute} minutes");
    }
}

#[tokio::test]
async fn servers_that_cache_everything_are_asked_anew_each_time() {
    let (server, remote) = pair(Habits {
        respects_do_not_cache: false,
        respects_skip: false,
        ..Habits::default()
    });
    let files = Files::new();
    let paths = [files.content("cc1", "cc1")];
    for executed in [1, 2] {
        let verdict = Attestation::default()
            .check(&workers(&remote, &[]), &paths, &CancellationToken::new())
            .await
            .expect("a verdict");
        assert_eq!((verdict.unequal().count(), server.executed()), (0, executed));
    }
}

#[tokio::test]
async fn a_worker_that_was_not_asked_is_not_covered() {
    let (_server, remote) = pair(Habits {
        worker: "worker-1",
        ..Habits::default()
    });
    let files = Files::new();
    let attestation = Attestation::default();
    let workers = workers(&remote, &[]);
    let good = [files.content("cc1", "cc1")];
    let bad = [files.content("cc1", "cc1"), files.content("stdio.h", "another")];
    attestation
        .check(&workers, &bad, &CancellationToken::new())
        .await
        .expect("a verdict");
    assert!(attestation.covers(&workers, "worker-1", &good));
    assert!(!attestation.covers(&workers, "worker-1", &bad));
    assert!(!attestation.covers(&workers, "worker-2", &good));
    assert!(!attestation.covers(&workers, "", &good));
}

#[tokio::test]
async fn asking_again_meets_another_worker_once_for_all_who_ask() {
    let (server, remote) = pair(Habits {
        gated: true,
        ..Habits::default()
    });
    let files = Files::new();
    let attestation = Arc::new(Attestation::default());
    let paths = vec![files.content("cc1", "cc1")];
    let mut steps = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (attestation, paths, workers) = (attestation.clone(), paths.clone(), workers(&remote, &[]));
        steps.spawn(async move {
            attestation
                .check_again(&workers, &paths, &CancellationToken::new())
                .await
        });
    }
    // All wait for the turn of the one whose action waits to begin.
    until(|| server.running() == 1).await;
    server.let_one_run();
    while let Some(verdict) = steps.join_next().await {
        let verdict = verdict.expect("no panic").expect("a verdict");
        assert_eq!(verdict.unequal().count(), 0);
    }
    assert_eq!(server.executed(), 1);
}

#[tokio::test]
async fn a_failed_attestation_is_not_repeated_by_every_step() {
    let (server, remote) = pair(Habits::default());
    for _ in 0..2 {
        server.fault(
            Rpc::Execute,
            Fault::Status(Code::Unavailable, "No workers exist for anything"),
        );
    }
    let files = Files::new();
    let attestation = Attestation::default();
    for _ in 0..5 {
        let failure = attestation
            .check(
                &workers(&remote, &[]),
                &[files.content("cc1", "cc1")],
                &CancellationToken::new(),
            )
            .await
            .expect_err("no worker");
        assert_eq!(failure.code(), "remote_no_worker");
    }
    assert_eq!(server.calls(Rpc::Execute), 2);
}

#[tokio::test]
async fn an_answer_that_is_not_the_scripts_attests_nothing() {
    let (_server, remote) = pair(Habits {
        edit_result: Some(|result| result.stdout_digest = None),
        ..Habits::default()
    });
    let files = Files::new();
    let failure = Attestation::default()
        .check(
            &workers(&remote, &[]),
            &[files.content("cc1", "cc1")],
            &CancellationToken::new(),
        )
        .await
        .expect_err("nothing was said");
    assert_eq!(failure.code(), "remote_unattested");
}
