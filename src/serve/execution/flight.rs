//! One execution, from the look into the action cache to its response, for all who want the same.
//!
//! It runs on a task of its own: nothing that happens to a stream happens to it. It is called off when none of its
//! operations wants the result any more.

use super::answer::Ended;
use super::queue::Ticket;
use crate::digest::Digest;
use crate::pb::{reapi, rpc};
use crate::serve::instance::Instance;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What makes executions the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// Results of instances are apart.
    pub(super) instance: Instance,
    /// The Action.
    pub(super) action: Digest,
}

/// How far an execution is.
#[derive(Clone, Debug)]
pub(super) enum Progress {
    /// The action cache is asked, the inputs are looked at.
    Preparing,
    /// No slot is free.
    Queued,
    /// It has a slot.
    Executing {
        /// From then on.
        since: SystemTime,
    },
    /// It is over.
    Ended(Arc<Ended>),
}

/// An execution.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) key: Key,
    pub(super) message: reapi::Action,
    /// Whether an earlier result must not be the answer.
    pub(super) skips_lookup: bool,
    pub(super) queued: SystemTime,
    pub(super) ticket: Ticket,
    /// The last part of the program's name, once known.
    pub(super) program: OnceLock<String>,
    progress: watch::Sender<Progress>,
    /// A verdict before it became an execution: the end of the call, not of an operation.
    refused: OnceLock<rpc::Status>,
    /// How many operations want the result. Once zero, always zero.
    wanted: watch::Sender<usize>,
    /// Cancelled when nobody wants it any more, and when the server closes.
    pub(super) cancelled: CancellationToken,
}

impl Flight {
    /// An execution that one operation wants. `cancelled` ends it, and so does the end of all interest.
    pub(super) fn new(
        key: Key,
        message: reapi::Action,
        skips_lookup: bool,
        ticket: Ticket,
        cancelled: CancellationToken,
    ) -> Self {
        Self {
            key,
            message,
            skips_lookup,
            queued: SystemTime::now(),
            ticket,
            program: OnceLock::new(),
            progress: watch::Sender::new(Progress::Preparing),
            refused: OnceLock::new(),
            wanted: watch::Sender::new(1),
            cancelled,
        }
    }

    /// One more operation wants the result; `false` if it is too late, or if the result may be older than allowed.
    pub(super) fn join(&self, skip_lookup: bool, priority: i32) -> bool {
        let may_be_old =
            !self.skips_lookup && matches!(*self.progress.borrow(), Progress::Preparing | Progress::Ended(_));
        if skip_lookup && may_be_old {
            return false;
        }
        let joined = self.wanted.send_if_modified(|wanted| {
            let is_alive = *wanted > 0;
            *wanted += usize::from(is_alive);
            is_alive
        });
        if joined {
            self.ticket.hurry(priority);
        }
        joined
    }

    /// One operation less wants it.
    pub(super) fn leave(&self) {
        self.wanted.send_modify(|wanted| *wanted = wanted.saturating_sub(1));
    }

    /// To follow it by.
    pub(super) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// How it ended, if it has.
    pub(super) fn ended(&self) -> Option<Arc<Ended>> {
        match &*self.progress.borrow() {
            Progress::Ended(ended) => Some(ended.clone()),
            _ => None,
        }
    }

    /// Waits until it is an execution, or until it is known that it will be none.
    pub(super) async fn accepted(&self) -> Result<(), rpc::Status> {
        let mut progress = self.watch();
        let past = progress
            .wait_for(|progress| !matches!(progress, Progress::Preparing))
            .await;
        past.expect("the sender is ours");
        self.refused.get().map_or(Ok(()), |status| Err(status.clone()))
    }

    /// Waits until it is over.
    pub(super) async fn landed(&self) {
        let mut progress = self.watch();
        let over = progress
            .wait_for(|progress| matches!(progress, Progress::Ended(_)))
            .await;
        over.expect("the sender is ours");
    }

    /// Waits until nobody wants the result.
    pub(super) async fn unwanted(&self) {
        let mut wanted = self.wanted.subscribe();
        wanted
            .wait_for(|wanted| *wanted == 0)
            .await
            .expect("the sender is ours");
    }

    /// There is no execution: the call fails.
    pub(super) fn refuse(&self, status: rpc::Status) {
        // One task says it once.
        self.refused.get_or_init(|| status);
    }

    /// It is this far.
    pub(super) fn advance(&self, progress: Progress) {
        self.progress.send_replace(progress);
    }
}

#[cfg(test)]
mod tests;
