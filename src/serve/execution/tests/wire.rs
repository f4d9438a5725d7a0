//! Over gRPC, with the product's own client.

use super::*;
use crate::pb::longrunning::operations_server::OperationsServer;
use crate::pb::reapi::execution_client::ExecutionClient;
use crate::pb::reapi::execution_server::ExecutionServer;
use crate::serve::metrics::{self, CountCalls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tonic::Code;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};

/// A channel to the fixture's service.
async fn connect(fixture: &Fixture) -> Channel {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = Server::builder()
        .layer(CountCalls::new(fixture.metrics.clone()))
        .add_service(ExecutionServer::new(fixture.service.clone()))
        .add_service(OperationsServer::new(fixture.service.clone()));
    tokio::spawn(server.serve_with_incoming(incoming));
    let endpoint = Channel::from_shared(format!("http://{address}")).expect("an address");
    endpoint.connect().await.expect("a server")
}

async fn execute(channel: Channel, request: reapi::ExecuteRequest) -> Answer {
    let mut updates = ExecutionClient::new(channel).execute(request).await?.into_inner();
    let mut last = None;
    while let Some(operation) = updates.message().await? {
        last = Some(operation);
    }
    Ok(response(last.expect("a message")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_clients_at_once_are_served_within_the_slots() {
    let fixture = Fixture::new(3);
    let channel = connect(&fixture).await;
    let mut clients = tokio::task::JoinSet::new();
    for at in 0..200 {
        let action = fixture.action(&["/bin/true", &(at % 100).to_string()]);
        clients.spawn(execute(channel.clone(), request(action)));
    }
    while let Some(answer) = clients.join_next().await {
        let response = answer.expect("no panic").expect("an operation");
        assert_eq!(
            (code(&response), response.result.expect("a result").exit_code),
            (Code::Ok, 0)
        );
    }
    assert_eq!(fixture.runs(), 100, "each action once");
    assert!(fixture.script.most.load(Ordering::SeqCst) <= 3);
    assert!(fixture.service.table.is_at_rest().await);
}

#[tokio::test]
async fn missing_blobs_arrive_however_many_they_are() {
    let fixture = Fixture::new(1);
    let channel = connect(&fixture).await;
    let mut directory = reapi::Directory::default();
    for at in 0..20_000_u32 {
        directory.files.push(reapi::FileNode {
            name: at.to_string(),
            digest: Some(Digest::of(&at.to_le_bytes()).into()),
            ..Default::default()
        });
    }
    let root = fixture.put(&directory);
    let action = fixture.action_with(&["cc"], |action, _| action.input_root_digest = Some(root.into()));
    let response = execute(channel.clone(), request(action)).await.expect("an operation");
    assert_eq!(code(&response), Code::FailedPrecondition);
    let failure = &response.status.expect("a status").details[0];
    let failure = crate::pb::rpc::PreconditionFailure::decode(&*failure.value).expect("violations");
    assert!(failure.violations.len() > 10_000);
    let status = execute(channel, request(Digest::of(b"x")))
        .await
        .expect_err("it is not there");
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(!status.details().is_empty());
}

#[tokio::test]
async fn a_client_that_vanishes_ends_nothing() {
    let fixture = Fixture::new(1);
    let action = fixture.action(&["gated"]);
    let channel = connect(&fixture).await;
    let mut updates = ExecutionClient::new(channel)
        .execute(request(action))
        .await
        .expect("a stream")
        .into_inner();
    let name = updates.message().await.expect("no error").expect("a message").name;
    fixture.begun(1).await;
    drop(updates); // And the connection with it.
    let mut client = ExecutionClient::new(connect(&fixture).await);
    let waiting = reapi::WaitExecutionRequest { name };
    let mut updates = client.wait_execution(waiting).await.expect("it goes on").into_inner();
    fixture.let_end(1);
    let mut last = None;
    while let Some(operation) = updates.message().await.expect("no error") {
        last = Some(operation);
    }
    assert_eq!(code(&response(last.expect("a message"))), Code::Ok);
    assert_eq!(fixture.runs(), 1);
}

#[tokio::test]
async fn calls_are_counted_and_the_page_tells() {
    let fixture = Fixture::new(2);
    let channel = connect(&fixture).await;
    for program in ["/bin/true", "/bin/true", "/usr/bin/false"] {
        execute(channel.clone(), request(fixture.action(&[program])))
            .await
            .expect("an operation");
    }
    execute(channel.clone(), request(Digest::of(b"x")))
        .await
        .expect_err("it is not there");
    let lost = reapi::WaitExecutionRequest::default();
    ExecutionClient::new(channel.clone())
        .wait_execution(lost)
        .await
        .expect_err("no such operation");
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(metrics::serve(listener, fixture.metrics.clone()));
    let ask = async |request: &str| {
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("a server");
        stream
            .write_all(format!("{request} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes())
            .await
            .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    };
    let page = ask("GET /metrics").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    let service = "build.bazel.remote.execution.v2.Execution";
    for line in [
        "rewrap_actions_total{outcome=\"Cached\"} 1".to_owned(),
        "rewrap_actions_total{outcome=\"Succeeded\"} 1".to_owned(),
        "rewrap_actions_total{outcome=\"Failed\"} 1".to_owned(),
        "rewrap_action_cache_lookups_total{found=\"Hit\"} 1".to_owned(),
        "rewrap_action_cache_lookups_total{found=\"Miss\"} 2".to_owned(),
        "rewrap_action_phase_seconds_count{phase=\"Queue\"} 2".to_owned(),
        "rewrap_queue_length 0".to_owned(),
        "rewrap_slots 2".to_owned(),
        "rewrap_slots_busy 0".to_owned(),
        format!("rewrap_calls_total{{method=\"/{service}/Execute\",code=\"OK\"}} 3"),
        format!("rewrap_calls_total{{method=\"/{service}/Execute\",code=\"FAILED_PRECONDITION\"}} 1"),
        format!("rewrap_calls_total{{method=\"/{service}/WaitExecution\",code=\"NOT_FOUND\"}} 1"),
        "# EOF".to_owned(),
    ] {
        assert!(page.lines().any(|found| found == line), "no `{line}` in\n{page}");
    }
    assert!(ask("GET /").await.starts_with("HTTP/1.1 404 "));
    assert!(ask("POST /metrics").await.starts_with("HTTP/1.1 405 "));
}
