//! Which failures are tried again, how often, and after how long. The only place that decides it.

use super::error::RemoteError;
use crate::config::Config;
use std::time::Duration;
use tonic::Code;

/// The first wait; each next one is twice as long.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// Running here is sooner than waiting longer than this for a server that asks for it.
const LONGEST_ASKED_DELAY: Duration = Duration::from_secs(30);

/// How patient a step is with servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `remote_retries`: tries after the first one.
    pub retries: u32,
    /// `remote_retry_max_delay`: the longest wait between two tries.
    pub max_delay: Duration,
    /// `remote_timeout`: of one call, or of one message of a stream.
    pub call_timeout: Duration,
}

impl From<&Config> for Policy {
    fn from(config: &Config) -> Self {
        Self {
            retries: config.remote_retries,
            max_delay: config.remote_retry_max_delay,
            call_timeout: config.remote_timeout,
        }
    }
}

/// How often a failure is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// The answer would be the same.
    Never,
    /// Once more.
    Once,
    /// Twice more: it may pass, and it may be a bug that every try makes worse.
    Twice,
    /// As often as the policy allows.
    Allowed,
}

/// The rule for a status code.
struct Rule(Code, Again, &'static str);

/// Every code with its reason.
const RULES: [Rule; 17] = [
    Rule(Code::Ok, Again::Never, "no failure"),
    Rule(
        Code::Cancelled,
        Again::Twice,
        "not by us: a proxy or a server that restarts",
    ),
    Rule(
        Code::Unknown,
        Again::Twice,
        "a crash, or an error that a server did not map (bazel-remote: short write)",
    ),
    Rule(Code::InvalidArgument, Again::Never, "the request is wrong"),
    Rule(
        Code::DeadlineExceeded,
        Again::Once,
        "slow: the action's own timeout also says this",
    ),
    Rule(Code::NotFound, Again::Never, "an answer"),
    Rule(Code::AlreadyExists, Again::Never, "an answer"),
    Rule(Code::PermissionDenied, Again::Never, "an answer"),
    Rule(
        Code::ResourceExhausted,
        Again::Allowed,
        "overload or a quota; what is too large is split before",
    ),
    Rule(
        Code::FailedPrecondition,
        Again::Never,
        "the caller must first upload what is missing",
    ),
    Rule(Code::Aborted, Again::Allowed, "the protocol asks for it"),
    Rule(Code::OutOfRange, Again::Never, "the request is wrong"),
    Rule(Code::Unimplemented, Again::Never, "an answer"),
    Rule(
        Code::Internal,
        Again::Twice,
        "often passing, but also what bazel-remote says to a wrong digest",
    ),
    Rule(Code::Unavailable, Again::Allowed, "what the code means"),
    Rule(Code::DataLoss, Again::Never, "the blob is broken there"),
    Rule(
        Code::Unauthenticated,
        Again::Never,
        "the same credentials would be refused again",
    ),
];

fn rule(error: &RemoteError) -> (Again, &'static str) {
    match error {
        RemoteError::Status(refusal) if refusal.is_no_worker() => (
            Again::Once,
            "a platform gets no worker in a second, but a scheduler that just started may",
        ),
        RemoteError::Status(refusal) => RULES
            .iter()
            .find(|rule| rule.0 == refusal.code)
            .map_or((Again::Never, "no code of gRPC's"), |rule| (rule.1, rule.2)),
        RemoteError::Unreachable { .. } => (Again::Allowed, "a broken connection is made anew"),
        RemoteError::Deadline { .. } => (Again::Once, "slow, or a connection that leads nowhere"),
        RemoteError::Protocol { .. } => (Again::Once, "perhaps cut short on the way"),
        RemoteError::Setup(_) | RemoteError::Unusable { .. } => (Again::Never, "the settings must change first"),
    }
}

/// Counts the failures of one undertaking and says when to try again.
pub(super) struct Backoff {
    policy: Policy,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy, failures: 0 }
    }

    /// What was achieved since the last failure makes it count as the first one again.
    pub(super) fn progressed(&mut self) {
        self.failures = 0;
    }

    /// How long to wait before the next try; `None` to give up.
    fn after(&mut self, error: &RemoteError) -> Option<Duration> {
        // Half of the wait is random, so that clients that failed together do not return together.
        self.delay(error, 0.5 + fastrand::f64() / 2.0)
    }

    /// Waits until the next try; the error itself to give up.
    pub(super) async fn wait(&mut self, error: RemoteError) -> Result<(), RemoteError> {
        let Some(delay) = self.after(&error) else {
            return Err(error);
        };
        tracing::debug!(%error, ?delay, why = rule(&error).1, "trying again");
        tokio::time::sleep(delay).await;
        Ok(())
    }

    fn delay(&mut self, error: &RemoteError, jitter: f64) -> Option<Duration> {
        let tries = match rule(error).0 {
            Again::Never => 0,
            Again::Once => self.policy.retries.min(1),
            Again::Twice => self.policy.retries.min(2),
            Again::Allowed => self.policy.retries,
        };
        if self.failures >= tries {
            return None;
        }
        let doubled = FIRST_DELAY.saturating_mul(1 << self.failures.min(20));
        self.failures += 1;
        let own = doubled.min(self.policy.max_delay).mul_f64(jitter);
        match error {
            RemoteError::Status(refusal) => match refusal.retry_delay() {
                Some(asked) if asked > LONGEST_ASKED_DELAY => None,
                Some(asked) => Some(asked.max(own)),
                None => Some(own),
            },
            _ => Some(own),
        }
    }
}

