//! The service with a run that does what its command is called.

mod answers;
mod hostile;
mod lifetime;
mod told;
mod wire;

use super::*;
use crate::pb::longrunning::operation::Result as Verdict;
use crate::serve::job::{Job, RunError};
use prost::Message as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;
use tokio_stream::StreamExt as _;

/// Runs nothing: the first argument says what to pretend.
pub(super) struct Script {
    store: DiskStore,
    /// The second arguments, in the order in which they began.
    begun: watch::Sender<Vec<String>>,
    /// How many may end. `gated` commands wait for that.
    gate: Semaphore,
    pub(super) now: AtomicUsize,
    pub(super) most: AtomicUsize,
    cancelled: AtomicUsize,
}

impl Script {
    async fn wait(&self, job: &Job) -> Result<(), RunError> {
        tokio::select! {
            biased;
            () = job.cancelled.cancelled() => {
                self.cancelled.fetch_add(1, Ordering::SeqCst);
                Err(RunError::Cancelled)
            }
            permit = self.gate.acquire() => {
                permit.expect("never closed").forget();
                Ok(())
            }
        }
    }

    fn result(&self, job: &Job, exit_code: i32) -> reapi::ActionResult {
        let function = job.action.function();
        let output = function.digest(b"output");
        self.store.put_bytes_as(output, b"output").expect("a store");
        reapi::ActionResult {
            exit_code,
            stdout_raw: b"out".to_vec(),
            stderr_raw: b"err".to_vec(),
            output_files: vec![reapi::OutputFile {
                path: "a.o".to_owned(),
                digest: Some(output.into()),
                ..Default::default()
            }],
            ..Default::default()
        }
    }
}

#[tonic::async_trait]
impl Run for Script {
    async fn run(&self, job: Job) -> Result<reapi::ActionResult, RunError> {
        let label = job.command.arguments.get(1).cloned().unwrap_or_default();
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.begun.send_modify(|begun| begun.push(label));
        let io = |kind: std::io::ErrorKind| std::io::Error::from(kind);
        let ended = match job.command.arguments[0].as_str() {
            "gated" => self.wait(&job).await.map(|()| self.result(&job, 0)),
            "/usr/bin/false" => Ok(self.result(&job, 1)),
            "slow" => Err(RunError::TimedOut {
                after: job.timeout,
                result: Box::new(self.result(&job, 137)),
            }),
            "unfetched" => Err(RunError::Missing(vec![job.input_root])),
            "wrong" => Err(RunError::Invalid("wrong".to_owned())),
            "nowhere" => Err(RunError::NotFound("no program `nowhere`".to_owned())),
            "greedy" => Err(RunError::Exhausted("too much memory".to_owned())),
            "broken" => Err(RunError::Host {
                what: "start `/secret`".to_owned(),
                source: io(std::io::ErrorKind::PermissionDenied),
            }),
            "panics" => panic!("as told"),
            _ => Ok(self.result(&job, 0)),
        };
        self.now.fetch_sub(1, Ordering::SeqCst);
        ended
    }
}

/// A service on a store of its own.
pub(super) struct Fixture {
    _dir: tempfile::TempDir,
    pub(super) store: DiskStore,
    pub(super) script: Arc<Script>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) service: ExecutionService,
}

/// What came of an execution.
pub(super) type Answer = Result<reapi::ExecuteResponse, Status>;

impl Fixture {
    pub(super) fn new(slots: usize) -> Self {
        Self::bounded(slots, 0)
    }

