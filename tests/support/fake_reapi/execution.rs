//! Execution and Operations. An execution goes on without its stream.

use super::worker::Refused;
use super::{Fault, Rpc, State, detailed, digest};
use prost::Message;
use rewrap::digest::Digest;
use rewrap::pb::longrunning::{self, Operation, operation};
use rewrap::pb::{reapi, rpc};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};

pub(super) struct Executor(pub(super) Arc<State>);

type Operations = ReceiverStream<Result<Operation, Status>>;

#[tonic::async_trait]
impl reapi::execution_server::Execution for Executor {
    type ExecuteStream = Operations;

    async fn execute(&self, request: Request<reapi::ExecuteRequest>) -> Result<Response<Operations>, Status> {
        let fault = self.0.arrive(Rpc::Execute, request.metadata()).await?;
        let request = request.into_inner();
        let action = digest(request.action_digest.as_ref())?;
        if matches!(fault, Some(Fault::LoseInputs)) {
            self.0.lose_inputs(action);
        }
        if self.0.get(action).is_none() {
            return Err(detailed(self.0.missing_status(&[action])));
        }
        let (name, operation) = self.start(action, request.skip_cache_lookup, fault.clone());
        Ok(Response::new(self.follow(name, operation, fault)))
    }

    type WaitExecutionStream = Operations;

    async fn wait_execution(
        &self,
        request: Request<reapi::WaitExecutionRequest>,
    ) -> Result<Response<Operations>, Status> {
        let fault = self.0.arrive(Rpc::WaitExecution, request.metadata()).await?;
        if !self.0.habits.has_wait_execution {
            return Err(Status::unimplemented("WaitExecution"));
        }
        let name = request.into_inner().name;
        let operation = self.0.inner().operations.get(&name).cloned();
        let operation = operation.ok_or_else(|| Status::not_found("no such operation"))?;
        Ok(Response::new(self.follow(name, operation, fault)))
    }
}

impl Executor {
    /// Begins an execution; its state can be watched from then on.
    fn start(&self, action: Digest, skip: bool, fault: Option<Fault>) -> (String, watch::Receiver<Operation>) {
        let state = self.0.clone();
        let mut inner = self.0.inner();
        let name = format!("operations/{}", inner.operations.len());
        let (sender, receiver) = watch::channel(state.operation(&name, reapi::execution_stage::Value::Queued));
        inner.operations.insert(name.clone(), receiver.clone());
        let task = tokio::spawn({
            let name = name.clone();
            async move {
                let result = state.execute(action, skip, fault, || {
                    sender.send_replace(state.operation(&name, reapi::execution_stage::Value::Executing));
                });
                let mut operation = state.operation(&name, reapi::execution_stage::Value::Completed);
                operation.result = Some(result.await);
                operation.done = true;
                state.inner().running.remove(&name);
                sender.send_replace(operation);
            }
        });
        inner.running.insert(name.clone(), task.abort_handle());
        (name, receiver)
    }

    /// Streams the state until it is done, or until the fault.
    fn follow(&self, name: String, mut operation: watch::Receiver<Operation>, fault: Option<Fault>) -> Operations {
        let (sender, receiver) = mpsc::channel(4);
        let state = self.0.clone();
        tokio::spawn(async move {
            let mut sent = 0;
            loop {
                let end = match fault {
                    Some(Fault::BreakAfter(count, code)) if sent == count => {
                        Some(Some(Status::new(code, "broken on the way")))
                    }
                    Some(Fault::EndAfter(count)) if sent == count => Some(None),
                    _ => None,
                };
                if let Some(status) = end {
                    if state.habits.forgets_operations {
                        state.inner().operations.remove(&name);
                    }
                    if let Some(status) = status {
                        let _gone = sender.send(Err(status)).await;
                    }
                    return;
                }
                let current = operation.borrow_and_update().clone();
                let done = current.done;
                sent += 1;
                if sender.send(Ok(current)).await.is_err() || done || operation.changed().await.is_err() {
                    return;
                }
            }
        });
        ReceiverStream::new(receiver)
    }
}

impl State {
    fn operation(&self, name: &str, stage: reapi::execution_stage::Value) -> Operation {
        let metadata = reapi::ExecuteOperationMetadata {
            stage: stage as i32,
            ..Default::default()
        };
        let url = "type.googleapis.com/build.bazel.remote.execution.v2.ExecuteOperationMetadata";
        Operation {
            name: name.to_owned(),
            metadata: self.habits.tells_stage.then(|| prost_types::Any {
                type_url: url.to_owned(),
                value: metadata.encode_to_vec(),
            }),
            ..Default::default()
        }
    }

