//! One action on a server: look it up, upload what is missing, execute it, fetch what it left. Knows nothing of
//! compilers and decides nothing about running here instead.

mod failure;
mod result;

pub use failure::{BadResult, RemoteFailure};
pub use result::DeclaredOutputs;

use crate::digest::Digest;
use crate::execute::outcome::Outcome;
use crate::pb::reapi;
use crate::remote::{
    ExecutionLimits, ExecutionRequest, Refusal, Remote, RemoteActionCache, RemoteCas, RemoteError, RemoteExecution,
    Source, Uploaded,
};
use crate::store::disk::DiskStore;
use crate::store::read_through::ReadThrough;
use bytes::Bytes;
use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tonic::Code;

/// Rounds of uploading in which the server named nothing new, after which it is not asked again.
const STALE_ROUNDS: u32 = 2;

/// An action to execute.
pub struct RemoteRequest<'a> {
    /// The server with the CAS that the executor uses (`remote_cache`).
    pub cache: &'a Remote,
    /// The server that executes (`remote_executor`).
    pub executor: &'a Remote,
    /// How long it may take.
    pub limits: ExecutionLimits,
    /// The Action.
    pub action: Digest,
    /// The messages that it consists of: Action, Command, Directories.
    pub blobs: &'a [(Digest, Bytes)],
    /// The files that it reads, and where they lie here.
    pub files: &'a [(Digest, PathBuf)],
    /// Where an output may lie already, so that it is not downloaded. What is downloaded is kept there.
    pub near: Option<&'a DiskStore>,
    /// What it may leave.
    pub outputs: &'a DeclaredOutputs,
    /// Run it even if there is a result.
    pub skip_cache_lookup: bool,
    /// 0 is the server's default; lower runs sooner.
    pub priority: i32,
    /// Ends it: the server is asked to stop.
    pub cancelled: &'a CancellationToken,
}

/// An outcome and what it cost.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The outcome. A non-zero exit in it is the tool's own.
    pub outcome: Outcome,
    /// What it cost.
    pub cost: Cost,
}

/// What an action cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// What was uploaded for it (and not by a concurrent action).
    pub uploaded: Uploaded,
    /// Bytes of its outputs, stdout and stderr that were not here.
    pub downloaded_bytes: u64,
    /// Finding out what is missing, and uploading it.
    pub upload: Duration,
    /// From Execute to its response; for a lookup, GetActionResult.
    pub execute: Duration,
    /// Fetching the outputs.
    pub download: Duration,
}

/// The result that the server's action cache has for the action, complete and proven. `None` also for a result that
/// names blobs that are gone, that lacks an output, or that is a failure's: some servers keep even those of a broken
/// sandbox, and only a run can tell.
pub async fn lookup(
    cache: &Remote,
    near: Option<&DiskStore>,
    action: Digest,
    outputs: &DeclaredOutputs,
    cancelled: &CancellationToken,
) -> Result<Option<Finished>, RemoteFailure> {
    let finding = async {
        let mut cost = Cost::default();
        let found = timed(
            &mut cost.execute,
            RemoteActionCache::new(cache.clone()).lookup(action, &outputs.paths),
        )
        .await?;
        let Some(result) = found.filter(|result| result.exit_code == 0) else {
            return Ok(None);
        };
        let blobs = ReadThrough::new(near.cloned(), RemoteCas::new(cache.clone()));
        let outcome = match timed(&mut cost.download, result::fetch(&blobs, result, outputs, true)).await {
            Err(RemoteFailure::BadResult(BadResult::Dangling(_))) => return Ok(None),
            outcome => outcome?,
        };
        if !missing_outputs(&outcome, outputs).is_empty() {
            return Ok(None);
        }
        cost.downloaded_bytes = size(&outcome) - blobs.spared_bytes();
        Ok(Some(Finished { outcome, cost }))
    };
    unless_cancelled(cancelled, Box::pin(finding)).await
}

