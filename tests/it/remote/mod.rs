//! The client of the Remote Execution API against a server with every habit and fault that servers have shown.

mod attestation;
mod blobs;
mod connection;
mod execution;
mod habits;
mod lookup;
mod real;
mod running;
mod tls;

use crate::support::fake_reapi::{FakeReapi, Habits};
use bytes::Bytes;
use prost::Message;
use rewrap::config::Endpoint;
use rewrap::digest::Digest;
use rewrap::execute::remote::{DeclaredOutputs, Finished, RemoteFailure, RemoteRequest, execute};
use rewrap::pb::reapi;
use rewrap::remote::{Connections, ExecutionLimits, Policy, Remote, RequestMetadata};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// Patient, but in a hurry.
const POLICY: Policy = Policy {
    retries: 5,
    max_delay: Duration::from_millis(2),
    call_timeout: Duration::from_secs(20),
};

const LIMITS: ExecutionLimits = ExecutionLimits {
    silence: Duration::from_secs(20),
    queued: Duration::from_mins(1),
    total: Duration::from_mins(1),
};

/// A client that knows nothing about the server yet.
fn client_of(endpoint: &Endpoint, policy: Policy) -> Remote {
    let connections = Connections::new(Handle::current(), std::env::temp_dir());
    let instance = connections.instance(endpoint, "").expect("a connection");
    Remote::new(instance, policy, RequestMetadata::default())
}

fn client(server: &FakeReapi) -> Remote {
    client_of(&server.endpoint(), POLICY)
}

/// A server with these habits and a client of it.
fn pair(habits: Habits) -> (FakeReapi, Remote) {
    let server = FakeReapi::start(habits);
    let remote = client(&server);
    (server, remote)
}

/// An action that runs a shell script.
struct Job {
    action: Digest,
    blobs: Vec<(Digest, Bytes)>,
    files: Vec<(Digest, PathBuf)>,
    outputs: DeclaredOutputs,
    _directory: tempfile::TempDir,
}

impl Job {
    fn new(script: &str, inputs: &[(&str, &[u8])], outputs: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut files = Vec::new();
        let mut nodes = Vec::new();
        for (name, content) in inputs {
            let path = directory.path().join(name);
            std::fs::write(&path, content).expect("write");
            files.push((Digest::of(content), path));
            nodes.push(reapi::FileNode {
                name: (*name).to_owned(),
                digest: Some(Digest::of(content).into()),
                ..Default::default()
            });
        }
        nodes.sort_by(|one, other| one.name.cmp(&other.name));
        let mut blobs = Vec::new();
        let mut keep = |content: Vec<u8>| {
            let digest = Digest::of(&content);
            blobs.push((digest, Bytes::from(content)));
            digest
        };
        let root = keep(
            reapi::Directory {
                files: nodes,
                ..Default::default()
            }
            .encode_to_vec(),
        );
        let command = keep(
            reapi::Command {
                arguments: ["/bin/sh", "-c", script].map(str::to_owned).into(),
                environment_variables: vec![reapi::command::EnvironmentVariable {
                    name: "PATH".to_owned(),
                    value: "/usr/bin:/bin".to_owned(),
                }],
                output_paths: outputs.iter().map(|path| (*path).to_owned()).collect(),
                ..Default::default()
            }
            .encode_to_vec(),
        );
        let action = keep(
            reapi::Action {
                command_digest: Some(command.into()),
                input_root_digest: Some(root.into()),
                ..Default::default()
            }
            .encode_to_vec(),
        );
        Self {
            action,
            blobs,
            files,
            outputs: DeclaredOutputs {
                paths: outputs.iter().map(|path| (*path).to_owned()).collect(),
                max_size: 64 << 20,
            },
            _directory: directory,
        }
    }

    /// Joins two inputs and talks on both streams.
    fn join() -> Self {
        Self::new(
            "cat one two >out; echo said; echo warned >&2",
            &[("one", b"1"), ("two", b"2")],
            &["out"],
        )
    }

    async fn run(&self, remote: &Remote) -> Result<Finished, RemoteFailure> {
        self.run_until(remote, LIMITS, &CancellationToken::new()).await
    }

    async fn run_until(
        &self,
        remote: &Remote,
        limits: ExecutionLimits,
        cancelled: &CancellationToken,
    ) -> Result<Finished, RemoteFailure> {
        execute(RemoteRequest {
            cache: remote,
            executor: remote,
            limits,
            action: self.action,
            blobs: &self.blobs,
            files: &self.files,
            near: None,
            outputs: &self.outputs,
            skip_cache_lookup: false,
            priority: 0,
            cancelled,
        })
        .await
    }
}

/// The content of a blob.
fn content(blob: &rewrap::store::Blob) -> Vec<u8> {
    use std::os::unix::fs::FileExt;
    match blob {
        rewrap::store::Blob::Bytes(bytes) => bytes.to_vec(),
        rewrap::store::Blob::File(file) => {
            let size = file.metadata().expect("metadata").len();
            let mut content = vec![0; usize::try_from(size).expect("small")];
            file.read_exact_at(&mut content, 0).expect("read");
            content
        }
    }
}

/// What came of it, in a line: outputs, streams and exit, or the failure's code.
fn shown(result: &Result<Finished, RemoteFailure>) -> String {
    let outcome = match result {
        Ok(finished) => &finished.outcome,
        Err(failure) => return failure.code().to_owned(),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let outputs = outcome
        .outputs
        .iter()
        .map(|output| format!("{}={}", output.path, text(&content(&output.content))));
    let mut parts: Vec<String> = outputs.collect();
    parts.push(format!("{}/{}", text(&outcome.stdout), text(&outcome.stderr)));
    parts.push(format!("exit {}", outcome.exit));
    parts.join(" ")
}

/// Waits until it is so.
async fn until(so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !so() {
        assert!(begin.elapsed() < Duration::from_secs(20), "it never came to that");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
