//! What is answered to what.

use super::*;
use crate::pb::rpc;
use std::collections::BTreeSet;
use tonic::Code;

fn subjects(details: &[prost_types::Any]) -> BTreeSet<String> {
    let failures = details.iter().map(|any| {
        assert_eq!(any.type_url, "type.googleapis.com/google.rpc.PreconditionFailure");
        rpc::PreconditionFailure::decode(&*any.value).expect("violations")
    });
    let violations = failures.flat_map(|failure| failure.violations);
    violations
        .map(|violation| {
            assert_eq!(violation.r#type, "MISSING");
            violation.subject
        })
        .collect()
}

#[tokio::test]
async fn what_a_run_says_is_what_the_client_hears() {
    let fixture = Fixture::new(2);
    let check = async |program: &str, expected: Code, exit: Option<i32>| {
        let action = fixture.action(&[program]);
        let response = fixture.execute(request(action)).await.expect("an operation");
        assert_eq!(code(&response), expected, "{program}");
        assert_eq!(
            response.result.as_ref().map(|result| result.exit_code),
            exit,
            "{program}"
        );
        assert!(!response.cached_result);
        let is_kept = fixture.store.action_result(action).expect("a store").is_some();
        assert_eq!(is_kept, exit == Some(0), "{program}");
    };
    check("/bin/true", Code::Ok, Some(0)).await;
    check("/usr/bin/false", Code::Ok, Some(1)).await;
    check("slow", Code::DeadlineExceeded, Some(137)).await;
    check("unfetched", Code::FailedPrecondition, None).await;
    check("wrong", Code::InvalidArgument, None).await;
    check("nowhere", Code::NotFound, None).await;
    check("greedy", Code::ResourceExhausted, None).await;
    check("broken", Code::Internal, None).await;
    check("panics", Code::Internal, None).await;
}

#[tokio::test]
async fn what_a_command_printed_is_in_the_response_and_in_the_store() {
    let fixture = Fixture::new(1);
    let check = async |program: &str| {
        let action = fixture.action(&[program]);
        let response = fixture.execute(request(action)).await.expect("an operation");
        let result = response.result.expect("a result");
        if program != "slow" {
            assert_eq!(result.stdout_digest, Some(Digest::of(b"out").into()));
            assert_eq!(result.stderr_digest, Some(Digest::of(b"err").into()));
            assert!(fixture.store.contains(Digest::of(b"err")).expect("a store"));
        }
        assert_eq!((&*result.stdout_raw, &*result.stderr_raw), (&b"out"[..], &b"err"[..]));
        let times = result.execution_metadata.expect("times");
        assert!(times.queued_timestamp.is_some() && times.worker_start_timestamp.is_some());
        assert!(times.worker_completed_timestamp.is_some());
    };
    check("/bin/true").await;
    check("/bin/true").await;
    check("/usr/bin/false").await;
    check("slow").await;
    assert_eq!(fixture.runs(), 3, "the second one was a hit");
}

#[tokio::test]
async fn the_cache_is_asked_and_filled_as_the_protocol_says() {
    struct Case {
        program: &'static str,
        do_not_cache: bool,
        skip: bool,
        /// How often it has run after it was executed twice.
        runs: usize,
    }
    let check = async |case: Case| {
        let fixture = Fixture::new(1);
        let action = fixture.action_with(&[case.program], |action, _| action.do_not_cache = case.do_not_cache);
        let asked = reapi::ExecuteRequest {
            skip_cache_lookup: case.skip,
            ..request(action)
        };
        for round in 0..2 {
            let response = fixture.execute(asked.clone()).await.expect("an operation");
            assert_eq!(response.cached_result, round == 1 && case.runs == 1);
            let output = response.result.expect("a result").output_files.remove(0);
            assert_eq!(
                output.digest,
                Some(Digest::of(b"output").into()),
                "also of what is not cached"
            );
        }
        assert_eq!(
            fixture.runs(),
            case.runs,
            "{} {} {}",
            case.program,
            case.do_not_cache,
            case.skip
        );
    };
    for (program, do_not_cache, skip, runs) in [
        ("/bin/true", false, false, 1),
        ("/bin/true", false, true, 2),
        ("/bin/true", true, false, 2),
        ("/bin/true", true, true, 2),
        ("/usr/bin/false", false, false, 2),
    ] {
        check(Case {
            program,
            do_not_cache,
            skip,
            runs,
        })
        .await;
    }
}

#[tokio::test]
async fn results_of_instances_and_functions_are_apart() {
    let fixture = Fixture::new(1);
    let action = fixture.action(&["/bin/true"]);
    let of = |instance: &str| reapi::ExecuteRequest {
        instance_name: instance.to_owned(),
        ..request(action)
    };
    for (instance, cached) in [("", false), ("a", false), ("a", true), ("b/c", false), ("", true)] {
        let response = fixture.execute(of(instance)).await.expect("an operation");
        assert_eq!(response.cached_result, cached, "{instance}");
    }
}

#[tokio::test]
async fn an_action_of_blake3_is_of_blake3_throughout() {
    let fixture = Fixture::new(1);
    let put = |bytes: &[u8]| {
        let digest = Function::Blake3.digest(bytes);
        fixture.store.put_bytes_as(digest, bytes).expect("a store");
        digest
    };
    let command = reapi::Command {
        arguments: vec!["/bin/true".to_owned()],
        ..Default::default()
    };
    let action = reapi::Action {
        command_digest: Some(put(&command.encode_to_vec()).into()),
        input_root_digest: Some(Function::Blake3.digest(b"").into()),
        ..Default::default()
    };
    let action = put(&action.encode_to_vec());
    for cached in [false, true] {
        let response = fixture.execute(request(action)).await.expect("an operation");
        assert_eq!((code(&response), response.cached_result), (Code::Ok, cached));
        let stdout = response.result.expect("a result").stdout_digest;
        assert_eq!(stdout, Some(Function::Blake3.digest(b"out").into()));
    }
    let unknown = Function::Blake3.digest(b"another");
    let status = fixture.execute(request(unknown)).await.expect_err("it is not there");
    let details = rpc::Status::decode(status.details()).expect("details").details;
    assert_eq!(subjects(&details), BTreeSet::from([format!("blobs/blake3/{unknown}")]));
}

#[tokio::test]
async fn all_that_is_missing_is_named_at_once() {
    let fixture = Fixture::new(1);
    let directory = reapi::Directory {
        files: [b"one", b"two", b"six"]
            .iter()
            .enumerate()
            .map(|(at, content)| reapi::FileNode {
                name: format!("{at}"),
                digest: Some(Digest::of(*content).into()),
                ..Default::default()
            })
            .collect(),
        directories: vec![reapi::DirectoryNode {
            name: "sub".to_owned(),
            digest: Some(Digest::of(b"a directory").into()),
        }],
        ..Default::default()
    };
    fixture.store.put_bytes(b"two").expect("a store");
    let root = fixture.put(&directory);
    let action = fixture.action_with(&["cc"], |action, _| {
        action.input_root_digest = Some(root.into());
        action.command_digest = Some(Digest::of(b"a command").into());
    });
    let response = fixture.execute(request(action)).await.expect("an operation");
    let status = response.status.expect("a status");
    assert_eq!(status.code, Code::FailedPrecondition as i32);
    let missing: [&[u8]; 4] = [b"one", b"six", b"a directory", b"a command"];
    let missing = missing.map(|content| format!("blobs/{}", Digest::of(content)));
    assert_eq!(subjects(&status.details), BTreeSet::from(missing));
    assert_eq!(fixture.runs(), 0);
}

#[tokio::test]
async fn a_missing_action_fails_the_call() {
    let fixture = Fixture::new(1);
    let action = Digest::of(b"an action");
    let status = fixture.execute(request(action)).await.expect_err("it is not there");
    assert_eq!(status.code(), Code::FailedPrecondition);
    let details = rpc::Status::decode(status.details()).expect("details").details;
    assert_eq!(subjects(&details), BTreeSet::from([format!("blobs/{action}")]));
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_it_waits() {
    let fixture = Fixture::new(1);
    let check = async |what: &str, request: reapi::ExecuteRequest, expected: Code| {
        let status = fixture.execute(request).await.expect_err(what);
        assert_eq!(status.code(), expected, "{what}: {status:?}");
        assert!(status.message().len() < 1000, "{what}");
    };
    let good = request(fixture.action(&["cc"]));
    let with = |change: &dyn Fn(&mut reapi::ExecuteRequest)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    let invalid = Code::InvalidArgument;
    check("no digest", with(&|request| request.action_digest = None), invalid).await;
    let bad = |hash: &str, size_bytes| reapi::Digest {
        hash: hash.to_owned(),
        size_bytes,
    };
    check(
        "a bad hash",
        with(&|request| request.action_digest = Some(bad("abc", 3))),
        invalid,
    )
    .await;
    let size = with(&|request| request.action_digest.as_mut().expect("a digest").size_bytes = -1);
    check("a bad size", size, invalid).await;
    let huge = with(&|request| request.action_digest.as_mut().expect("a digest").size_bytes = i64::MAX);
    check("a huge action", huge, invalid).await;
    check(
        "an unknown function",
        with(&|request| request.digest_function = 4),
        invalid,
    )
    .await;
    check(
        "a reserved instance",
        with(&|request| request.instance_name = "a/blobs".to_owned()),
        invalid,
    )
    .await;
    check(
        "a long instance",
        with(&|request| request.instance_name = "a".repeat(1 << 20)),
        invalid,
    )
    .await;
}

#[tokio::test]
async fn an_action_that_cannot_be_is_refused_before_it_waits() {
    let fixture = Fixture::new(1);
    let check = async |what: &str, action: Digest, expected: Code| {
        let status = fixture.execute(request(action)).await.expect_err(what);
        assert_eq!(status.code(), expected, "{what}: {status:?}");
        assert!(status.message().len() < 1000, "{what}");
    };
    let invalid = Code::InvalidArgument;
    let garbage = fixture.store.put_bytes(b"\xff\xff\xff\xff").expect("a store");
    check("no action", garbage, invalid).await;
    let no_command = fixture.action_with(&["cc"], |action, _| action.command_digest = Some(garbage.into()));
    check("no command", no_command, invalid).await;
    let no_root = fixture.action_with(&["cc"], |action, _| action.input_root_digest = None);
    check("no root", no_root, invalid).await;
    let no_directory = fixture.action_with(&["cc"], |action, _| action.input_root_digest = Some(garbage.into()));
    check("no directory", no_directory, invalid).await;
    check("no arguments", fixture.action(&[]), invalid).await;
    let escape = fixture.action_with(&["cc"], |_, command| {
        command.output_paths = vec!["../../../x".repeat(10_000)];
    });
    check("an escape", escape, invalid).await;
    let long = fixture.action_with(&["cc"], |action, _| {
        action.timeout = Some(prost_types::Duration {
            seconds: 3601,
            nanos: 0,
        });
    });
    check("a long timeout", long, invalid).await;
    let platform = fixture.action_with(&["cc"], |action, _| {
        action.platform = Some(reapi::Platform {
            properties: vec![reapi::platform::Property {
                name: "OSFamily".to_owned(),
                value: "Windows".to_owned(),
            }],
        });
    });
    check("another platform", platform, Code::FailedPrecondition).await;
    assert_eq!(fixture.runs(), 0);
    assert!(
        fixture
            .metrics
            .text()
            .expect("text")
            .contains("rewrap_actions_total{outcome=\"Refused\"}")
    );
}
