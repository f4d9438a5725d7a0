//! The end of a server: what is under way may end within bounds, and a second signal does not wait for it.

use super::execution::ExecutionService;
use super::listen::Front;
use std::io;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{sleep, timeout};

/// How long running actions may take to end before they are cancelled.
const ACTIONS: Duration = Duration::from_mins(1);

/// How long clients then have to fetch the last results.
const RESULTS: Duration = Duration::from_secs(1);

/// How long calls may then take to end.
const CALLS: Duration = Duration::from_secs(10);

/// The signals that ask for an end: SIGTERM and SIGINT.
pub(super) struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    /// Catches them from now on.
    pub(super) fn caught() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
        })
    }

    /// The name of the next one.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => "SIGTERM",
            _ = self.int.recv() => "SIGINT",
        }
    }
}

/// Ends everything: running actions first, whose clients can still fetch what came of them. Another signal cuts it short.
pub(super) async fn drain(front: &Front, signals: &mut Signals, execution: &ExecutionService) {
    let in_order = async {
        execution.drain(ACTIONS).await;
        if !front.connections.is_empty() {
            sleep(RESULTS).await;
        }
        front.leaving.cancel();
        front.connections.close();
        if timeout(CALLS, front.connections.wait()).await.is_err() {
            tracing::warn!(after = ?CALLS, "calls have not ended; they are broken off");
        }
    };
    tokio::select! {
        () = in_order => {}
        signal = signals.next() => tracing::warn!(signal, "leaving at once"),
    }
    front.leaving.cancel();
    front.gone.cancel();
}
