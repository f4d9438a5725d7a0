//! What a server answered instead of doing what it was asked. Status codes are kept; texts hold no header value.

use super::capabilities::Unusable;
use super::channel::ChannelError;
use crate::digest::Digest;
use crate::pb::rpc;
use prost::Message;
use std::time::Duration;
use tonic::Code;

/// How much of a server's message is repeated to people.
const MESSAGE_LIMIT: usize = 300;

/// Why a server could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The settings name no endpoint that could be connected to.
    #[error(transparent)]
    Setup(#[from] ChannelError),
    /// The server answered with this status.
    #[error("{0}")]
    Status(Box<Refusal>),
    /// No answer came, or the connection broke: name resolution, TCP, TLS or HTTP/2.
    #[error("cannot reach `{endpoint}` for {call}: {cause}")]
    Unreachable {
        /// The address, without credentials.
        endpoint: String,
        /// The method.
        call: &'static str,
        /// What the transport said, outermost first.
        cause: String,
    },
    /// The server took longer than `remote_timeout`, or an execution longer than its limits.
    #[error("`{endpoint}` did not answer {call} within {} s", after.as_secs_f32())]
    Deadline {
        /// The address, without credentials.
        endpoint: String,
        /// The method.
        call: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The server works, but not in a way that we can use.
    #[error("cannot use `{endpoint}`: {reason}")]
    Unusable {
        /// The address, without credentials.
        endpoint: String,
        /// Why.
        reason: Unusable,
    },
    /// The answer is none that the protocol allows.
    #[error("`{endpoint}` answered {call} wrongly: {what}")]
    Protocol {
        /// The address, without credentials.
        endpoint: String,
        /// The method.
        call: &'static str,
        /// What is wrong with it.
        what: String,
    },
}

impl RemoteError {
    /// The status code, if the server gave one.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Status(refusal) => Some(refusal.code),
            _ => None,
        }
    }

    /// Whether the server said this.
    pub fn is(&self, code: Code) -> bool {
        self.code() == Some(code)
    }
}

/// A status other than OK.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{endpoint}` refused {call}: {}{}{message}", code_name(*code), if message.is_empty() { "" } else { ": " })]
pub struct Refusal {
    /// The address, without credentials.
    pub endpoint: String,
    /// The method.
    pub call: &'static str,
    /// The code.
    pub code: Code,
    /// What the server wrote, on one line, shortened.
    pub message: String,
    /// `google.rpc.Status.details`.
    pub details: Vec<prost_types::Any>,
}

impl Refusal {
    /// From the status that ended a call. `secrets` are blotted out of the message: servers quote what they reject.
    pub(super) fn new<'a>(
        endpoint: &str,
        call: &'static str,
        status: &tonic::Status,
        secrets: impl Iterator<Item = &'a str>,
    ) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            call,
            code: status.code(),
            message: presentable(status.message(), secrets),
            // Details that cannot be read are no details.
            details: rpc::Status::decode(status.details()).unwrap_or_default().details,
        }
    }

    /// The blobs that the server names as missing: violations of type `MISSING` with the subject
    /// `blobs/[{digest function}/]{hash}/{size}` (see `Execute` in the Remote Execution API).
    pub fn missing_blobs(&self) -> Vec<Digest> {
        self.detail::<rpc::PreconditionFailure>("google.rpc.PreconditionFailure")
            .into_iter()
            .flat_map(|failure| failure.violations)
            .filter(|violation| violation.r#type == "MISSING")
            .filter_map(|violation| blob_of_subject(&violation.subject))
            .collect()
    }

    /// How long the server asks to wait before the next try.
    pub fn retry_delay(&self) -> Option<Duration> {
        let info = self.detail::<rpc::RetryInfo>("google.rpc.RetryInfo").pop()?;
        Duration::try_from(info.retry_delay?).ok()
    }

    /// Whether this says that no worker has the platform. Buildbarn gives it the code of a passing outage, so only
    /// the text tells: the one place where a message is read.
    pub fn is_no_worker(&self) -> bool {
        matches!(self.code, Code::Unavailable | Code::FailedPrecondition) && self.message.contains("No workers exist")
    }

    fn detail<M: Message + Default>(&self, name: &str) -> Vec<M> {
        self.details
            .iter()
            .filter(|any| any.type_url.rsplit('/').next() == Some(name))
            .filter_map(|any| M::decode(&*any.value).ok())
            .collect()
    }
}

/// A gRPC code's name as the protocol spells it.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

fn blob_of_subject(subject: &str) -> Option<Digest> {
    let mut parts = subject.rsplit('/');
    let size = parts.next()?.parse().ok()?;
    Digest::from_hex(parts.next()?, size).ok()
}

/// A server's text as one line of bounded length without any of `secrets`.
pub(super) fn presentable<'a>(text: &str, secrets: impl Iterator<Item = &'a str>) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // "Bearer abc" is quoted as "abc" as often as whole.
    for secret in secrets.flat_map(|value| std::iter::once(value).chain(value.split_whitespace())) {
        if secret.len() >= 4 && !secret.eq_ignore_ascii_case("bearer") && !secret.eq_ignore_ascii_case("basic") {
            line = line.replace(secret, "…");
        }
    }
    if line.len() > MESSAGE_LIMIT {
        let end = (0..=MESSAGE_LIMIT)
            .rev()
            .find(|&at| line.is_char_boundary(at))
            .unwrap_or(0);
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(details: Vec<prost_types::Any>) -> Refusal {
        Refusal {
            endpoint: "grpc://x".to_owned(),
            call: "Execute",
            code: Code::FailedPrecondition,
            message: String::new(),
            details,
        }
    }

    #[test]
    fn missing_blobs_are_read_in_both_forms_and_nothing_else_is() {
        let blob = Digest::of(b"x");
        let violation = |kind: &str, subject: String| rpc::precondition_failure::Violation {
            r#type: kind.to_owned(),
            subject,
            description: String::new(),
        };
        let failure = rpc::PreconditionFailure {
            violations: vec![
                violation("MISSING", format!("blobs/{blob}")),
                violation("MISSING", format!("blobs/sha256/{blob}")),
                violation("OTHER", format!("blobs/{blob}")),
                violation("MISSING", "blobs/abc/1".to_owned()),
                violation("MISSING", String::new()),
            ],
        };
        let any = prost_types::Any {
            type_url: "type.googleapis.com/google.rpc.PreconditionFailure".to_owned(),
            value: failure.encode_to_vec(),
        };
        assert_eq!(refusal(vec![any]).missing_blobs(), [blob, blob]);
    }

    #[test]
    fn messages_are_one_short_line_without_secrets() {
        let check = |text: &str, expected: &str| {
            let shown = presentable(text, ["Bearer s3cret-token", "ab"].into_iter());
            assert_eq!(shown, expected);
        };
        check("no\n  such\tthing", "no such thing");
        check("bad token s3cret-token", "bad token …");
        check("bad header Bearer s3cret-token!", "bad header …!");
        check("Bearer is missing, ab is not", "Bearer is missing, ab is not");
        check(&"é".repeat(200), &format!("{}…", "é".repeat(150)));
    }
}
