//! How a server ends: in order, and at once.

use super::Server;
use rewrap::digest::Digest;
use rewrap::pb::reapi::content_addressable_storage_client::ContentAddressableStorageClient;
use rewrap::pb::reapi::execution_client::ExecutionClient;
use rewrap::pb::{longrunning, reapi};
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Streaming};

#[test]
fn a_signal_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start(dir.path(), &["--listen", "127.0.0.1:0"]);
        server.signal(signal);
        assert_eq!(server.ended().code(), Some(0), "{}", server.log());
        assert!(server.log().contains("gone"), "{}", server.log());
    }
}

/// A server with a running action, which says its pid through one pipe and ends when told through another.
struct Busy {
    server: Server,
    channel: Channel,
    updates: Streaming<longrunning::Operation>,
    go_on: PathBuf,
    action: rustix::process::Pid,
}

impl Busy {
    async fn start(dir: &Path) -> Self {
        // In a sandbox it would not see the pipes.
        let server = Server::start(dir, &["--listen", "127.0.0.1:0", "--sandbox", "off"]);
        let [says, go_on] = ["says", "go_on"].map(|name| dir.join(name));
        for pipe in [&says, &go_on] {
            rustix::fs::mknodat(
                rustix::fs::CWD,
                pipe,
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::RWXU,
                0,
            )
            .unwrap();
        }
        let script = format!(
            "echo $$ >{}; read word <{}; echo $word",
            says.display(),
            go_on.display()
        );
        let address = server.address().replace("grpc:", "http:");
        let channel = Endpoint::from_shared(address).unwrap().connect().await.unwrap();
        let action = upload(&channel, &script).await;
        let updates = execute(&channel, action).await.unwrap();
        let said = tokio::task::spawn_blocking(move || fs::read_to_string(says).unwrap());
        let pid = said.await.unwrap().trim().parse().unwrap();
        Self {
            server,
            channel,
            updates,
            go_on,
            action: rustix::process::Pid::from_raw(pid).unwrap(),
        }
    }

    fn is_running(&self) -> bool {
        rustix::process::test_kill_process(self.action).is_ok()
    }
}

async fn upload(channel: &Channel, script: &str) -> Digest {
    use prost::Message as _;
    let command = reapi::Command {
        arguments: ["/bin/sh", "-c", script].map(str::to_owned).into(),
        ..Default::default()
    };
    let command = command.encode_to_vec();
    let action = reapi::Action {
        command_digest: Some(Digest::of(&command).into()),
        input_root_digest: Some(Digest::of(b"").into()),
        ..Default::default()
    };
    let action = action.encode_to_vec();
    let digest = Digest::of(&action);
    let requests = [command, action].map(|blob| reapi::batch_update_blobs_request::Request {
        digest: Some(Digest::of(&blob).into()),
        data: blob.into(),
        ..Default::default()
    });
    let request = reapi::BatchUpdateBlobsRequest {
        requests: requests.into(),
        ..Default::default()
    };
    let mut client = ContentAddressableStorageClient::new(channel.clone());
    let answer = client.batch_update_blobs(request).await.unwrap().into_inner();
    for blob in answer.responses {
        assert_eq!(blob.status.map_or(0, |status| status.code), 0);
    }
    digest
}

async fn execute(channel: &Channel, action: Digest) -> Result<Streaming<longrunning::Operation>, tonic::Status> {
    let request = reapi::ExecuteRequest {
        action_digest: Some(action.into()),
        skip_cache_lookup: true,
        ..Default::default()
    };
    let updates = ExecutionClient::new(channel.clone()).execute(request).await?;
    Ok(updates.into_inner())
}

/// The response of an operation, once it is there.
async fn response(updates: &mut Streaming<longrunning::Operation>) -> reapi::ExecuteResponse {
    use longrunning::operation::Result::Response;
    while let Some(update) = updates.message().await.unwrap() {
        if let Some(Response(response)) = update.result {
            return prost::Message::decode(response.value.as_slice()).unwrap();
        }
    }
    panic!("no response");
}

#[tokio::test]
async fn what_runs_may_end_and_nothing_new_begins() {
    let dir = tempfile::tempdir().unwrap();
    let mut busy = Busy::start(dir.path()).await;
    let another = upload(&busy.channel, "true").await;
    busy.server.signal(Signal::TERM);
    // Refused as soon as the signal has been seen; until then it is an action like any other.
    loop {
        match execute(&busy.channel, another).await {
            Ok(mut updates) => drop(response(&mut updates).await),
            Err(status) => {
                assert_eq!(status.code(), Code::Unavailable, "{status}");
                break;
            }
        }
    }
    assert!(busy.is_running());
    let go_on = busy.go_on.clone();
    let told = tokio::task::spawn_blocking(move || fs::write(go_on, "well\n").unwrap());
    let response = response(&mut busy.updates).await;
    told.await.unwrap();
    let result = response.result.unwrap();
    assert_eq!((result.exit_code, &*result.stdout_raw), (0, &b"well\n"[..]));
    drop((busy.channel, busy.updates));
    assert_eq!(busy.server.ended().code(), Some(0), "{}", busy.server.log());
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    let dir = tempfile::tempdir().unwrap();
    let mut busy = Busy::start(dir.path()).await;
    // The action would wait for this pipe for ever.
    let _held = fs::File::options().read(true).write(true).open(&busy.go_on).unwrap();
    busy.server.signal(Signal::INT);
    while !busy.server.log().contains("leaving when") {
        tokio::task::yield_now().await;
    }
    busy.server.signal(Signal::INT);
    assert_eq!(busy.server.ended().code(), Some(0), "{}", busy.server.log());
    // Its processes end with it, at the latest when the kernel tells them.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while busy.is_running() {
        assert!(std::time::Instant::now() < until, "the action outlives the server");
        std::thread::yield_now();
    }
}
