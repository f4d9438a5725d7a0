//! The same client against buildbox-casd, a server that we did not write.

use super::*;
use crate::support::casd::{self, Casd};
use crate::tools::missing;
use rewrap::execute::attestation::{Attestation, Expected, Workers};
use rewrap::execute::remote::lookup;
use rewrap::remote::{RemoteActionCache, RemoteCas, Source};
use rewrap::store::laws;

/// Starts the server; `None`, said aloud, if it is not installed and need not be.
fn start(dir: &tempfile::TempDir) -> Option<Casd> {
    if casd::tools().join("bin/buildbox-casd").exists() {
        return Some(Casd::start(dir.path()));
    }
    missing("buildbox-casd");
    None
}

#[tokio::test]
async fn a_real_server_executes_caches_and_attests() {
    let dir = tempfile::tempdir().expect("a directory");
    let Some(casd) = start(&dir) else { return };
    let endpoint = Endpoint {
        address: casd.address.clone(),
        headers: Vec::new(),
        tls_certificate: None,
        tls_client: None,
    };
    let remote = client_of(&endpoint, POLICY);
    outcomes(&remote).await;
    results(&remote).await;
    blobs(&remote).await;
    attestation(&remote).await;
    laws::blob_store(&RemoteCas::new(remote.clone())).await.expect("kept");
    laws::action_cache(&RemoteActionCache::new(remote)).await.expect("kept");
}

async fn outcomes(remote: &Remote) {
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
    // This server itself refuses what is neither file nor directory.
    check("ln -s one out", "remote_error").await;
    check("mkdir out", "remote_bad_result").await;
}

async fn results(remote: &Remote) {
    let job = Job::new("echo $$ >out; echo cached", &[], &["out"]);
    let token = CancellationToken::new();
    let find = || lookup(remote, job.action, &job.outputs, &token);
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

async fn blobs(remote: &Remote) {
    let cas = RemoteCas::new(remote.clone());
    let blobs: Vec<Vec<u8>> = [0, 1, 70_000, 3_000_000, 3_000_001, 9_000_000]
        .map(|size| (0..size).map(|number: u32| (number % 253) as u8).collect())
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
    assert!(verdict.surroundings.pwd_is_kept(), "{:?}", verdict.surroundings);
}
