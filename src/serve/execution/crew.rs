//! What brings an execution to its end: the look into the action cache, the inputs, the slot, the run, the result.

use super::answer::{self, Ended};
use super::flight::{Flight, Key, Progress};
use super::messages::{self, Timeouts};
use super::platform::Platform;
use super::queue::Queue;
use super::refusal::Refusal;
use super::tree;
use crate::pb::reapi;
use crate::serve::job::{Job, Run, RunError};
use crate::serve::metrics::Metrics;
use crate::serve::storage::FILES_IN_PLACE;
use crate::store::DiskStore;
use crate::store::disk::Pins;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What all executions share.
#[derive(Clone)]
pub(super) struct Crew {
    pub(super) store: DiskStore,
    pub(super) run: Arc<dyn Run>,
    pub(super) queue: Queue,
    pub(super) platform: Arc<Platform>,
    pub(super) timeouts: Timeouts,
    pub(super) metrics: Arc<Metrics>,
    /// Input trees that are looked at at the same time; each takes a thread and memory.
    pub(super) preparing: Arc<Semaphore>,
    /// Nothing new begins.
    pub(super) draining: CancellationToken,
    /// What runs ends too.
    pub(super) closing: CancellationToken,
}

/// An action that can be run.
struct Prepared {
    job: Job,
    inputs: Pins,
}

/// Why there is no execution, or why it has no result.
enum Failed {
    /// The call fails: the client asked for what cannot be.
    Call(Refusal),
    /// The execution fails. So do missing blobs: there may be more than fit into the trailers of a call.
    Execution(Refusal),
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(_) | Refusal::NoWorker(_) => Self::Call(refusal),
            _ => Self::Execution(refusal),
        }
    }
}

impl Crew {
    /// Brings the execution to its end. `landed` is called when its result is where others find it and before anybody
    /// is told. Outputs are held until all operations have been answered, `patience` at most.
    pub(super) async fn fly(self, flight: Arc<Flight>, patience: Duration, landed: impl FnOnce()) {
        let calling_off = async {
            flight.unwanted().await;
            flight.cancelled.cancel();
            std::future::pending::<()>().await;
        };
        let mut pins = None;
        let ended = tokio::select! {
            () = calling_off => unreachable!("it only calls off"),
            ended = self.ended(&flight, &mut pins) => ended,
        };
        self.metrics.action(ended.outcome);
        landed();
        flight.advance(Progress::Ended(Arc::new(ended)));
        tokio::select! {
            () = flight.unwanted() => {}
            () = tokio::time::sleep(patience) => {}
            () = self.closing.cancelled() => {}
        }
        drop(pins);
    }

    async fn ended(&self, flight: &Arc<Flight>, pins: &mut Option<Pins>) -> Ended {
        match self.steps(flight, pins).await {
            Ok(ended) => ended,
            Err(Failed::Call(refusal)) => {
                flight.refuse(refusal.to_status());
                answer::without_result(refusal)
            }
            Err(Failed::Execution(refusal)) => {
                let refusal = match refusal.code() {
                    tonic::Code::Cancelled if self.closing.is_cancelled() => Refusal::ShuttingDown,
                    _ => refusal,
                };
                log_trouble(flight, &refusal);
                answer::without_result(refusal)
            }
        }
    }

    async fn steps(&self, flight: &Arc<Flight>, pins: &mut Option<Pins>) -> Result<Ended, Failed> {
        if !flight.skips_lookup && !flight.message.do_not_cache {
            let found = self.lookup(flight).await?;
            self.metrics.lookup(found.is_some());
            if let Some(result) = found {
                return Ok(answer::with_result(result, true));
            }
        }
        let prepared = self.prepare(flight).await?;
        flight.advance(Progress::Queued);
        let slot = tokio::select! {
            biased;
            () = flight.cancelled.cancelled() => return Err(Refusal::Cancelled.into()),
            () = self.draining.cancelled() => return Err(Refusal::ShuttingDown.into()),
            slot = flight.ticket.slot() => slot,
        };
        let since = SystemTime::now();
        flight.advance(Progress::Executing { since });
        let result = self.run(prepared.job).await;
        drop(prepared.inputs);
        let completed = SystemTime::now();
        drop(slot);
        let stamp = |result: &mut reapi::ActionResult| {
            let times = result.execution_metadata.get_or_insert_default();
            times.queued_timestamp = Some(flight.queued.into());
            times.worker_start_timestamp = Some(since.into());
            times.worker_completed_timestamp = Some(completed.into());
        };
        let mut result = match result {
            Err(Refusal::Run(RunError::TimedOut { after, mut result })) => {
                stamp(&mut result);
                answer::inline_streams(&self.store, flight.key.action.function(), &mut result)
                    .map_err(Refusal::from)?;
                return Err(Refusal::Run(RunError::TimedOut { after, result }).into());
            }
            result => result?,
        };
        stamp(&mut result);
        self.metrics
            .phases(result.execution_metadata.as_ref().expect("just stamped"));
        let (ended, outputs) = self.keep(flight, result).await?;
        *pins = Some(outputs);
        Ok(ended)
    }