/// Executes the action and fetches its outcome.
pub async fn execute(request: RemoteRequest<'_>) -> Result<Finished, RemoteFailure> {
    let cancelled = request.cancelled.clone();
    unless_cancelled(&cancelled, Box::pin(run(&request))).await
}

async fn run(request: &RemoteRequest<'_>) -> Result<Finished, RemoteFailure> {
    let capabilities = request.executor.capabilities().await?;
    capabilities.execution().map_err(|reason| RemoteError::Unusable {
        endpoint: request.executor.address().to_owned(),
        reason,
    })?;
    let cas = RemoteCas::new(request.cache.clone());
    let mut cost = Cost::default();
    let mut skip_cache_lookup = request.skip_cache_lookup;
    loop {
        let response = upload_and_execute(request, &cas, skip_cache_lookup, &mut cost).await?;
        let cached = response.cached_result;
        let result = response.result.ok_or(RemoteError::Protocol {
            endpoint: request.executor.address().to_owned(),
            call: "Execute",
            what: "a response without a result".to_owned(),
        })?;
        let blobs = ReadThrough::new(request.near.cloned(), cas.clone());
        let fetched = timed(
            &mut cost.download,
            result::fetch(&blobs, result, request.outputs, cached),
        )
        .await;
        let finished = fetched.and_then(|outcome| killed(&outcome, request.outputs).map_or(Ok(outcome), Err));
        let doubtful = match &finished {
            // A result that a cache had, and that only a run can confirm; or whose blobs are gone.
            Ok(outcome) => outcome.cached && outcome.exit != 0,
            Err(RemoteFailure::BadResult(BadResult::Dangling(_))) => true,
            Err(RemoteFailure::Killed { .. }) => cached,
            Err(_) => false,
        };
        if doubtful && !skip_cache_lookup {
            skip_cache_lookup = true;
            continue;
        }
        let outcome = finished?;
        cost.downloaded_bytes = size(&outcome) - blobs.spared_bytes();
        return Ok(Finished { outcome, cost });
    }
}

/// Executes, and each time the server lacks something, uploads that. Some servers name one blob at a time, some none.
async fn upload_and_execute(
    request: &RemoteRequest<'_>,
    cas: &RemoteCas,
    skip_cache_lookup: bool,
    cost: &mut Cost,
) -> Result<reapi::ExecuteResponse, RemoteFailure> {
    let blobs = request
        .blobs
        .iter()
        .map(|(digest, content)| (*digest, Source::Bytes(content.clone())));
    let files = request
        .files
        .iter()
        .map(|(digest, path)| (*digest, Source::Path(path.clone())));
    let inputs: Vec<_> = blobs.chain(files).collect();
    let execution = RemoteExecution::new(request.executor.clone(), request.limits);
    let mut named = HashSet::new();
    let mut stale = 0;
    loop {
        let uploaded = timed(&mut cost.upload, cas.ensure_present(&inputs))
            .await
            .map_err(RemoteFailure::of_upload)?;
        cost.uploaded.blobs += uploaded.blobs;
        cost.uploaded.bytes += uploaded.bytes;
        let asked = ExecutionRequest {
            action: request.action,
            skip_cache_lookup,
            priority: request.priority,
        };
        let refusal = match timed(&mut cost.execute, execution.execute(asked)).await {
            Ok(response) => return Ok(response),
            Err(RemoteError::Status(refusal)) if may_lack_blobs(&refusal) => refusal,
            Err(error) => return Err(error.into()),
        };
        let mut lacking = refusal.missing_blobs();
        if lacking.is_empty() {
            let all: Vec<_> = inputs.iter().map(|(digest, _)| *digest).collect();
            lacking = cas.missing(&all).await?;
            // It is about something else, such as a platform. Where the code is that of missing blobs it is asked once
            // more: somebody else may have brought them meanwhile.
            if lacking.is_empty() && (refusal.code != Code::FailedPrecondition || stale > 0) {
                return Err(RemoteError::Status(refusal).into());
            }
        }
        cas.forget(&lacking);
        // Not a plain filter: a server may name the same blob for ever.
        let fresh = lacking.iter().filter(|digest| named.insert(**digest)).count();
        stale = if fresh == 0 { stale + 1 } else { 0 };
        if stale == STALE_ROUNDS {
            return Err(RemoteFailure::MissingBlobs { lacking: lacking.len() });
        }
    }
}

