//! The Execution service. An execution outlives its stream: when the stream breaks, WaitExecution finds it again.

use super::call::{RECEIVE_LIMIT, Remote};
use super::channel::Lane;
use super::error::{Refusal, RemoteError};
use super::retry::Backoff;
use crate::digest::Digest;
use crate::pb::longrunning::operations_client::OperationsClient;
use crate::pb::longrunning::{CancelOperationRequest, Operation, operation};
use crate::pb::{reapi, rpc};
use prost::Message;
use reapi::execution_client::ExecutionClient;
use reapi::execution_stage::Value as Stage;
use std::time::{Duration, Instant};
use tonic::{Code, Request, Status, Streaming};

/// A stream that lasted this long before it broke was no failure of the server's.
const STEADY: Duration = Duration::from_secs(10);
/// How often an execution that the server has forgotten is started anew.
const RESTARTS: u32 = 2;
/// A server that does not answer the request to cancel is left alone.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an execution may take. The action's own timeout, if any, is the server's affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutionLimits {
    /// Without a message on the stream, after which we ask for the state with WaitExecution.
    pub silence: Duration,
    /// Until a worker begins. A server without a fitting worker may queue for ever.
    pub queued: Duration,
    /// Altogether.
    pub total: Duration,
}

impl Default for ExecutionLimits {
    fn default() -> Self {
        Self {
            silence: Duration::from_mins(1),
            queued: Duration::from_mins(10),
            total: Duration::from_hours(1),
        }
    }
}

/// What to execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutionRequest {
    /// The Action, which the server's CAS has with all that it names.
    pub action: Digest,
    /// Run it even if there is a result.
    pub skip_cache_lookup: bool,
    /// `ExecutionPolicy.priority`; 0 is the server's default, and lower runs sooner.
    pub priority: i32,
}

/// Execution on a server.
#[derive(Clone)]
pub struct RemoteExecution {
    remote: Remote,
    limits: ExecutionLimits,
}

/// How following an execution ended without a response.
enum Ended {
    /// The stream, or the way to it: the execution may still be going on.
    Stream(RemoteError),
    /// The execution.
    Execution(RemoteError),
    /// Our patience.
    Patience(RemoteError),
}

impl RemoteExecution {
    /// Execution on this server.
    pub fn new(remote: Remote, limits: ExecutionLimits) -> Self {
        Self { remote, limits }
    }

    /// Executes the action and waits for the response, whose status is then OK. Dropping the future asks the server
    /// to stop.
    pub async fn execute(&self, request: ExecutionRequest) -> Result<reapi::ExecuteResponse, RemoteError> {
        let mut backoff = Backoff::new(self.remote.policy());
        let mut running = Running::new(&self.remote);
        let mut restarts = 0;
        loop {
            let opened = Instant::now();
            let by_name = running.name.is_some();
            let error = match self.follow(request, &mut running).await {
                Ok(response) => {
                    running.name = None;
                    return Ok(response);
                }
                Err(Ended::Patience(error)) => return Err(error),
                Err(Ended::Execution(error)) => {
                    running.name = None;
                    // The action's own timeout: it would take as long again.
                    if error.is(Code::DeadlineExceeded) {
                        return Err(error);
                    }
                    error
                }
                Err(Ended::Stream(error)) => {
                    // A server that has forgotten the execution (for which BuildGrid blames the request), or that knows
                    // no WaitExecution.
                    let codes = [Code::NotFound, Code::InvalidArgument, Code::Unimplemented];
                    let forgotten = codes.into_iter().any(|code| error.is(code));
                    if by_name && forgotten && restarts < RESTARTS {
                        restarts += 1;
                        running.name = None;
                        continue;
                    }
                    error
                }
            };
            // A server that answers and then is silent has nothing to say: the action is long.
            let silent = matches!(error, RemoteError::Deadline { .. });
            if running.heard && (silent || opened.elapsed() >= STEADY) {
                backoff.progressed();
            }
            backoff.wait(error).await?;
        }
    }

    /// Follows the execution to its end: the one that is running, or a new one.
    async fn follow(
        &self,
        request: ExecutionRequest,
        running: &mut Running<'_>,
    ) -> Result<reapi::ExecuteResponse, Ended> {
        let lane = self.remote.connection().lane();
        running.heard = false;
        let mut stream = self.open(request, running.name.as_deref(), &lane).await?;
        loop {
            let operation = self.next(&mut stream, running).await?;
            running.heard = true;
            let stage = stage(&operation);
            running.is_waiting = matches!(stage, Stage::CacheCheck | Stage::Queued);
            if operation.done {
                return self.response(operation).map_err(Ended::Execution);
            }
            if !operation.name.is_empty() {
                running.name = Some(operation.name);
            }
        }
    }

    async fn open(
        &self,
        request: ExecutionRequest,
        name: Option<&str>,
        lane: &Lane,
    ) -> Result<Streaming<Operation>, Ended> {
        let mut client = ExecutionClient::new(lane.channel.clone()).max_decoding_message_size(RECEIVE_LIMIT);
        let opened = if let Some(name) = name {
            let request = self
                .remote
                .request(reapi::WaitExecutionRequest { name: name.to_owned() });
            let opening = Box::pin(client.wait_execution(request));
            self.remote
                .timely("WaitExecution", self.remote.policy().call_timeout, opening)
                .await
        } else {
            let opening = Box::pin(client.execute(self.execute_request(request)));
            // Headers may come with the first message, and that only when a worker is free.
            self.remote.timely("Execute", self.limits.queued, opening).await
        };
        opened.map(tonic::Response::into_inner).map_err(Ended::Stream)
    }

