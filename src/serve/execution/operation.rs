//! An operation: one Execute call's claim on an execution. Several may have the same execution; cancelling one does
//! nothing to the others. It outlives its stream by a while, for WaitExecution to find it.

use super::answer;
use super::flight::{Flight, Progress};
use super::refusal::Refusal;
use crate::pb::longrunning::Operation;
use crate::serve::caller::Caller;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// How often a stream on which nothing happens says so: proxies and clients take silence for death after a minute.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// What Execute and WaitExecution answer with.
pub type Updates = ReceiverStream<Result<Operation, Status>>;

/// Why an operation has no claim any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// It was answered.
    Answered,
    /// It was cancelled.
    Cancelled,
    /// Nobody has followed it for too long.
    Abandoned,
}

/// One Execute call.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) name: String,
    pub(super) flight: Arc<Flight>,
    /// Who called. Nobody else sees it.
    pub(super) caller: Option<Caller>,
    /// Whether the execution had begun for another one.
    pub(super) merged: bool,
    /// How many streams follow it.
    followers: watch::Sender<usize>,
    closed: watch::Sender<Option<Close>>,
}

impl Claim {
    /// A claim on an execution that counts it already.
    pub(super) fn new(name: String, flight: Arc<Flight>, caller: Option<Caller>, merged: bool) -> Self {
        Self {
            name,
            flight,
            caller,
            merged,
            followers: watch::Sender::new(0),
            closed: watch::Sender::new(None),
        }
    }

    /// Gives up the claim. The first one counts; what has ended is no longer cancelled.
    pub(super) fn close(&self, why: Close) {
        if why != Close::Answered && self.flight.ended().is_some() {
            // It stays as it is for who asks later.
            return self.close(Close::Answered);
        }
        let first = self.closed.send_if_modified(|closed| {
            let first = closed.is_none();
            closed.get_or_insert(why);
            first
        });
        if first {
            self.flight.leave();
        }
    }

    /// Why it is closed, if it is.
    pub(super) fn closed(&self) -> Option<Close> {
        *self.closed.borrow()
    }

    /// Waits until it is closed, and closes it when nobody has followed it for `patience`.
    pub(super) async fn attend(&self, patience: Duration) {
        let mut closed = self.closed.subscribe();
        let mut followers = self.followers.subscribe();
        let abandoned = async {
            loop {
                let none = followers.wait_for(|count| *count == 0).await.map(|_| ());
                none.expect("the sender is ours");
                let again = followers.wait_for(|count| *count > 0);
                if tokio::time::timeout(patience, again).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            _ = closed.wait_for(Option::is_some) => {}
            () = abandoned => self.close(Close::Abandoned),
        }
    }

    /// The operation at this moment.
    pub(super) fn now(&self) -> Operation {
        self.at(&self.flight.watch().borrow())
    }

    fn at(&self, progress: &Progress) -> Operation {
        let (action, queued) = (self.flight.key.action, self.flight.queued);
        match self.closed() {
            Some(Close::Cancelled | Close::Abandoned) => {
                let ended = Progress::Ended(Arc::new(answer::without_result(Refusal::Cancelled)));
                answer::operation(&self.name, action, queued, &ended)
            }
            _ => answer::operation(&self.name, action, queued, progress),
        }
    }

    /// Counts as a follower until the guard is dropped.
    pub(super) fn follow(self: &Arc<Self>) -> Follower {
        self.followers.send_modify(|count| *count += 1);
        Follower { claim: self.clone() }
    }
}

/// Somebody who wants to know.
pub(super) struct Follower {
    claim: Arc<Claim>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.claim.followers.send_modify(|count| *count -= 1);
    }
}

impl Follower {
    /// What is followed.
    pub(super) fn claim(&self) -> &Arc<Claim> {
        &self.claim
    }

    /// A stream of all that happens to it, to its end.
    pub(super) fn updates(self) -> Updates {
        let (sender, updates) = mpsc::channel(1);
        let operation = self.claim.now();
        if operation.done {
            // No task for an answer that is there.
            sender.try_send(Ok(operation)).expect("the channel is new");
            self.claim.close(Close::Answered);
        } else {
            tokio::spawn(self.tell(sender));
        }
        ReceiverStream::new(updates)
    }

    async fn tell(self, sender: mpsc::Sender<Result<Operation, Status>>) {
        let claim = &self.claim;
        let mut progress = claim.flight.watch();
        let mut closed = claim.closed.subscribe();
        loop {
            closed.mark_unchanged();
            let operation = claim.at(&progress.borrow_and_update());
            let done = operation.done;
            if sender.send(Ok(operation)).await.is_err() {
                return;
            }
            if done {
                return claim.close(Close::Answered);
            }
            tokio::select! {
                () = sender.closed() => return,
                _ = progress.changed() => {}
                _ = closed.changed() => {}
                () = tokio::time::sleep(KEEP_ALIVE) => {}
            }
        }
    }
}