/// Whether an execution may have failed for want of a blob. The protocol's code is FAILED_PRECONDITION; the runners of
/// buildbox say NOT_FOUND or INTERNAL, without details, which may as well be about a program.
fn may_lack_blobs(refusal: &Refusal) -> bool {
    match refusal.code {
        Code::FailedPrecondition => !refusal.is_no_worker(),
        code => matches!(code, Code::NotFound | Code::Internal),
    }
}

/// Whether the tool was killed rather than ended: servers report it as a negative exit code, as 128 and more, as 9
/// without a word, or even as a success that left nothing.
fn killed(outcome: &Outcome, declared: &DeclaredOutputs) -> Option<RemoteFailure> {
    let missing = match outcome.exit {
        0 => missing_outputs(outcome, declared),
        _ => Vec::new(),
    };
    let killed = match outcome.exit {
        0 => !missing.is_empty(),
        9 => outcome.stderr.is_empty(),
        exit => !(0..128).contains(&exit),
    };
    killed.then_some(RemoteFailure::Killed {
        exit: outcome.exit,
        missing,
    })
}

fn missing_outputs(outcome: &Outcome, declared: &DeclaredOutputs) -> Vec<String> {
    let present: HashSet<&str> = outcome.outputs.iter().map(|output| output.path.as_str()).collect();
    let missing = declared.paths.iter().filter(|path| !present.contains(path.as_str()));
    missing.cloned().collect()
}

fn size(outcome: &Outcome) -> u64 {
    let outputs: u64 = outcome.outputs.iter().map(|output| output.digest.size()).sum();
    outputs + outcome.stdout.len() as u64 + outcome.stderr.len() as u64
}

/// Adds the time that the work takes.
async fn timed<T>(total: &mut Duration, work: impl Future<Output = T>) -> T {
    let begin = Instant::now();
    let value = work.await;
    *total += begin.elapsed();
    value
}

async fn unless_cancelled<T>(
    cancelled: &CancellationToken,
    work: impl Future<Output = Result<T, RemoteFailure>>,
) -> Result<T, RemoteFailure> {
    tokio::select! {
        biased;
        () = cancelled.cancelled() => Err(RemoteFailure::Cancelled),
        result = work => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_is_told_from_an_exit() {
        let declared = DeclaredOutputs {
            paths: vec!["a.o".to_owned()],
            max_size: 1,
        };
        let check = |exit, stderr: &'static [u8], leaves: bool, expected: Option<&str>| {
            let output = crate::execute::outcome::OutputBlob {
                path: "a.o".to_owned(),
                digest: Digest::empty(),
                content: crate::store::Blob::Bytes(Bytes::new()),
            };
            let outcome = Outcome {
                exit,
                stdout: Bytes::new(),
                stderr: Bytes::from_static(stderr),
                outputs: leaves.then_some(output).into_iter().collect(),
                worker: String::new(),
                cached: false,
            };
            let shown = killed(&outcome, &declared).map(|failure| failure.to_string());
            assert_eq!(shown.as_deref(), expected, "{exit}");
        };
        check(0, b"", true, None);
        check(1, b"error: x", false, None);
        check(127, b"", false, None);
        check(9, b"nine errors", false, None);
        check(9, b"", false, Some("the tool was killed on the worker (exit code 9)"));
        check(
            -1,
            b"x",
            false,
            Some("the tool was killed on the worker (exit code -1)"),
        );
        check(
            137,
            b"x",
            false,
            Some("the tool was killed on the worker (exit code 137)"),
        );
        let text = "the tool was killed on the worker (exit code 0) and left no `a.o`";
        check(0, b"", false, Some(text));
    }
}
