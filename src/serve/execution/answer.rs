//! What the client is told: operations, their stages and their responses.

use super::flight::Progress;
use super::refusal::Refusal;
use crate::digest::{Digest, Function};
use crate::pb::longrunning::{Operation, operation};
use crate::pb::reapi::{self, ExecuteResponse, execution_stage::Value as Stage};
use crate::serve::job::RunError;
use crate::serve::metrics::ActionOutcome;
use crate::store::{DiskStore, StoreError};
use prost::Message;
use std::time::SystemTime;
use tonic::Code;

/// Standard output and standard error up to this size are in the response, each. Execute has no field to ask for that;
/// a client that wants them has them without another call, and remembered responses stay small.
const MOST_INLINED: u64 = 64 * 1024;

/// How an execution ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// The packed `ExecuteResponse`.
    pub(super) response: prost_types::Any,
    /// For the log and the counters.
    pub(super) outcome: ActionOutcome,
    /// The code of the response's status.
    pub(super) code: Code,
    /// The command's, if it ran.
    pub(super) exit: Option<i32>,
    /// When it was where.
    pub(super) times: reapi::ExecutedActionMetadata,
}

/// With a result, which was there or is new.
pub(super) fn with_result(result: reapi::ActionResult, cached: bool) -> Ended {
    let outcome = match result.exit_code {
        _ if cached => ActionOutcome::Cached,
        0 => ActionOutcome::Succeeded,
        _ => ActionOutcome::Failed,
    };
    let response = ExecuteResponse {
        result: Some(result),
        cached_result: cached,
        status: Some(crate::pb::rpc::Status::default()),
        ..Default::default()
    };
    ended(&response, outcome)
}

/// Without one; what a command printed before its time was over is told all the same.
pub(super) fn without_result(refusal: Refusal) -> Ended {
    let status = refusal.to_status();
    let outcome = match refusal.code() {
        Code::Cancelled => ActionOutcome::Cancelled,
        Code::DeadlineExceeded => ActionOutcome::TimedOut,
        Code::ResourceExhausted => ActionOutcome::Exhausted,
        Code::InvalidArgument | Code::FailedPrecondition | Code::NotFound => ActionOutcome::Refused,
        _ => ActionOutcome::Broken,
    };
    let result = match refusal {
        Refusal::Run(RunError::TimedOut { result, .. }) => Some(*result),
        _ => None,
    };
    let response = ExecuteResponse {
        result,
        message: status.message.clone(),
        status: Some(status),
        ..Default::default()
    };
    ended(&response, outcome)
}

fn ended(response: &ExecuteResponse, outcome: ActionOutcome) -> Ended {
    let code = response.status.as_ref().map_or(0, |status| status.code);
    let result = response.result.as_ref();
    Ended {
        code: Code::from_i32(code),
        exit: result.map(|result| result.exit_code),
        times: result
            .and_then(|result| result.execution_metadata.clone())
            .unwrap_or_default(),
        response: packed("ExecuteResponse", response),
        outcome,
    }
}

/// The operation at this moment.
pub(super) fn operation(name: &str, action: Digest, queued: SystemTime, progress: &Progress) -> Operation {
    let (stage, started, response) = match progress {
        Progress::Preparing => (Stage::CacheCheck, None, None),
        Progress::Queued => (Stage::Queued, None, None),
        Progress::Executing { since } => (Stage::Executing, Some((*since).into()), None),
        Progress::Ended(ended) => (
            Stage::Completed,
            ended.times.worker_start_timestamp,
            Some(ended.response.clone()),
        ),
    };
    let metadata = reapi::ExecuteOperationMetadata {
        stage: stage as i32,
        action_digest: Some(action.into()),
        partial_execution_metadata: Some(reapi::ExecutedActionMetadata {
            queued_timestamp: Some(queued.into()),
            worker_start_timestamp: started,
            ..Default::default()
        }),
        ..Default::default()
    };
    Operation {
        name: name.to_owned(),
        metadata: Some(packed("ExecuteOperationMetadata", &metadata)),
        done: response.is_some(),
        result: response.map(operation::Result::Response),
    }
}

fn packed(name: &str, message: &impl Message) -> prost_types::Any {
    prost_types::Any {
        type_url: format!("type.googleapis.com/build.bazel.remote.execution.v2.{name}"),
        value: message.encode_to_vec(),
    }
}

/// Moves what the command printed into the store, where a result that is kept has it.
pub(super) fn store_streams(
    store: &DiskStore,
    function: Function,
    result: &mut reapi::ActionResult,
) -> Result<(), StoreError> {
    for (raw, digest) in streams(result) {
        let content = std::mem::take(raw);
        if !content.is_empty() {
            let blob = function.digest(&content);
            store.put_bytes_as(blob, &content)?;
            *digest = Some(blob.into());
        }
    }
    Ok(())
}

/// Puts what the command printed into the result itself, if it is short.
pub(super) fn inline_streams(
    store: &DiskStore,
    function: Function,
    result: &mut reapi::ActionResult,
) -> Result<(), StoreError> {
    for (raw, digest) in streams(result) {
        let named = digest
            .as_ref()
            .and_then(|digest| function.digest_from_wire(digest).ok());
        if let Some(blob) = named.filter(|blob| blob.size() <= MOST_INLINED && raw.is_empty())
            && let Some(content) = store.read(blob)?
        {
            *raw = content.into();
        }
    }
    Ok(())
}

fn streams(result: &mut reapi::ActionResult) -> [(&mut Vec<u8>, &mut Option<reapi::Digest>); 2] {
    [
        (&mut result.stdout_raw, &mut result.stdout_digest),
        (&mut result.stderr_raw, &mut result.stderr_digest),
    ]
}