    async fn execute(
        &self,
        action: Digest,
        skip: bool,
        fault: Option<Fault>,
        begins: impl FnOnce(),
    ) -> operation::Result {
        match fault {
            Some(Fault::OperationError(status)) => return operation::Result::Error(status),
            Some(Fault::Verdict(status)) => return response(None, false, Some(status)),
            _ => {}
        }
        let cached = self.inner().results.get(&action).cloned();
        if let Some(result) = cached.filter(|_| self.habits.serves_cached && !(skip && self.habits.respects_skip)) {
            return response(Some(result), true, None);
        }
        let (message, command) = match self.prepare(action) {
            Ok(found) => found,
            Err(Refused::Missing(missing)) => return response(None, false, Some(self.missing_status(&missing))),
            Err(Refused::Status(status)) => return failed(&status),
        };
        if self.habits.gated {
            self.gate.acquire().await.expect("never closed").forget();
        }
        begins();
        self.inner().executed += 1;
        let mut result = match self.run(&message, &command).await {
            Ok(result) => result,
            Err(status) => return failed(&status),
        };
        if let Some(edit) = self.habits.edit_result {
            edit(&mut result);
        }
        let store = result.exit_code == 0 || self.habits.caches_failures;
        if store && !(message.do_not_cache && self.habits.respects_do_not_cache) {
            self.inner().results.insert(action, result.clone());
        }
        if matches!(fault, Some(Fault::LoseOutputs)) {
            let mut inner = self.inner();
            for file in &result.output_files {
                inner.blobs.remove(&digest(file.digest.as_ref()).expect("just made"));
            }
        }
        if self.habits.inlines {
            let all: Vec<String> = command.output_paths.clone();
            self.inline(&mut result, &all);
        }
        response(Some(result), false, None)
    }

    /// Loses everything that the action names, but not the action.
    fn lose_inputs(&self, action: Digest) {
        let Some(content) = self.get(action) else { return };
        let message = reapi::Action::decode(content).expect("an Action");
        for wire in [message.command_digest, message.input_root_digest] {
            let digest = digest(wire.as_ref()).expect("a digest");
            self.inner().blobs.remove(&digest);
        }
    }
}

fn failed(status: &Status) -> operation::Result {
    let status = rpc::Status {
        code: status.code() as i32,
        message: status.message().to_owned(),
        details: Vec::new(),
    };
    response(None, false, Some(status))
}

fn response(result: Option<reapi::ActionResult>, cached: bool, status: Option<rpc::Status>) -> operation::Result {
    let response = reapi::ExecuteResponse {
        result,
        cached_result: cached,
        status: Some(status.unwrap_or_default()),
        ..Default::default()
    };
    operation::Result::Response(prost_types::Any {
        type_url: "type.googleapis.com/build.bazel.remote.execution.v2.ExecuteResponse".to_owned(),
        value: response.encode_to_vec(),
    })
}

#[tonic::async_trait]
impl longrunning::operations_server::Operations for Executor {
    async fn cancel_operation(
        &self,
        request: Request<longrunning::CancelOperationRequest>,
    ) -> Result<Response<()>, Status> {
        self.0.arrive(Rpc::CancelOperation, request.metadata()).await?;
        if self.0.habits.ignores_cancel {
            return Ok(Response::new(()));
        }
        let task = self.0.inner().running.remove(&request.into_inner().name);
        task.ok_or_else(|| Status::not_found("no such operation"))?.abort();
        Ok(Response::new(()))
    }

    async fn list_operations(
        &self,
        _: Request<longrunning::ListOperationsRequest>,
    ) -> Result<Response<longrunning::ListOperationsResponse>, Status> {
        Err(Status::new(Code::Unimplemented, "ListOperations"))
    }

    async fn get_operation(&self, _: Request<longrunning::GetOperationRequest>) -> Result<Response<Operation>, Status> {
        Err(Status::new(Code::Unimplemented, "GetOperation"))
    }

    async fn delete_operation(&self, _: Request<longrunning::DeleteOperationRequest>) -> Result<Response<()>, Status> {
        Err(Status::new(Code::Unimplemented, "DeleteOperation"))
    }
}
