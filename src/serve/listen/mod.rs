//! Addresses → admitted calls: sockets, handshakes, connections with bounds. What a call means is not known here.

mod body;
mod calls;
mod connection;
mod unix;

use super::access::{Access, Rule, rule};
use super::error::ServeError;
use super::limits::{CONNECTIONS, STRANGERS};
use super::metrics::CountedCalls;
use super::options::{ListenAddress, ServeOptions};
use connection::{Arrived, Transport};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

/// How long to wait with the next connection when there is no room for it (descriptors, memory).
const PAUSE: Duration = Duration::from_millis(100);

/// An address that connections can be made to.
pub(super) struct Listener {
    socket: Socket,
    rule: Rule,
    /// As clients write it.
    url: String,
}

enum Socket {
    Tcp(TcpListener, Option<TlsAcceptor>),
    Unix(unix::Listener),
}

impl Listener {
    /// Binds the address. Connections queue from now on. Needs a runtime around it.
    pub(super) fn bind(
        address: &ListenAddress,
        options: &ServeOptions,
        tls: Option<&TlsAcceptor>,
    ) -> Result<Self, ServeError> {
        let rule = rule(address, options)?;
        let (socket, url) = match address {
            ListenAddress::Tcp(tcp) => {
                let listener = tcp_listener(*tcp).map_err(|source| ServeError::Bind {
                    address: address.to_string(),
                    source,
                })?;
                let scheme = if tls.is_some() { "grpcs" } else { "grpc" };
                let url = format!("{scheme}://{}", listener.local_addr().unwrap_or(*tcp));
                (Socket::Tcp(listener, tls.cloned()), url)
            }
            ListenAddress::Unix(path) => {
                let listener = unix::Listener::bind(path, !options.allow_uids.is_empty())?;
                (Socket::Unix(listener), address.to_string())
            }
        };
        Ok(Self { socket, rule, url })
    }

    /// `grpc://…`, `grpcs://…` or `unix:/…`, with the port that the kernel chose.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn rule(&self) -> Rule {
        self.rule
    }

    async fn accept(&self) -> io::Result<Transport> {
        match &self.socket {
            Socket::Tcp(listener, tls) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let own = stream.local_addr()?;
                let tls = tls.clone();
                Ok(Transport::Tcp { stream, peer, own, tls })
            }
            Socket::Unix(listener) => Ok(Transport::Unix(listener.accept().await?)),
        }
    }
}

fn tcp_listener(address: SocketAddr) -> io::Result<TcpListener> {
    // Also sets SO_REUSEADDR: a server that is started again need not wait for old connections to be forgotten.
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// What all connections share.
#[derive(Clone)]
pub(super) struct Front {
    /// What calls reach.
    pub(super) calls: CountedCalls<Routes>,
    pub(super) access: Arc<Access>,
    /// Cancelled: no more connections, and those there end when their calls have.
    pub(super) leaving: CancellationToken,
    /// Cancelled: connections end at once.
    pub(super) gone: CancellationToken,
    /// Counts connections.
    pub(super) connections: TaskTracker,
    room: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
}

impl Front {
    /// No connection yet.
    pub(super) fn new(calls: CountedCalls<Routes>, access: Arc<Access>) -> Self {
        Self {
            calls,
            access,
            leaving: CancellationToken::new(),
            gone: CancellationToken::new(),
            connections: TaskTracker::new(),
            room: Arc::new(Semaphore::new(CONNECTIONS)),
            strangers: Arc::new(Semaphore::new(STRANGERS)),
        }
    }

    /// Accepts until told to leave.
    pub(super) async fn serve(self, listener: Listener) {
        let leaving = self.leaving.clone();
        leaving.run_until_cancelled(self.accept(&listener)).await;
    }

    async fn accept(&self, listener: &Listener) {
        loop {
            let room = self.room.clone().acquire_owned().await;
            let room = room.expect("the semaphore is never closed");
            match listener.accept().await {
                Ok(transport) => {
                    let arrived = Arrived {
                        transport,
                        rule: listener.rule(),
                        _room: room,
                    };
                    self.connections.spawn(connection::serve(self.clone(), arrived));
                }
                // One that was broken off before it was accepted costs no room.
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(address = listener.url(), %error, "cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput, NotConnected};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput | NotConnected
    )
}

#[cfg(test)]
mod tests;
