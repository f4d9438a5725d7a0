//! The same client against servers that are no fakes: buildbox-casd, alone and in front of another, BuildGrid with the
//! workers of buildbox, and ours.

use super::*;
use crate::support::buildgrid::{BuildGrid, Runner};
use crate::support::casd::Casd;
use crate::support::serve::Serve;
use crate::tools::has_tools;
use rewrap::execute::attestation::{Attestation, Expected, Workers};
use rewrap::execute::remote::lookup;
use rewrap::remote::{RemoteActionCache, RemoteCas, Source};
use rewrap::store::laws;

/// What servers do otherwise than ours.
#[derive(Clone, Copy)]
struct Ways {
    /// What comes of an output that is a symlink.
    link: &'static str,
}

const OURS: Ways = Ways {
    link: "remote_bad_result",
};

/// The runners of buildbox fail over what is neither file nor directory.
const BUILDBOX: Ways = Ways { link: "remote_error" };

async fn check(address: &str, ways: Ways) {
    let endpoint = Endpoint {
        address: address.to_owned(),
        headers: Vec::new(),
        tls_certificate: None,
        tls_client: None,
    };
    for wants_zstd in [false, true] {
        blobs(&client_of(&endpoint, POLICY).with_compression(wants_zstd), wants_zstd).await;
    }
    for wants_zstd in [false, true] {
        let remote = client_of(&endpoint, POLICY).with_compression(wants_zstd);
        laws::blob_store(&RemoteCas::new(remote.clone())).await.expect("kept");
        laws::action_cache(&RemoteActionCache::new(remote)).await.expect("kept");
    }
    let remote = client_of(&endpoint, POLICY);
    outcomes(&remote, ways).await;
    results(&remote).await;
    attestation(&remote).await;
}

#[tokio::test]
async fn casd() {
    if !has_tools("buildbox-casd", &["bin/buildbox-casd"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    check(&Casd::start(dir.path()).address, BUILDBOX).await;
}

#[tokio::test]
async fn casd_in_front_of_ours() {
    if !has_tools("buildbox-casd", &["bin/buildbox-casd"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let behind = Serve::start(&dir.path().join("behind"), &[]);
    let proxy = Casd::proxy(&dir.path().join("proxy"), &behind.address);
    check(&proxy.address, OURS).await;
}

#[tokio::test]
async fn buildgrid_without_a_sandbox() {
    buildgrid(Runner::HostTools).await;
}

#[tokio::test]
async fn buildgrid_with_bubblewrap() {
    buildgrid(Runner::Bubblewrap).await;
}

async fn buildgrid(runner: Runner) {
    if !has_tools("buildgrid", &["venv/bin/bgd", "bin/buildbox-worker"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let server = BuildGrid::start(dir.path(), runner, &[]);
    check(&server.address, BUILDBOX).await;
}

#[tokio::test]
async fn ours() {
    let dir = tempfile::tempdir().expect("a directory");
    check(&Serve::start(dir.path(), &[]).address, OURS).await;
}

async fn outcomes(remote: &Remote, ways: Ways) {
    let check = async |script: &str, expected: &str| {
        let job = Job::new(script, &[("one", b"1"), ("two", b"2")], &["out"]);
        let result = job.run(remote).await;
        assert_eq!(shown(&result), expected, "{script}: {result:?}");
    };
    check(
        "cat one two >out; echo said; echo warned >&2",
        "out=12 said/warned exit 0",
    )
    .await;
    check("echo bad >&2; exit 3", "/bad exit 3").await;
    check("kill -KILL $$", "remote_killed").await;
    check("true", "remote_killed").await;
    check("ln -s one out", ways.link).await;
    check("mkdir out", "remote_bad_result").await;
}

async fn results(remote: &Remote) {
    let job = Job::new("echo $$ >out; echo cached", &[], &["out"]);
    let token = CancellationToken::new();
    let find = || lookup(remote, None, job.action, &job.outputs, &token);
    assert!(find().await.expect("an answer").is_none());
    let first = shown(&job.run(remote).await);
    let found = find().await.expect("an answer").expect("a hit");
    assert!(found.outcome.cached);
    assert_eq!(shown(&Ok(found)), first);
    assert_eq!(
        shown(&job.run(remote).await),
        first,
        "the server's own look into its cache"
    );
}

/// Blobs of all sizes there and back; of another content each time that `other` differs.
async fn blobs(remote: &Remote, other: bool) {
    let cas = RemoteCas::new(remote.clone());
    let blobs: Vec<Vec<u8>> = [0, 1, 70_000, 3_000_000, 3_000_001, 9_000_000]
        .map(|size| {
            (0..size)
                .map(|number: u32| (number % 253) as u8 ^ u8::from(other))
                .collect()
        })
        .into();
    let sources: Vec<_> = blobs
        .iter()
        .map(|content| (Digest::of(content), Source::Bytes(content.clone().into())))
        .collect();
    let digests: Vec<_> = sources.iter().map(|(digest, _)| *digest).collect();
    assert_eq!(
        cas.missing(&digests).await.expect("an answer").len(),
        5,
        "all but the empty one"
    );
    assert_eq!(cas.ensure_present(&sources).await.expect("uploaded").blobs, 5);
    assert!(cas.missing(&digests).await.expect("an answer").is_empty());
    let read = cas.read_all(&digests).await.expect("read");
    assert!(
        read.iter()
            .zip(&blobs)
            .all(|(blob, expected)| content(blob) == *expected)
    );
    // Another client, which knows nothing, sends nothing again.
    cas.forget(&digests);
    assert_eq!(cas.ensure_present(&sources).await.expect("there").blobs, 0);
}

async fn attestation(remote: &Remote) {
    let shell = PathBuf::from("/bin/sh");
    let content = Digest::of(&std::fs::read(&shell).expect("a shell"));
    let paths = [
        (shell, Expected::Content(content)),
        (PathBuf::from("/usr/include/no-such-header.h"), Expected::Absent),
    ];
    let workers = Workers {
        cache: remote.clone(),
        executor: remote.clone(),
        platform: Vec::new(),
        limits: LIMITS,
    };
    let attestation = Attestation::default();
    let verdict = attestation.check(&workers, &paths, &CancellationToken::new()).await;
    let verdict = verdict.expect("a verdict");
    assert_eq!(verdict.unequal().collect::<Vec<_>>(), []);
    // Or it says where every action is, which is as good.
    let surroundings = &verdict.surroundings;
    assert!(
        surroundings.pwd_is_kept() || surroundings.pwd == "/",
        "{surroundings:?}"
    );
}