    /// With a store of this size.
    pub(super) fn bounded(slots: usize, size: u64) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let store = DiskStore::open(dir.path(), size).expect("a store");
        let script = Arc::new(Script {
            store: store.clone(),
            begun: watch::Sender::default(),
            gate: Semaphore::new(0),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            cancelled: AtomicUsize::new(0),
        });
        let options = ExecutionOptions {
            slots,
            platform: vec![("OSFamily".to_owned(), "Linux".to_owned())],
            default_timeout: Duration::from_mins(1),
            max_timeout: Duration::from_hours(1),
        };
        let metrics = Arc::new(Metrics::new(store.clone()));
        let service = ExecutionService::new(store.clone(), script.clone(), options, metrics.clone());
        Self {
            _dir: dir,
            store,
            script,
            metrics,
            service,
        }
    }

    pub(super) fn put(&self, message: &impl prost::Message) -> Digest {
        self.store.put_bytes(&message.encode_to_vec()).expect("a store")
    }

    /// An action whose command has these arguments, changed by `change`.
    pub(super) fn action_with(
        &self,
        arguments: &[&str],
        change: impl FnOnce(&mut reapi::Action, &mut reapi::Command),
    ) -> Digest {
        let mut command = reapi::Command {
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            output_paths: vec!["a.o".to_owned()],
            ..Default::default()
        };
        let mut action = reapi::Action {
            input_root_digest: Some(Digest::empty().into()),
            ..Default::default()
        };
        change(&mut action, &mut command);
        let command = self.put(&command);
        action.command_digest.get_or_insert(command.into());
        self.put(&action)
    }

    pub(super) fn action(&self, arguments: &[&str]) -> Digest {
        self.action_with(arguments, |_, _| {})
    }

    /// Execute, from the call on.
    pub(super) async fn start(&self, request: reapi::ExecuteRequest) -> Result<Updates, Status> {
        Ok(self.service.execute(Request::new(request)).await?.into_inner())
    }

    /// Execute, to its end.
    pub(super) async fn execute(&self, request: reapi::ExecuteRequest) -> Answer {
        Ok(end(self.start(request).await?).await)
    }

    /// The operation with this name, as GetOperation has it.
    async fn get(&self, name: &str) -> Result<Operation, Status> {
        let request = GetOperationRequest { name: name.to_owned() };
        Ok(self.service.get_operation(Request::new(request)).await?.into_inner())
    }

    async fn wait(&self, name: &str) -> Result<Updates, Status> {
        let request = reapi::WaitExecutionRequest { name: name.to_owned() };
        Ok(self.service.wait_execution(Request::new(request)).await?.into_inner())
    }

    async fn cancel(&self, name: &str) -> Result<(), Status> {
        let request = CancelOperationRequest { name: name.to_owned() };
        self.service.cancel_operation(Request::new(request)).await.map(|_| ())
    }

    /// Waits until this many commands have begun; their labels, in order.
    pub(super) async fn begun(&self, count: usize) -> Vec<String> {
        let mut begun = self.script.begun.subscribe();
        begun
            .wait_for(|begun| begun.len() >= count)
            .await
            .expect("the script lives")
            .clone()
    }

    pub(super) fn let_end(&self, count: usize) {
        self.script.gate.add_permits(count);
    }

    pub(super) fn runs(&self) -> usize {
        self.script.begun.borrow().len()
    }
}

pub(super) fn request(action: Digest) -> reapi::ExecuteRequest {
    reapi::ExecuteRequest {
        action_digest: Some(action.into()),
        digest_function: action.function().to_wire() as i32,
        ..Default::default()
    }
}

fn urgent(action: Digest, priority: i32) -> reapi::ExecuteRequest {
    reapi::ExecuteRequest {
        execution_policy: Some(reapi::ExecutionPolicy { priority }),
        ..request(action)
    }
}

async fn next(updates: &mut Updates) -> Operation {
    updates.next().await.expect("a message").expect("no error")
}

/// Reads until the execution has the stage.
async fn until(updates: &mut Updates, wanted: reapi::execution_stage::Value) -> Operation {
    loop {
        let operation = next(updates).await;
        if stage(&operation) == wanted {
            return operation;
        }
    }
}

fn stage(operation: &Operation) -> reapi::execution_stage::Value {
    let metadata = operation.metadata.as_ref().expect("metadata");
    assert!(
        metadata
            .type_url
            .ends_with("/build.bazel.remote.execution.v2.ExecuteOperationMetadata")
    );
    reapi::ExecuteOperationMetadata::decode(&*metadata.value)
        .expect("metadata")
        .stage()
}

fn response(operation: Operation) -> reapi::ExecuteResponse {
    assert!(operation.done);
    let Some(Verdict::Response(any)) = operation.result else {
        panic!("no response: {operation:?}");
    };
    assert_eq!(
        any.type_url,
        "type.googleapis.com/build.bazel.remote.execution.v2.ExecuteResponse"
    );
    reapi::ExecuteResponse::decode(&*any.value).expect("a response")
}

/// The response at the end of the stream.
pub(super) async fn end(mut updates: Updates) -> reapi::ExecuteResponse {
    let last = until(&mut updates, reapi::execution_stage::Value::Completed).await;
    assert!(updates.next().await.is_none(), "the stream ends with the execution");
    response(last)
}

pub(super) fn code(response: &reapi::ExecuteResponse) -> tonic::Code {
    tonic::Code::from_i32(response.status.as_ref().expect("a status").code)
}