    async fn lookup(&self, flight: &Arc<Flight>) -> Result<Option<reapi::ActionResult>, Refusal> {
        let (store, function) = (self.store.clone(), flight.key.action.function());
        let key = flight.key.instance.result_key(flight.key.action);
        let Some(mut result) = store.recorded_result(key)? else {
            return Ok(None);
        };
        let is_quick = result.output_directories.is_empty() && result.output_files.len() <= FILES_IN_PLACE;
        perform(is_quick, move || {
            if !store.is_complete(&result, function)? {
                return Ok(None);
            }
            answer::inline_streams(&store, function, &mut result)?;
            Ok(Some(result))
        })
        .await
    }

    /// Looks at everything that can be wrong with the action before it waits for a slot.
    async fn prepare(&self, flight: &Arc<Flight>) -> Result<Prepared, Refusal> {
        let permit = tokio::select! {
            biased;
            () = flight.cancelled.cancelled() => return Err(Refusal::Cancelled),
            permit = self.preparing.clone().acquire_owned() => permit.expect("never closed"),
        };
        let (crew, flight) = (self.clone(), flight.clone());
        perform(false, move || {
            let _permit = permit;
            crew.examine(&flight)
        })
        .await
    }

    fn examine(&self, flight: &Flight) -> Result<Prepared, Refusal> {
        let (message, function) = (&flight.message, flight.key.action.function());
        let timeout = messages::timeout(message, self.timeouts)?;
        let command_digest = messages::digest(function, "Command", message.command_digest.as_ref())?;
        let input_root = messages::digest(function, "input root", message.input_root_digest.as_ref())?;
        let command = messages::command(&self.store, command_digest)?;
        if let Some(command) = &command {
            if let Some(why) = self.platform.refuses(message, command) {
                return Err(Refusal::NoWorker(why));
            }
            let program = command.arguments[0].rsplit('/').next().unwrap_or_default();
            flight.program.get_or_init(|| program.to_owned());
        }
        let mut blobs = tree::blobs(&self.store, input_root)?;
        blobs.extend([flight.key.action, command_digest]);
        // First held and then looked for: in the other order one could go in between.
        let inputs = self.store.pin(&blobs);
        let missing = self.store.missing(&blobs)?;
        if !missing.is_empty() {
            return Err(Refusal::Missing(missing));
        }
        let job = Job {
            action: flight.key.action,
            command: command.ok_or_else(|| Refusal::Missing(vec![command_digest]))?,
            input_root,
            timeout,
            cancelled: flight.cancelled.clone(),
        };
        Ok(Prepared { job, inputs })
    }

    async fn run(&self, job: Job) -> Result<reapi::ActionResult, Refusal> {
        let (run, action) = (self.run.clone(), job.action);
        // A task of its own, so that a panic is one action's and not the end of all who wait for it.
        match tokio::spawn(async move { run.run(job).await }).await {
            Ok(result) => Ok(result?),
            Err(error) => {
                tracing::error!(%error, %action, "running an action failed");
                Err(Refusal::Internal)
            }
        }
    }

    /// Keeps the result where the action cache finds it, if it is one to keep, and makes the response. Its blobs stay
    /// as long as the pins.
    async fn keep(&self, flight: &Arc<Flight>, mut result: reapi::ActionResult) -> Result<(Ended, Pins), Refusal> {
        let (store, flight) = (self.store.clone(), flight.clone());
        perform(false, move || {
            let Key { instance, action } = &flight.key;
            answer::store_streams(&store, action.function(), &mut result)?;
            let blobs = store.named_in(&result, action.function())?.unwrap_or_default();
            let pins = store.pin(&blobs);
            if !store.is_complete(&result, action.function())? {
                return Err(RunError::Exhausted("the store is too small for the outputs".to_owned()).into());
            }
            if result.exit_code == 0 && !flight.message.do_not_cache {
                let key = instance.result_key(*action);
                if let Err(error) = store.put_action_result(key, &result) {
                    // The action has run all the same.
                    tracing::warn!(%error, %action, "cannot keep a result");
                }
            }
            answer::inline_streams(&store, action.function(), &mut result)?;
            Ok((answer::with_result(result, false), pins))
        })
        .await
    }
}

/// The parts of a failure that concern the operator and that the client is not told.
fn log_trouble(flight: &Flight, refusal: &Refusal) {
    let causes = std::iter::successors(std::error::Error::source(refusal), |error| error.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    if !causes.is_empty() {
        tracing::warn!(action = %flight.key.action, error = %refusal, cause = causes.join(": "), "no result");
    }
}

/// Does what blocks (files, hashing) where it holds up no other task; here if it is over sooner than a thread begins.
async fn perform<T: Send + 'static>(
    is_quick: bool,
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    if is_quick {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            tracing::error!(%error, "looking into the store failed");
            Err(Refusal::Internal)
        }
    }
}
