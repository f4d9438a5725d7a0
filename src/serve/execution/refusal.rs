//! What goes wrong, and what the protocol calls it.

use crate::digest::{Digest, Function};
use crate::pb::rpc;
use crate::serve::job::RunError;
use crate::store::StoreError;
use prost::Message as _;
use std::io::ErrorKind;
use tonic::{Code, Status};

/// Missing blobs named in one answer: about 1.5 MiB, so that it fits into a message. More can be asked for again.
const MOST_VIOLATIONS: usize = 16 * 1024;

/// Bytes of a text of the client's that are repeated to it.
const MOST_QUOTED: usize = 120;

/// Why an action has no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// Blobs that it needs are not here.
    #[error("{} blobs that the action needs are missing", .0.len())]
    Missing(Vec<Digest>),
    /// It is not what the protocol allows; says what.
    #[error("{0}")]
    Invalid(String),
    /// This machine is not what it asks for; says what.
    #[error("{0}")]
    NoWorker(String),
    /// There are as many as there may be.
    #[error("{0} executions are waiting or running already")]
    TooMany(usize),
    /// Nobody wants the result.
    #[error("the execution was cancelled")]
    Cancelled,
    /// The server is going away.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// The store failed.
    #[error("the server cannot use its store")]
    Store(#[from] StoreError),
    /// It was tried.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The server is wrong.
    #[error("the server failed")]
    Internal,
}

impl Refusal {
    /// The protocol's code (`Execute` lists which may occur).
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Missing(_)
            | Self::NoWorker(_)
            | Self::Store(StoreError::NotFound(_) | StoreError::Corrupt { .. })
            | Self::Run(RunError::Missing(_)) => Code::FailedPrecondition,
            Self::Invalid(_) | Self::Run(RunError::Invalid(_)) => Code::InvalidArgument,
            Self::Run(RunError::NotFound(_)) => Code::NotFound,
            Self::Cancelled | Self::Run(RunError::Cancelled) => Code::Cancelled,
            Self::TooMany(_) | Self::Run(RunError::Exhausted(_)) => Code::ResourceExhausted,
            Self::Store(StoreError::Io { source, .. }) | Self::Run(RunError::Host { source, .. }) => of_io(source),
            Self::ShuttingDown => Code::Unavailable,
            Self::Run(RunError::TimedOut { .. }) => Code::DeadlineExceeded,
            Self::Store(StoreError::Remote(_)) | Self::Internal => Code::Internal,
        }
    }

    /// As a message, with the missing blobs as violations.
    pub(super) fn to_status(&self) -> rpc::Status {
        let missing: &[Digest] = match self {
            Self::Missing(blobs) | Self::Run(RunError::Missing(blobs)) => blobs,
            Self::Store(StoreError::NotFound(blob) | StoreError::Corrupt { expected: blob, .. }) => {
                std::slice::from_ref(blob)
            }
            _ => &[],
        };
        rpc::Status {
            code: self.code() as i32,
            message: self.to_string(),
            details: if missing.is_empty() {
                Vec::new()
            } else {
                vec![violations(missing)]
            },
        }
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        as_call(&refusal.to_status())
    }
}

/// As the end of a call.
pub(super) fn as_call(status: &rpc::Status) -> Status {
    let details = if status.details.is_empty() {
        Vec::new()
    } else {
        status.encode_to_vec()
    };
    Status::with_details(Code::from_i32(status.code), status.message.clone(), details.into())
}

/// A full disk passes only when somebody makes room.
fn of_io(error: &std::io::Error) -> Code {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge | ErrorKind::OutOfMemory => {
            Code::ResourceExhausted
        }
        _ => Code::Internal,
    }
}

fn violations(missing: &[Digest]) -> prost_types::Any {
    let violation = |digest: &Digest| {
        let function = match digest.function() {
            Function::Sha256 => "",
            Function::Blake3 => "blake3/",
        };
        rpc::precondition_failure::Violation {
            r#type: "MISSING".to_owned(),
            subject: format!("blobs/{function}{digest}"),
            description: String::new(),
        }
    };
    let failure = rpc::PreconditionFailure {
        violations: missing.iter().take(MOST_VIOLATIONS).map(violation).collect(),
    };
    prost_types::Any {
        type_url: "type.googleapis.com/google.rpc.PreconditionFailure".to_owned(),
        value: failure.encode_to_vec(),
    }
}

