//! The process behind the wrappers: socket, accept loop, permits, idle exit. No compile knowledge: what a step means
//! is told by a [`StepService`].

use crate::pb::wire;
use std::os::fd::OwnedFd;

/// An answer that ends a step's conversation.
pub enum Answer {
    /// Place these outputs; the descriptors that `OutputFile.descriptor` counts.
    Publish(wire::Publish, Vec<OwnedFd>),
    /// Run the tool and be gone (`report` is false).
    RunHere(wire::RunHere),
}

/// What the daemon does for wrappers.
pub trait StepService: Send + Sync + 'static {
    /// On one of the few accept threads, synchronous, a millisecond at most: an answer, or `None` if the step needs more.
    fn quick(&self, step: &wire::StepRequest) -> Option<Answer>;

    /// On a thread of the step's own: may scan, wait for servers and for the wrapper's local run.
    fn slow(&self, step: &wire::StepRequest, conversation: &dyn Conversation);
}

/// The wrapper at the other end, during [`StepService::slow`]. The daemon pings it meanwhile.
pub trait Conversation: Send + Sync {
    /// Has the wrapper run the tool and report. `Err` when the wrapper is gone.
    fn run_here(&self, request: wire::RunHere) -> Result<wire::LocalOutcome, HungUp>;
    /// Tells the wrapper that its outputs are staged, so that it may exit.
    fn staged(&self) -> Result<(), HungUp>;
    /// Sends the last answer.
    fn answer(&self, answer: Answer) -> Result<(), HungUp>;
    /// Cancelled when the wrapper hangs up (Ctrl-C): remote work stops.
    fn cancelled(&self) -> tokio_util::sync::CancellationToken;
}

/// The wrapper is gone.
#[derive(Debug, thiserror::Error)]
#[error("the wrapper hung up")]
pub struct HungUp;
