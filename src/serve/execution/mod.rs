//! The Execution service and the Operations that it makes: who asks for what, whose turn it is, what comes of it. How
//! an action is run is not known here: that is [`Run`]'s.
//!
//! An Execute call makes an *operation*, which is a claim on an *execution*; equal actions of an instance that are in
//! flight at the same time share one. An execution goes on without streams, and ends early when the last of its
//! operations was cancelled or has been followed by nobody for a minute.

mod answer;
mod crew;
mod flight;
mod messages;
mod operation;
mod platform;
mod queue;
mod refusal;
mod table;
#[cfg(test)]
mod tests;
mod tree;

pub use operation::Updates;

use crate::digest::{Digest, Function};
use crate::pb::longrunning::operations_server::Operations;
use crate::pb::longrunning::{
    CancelOperationRequest, DeleteOperationRequest, GetOperationRequest, ListOperationsRequest, ListOperationsResponse,
    Operation,
};
use crate::pb::reapi::{self, execution_server::Execution};
use crate::serve::caller::Caller;
use crate::serve::instance::Instance;
use crate::serve::job::Run;
use crate::serve::metrics::{ActionOutcome, Metrics, durations_of};
use crate::store::DiskStore;
use crew::Crew;
use flight::{Flight, Key};
use messages::Timeouts;
use operation::{Claim, Close, Follower};
use platform::Platform;
use queue::Queue;
use refusal::{Refusal, as_call, quoted};
use std::sync::Arc;
use std::time::Duration;
use table::{Begun, Table};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status};

/// How long an operation that nobody follows keeps its claim, and so how long a client has to come back.
const ABANDONED_AFTER: Duration = Duration::from_mins(1);

/// How long a cancelled action may take to end before the server ends without it.
const KILLED_WITHIN: Duration = Duration::from_secs(10);

/// How actions are executed.
#[derive(Clone, Debug)]
pub struct ExecutionOptions {
    /// How many at once; at least one.
    pub slots: usize,
    /// What this machine announces to be: names and values of platform properties.
    pub platform: Vec<(String, String)>,
    /// How long an action may run that does not say.
    pub default_timeout: Duration,
    /// How long an action may ask for.
    pub max_timeout: Duration,
}

/// Execution and Operations. Clones are one service; any priority is one to it.
#[derive(Clone)]
pub struct ExecutionService {
    crew: Crew,
    table: Arc<Table>,
    /// Executions and operations that have not ended.
    tasks: TaskTracker,
}

impl ExecutionService {
    /// Executes actions from `store` by `run`.
    pub fn new(store: DiskStore, run: Arc<dyn Run>, options: ExecutionOptions, metrics: Arc<Metrics>) -> Self {
        let crew = Crew {
            store,
            run,
            queue: Queue::new(options.slots, metrics.clone()),
            platform: Arc::new(Platform::new(options.platform)),
            timeouts: Timeouts {
                default: options.default_timeout.min(options.max_timeout),
                max: options.max_timeout,
            },
            metrics,
            preparing: Arc::new(Semaphore::new(options.slots.clamp(2, 16))),
            draining: CancellationToken::new(),
            closing: CancellationToken::new(),
        };
        Self {
            crew,
            table: Arc::default(),
            tasks: TaskTracker::new(),
        }
    }

    /// Ends the service: from now on Execute is UNAVAILABLE, and so are the responses of those that wait for a slot.
    /// Those that run have `grace` to end and to be answered, and are then cancelled. WaitExecution still answers.
    pub async fn drain(&self, grace: Duration) {
        self.crew.draining.cancel();
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_ok() {
            return;
        }
        self.crew.closing.cancel();
        if tokio::time::timeout(KILLED_WITHIN, self.tasks.wait()).await.is_err() {
            tracing::error!(tasks = self.tasks.len(), "actions that were cancelled do not end");
        }
    }

    /// Begins to execute. What cannot be known without a look into the store is checked later.
    fn begin(&self, request: &reapi::ExecuteRequest, caller: Option<Caller>) -> Result<Follower, Refusal> {
        let key = key(request)?;
        // A small file: sooner read than handed to another thread.
        let message = messages::action(&self.crew.store, key.action)?;
        if self.crew.draining.is_cancelled() {
            return Err(Refusal::ShuttingDown);
        }
        let skip = request.skip_cache_lookup;
        let priority = request.execution_policy.as_ref().map_or(0, |policy| policy.priority);
        let shared = (!message.do_not_cache).then(|| key.clone());
        let new = || {
            let ticket = self.crew.queue.ticket(priority);
            Flight::new(key, message, skip, ticket, self.crew.closing.child_token())
        };
        let join = |flight: &Flight| flight.join(skip, priority);
        let begun = self.table.begin(shared.as_ref(), caller, join, new);
        let claim = match begun.map_err(Refusal::TooMany)? {
            Begun::Merged(claim) => {
                self.crew.metrics.merged();
                claim
            }
            Begun::New(claim) => {
                self.launch(&claim.flight);
                claim
            }
        };
        let follower = claim.follow();
        let (table, closing) = (self.table.clone(), self.crew.closing.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                () = claim.attend(ABANDONED_AFTER) => {}
                () = closing.cancelled() => claim.flight.landed().await,
            }
            log(&claim);
            table.closed(&claim.name);
        });
        Ok(follower)
    }

    fn launch(&self, flight: &Arc<Flight>) {
        let (table, landing) = (self.table.clone(), flight.clone());
        let landed = move || table.landed(&landing);
        self.tasks
            .spawn(self.crew.clone().fly(flight.clone(), ABANDONED_AFTER, landed));
    }

    fn find(&self, name: &str, caller: Option<&Caller>) -> Result<Arc<Claim>, Status> {
        let claim = self.table.get(name, caller);
        claim.ok_or_else(|| Status::not_found(format!("there is no operation {}", quoted(name))))
    }
}

