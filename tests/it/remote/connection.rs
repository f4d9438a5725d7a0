//! What is on the wire besides the messages: socket options, headers, addresses, secrets.

use super::*;
use crate::support::fake_reapi::{Fault, Rpc};
use rewrap::remote::RemoteCas;
use rustix::net::sockopt;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use std::os::fd::OwnedFd;
use tonic::Code;

/// Our ends of connections to the port.
fn sockets_to(port: u16) -> Vec<OwnedFd> {
    let own = pidfd_open(getpid(), PidfdFlags::empty()).expect("pidfd");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd").expect("descriptors") {
        let name = entry.expect("a descriptor").file_name();
        let number = name.to_string_lossy().parse().expect("a number");
        let Ok(copy) = pidfd_getfd(&own, number, PidfdGetfdFlags::empty()) else {
            continue; // Closed meanwhile.
        };
        if let Ok(peer) = rustix::net::getpeername(&copy)
            && let Some(peer) = peer.and_then(|peer| std::net::SocketAddr::try_from(peer).ok())
            && peer.port() == port
        {
            found.push(copy);
        }
    }
    found
}

#[tokio::test]
async fn connections_have_nodelay_and_notice_dead_peers() {
    let (server, remote) = pair(Habits::default());
    remote.capabilities().await.expect("an answer");
    let sockets = sockets_to(server.port());
    assert_eq!(sockets.len(), 1);
    for socket in sockets {
        assert!(sockopt::tcp_nodelay(&socket).expect("an option"));
        assert!(sockopt::socket_keepalive(&socket).expect("an option"));
        assert_eq!(
            sockopt::tcp_keepidle(&socket).expect("an option"),
            Duration::from_secs(30)
        );
        assert_eq!(sockopt::tcp_user_timeout(&socket).expect("an option"), 30_000);
    }
}

#[tokio::test]
async fn every_call_carries_the_headers_and_says_why() {
    let server = FakeReapi::start(Habits::default());
    let endpoint = Endpoint {
        headers: vec![
            ("X-Key".to_owned(), "s3cret".to_owned()),
            ("x-key".to_owned(), "second".to_owned()),
        ],
        ..server.endpoint()
    };
    let job = Job::join();
    let metadata = RequestMetadata {
        invocation: "build-7".to_owned(),
        mnemonic: "compile".to_owned(),
        ..Default::default()
    };
    let remote = client_of(&endpoint, POLICY).with_metadata(metadata.for_action(job.action));
    assert_eq!(shown(&job.run(&remote).await), "out=12 said/warned exit 0");
    let headers = server.headers();
    assert!(headers.len() >= 4);
    for headers in headers {
        let keys: Vec<_> = headers.get_all("x-key").iter().collect();
        assert_eq!(keys, ["s3cret", "second"]);
        let metadata = headers
            .get_bin("build.bazel.remote.execution.v2.requestmetadata-bin")
            .and_then(|value| value.to_bytes().ok())
            .expect("request metadata");
        let metadata = reapi::RequestMetadata::decode(metadata).expect("request metadata");
        assert_eq!(metadata.tool_details.expect("a tool").tool_name, "rewrap");
        assert_eq!(metadata.action_id, job.action.hex());
        assert_eq!(
            (&*metadata.tool_invocation_id, &*metadata.action_mnemonic),
            ("build-7", "compile")
        );
    }
}

#[tokio::test]
async fn no_error_repeats_a_headers_value() {
    let server = FakeReapi::start(Habits::default());
    let endpoint = Endpoint {
        headers: vec![("authorization".to_owned(), "Bearer s3cret-token".to_owned())],
        ..server.endpoint()
    };
    let remote = client_of(&endpoint, POLICY);
    server.fault(Rpc::GetCapabilities, Fault::Pass);
    let quotes = Fault::Status(
        Code::Unauthenticated,
        "bad token 's3cret-token' in 'Bearer s3cret-token'",
    );
    server.fault(Rpc::FindMissingBlobs, quotes);
    let failure = Job::join().run(&remote).await.expect_err("refused");
    for text in [failure.to_string(), format!("{failure:?}")] {
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains("FindMissingBlobs"), "{text}");
    }
}

#[tokio::test]
async fn capabilities_are_asked_for_once_and_only_failures_again() {
    let (server, remote) = pair(Habits::default());
    server.fault(Rpc::GetCapabilities, Fault::Status(Code::PermissionDenied, "not yet"));
    remote.capabilities().await.expect_err("refused");
    for _ in 0..3 {
        remote.capabilities().await.expect("an answer");
    }
    assert_eq!(server.calls(Rpc::GetCapabilities), 2);
}

#[tokio::test]
async fn a_cache_that_knows_no_capabilities_is_used_with_care() {
    let (server, remote) = pair(Habits::default());
    server.fault(
        Rpc::GetCapabilities,
        Fault::Status(Code::Unimplemented, "unknown method"),
    );
    let digest = server.put(b"content");
    let blobs = RemoteCas::new(remote.clone()).read_all(&[digest]).await.expect("read");
    assert_eq!(content(&blobs[0]), b"content");
    assert!(remote.capabilities().await.expect("assumed").output_paths_supported());
}

#[tokio::test]
async fn a_unix_socket_that_is_not_there_is_named() {
    let endpoint = Endpoint {
        address: "unix:///nowhere/reapi.sock".to_owned(),
        headers: Vec::new(),
        tls_certificate: None,
        tls_client: None,
    };
    let remote = client_of(&endpoint, Policy { retries: 0, ..POLICY });
    let error = remote.capabilities().await.expect_err("unreachable").to_string();
    assert!(
        error.starts_with("cannot reach `unix:/nowhere/reapi.sock` for GetCapabilities: "),
        "{error}"
    );
    assert!(error.contains("No such file or directory"), "{error}");
}