/// A text of the client's, bounded and without control characters, for a log or an answer.
pub(super) fn quoted(text: &str) -> String {
    let end = text.floor_char_boundary(MOST_QUOTED);
    let more = if end < text.len() { "…" } else { "" };
    let shown: String = text[..end]
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    format!("`{shown}{more}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::time::Duration;

    #[test]
    fn each_failure_has_the_code_of_the_protocol() {
        let check = |refusal: Refusal, code: Code| assert_eq!(refusal.code(), code, "{refusal:?}");
        let io = |kind: ErrorKind| io::Error::from(kind);
        let text = || "x".to_owned();
        check(Refusal::Missing(vec![Digest::empty()]), Code::FailedPrecondition);
        check(Refusal::Invalid(text()), Code::InvalidArgument);
        check(Refusal::NoWorker(text()), Code::FailedPrecondition);
        check(Refusal::TooMany(1), Code::ResourceExhausted);
        check(Refusal::Cancelled, Code::Cancelled);
        check(Refusal::ShuttingDown, Code::Unavailable);
        check(Refusal::Internal, Code::Internal);
        check(StoreError::NotFound(Digest::empty()).into(), Code::FailedPrecondition);
        let store = |kind| StoreError::Io {
            what: text(),
            source: io(kind),
        };
        check(store(ErrorKind::StorageFull).into(), Code::ResourceExhausted);
        check(store(ErrorKind::PermissionDenied).into(), Code::Internal);
        check(
            RunError::Missing(vec![Digest::empty()]).into(),
            Code::FailedPrecondition,
        );
        check(RunError::Invalid(text()).into(), Code::InvalidArgument);
        check(RunError::NotFound(text()).into(), Code::NotFound);
        check(RunError::Cancelled.into(), Code::Cancelled);
        check(RunError::Exhausted(text()).into(), Code::ResourceExhausted);
        let timed_out = RunError::TimedOut {
            after: Duration::from_secs(1),
            result: Box::default(),
        };
        check(timed_out.into(), Code::DeadlineExceeded);
        let host = |kind| RunError::Host {
            what: text(),
            source: io(kind),
        };
        check(host(ErrorKind::StorageFull).into(), Code::ResourceExhausted);
        check(host(ErrorKind::NotFound).into(), Code::Internal);
    }

    #[test]
    fn where_the_store_lies_is_not_told() {
        let refusal = Refusal::from(StoreError::Io {
            what: "read `/secret/place`".to_owned(),
            source: ErrorKind::PermissionDenied.into(),
        });
        assert_eq!(refusal.to_status().message, "the server cannot use its store");
    }

    #[test]
    fn all_missing_blobs_are_named_with_their_function_in_one_message() {
        let blobs = [Function::Sha256.digest(b"a"), Function::Blake3.digest(b"b")];
        let subjects = |blobs: &[Digest]| {
            let status = Refusal::Missing(blobs.to_vec()).to_status();
            assert!(status.encoded_len() < 4 << 20, "fits into a message");
            let failure = rpc::PreconditionFailure::decode(&*status.details[0].value).expect("violations");
            let violations = failure.violations.into_iter();
            violations
                .map(|violation| (violation.r#type, violation.subject))
                .collect::<Vec<_>>()
        };
        let expected = [format!("blobs/{}", blobs[0]), format!("blobs/blake3/{}", blobs[1])];
        assert_eq!(
            subjects(&blobs),
            expected.map(|subject| ("MISSING".to_owned(), subject))
        );
        let blake3 = blobs[1];
        assert_eq!(subjects(&vec![blake3; 100_000]).len(), MOST_VIOLATIONS);
    }

    #[test]
    fn what_a_client_said_is_repeated_within_bounds() {
        assert_eq!(quoted("a\nb\u{1b}"), "`a\u{fffd}b\u{fffd}`");
        let long = quoted(&"ä".repeat(1000));
        assert_eq!(long.chars().count(), MOST_QUOTED / 2 + 3);
    }
}
