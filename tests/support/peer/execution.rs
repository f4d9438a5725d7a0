//! Executing actions and following their operations.

use super::{Peer, Task};
use prost::Message as _;
use rewrap::pb::{longrunning, reapi};
use tonic::{Code, Status, Streaming};

/// An operation that is being followed.
pub(crate) struct Running {
    peer: Peer,
    stream: Streaming<longrunning::Operation>,
}

impl Running {
    /// The next state; `None` when the stream has ended.
    pub(crate) fn next(&mut self) -> Result<Option<longrunning::Operation>, Status> {
        self.peer.clone().wait(self.stream.message())
    }

    /// All states until the stream ends.
    pub(crate) fn states(mut self) -> Result<Vec<longrunning::Operation>, Status> {
        let mut states = Vec::new();
        while let Some(state) = self.next()? {
            states.push(state);
        }
        Ok(states)
    }

    /// The answer at the end.
    pub(crate) fn finish(self) -> Result<reapi::ExecuteResponse, Status> {
        let states = self.states()?;
        let last = states
            .last()
            .ok_or_else(|| Status::data_loss("the stream had no operation"))?;
        response_of(last)
    }
}

/// The answer in an operation that is done.
pub(crate) fn response_of(operation: &longrunning::Operation) -> Result<reapi::ExecuteResponse, Status> {
    use longrunning::operation::Result as Outcome;
    match &operation.result {
        Some(Outcome::Response(any)) if operation.done => reapi::ExecuteResponse::decode(any.value.as_slice())
            .map_err(|error| Status::data_loss(format!("not an ExecuteResponse: {error}"))),
        Some(Outcome::Error(status)) => Err(Status::new(Code::from(status.code), status.message.clone())),
        _ => Err(Status::data_loss("the stream ended before the operation was done")),
    }
}

impl Peer {
    /// Starts an action that is uploaded.
    pub(crate) fn start(&self, action: &reapi::Digest, skip_cache_lookup: bool) -> Result<Running, Status> {
        let request = reapi::ExecuteRequest {
            instance_name: self.instance.clone(),
            skip_cache_lookup,
            action_digest: Some(action.clone()),
            digest_function: self.wire_function(),
            ..Default::default()
        };
        let stream = self.wait(self.executor().execute(request))?.into_inner();
        Ok(Running {
            peer: self.clone(),
            stream,
        })
    }

    /// Follows an operation that was started before.
    pub(crate) fn follow(&self, name: &str) -> Result<Running, Status> {
        let request = reapi::WaitExecutionRequest { name: name.to_owned() };
        let stream = self.wait(self.executor().wait_execution(request))?.into_inner();
        Ok(Running {
            peer: self.clone(),
            stream,
        })
    }

    /// Asks for the end of an operation.
    pub(crate) fn cancel(&self, name: &str) -> Result<(), Status> {
        let request = longrunning::CancelOperationRequest { name: name.to_owned() };
        self.wait(self.operations().cancel_operation(request)).map(|_| ())
    }

    /// Executes an action that is uploaded.
    pub(crate) fn execute(&self, action: &reapi::Digest) -> Result<reapi::ExecuteResponse, Status> {
        self.start(action, false)?.finish()
    }

    /// Uploads and executes. What goes wrong while the action runs is an error as what goes wrong before.
    pub(crate) fn try_run(&self, task: &Task) -> Result<reapi::ActionResult, Status> {
        let response = self.execute(&self.stage(task))?;
        if let Some(status) = response.status.filter(|status| status.code != 0) {
            return Err(Status::new(Code::from(status.code), status.message));
        }
        response.result.ok_or_else(|| Status::data_loss("no result"))
    }

    /// Uploads and executes a task that must be executed, whatever its exit code.
    #[track_caller]
    pub(crate) fn run(&self, task: &Task) -> reapi::ActionResult {
        self.try_run(task)
            .unwrap_or_else(|status| panic!("not executed: {status:?}"))
    }

    /// The same for a task that must exit with 0; what it printed.
    #[track_caller]
    pub(crate) fn printed(&self, task: &Task) -> String {
        let result = self.run(task);
        let (stdout, stderr) = (self.stdout(&result), self.stderr(&result));
        assert_eq!(result.exit_code, 0, "it printed {stdout:?} and {stderr:?}");
        stdout
    }

    /// Standard output, inlined or not.
    #[track_caller]
    pub(crate) fn stdout(&self, result: &reapi::ActionResult) -> String {
        self.text(&result.stdout_raw, result.stdout_digest.as_ref())
    }

    /// Standard error, inlined or not.
    #[track_caller]
    pub(crate) fn stderr(&self, result: &reapi::ActionResult) -> String {
        self.text(&result.stderr_raw, result.stderr_digest.as_ref())
    }

    #[track_caller]
    fn text(&self, raw: &[u8], digest: Option<&reapi::Digest>) -> String {
        let bytes = match digest {
            Some(digest) if raw.is_empty() && digest.size_bytes > 0 => self.get(digest),
            _ => raw.to_vec(),
        };
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The bytes of an output file that must be there.
    #[track_caller]
    pub(crate) fn output(&self, result: &reapi::ActionResult, path: &str) -> Vec<u8> {
        let mut files = result.output_files.iter();
        let file = files.find(|file| file.path == path);
        let file = file.unwrap_or_else(|| panic!("no output file {path}: {result:?}"));
        match &file.digest {
            Some(digest) => self.get(digest),
            None => panic!("no digest of {path}: {result:?}"),
        }
    }

    /// The Tree of an output directory that must be there.
    #[track_caller]
    pub(crate) fn output_tree(&self, result: &reapi::ActionResult, path: &str) -> reapi::Tree {
        let mut directories = result.output_directories.iter();
        let directory = directories.find(|directory| directory.path == path);
        let directory = directory.unwrap_or_else(|| panic!("no output directory {path}: {result:?}"));
        let digest = directory.tree_digest.as_ref().expect("the digest of a Tree");
        reapi::Tree::decode(self.get(digest).as_slice()).expect("a Tree")
    }
}
