//! Why an action has no outcome from a server, sorted by what follows for the step.

use crate::remote::RemoteError;
use crate::store::StoreError;
use tonic::Code;

/// A step that was tried remotely and has to be decided otherwise. Every kind may run here instead, except
/// [`RemoteFailure::Cancelled`]; a plain non-zero exit is none of these. `Display` is the sentence for the user and
/// holds no header value.
#[derive(Debug, thiserror::Error)]
pub enum RemoteFailure {
    /// A server, or the way to it.
    #[error("{0}")]
    Infrastructure(RemoteError),
    /// No worker has the platform; asked twice.
    #[error("no worker has the platform that `remote_default_exec_properties` asks for: {0}")]
    NoWorker(RemoteError),
    /// The server, the queue or the action took too long.
    #[error("it took too long: {0}")]
    Timeout(RemoteError),
    /// The server went on naming missing blobs that it was sent.
    #[error("the server keeps missing {lacking} of the step's inputs although they were uploaded")]
    MissingBlobs {
        /// How many it lacked in the end; 0 if it did not say which.
        lacking: usize,
    },
    /// The tool did not end by itself: killed, out of memory, out of time.
    #[error("the tool was killed on the worker (exit code {exit}){}", lost(.missing))]
    Killed {
        /// As the server reports it.
        exit: i32,
        /// Declared outputs that a run that claims success did not leave.
        missing: Vec<String>,
    },
    /// The result is not one of this action.
    #[error("the server's result cannot be used: {0}")]
    BadResult(BadResult),
    /// The worker could not say whether its files are ours.
    #[error("the worker cannot attest its files (exit code {exit}){}{stderr}", if .stderr.is_empty() { "" } else { ": " })]
    Unattested {
        /// Of the script that hashes them.
        exit: i32,
        /// The beginning of what it wrote there.
        stderr: String,
    },
    /// An input changed, or went away, after it was scanned.
    #[error("an input changed while the step was prepared: {0}")]
    InputChanged(StoreError),
    /// This machine could not keep what was downloaded.
    #[error("{0}")]
    Host(StoreError),
    /// The one who asked has gone.
    #[error("cancelled")]
    Cancelled,
}

/// What is wrong with a result.
#[derive(Debug, thiserror::Error)]
pub enum BadResult {
    /// A path that the action does not declare, or declares once and the result has twice.
    #[error("it has the output `{0}`, which was not asked for")]
    Undeclared(String),
    /// Compilers write regular files.
    #[error("its output `{0}` is a symbolic link or a directory")]
    NoFile(String),
    /// More than the step can sensibly write.
    #[error("its output `{path}` has {size} bytes")]
    TooLarge {
        /// As declared; `stdout` and `stderr` too.
        path: String,
        /// Bytes.
        size: u64,
    },
    /// A digest that is none.
    #[error("its output `{path}` has no valid digest")]
    NoDigest {
        /// As declared; `stdout` and `stderr` too.
        path: String,
    },
    /// Blobs that it names are not there.
    #[error("{0}")]
    Dangling(StoreError),
    /// Content that is not what it is named.
    #[error("{0}")]
    Corrupt(StoreError),
}

impl RemoteFailure {
    /// A word for records and counts; never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Infrastructure(RemoteError::Unreachable { .. }) => "remote_unreachable",
            Self::Infrastructure(RemoteError::Setup(_) | RemoteError::Unusable { .. }) => "remote_unusable",
            Self::Infrastructure(_) => "remote_error",
            Self::NoWorker(_) => "remote_no_worker",
            Self::Timeout(_) => "remote_timeout",
            Self::MissingBlobs { .. } => "remote_missing_blobs",
            Self::Killed { .. } => "remote_killed",
            Self::BadResult(_) => "remote_bad_result",
            Self::Unattested { .. } => "remote_unattested",
            Self::InputChanged(_) => "input_changed",
            Self::Host(_) => "host",
            Self::Cancelled => "cancelled",
        }
    }

    /// From what went wrong before there was a result to look at.
    pub(super) fn of_upload(error: StoreError) -> Self {
        match error {
            StoreError::Remote(error) => error.into(),
            error => Self::InputChanged(error),
        }
    }

    /// From what went wrong with a result's blobs.
    pub(super) fn of_download(error: StoreError) -> Self {
        match error {
            StoreError::Remote(error) => error.into(),
            StoreError::NotFound(_) => Self::BadResult(BadResult::Dangling(error)),
            StoreError::Corrupt { .. } => Self::BadResult(BadResult::Corrupt(error)),
            StoreError::Io { .. } => Self::Host(error),
        }
    }
}

impl From<RemoteError> for RemoteFailure {
    fn from(error: RemoteError) -> Self {
        match &error {
            RemoteError::Status(refusal) if refusal.is_no_worker() => Self::NoWorker(error),
            RemoteError::Deadline { .. } => Self::Timeout(error),
            _ if error.is(Code::DeadlineExceeded) => Self::Timeout(error),
            _ => Self::Infrastructure(error),
        }
    }
}

impl From<BadResult> for RemoteFailure {
    fn from(bad: BadResult) -> Self {
        Self::BadResult(bad)
    }
}

fn lost(missing: &[String]) -> String {
    match missing {
        [] => String::new(),
        [first] => format!(" and left no `{first}`"),
        [first, rest @ ..] => format!(" and left no `{first}` and {} other outputs", rest.len()),
    }
}
