//! What the execution service asks of whoever runs actions.

use crate::digest::Digest;
use crate::pb::reapi;
use async_trait::async_trait;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// An action whose turn has come.
#[derive(Clone, Debug)]
pub struct Job {
    /// The action. Its digest function is that of all other digests.
    pub action: Digest,
    /// What to run.
    pub command: reapi::Command,
    /// The `Directory` at the top of its inputs.
    pub input_root: Digest,
    /// How long it may run, fetching inputs and storing outputs not counted.
    pub timeout: Duration,
    /// Cancelled when nobody wants the result any more; everything that the action started is killed then.
    pub cancelled: CancellationToken,
}

/// Why an action has no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Inputs that are not in the store.
    #[error("{} of the inputs are missing", .0.len())]
    Missing(Vec<Digest>),
    /// The command or its input tree is not what the protocol allows; says what.
    #[error("{0}")]
    Invalid(String),
    /// There is no such program or working directory.
    #[error("{0}")]
    NotFound(String),
    /// It ran longer than it may. What it has printed, and no outputs.
    #[error("the action ran longer than {} s", .after.as_secs_f32())]
    TimedOut {
        /// What it may.
        after: Duration,
        /// Its streams and times.
        result: Box<reapi::ActionResult>,
    },
    /// Nobody wants it any more.
    #[error("the action was cancelled")]
    Cancelled,
    /// It used more than it may (memory, output), or the disk is full; says what.
    #[error("{0}")]
    Exhausted(String),
    /// This machine cannot run it; the next attempt may work.
    #[error("cannot {what}")]
    Host {
        /// What was tried.
        what: String,
        /// Why not.
        source: std::io::Error,
    },
}

/// Runs actions.
#[async_trait]
pub trait Run: Send + Sync + 'static {
    /// Runs the action and puts its outputs into the store. A non-zero exit is a result like any other. The times in
    /// `execution_metadata` are filled in from `input_fetch_start_timestamp` to `output_upload_completed_timestamp`.
    async fn run(&self, job: Job) -> Result<reapi::ActionResult, RunError>;
}
