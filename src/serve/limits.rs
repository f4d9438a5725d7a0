//! Bounds on what clients may cost.

use std::time::Duration;

/// Connections at a time; more wait in the kernel's queue.
pub(super) const CONNECTIONS: usize = 1024;

/// Of those, connections of whoever has not shown yet that they may call. Further ones are closed at once: strangers do
/// not take the room of those who are served.
pub(super) const STRANGERS: usize = CONNECTIONS / 2;

/// From the accepted connection to the end of the TLS handshake.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);

/// From there to the first admitted call. Clients that connect ahead of their first call connect again.
pub(super) const FIRST_CALL: Duration = Duration::from_secs(30);

/// How long a connection without a call is kept.
pub(super) const IDLE: Duration = Duration::from_mins(15);

/// How long the rest of a request may keep the server waiting: all of it, and of an upload each next part.
pub(super) const REQUEST: Duration = Duration::from_mins(2);

/// How long a client may take to leave when told.
pub(super) const LEAVE: Duration = Duration::from_secs(5);

/// A client that has vanished is noticed by a ping.
pub(super) const PING: Duration = Duration::from_mins(1);
/// How long it may take to answer one.
pub(super) const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Calls at a time on a connection. Ours uses 64 for executions; Bazel opens 100 by default.
pub(super) const STREAMS: u32 = 256;

/// Bytes of a request's headers, decoded.
pub(super) const HEADERS: u32 = 16 << 10;

/// HTTP/2's own 64 KiB would bound an upload to 64 KiB per round trip.
pub(super) const STREAM_WINDOW: u32 = 1 << 20;
/// The same for all uploads of a connection.
pub(super) const CONNECTION_WINDOW: u32 = 8 << 20;