#[tonic::async_trait]
impl Execution for ExecutionService {
    type ExecuteStream = Updates;

    async fn execute(&self, request: Request<reapi::ExecuteRequest>) -> Result<Response<Updates>, Status> {
        if self.crew.draining.is_cancelled() {
            return Err(Refusal::ShuttingDown.into());
        }
        let caller = caller(&request);
        let follower = self.begin(request.get_ref(), caller)?;
        let claim = follower.claim().clone();
        if let Err(status) = claim.flight.accepted().await {
            claim.close(Close::Answered);
            self.table.remove(&claim.name);
            return Err(as_call(&status));
        }
        Ok(Response::new(follower.updates()))
    }

    type WaitExecutionStream = Updates;

    async fn wait_execution(&self, request: Request<reapi::WaitExecutionRequest>) -> Result<Response<Updates>, Status> {
        let claim = self.find(&request.get_ref().name, caller(&request).as_ref())?;
        Ok(Response::new(claim.follow().updates()))
    }
}

#[tonic::async_trait]
impl Operations for ExecutionService {
    async fn list_operations(
        &self,
        request: Request<ListOperationsRequest>,
    ) -> Result<Response<ListOperationsResponse>, Status> {
        let asked = request.get_ref();
        if !asked.filter.is_empty() {
            return Err(Status::invalid_argument("there are no filters"));
        }
        let page = self
            .table
            .list(caller(&request).as_ref(), &asked.page_token, asked.page_size);
        Ok(Response::new(page))
    }

    async fn get_operation(&self, request: Request<GetOperationRequest>) -> Result<Response<Operation>, Status> {
        let claim = self.find(&request.get_ref().name, caller(&request).as_ref())?;
        Ok(Response::new(claim.now()))
    }

    /// Forgets the name. What runs goes on for those who follow it.
    async fn delete_operation(&self, request: Request<DeleteOperationRequest>) -> Result<Response<()>, Status> {
        let claim = self.find(&request.get_ref().name, caller(&request).as_ref())?;
        self.table.remove(&claim.name);
        Ok(Response::new(()))
    }

    /// Ends the operation at once, and the execution if no other operation wants it.
    async fn cancel_operation(&self, request: Request<CancelOperationRequest>) -> Result<Response<()>, Status> {
        let claim = self.find(&request.get_ref().name, caller(&request).as_ref())?;
        claim.close(Close::Cancelled);
        Ok(Response::new(()))
    }
}

fn caller<T>(request: &Request<T>) -> Option<Caller> {
    request.extensions().get().cloned()
}

fn key(request: &reapi::ExecuteRequest) -> Result<Key, Refusal> {
    let instance = Instance::parse(&request.instance_name).map_err(|error| Refusal::Invalid(error.to_string()))?;
    let function = Function::from_wire(request.digest_function);
    let function = function.ok_or_else(|| {
        let function = request.digest_function;
        Refusal::Invalid(format!("digests of function {function} are not known here"))
    })?;
    let action: Digest = messages::digest(function, "Action", request.action_digest.as_ref())?;
    Ok(Key { instance, action })
}

/// One line per operation. Of the command only the name of the program: the rest may have secrets.
fn log(claim: &Claim) {
    let flight = &claim.flight;
    let ended = flight.ended();
    let cancelled = matches!(claim.closed(), Some(Close::Cancelled | Close::Abandoned));
    let ended = ended.as_ref().filter(|_| !cancelled);
    let outcome = ended.map_or(ActionOutcome::Cancelled, |ended| ended.outcome);
    // A cached result has the times of the run that it is from, and its Command was not read.
    let ran = ended.filter(|ended| ended.outcome != ActionOutcome::Cached);
    let [queue, fetch, run, upload] = ran.map(|ended| durations_of(&ended.times)).unwrap_or_default();
    let from = match outcome {
        ActionOutcome::Cached => "cache",
        _ if claim.merged => "another operation",
        _ => "run",
    };
    tracing::info!(
        operation = claim.name,
        action = %flight.key.action,
        instance = %quoted(flight.key.instance.name()),
        program = flight.program.get().map(|program| tracing::field::display(quoted(program))),
        ?outcome,
        code = ?ended.map_or(tonic::Code::Cancelled, |ended| ended.code),
        exit = ended.and_then(|ended| ended.exit),
        from,
        ?queue,
        ?fetch,
        ?run,
        ?upload,
        caller = claim.caller.as_ref().map(|caller| caller.0.as_str()),
        "executed"
    );
}
