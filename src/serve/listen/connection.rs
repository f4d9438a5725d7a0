//! One connection: handshake, who it is, HTTP/2 with bounds, and its end.

use super::Front;
use super::body::{CountedBody, Pace, PacedBody};
use super::calls::Calls;
use crate::serve::access::{Access, Gate, Peer, Rule};
use crate::serve::metrics::CountedCalls;
use crate::serve::{limits, peer, tls};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tonic::body::Body;
use tonic::codegen::Service as _;
use tonic::codegen::http::{Request, Response};
use tonic::service::Routes;

/// A connection that nothing has been read from.
pub(super) enum Transport {
    Tcp {
        stream: TcpStream,
        peer: SocketAddr,
        own: SocketAddr,
        tls: Option<TlsAcceptor>,
    },
    Unix(UnixStream),
}

/// A connection with what its listener says of it.
pub(super) struct Arrived {
    pub(super) transport: Transport,
    pub(super) rule: Rule,
    /// Its share of all connections.
    pub(super) _room: OwnedSemaphorePermit,
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Serves a connection until its end.
pub(super) async fn serve(front: Front, arrived: Arrived) {
    let shown = match &arrived.transport {
        Transport::Tcp { peer, .. } => peer.to_string(),
        Transport::Unix(_) => "a Unix socket".to_owned(),
    };
    let share = || front.strangers.clone().try_acquire_owned().ok();
    // The kernel says at once who a user is; others may take their time, and are counted meanwhile.
    let mut stranger = None;
    if arrived.rule == Rule::Credentials {
        stranger = share();
        if stranger.is_none() {
            tracing::debug!(peer = shown, "closed: too many strangers");
            return;
        }
    }
    let Ok(greeted) = timeout(limits::HANDSHAKE, greet(arrived.transport, arrived.rule)).await else {
        tracing::info!(peer = shown, "no handshake in time");
        return;
    };
    let (stream, peer) = match greeted {
        Ok(greeted) => greeted,
        Err(error) => {
            tracing::info!(peer = shown, %error, "no handshake");
            return;
        }
    };
    let peer = match peer {
        Peer::User(Some(uid)) if !peer::is_one_user(uid) => Peer::User(None),
        peer => peer,
    };
    let gate = front.access.gate(arrived.rule, peer);
    match &gate {
        Gate::Open(_) | Gate::OpenInPlain(_) => stranger = None,
        Gate::NeedsToken => {}
        Gate::Closed(status) => {
            tracing::warn!(peer = shown, reason = status.message(), "refused");
            stranger = stranger.or_else(share);
            if stranger.is_none() {
                return;
            }
        }
    }
    let service = Calling::new(&front, gate, stranger);
    converse(&front, stream, service).await;
}

/// Finds out who is there, through TLS where the address speaks it.
async fn greet(transport: Transport, rule: Rule) -> io::Result<(Box<dyn Stream>, Peer)> {
    let (stream, peer, own, tls) = match transport {
        Transport::Unix(stream) => {
            let uid = stream.peer_cred().map(|peer| peer.uid()).ok();
            return Ok((Box::new(stream), Peer::User(uid)));
        }
        Transport::Tcp { stream, peer, own, tls } => (stream, peer, own, tls),
    };
    let user = if rule == Rule::Credentials {
        Peer::Unknown
    } else {
        let found = tokio::task::spawn_blocking(move || peer::uid(peer, own)).await;
        Peer::User(found.map_err(io::Error::other)?)
    };
    let Some(tls) = tls else {
        return Ok((Box::new(stream), user));
    };
    let stream = tls.accept(stream).await?;
    let certificates = stream.get_ref().1.peer_certificates();
    let peer = match certificates.and_then(<[_]>::first) {
        Some(certificate) => Peer::Certificate(tls::fingerprint(certificate)),
        None => user,
    };
    Ok((Box::new(stream), peer))
}

/// Speaks HTTP/2 until the client leaves, is idle for too long, or the server leaves.
pub(super) async fn converse(front: &Front, stream: Box<dyn Stream>, service: Calling) {
    let calls = service.calls.clone();
    let connection = protocol().serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let mut told = false;
    let mut look = calls.idle_at();
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke off");
                }
                return;
            }
            () = front.gone.cancelled() => return,
            () = front.leaving.cancelled(), if !told => {
                connection.as_mut().graceful_shutdown();
                told = true;
            }
            () = sleep_until(look) => {
                // Who never said anything that counts has nothing to wait for; who does not leave when told, neither.
                if calls.is_idle() && (told || !calls.has_served()) {
                    return;
                }
                look = calls.idle_at();
                if calls.is_idle() {
                    connection.as_mut().graceful_shutdown();
                    told = true;
                    look = Instant::now() + limits::LEAVE;
                }
            }
        }
    }
}

fn protocol() -> http2::Builder<TokioExecutor> {
    let mut protocol = http2::Builder::new(TokioExecutor::new());
    protocol
        .timer(TokioTimer::new())
        .keep_alive_interval(limits::PING)
        .keep_alive_timeout(limits::PING_TIMEOUT)
        .max_concurrent_streams(limits::STREAMS)
        .max_header_list_size(limits::HEADERS)
        .initial_stream_window_size(limits::STREAM_WINDOW)
        .initial_connection_window_size(limits::CONNECTION_WINDOW);
    protocol
}

/// Admits calls and passes them on.
pub(super) struct Calling {
    services: CountedCalls<Routes>,
    access: Arc<Access>,
    gate: Gate,
    calls: Calls,
}

impl Calling {
    /// For a connection that has just been made.
    pub(super) fn new(front: &Front, gate: Gate, stranger: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            services: front.calls.clone(),
            access: front.access.clone(),
            gate,
            calls: Calls::new(stranger),
        }
    }
}

impl hyper::service::Service<Request<Incoming>> for Calling {
    type Response = Response<CountedBody>;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let caller = match self.access.admit(&self.gate, request.headers()) {
            Ok(caller) => caller,
            Err(status) => {
                let refusal = status.into_http().map(CountedBody::refusal);
                return Box::pin(std::future::ready(Ok(refusal)));
            }
        };
        let call = self.calls.begin();
        let pace = pace(request.uri().path());
        let mut request = request.map(|body| Body::new(PacedBody::new(body, pace)));
        request.extensions_mut().insert(caller);
        let mut services = self.services.clone();
        Box::pin(async move {
            let response = services.call(request).await?;
            Ok(response.map(|body| CountedBody::new(body, call)))
        })
    }
}

/// The only method whose requests are of any length is the one that uploads.
fn pace(method: &str) -> Pace {
    if method == "/google.bytestream.ByteStream/Write" {
        Pace::Parts(limits::REQUEST)
    } else {
        Pace::Whole(Instant::now() + limits::REQUEST)
    }
}