/// Does `attempt` until it succeeds or is not worth another try, as its failure is `settled` or the rules say.
pub(super) async fn retrying<T, A, F>(
    policy: Policy,
    settled: impl Fn(&RemoteError) -> bool,
    mut attempt: A,
) -> Result<T, RemoteError>
where
    A: FnMut() -> F,
    F: Future<Output = Result<T, RemoteError>>,
{
    let mut backoff = Backoff::new(policy);
    loop {
        match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) if settled(&error) => return Err(error),
            Err(error) => backoff.wait(error).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::capabilities::Unusable;
    use super::super::error::Refusal;
    use super::*;
    use crate::pb::rpc;
    use prost::Message;

    const POLICY: Policy = Policy {
        retries: 5,
        max_delay: Duration::from_secs(1),
        call_timeout: Duration::from_mins(1),
    };

    fn status(code: Code, message: &str, delay: Option<i64>) -> RemoteError {
        let details = delay.map(|seconds| prost_types::Any {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
            value: rpc::RetryInfo {
                retry_delay: Some(prost_types::Duration { seconds, nanos: 0 }),
            }
            .encode_to_vec(),
        });
        RemoteError::Status(Box::new(Refusal {
            endpoint: "grpc://x".to_owned(),
            call: "Execute",
            code,
            message: message.to_owned(),
            details: details.into_iter().collect(),
        }))
    }

    /// The waits before each further try, without jitter, in milliseconds.
    #[track_caller]
    fn check(error: &RemoteError, expected: &[u128]) {
        let mut backoff = Backoff::new(POLICY);
        let waits: Vec<_> = std::iter::from_fn(|| backoff.delay(error, 1.0))
            .map(|wait| wait.as_millis())
            .collect();
        assert_eq!(waits, expected, "{error}");
    }

    #[test]
    fn each_kind_of_failure_is_tried_as_often_as_makes_sense() {
        check(&status(Code::Unavailable, "", None), &[100, 200, 400, 800, 1000]);
        check(&status(Code::ResourceExhausted, "", None), &[100, 200, 400, 800, 1000]);
        check(
            &status(Code::Unavailable, "No workers exist for instance name prefix", None),
            &[100],
        );
        check(&status(Code::Internal, "", None), &[100, 200]);
        check(&status(Code::DeadlineExceeded, "", None), &[100]);
        check(&status(Code::InvalidArgument, "", None), &[]);
        check(&status(Code::Unauthenticated, "", None), &[]);
        let unusable = RemoteError::Unusable {
            endpoint: "grpc://x".to_owned(),
            reason: Unusable::NoExecution,
        };
        check(&unusable, &[]);
    }

    #[test]
    fn the_servers_own_delay_is_a_lower_bound_and_a_long_one_ends_it() {
        check(&status(Code::Unavailable, "", Some(2)), &[2000; 5]);
        check(&status(Code::Unavailable, "", Some(0)), &[100, 200, 400, 800, 1000]);
        check(&status(Code::Unavailable, "", Some(3600)), &[]);
    }

    #[test]
    fn every_code_has_one_rule_with_a_reason() {
        for code in 0..17 {
            let rules = RULES.iter().filter(|rule| rule.0 == Code::from_i32(code));
            assert_eq!(
                rules.map(|rule| usize::from(!rule.2.is_empty())).sum::<usize>(),
                1,
                "{code}"
            );
        }
    }

    #[test]
    fn no_retries_means_none() {
        let mut backoff = Backoff::new(Policy { retries: 0, ..POLICY });
        assert_eq!(backoff.after(&status(Code::Unavailable, "", None)), None);
    }
}
