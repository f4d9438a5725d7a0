//! The calls of a connection: how many there are, and since when there is none.

use crate::serve::limits::{FIRST_CALL, IDLE};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// Counts the calls of one connection.
#[derive(Clone)]
pub(super) struct Calls(Arc<Mutex<State>>);

struct State {
    /// Admitted and not yet ended.
    open: usize,
    /// Whether a call has ever been admitted.
    served: bool,
    /// When the last one ended; before the first, when the connection was made.
    quiet_since: Instant,
    /// Its share of the connections of strangers, until the first call.
    stranger: Option<OwnedSemaphorePermit>,
}

impl Calls {
    /// A connection that has just been made, by a stranger if it has a share of theirs.
    pub(super) fn new(stranger: Option<OwnedSemaphorePermit>) -> Self {
        Self(Arc::new(Mutex::new(State {
            open: 0,
            served: false,
            quiet_since: Instant::now(),
            stranger,
        })))
    }

    /// An admitted call, until it is dropped.
    pub(super) fn begin(&self) -> Call {
        let mut state = self.state();
        state.open += 1;
        state.served = true;
        state.stranger = None;
        Call(self.clone())
    }

    /// Whether a call was ever admitted.
    pub(super) fn has_served(&self) -> bool {
        self.state().served
    }

    /// When the connection has been without a call for too long, should none begin or end until then.
    pub(super) fn idle_at(&self) -> Instant {
        let state = self.state();
        match (state.open, state.served) {
            (0, false) => state.quiet_since + FIRST_CALL,
            (0, true) => state.quiet_since + IDLE,
            // Looked at again then.
            _ => Instant::now() + IDLE,
        }
    }

    /// Whether it has been without a call for too long.
    pub(super) fn is_idle(&self) -> bool {
        self.state().open == 0 && self.idle_at() <= Instant::now()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that has not ended.
pub(super) struct Call(Calls);

impl Drop for Call {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.open -= 1;
        state.quiet_since = Instant::now();
    }
}