    fn execute_request(&self, request: ExecutionRequest) -> Request<reapi::ExecuteRequest> {
        self.remote.request(reapi::ExecuteRequest {
            instance_name: self.remote.instance_name().to_owned(),
            skip_cache_lookup: request.skip_cache_lookup,
            action_digest: Some(request.action.into()),
            // Some servers refuse any priority that they do not announce.
            execution_policy: (request.priority != 0).then_some(reapi::ExecutionPolicy {
                priority: request.priority,
            }),
            results_cache_policy: None,
            digest_function: reapi::digest_function::Value::Sha256 as i32,
        })
    }

    /// The next message, as long as there is patience.
    async fn next(&self, stream: &mut Streaming<Operation>, running: &Running<'_>) -> Result<Operation, Ended> {
        let elapsed = running.since.elapsed();
        let total = self.limits.total.saturating_sub(elapsed);
        let patience = if running.is_waiting {
            total.min(self.limits.queued.saturating_sub(elapsed))
        } else {
            total
        };
        let silence = match (&running.name, running.heard) {
            // There is nothing to ask for: a server that says nothing before the end is waited for.
            (None, _) => patience,
            // WaitExecution is answered with the state, at once.
            (Some(_), false) => self.remote.policy().call_timeout,
            (Some(_), true) => self.limits.silence,
        };
        let deadline = |after| RemoteError::Deadline {
            endpoint: self.remote.address().to_owned(),
            call: "Execute",
            after,
        };
        match tokio::time::timeout(patience.min(silence), stream.message()).await {
            Ok(Ok(Some(operation))) => Ok(operation),
            Ok(Ok(None)) => Err(Ended::Stream(
                self.remote
                    .error("Execute", &Status::unavailable("the stream ended before the execution")),
            )),
            Ok(Err(status)) => Err(Ended::Stream(self.remote.error("Execute", &status))),
            Err(_) if patience <= silence => Err(Ended::Patience(deadline(running.since.elapsed()))),
            Err(_) => Err(Ended::Stream(deadline(silence))),
        }
    }

    /// The response of a finished operation; its error, or the response's status other than OK, as an error.
    fn response(&self, operation: Operation) -> Result<reapi::ExecuteResponse, RemoteError> {
        let any = match operation.result {
            Some(operation::Result::Response(any)) => any,
            Some(operation::Result::Error(status)) => return Err(self.verdict(status)),
            None => {
                return Err(self
                    .remote
                    .protocol("Execute", "an operation that is done without a result"));
            }
        };
        if any.type_url.rsplit('/').next() != Some("build.bazel.remote.execution.v2.ExecuteResponse") {
            return Err(self
                .remote
                .protocol("Execute", "an operation with another kind of response"));
        }
        let mut response = reapi::ExecuteResponse::decode(&*any.value)
            .map_err(|error| self.remote.protocol("Execute", error.to_string()))?;
        match response.status.take() {
            Some(status) if status.code != Code::Ok as i32 => Err(self.verdict(status)),
            _ => Ok(response),
        }
    }

    fn verdict(&self, status: rpc::Status) -> RemoteError {
        let plain = Status::new(Code::from_i32(status.code), status.message);
        let mut refusal = Refusal::new(
            self.remote.address(),
            "Execute",
            &plain,
            self.remote.connection().secrets(),
        );
        refusal.details = status.details;
        RemoteError::Status(Box::new(refusal))
    }
}

fn stage(operation: &Operation) -> Stage {
    operation
        .metadata
        .as_ref()
        .and_then(|any| reapi::ExecuteOperationMetadata::decode(&*any.value).ok())
        .map_or(Stage::Unknown, |metadata| metadata.stage())
}

/// An execution that goes on until it is known to have ended. Forgotten on the way, it is cancelled on the server.
struct Running<'a> {
    remote: &'a Remote,
    /// The operation's, once known and until it is done.
    name: Option<String>,
    since: Instant,
    /// The present stream has brought a message.
    heard: bool,
    /// No worker has begun, as far as we know.
    is_waiting: bool,
}

impl<'a> Running<'a> {
    fn new(remote: &'a Remote) -> Self {
        Self {
            remote,
            name: None,
            since: Instant::now(),
            heard: false,
            is_waiting: true,
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let Some(name) = self.name.take() else { return };
        let remote = self.remote.clone();
        // Nobody waits for it: a server that does not stop wastes only its own time.
        self.remote.connection().runtime().spawn(async move {
            let mut client = OperationsClient::new(remote.connection().channel());
            let asked = Box::pin(client.cancel_operation(remote.request(CancelOperationRequest { name })));
            if let Err(error) = remote.timely("CancelOperation", CANCEL_TIMEOUT, asked).await {
                tracing::debug!(%error, "the execution may go on");
            }
        });
    }
}
