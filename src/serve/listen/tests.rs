//! Clients that dawdle, over a pipe in memory with a clock that jumps when everybody waits.

use super::connection::{Calling, converse};
use super::*;
use crate::pb::bytestream as bs;
use crate::pb::bytestream::byte_stream_server::{ByteStream, ByteStreamServer};
use crate::serve::access::Gate;
use crate::serve::caller::Caller;
use crate::serve::limits::{FIRST_CALL, IDLE, LEAVE, REQUEST};
use crate::serve::metrics::CountCalls;
use bytes::Bytes;
use std::path::PathBuf;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::Instant;
use tonic::codegen::{BoxStream, async_trait};
use tonic::{Request, Response, Status, Streaming};
use tower_layer::Layer as _;

/// Waits for the end of what it is sent.
struct Waits;

#[async_trait]
impl ByteStream for Waits {
    type ReadStream = BoxStream<bs::ReadResponse>;

    async fn read(&self, _: Request<bs::ReadRequest>) -> Result<Response<Self::ReadStream>, Status> {
        Err(Status::not_found("nothing"))
    }

    async fn write(
        &self,
        request: Request<Streaming<bs::WriteRequest>>,
    ) -> Result<Response<bs::WriteResponse>, Status> {
        assert_eq!(request.extensions().get::<Caller>(), Some(&Caller("somebody".into())));
        let mut parts = request.into_inner();
        while parts.message().await?.is_some() {}
        Ok(Response::new(bs::WriteResponse::default()))
    }

    async fn query_write_status(
        &self,
        _: Request<bs::QueryWriteStatusRequest>,
    ) -> Result<Response<bs::QueryWriteStatusResponse>, Status> {
        Ok(Response::new(bs::QueryWriteStatusResponse::default()))
    }
}

/// The client's end of a connection whose gate is this, and the task that serves it.
fn connect(gate: Gate) -> (DuplexStream, tokio::task::JoinHandle<()>) {
    let (client, server) = tokio::io::duplex(1 << 16);
    let routes = Routes::new(ByteStreamServer::new(Waits));
    let front = Front::new(
        CountCalls::new(Arc::default()).layer(routes),
        Arc::new(Access::new(&ServeOptions::new(Vec::new(), PathBuf::new()), None)),
    );
    let task = async move {
        let service = Calling::new(&front, gate, None);
        converse(&front, Box::new(server), service).await;
    };
    (client, tokio::spawn(task))
}

fn open() -> Gate {
    Gate::Open(Caller("somebody".into()))
}

/// How long the connection lasted.
async fn lasted(task: tokio::task::JoinHandle<()>) -> Duration {
    let begun = Instant::now();
    task.await.unwrap();
    begun.elapsed()
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
/// The beginning of a header block of stream 1, whose end never comes (no `END_HEADERS`).
const HALF_HEADERS: &[u8] = &[0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82];

#[tokio::test(start_paused = true)]
async fn who_makes_no_call_is_left() {
    for sent in [
        vec![],
        vec![&PREFACE[..7]],
        vec![PREFACE],
        vec![PREFACE, SETTINGS],
        vec![PREFACE, SETTINGS, HALF_HEADERS],
    ] {
        let (mut client, task) = connect(open());
        client.write_all(&sent.concat()).await.unwrap();
        let lasted = lasted(task).await;
        assert!(lasted >= FIRST_CALL && lasted < 2 * FIRST_CALL, "{sent:?}: {lasted:?}");
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
    }
}

/// A call that has been made: its status once it has ended.
async fn call(
    client: &mut h2::client::SendRequest<Bytes>,
    method: &str,
    body: &[&'static [u8]],
    ends: bool,
) -> (Option<tonic::Code>, Option<h2::SendStream<Bytes>>) {
    let request = tonic::codegen::http::Request::post(format!("http://server/google.bytestream.ByteStream/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let mut ready = client.clone().ready().await.unwrap();
    let (response, mut stream) = ready.send_request(request, false).unwrap();
    for part in body {
        stream.send_data(Bytes::from_static(part), false).unwrap();
    }
    if ends {
        stream.send_data(Bytes::new(), true).unwrap();
    }
    let response = response.await.unwrap();
    let code = |headers: &tonic::codegen::http::HeaderMap| Status::from_header_map(headers).map(|status| status.code());
    if let Some(code) = code(response.headers()) {
        return (Some(code), Some(stream));
    }
    let mut body = response.into_body();
    while let Some(part) = body.data().await {
        part.unwrap();
    }
    let trailers = body.trailers().await.unwrap().unwrap();
    (code(&trailers), Some(stream))
}

/// The message without a field.
const EMPTY_MESSAGE: &[u8] = &[0, 0, 0, 0, 0];

#[tokio::test(start_paused = true)]
async fn who_does_not_send_on_is_told() {
    let (client, task) = connect(open());
    let (mut client, connection) = h2::client::handshake(client).await.unwrap();
    tokio::spawn(connection);
    let begun = Instant::now();
    for method in ["Write", "QueryWriteStatus"] {
        for half in [&[][..], &[&EMPTY_MESSAGE[..3]]] {
            let (code, _stream) = call(&mut client, method, half, false).await;
            assert_eq!(code, Some(tonic::Code::DeadlineExceeded), "{method} {half:?}");
        }
    }
    let waited = begun.elapsed();
    assert!(waited >= 4 * REQUEST && waited < 5 * REQUEST, "{waited:?}");
    // The connection is as good as before.
    let (code, _) = call(&mut client, "QueryWriteStatus", &[EMPTY_MESSAGE], true).await;
    assert_eq!(code, Some(tonic::Code::Ok));
    assert!(!task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_calls_ends() {
    let (client, task) = connect(open());
    let (mut client, connection) = h2::client::handshake(client).await.unwrap();
    let connection = tokio::spawn(connection);
    let (code, _) = call(&mut client, "QueryWriteStatus", &[EMPTY_MESSAGE], true).await;
    assert_eq!(code, Some(tonic::Code::Ok));
    let lasted = lasted(task).await;
    assert!(lasted >= IDLE && lasted <= IDLE + 2 * LEAVE, "{lasted:?}");
    connection.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_is_refused_is_told_and_left() {
    let (client, task) = connect(Gate::NeedsToken);
    let (mut client, connection) = h2::client::handshake(client).await.unwrap();
    let _connection = tokio::spawn(connection);
    let begun = Instant::now();
    for _ in 0..3 {
        let (code, _) = call(&mut client, "QueryWriteStatus", &[EMPTY_MESSAGE], true).await;
        assert_eq!(code, Some(tonic::Code::Unauthenticated));
    }
    assert!(begun.elapsed() < FIRST_CALL);
    let lasted = lasted(task).await;
    assert!(lasted <= FIRST_CALL + LEAVE, "{lasted:?}");
}
