//! The layer that counts calls: method, code, bytes.
//!
//! gRPC's code comes last, in the trailers. A call whose trailers the client did not wait for counts as cancelled.

use super::{Direction, Metrics};
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::http::{HeaderMap, Request, Response};
use prometheus_client::metrics::counter::Counter;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tonic::Code;
use tonic::codegen::Service;

/// What is counted under its own name. Clients may call anything, and a counter for each name would never go away.
const METHODS: [&str; 17] = [
    LOOKUP,
    "/build.bazel.remote.execution.v2.ActionCache/UpdateActionResult",
    "/build.bazel.remote.execution.v2.Capabilities/GetCapabilities",
    "/build.bazel.remote.execution.v2.ContentAddressableStorage/BatchReadBlobs",
    "/build.bazel.remote.execution.v2.ContentAddressableStorage/BatchUpdateBlobs",
    "/build.bazel.remote.execution.v2.ContentAddressableStorage/FindMissingBlobs",
    "/build.bazel.remote.execution.v2.ContentAddressableStorage/GetTree",
    "/build.bazel.remote.execution.v2.Execution/Execute",
    "/build.bazel.remote.execution.v2.Execution/WaitExecution",
    "/google.bytestream.ByteStream/QueryWriteStatus",
    "/google.bytestream.ByteStream/Read",
    "/google.bytestream.ByteStream/Write",
    "/google.longrunning.Operations/CancelOperation",
    "/google.longrunning.Operations/DeleteOperation",
    "/google.longrunning.Operations/GetOperation",
    "/google.longrunning.Operations/ListOperations",
    OTHER,
];

/// NOT_FOUND is no failure of it, but a miss.
pub(super) const LOOKUP: &str = "/build.bazel.remote.execution.v2.ActionCache/GetActionResult";

const OTHER: &str = "other";

/// A layer for all services of a server.
#[derive(Clone, Debug)]
pub struct CountCalls {
    metrics: Arc<Metrics>,
}

impl CountCalls {
    /// Counts there.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics }
    }
}

impl<S> tower_layer::Layer<S> for CountCalls {
    type Service = CountedCalls<S>;

    fn layer(&self, inner: S) -> CountedCalls<S> {
        CountedCalls {
            inner,
            metrics: self.metrics.clone(),
        }
    }
}

/// The services, counted.
#[derive(Clone, Debug)]
pub struct CountedCalls<S> {
    inner: S,
    metrics: Arc<Metrics>,
}

impl<S, B> Service<Request<tonic::body::Body>> for CountedCalls<S>
where
    S: Service<Request<tonic::body::Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    B: Body<Data = Bytes, Error = tonic::Status> + Send + 'static,
{
    type Response = Response<tonic::body::Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        let path = request.uri().path();
        let method = METHODS.into_iter().find(|method| *method == path).unwrap_or(OTHER);
        let mut call = Call {
            metrics: self.metrics.clone(),
            method,
            counted: false,
        };
        let received = self.metrics.bytes(Direction::Received);
        let request = request.map(|body| {
            tonic::body::Body::new(Counted {
                inner: Box::pin(body),
                bytes: received,
                call: None,
            })
        });
        let sent = self.metrics.bytes(Direction::Sent);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response = answer.await?;
            call.end(response.headers());
            Ok(response.map(|body| {
                tonic::body::Body::new(Counted {
                    inner: Box::pin(body),
                    bytes: sent,
                    call: Some(call),
                })
            }))
        })
    }
}

/// A call that is counted once, at its end.
struct Call {
    metrics: Arc<Metrics>,
    method: &'static str,
    counted: bool,
}

impl Call {
    /// Counts the call if the code is among these headers or trailers.
    fn end(&mut self, headers: &HeaderMap) {
        if let Some(code) = headers.get("grpc-status").filter(|_| !self.counted) {
            self.metrics.call(self.method, Code::from_bytes(code.as_bytes()));
            self.counted = true;
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.counted {
            self.metrics.call(self.method, Code::Cancelled);
        }
    }
}

/// A body whose bytes are counted, and in whose trailers a call ends.
struct Counted<B> {
    inner: Pin<Box<B>>,
    bytes: Counter,
    call: Option<Call>,
}

impl<B: Body<Data = Bytes>> Body for Counted<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(self.inner.as_mut().poll_frame(task));
        if let Some(Ok(frame)) = &frame {
            if let Some(piece) = frame.data_ref() {
                self.bytes.inc_by(piece.len() as u64);
            }
            if let (Some(trailers), Some(call)) = (frame.trailers_ref(), &mut self.call) {
                call.end(trailers);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
