//! One action from its inputs to its result, on one thread.

use super::super::job::{Job, RunError};
use super::super::sandbox::{Allowed, Capture, End, Ended, Fault, Launch, Memory, NotStarted, Printed, Sandbox};
use super::collect::{Collector, make_parents, too_much};
use super::declared::{self, Declared};
use super::materialise::materialise;
use super::place::Place;
use super::scratch::{ActionDirectory, Scratch};
use super::tree::InputTree;
use crate::digest::{Digest, Function};
use crate::pb::reapi::{ActionResult, ExecutedActionMetadata};
use crate::store::{DiskStore, StoreError};
use prost_types::Timestamp;
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Instant, SystemTime};

/// Printed text of at most this size is in the result itself.
const INLINE: u64 = 16 << 10;

/// The signal of a file that grew beyond its limit: `SIGXFSZ`.
const TOO_LARGE_A_FILE: i32 = 25;

/// All that an action is run with.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) store: DiskStore,
    pub(super) scratch: Scratch,
    pub(super) sandbox: Sandbox,
    pub(super) memory: Memory,
    /// Bytes of all outputs of an action.
    pub(super) output: u64,
    pub(super) path: String,
    /// What the results call this machine.
    pub(super) name: String,
}

impl Bench {
    /// Runs an action; `cancelled` becomes readable when nobody wants it any more. What is returned beside the result is
    /// removed when it is dropped.
    pub(super) fn perform(
        &self,
        job: &Job,
        cancelled: &OwnedFd,
    ) -> (Result<ActionResult, RunError>, Option<ActionDirectory>) {
        if job.cancelled.is_cancelled() {
            return (Err(RunError::Cancelled), None);
        }
        let mut times = ExecutedActionMetadata {
            worker: self.name.clone(),
            input_fetch_start_timestamp: Some(now()),
            ..Default::default()
        };
        let directory = match self.scratch.make() {
            Ok(directory) => directory,
            Err(error) => return (Err(host("make a directory for the action", error)), None),
        };
        let result = self.perform_in(&directory, job, cancelled, &mut times);
        (result, Some(directory))
    }

    fn perform_in(
        &self,
        directory: &ActionDirectory,
        job: &Job,
        cancelled: &OwnedFd,
        times: &mut ExecutedActionMetadata,
    ) -> Result<ActionResult, RunError> {
        let (root, declared) = self.prepare(directory, job)?;
        times.input_fetch_completed_timestamp = Some(now());

        times.execution_start_timestamp = Some(now());
        let begin = Instant::now();
        let ran = self.run(directory, job, &declared, cancelled);
        times.execution_completed_timestamp = Some(now());
        times.virtual_execution_duration = prost_types::Duration::try_from(begin.elapsed()).ok();
        let (ended, out, err) = ran?;
        let printed = out.size().saturating_add(err.size());

        times.output_upload_start_timestamp = Some(now());
        let mut result = ActionResult::default();
        let function = job.action.function();
        (result.stdout_raw, result.stdout_digest) = self.keep_text(out, function)?;
        (result.stderr_raw, result.stderr_digest) = self.keep_text(err, function)?;
        let finished = match ended {
            Finished::Exit(code) => {
                result.exit_code = code;
                let mut collector = Collector::new(&self.store, function, &job.command, self.output, printed);
                for output in &declared.outputs {
                    collector.collect(&root, output, &mut result)?;
                }
                true
            }
            Finished::TimedOut => false,
        };
        times.output_upload_completed_timestamp = Some(now());
        result.execution_metadata = Some(times.clone());
        if finished {
            return Ok(result);
        }
        Err(RunError::TimedOut {
            after: job.timeout,
            result: Box::new(result),
        })
    }

    /// Lays out all that the command needs.
    fn prepare(&self, directory: &ActionDirectory, job: &Job) -> Result<(Place, Declared), RunError> {
        declared::check(&job.command).map_err(RunError::Invalid)?;
        let declared = Declared::of(&job.command).map_err(RunError::Invalid)?;
        let free = self
            .scratch
            .free()
            .map_err(|error| host("find out how much room there is", error))?;
        let tree = InputTree::load(&self.store, job.input_root, free)?;
        let root = Place::open(&directory.root()).map_err(|error| host("enter the directory of the action", error))?;
        materialise(&self.store, &tree, &root)?;
        make_parents(&root, &declared.outputs)?;
        check_working_directory(&root, &declared, &job.command.working_directory)?;
        Ok((root, declared))
    }

    /// Runs the command until nothing of it is left.
    fn run(
        &self,
        directory: &ActionDirectory,
        job: &Job,
        declared: &Declared,
        cancelled: &OwnedFd,
    ) -> Result<(Finished, Capture, Capture), RunError> {
        let (root, temporary) = (directory.root(), directory.temporary());
        let launch = Launch {
            root: &root,
            temporary: &temporary,
            directory: &declared.directory,
            arguments: &job.command.arguments,
            environment: &job.command.environment_variables,
            path: &self.path,
            data: self.memory.per_process(),
            // One byte more, to tell a file that has all it may have from one that wanted more.
            file_size: self.output.saturating_add(1),
        };
        let charge = self
            .memory
            .charge()
            .map_err(|error| host("limit the memory of the action", error))?;
        let deadline = Instant::now() + job.timeout;
        let started = self.sandbox.start(&launch, |process| charge.join(process));
        let mut running = started.map_err(|error| host("start the init of the action", error))?;
        let allowed = Allowed {
            deadline,
            cancelled: cancelled.as_fd(),
            printed: self.output,
        };
        let (mut out, mut err) = (Capture::new(directory.path()), Capture::new(directory.path()));
        let ended = running
            .watch(&allowed, &mut out, &mut err)
            .map_err(|error| host("watch the action", error))?;
        if charge
            .is_exhausted()
            .map_err(|error| host("read what memory the action used", error))?
        {
            let text = format!(
                "the action needed more memory than it may use ({})",
                self.memory.describe()
            );
            return Err(RunError::Exhausted(text));
        }
        let finished = match ended {
            Ended::TimedOut => Finished::TimedOut,
            Ended::Cancelled => return Err(RunError::Cancelled),
            Ended::Itself(Some(End::Exited(code))) => Finished::Exit(code),
            Ended::PrintedTooMuch | Ended::Itself(Some(End::Killed(TOO_LARGE_A_FILE))) => {
                return Err(too_much(self.output));
            }
            Ended::Itself(Some(End::Killed(signal))) => Finished::Exit(128 + signal),
            Ended::Itself(Some(End::NotStarted(why))) => return Err(not_started(&why)),
            Ended::Itself(None) => {
                return Err(host(
                    "keep the init of the action alive",
                    io::ErrorKind::UnexpectedEof.into(),
                ));
            }
        };
        Ok((finished, out, err))
    }

    /// Printed text: in the result if it is short, else in the store.
    fn keep_text(
        &self,
        text: Capture,
        function: Function,
    ) -> Result<(Vec<u8>, Option<crate::pb::reapi::Digest>), RunError> {
        let size = text.size();
        let digest: Digest = match text.finish() {
            Printed::Little(bytes) if size <= INLINE => return Ok((bytes.into(), None)),
            Printed::Little(bytes) => {
                let digest = function.digest(&bytes);
                self.store.put_bytes_as(digest, &bytes).map_err(store_failed)?;
                digest
            }
            Printed::Much(file) => self.store.put_file_by(function, &file).map_err(store_failed)?,
        };
        Ok((Vec::new(), Some(digest.into())))
    }
}

enum Finished {
    /// As a shell says it: 128 and the signal for one that was killed.
    Exit(i32),
    TimedOut,
}

fn check_working_directory(root: &Place, declared: &Declared, name: &str) -> Result<(), RunError> {
    match root.resolve(&declared.directory) {
        Ok(_) => Ok(()),
        Err(Errno::NOENT | Errno::NOTDIR) => Err(RunError::NotFound(format!(
            "the input tree has no working directory `{name}`"
        ))),
        Err(Errno::XDEV | Errno::LOOP | Errno::NAMETOOLONG) => Err(RunError::Invalid(format!(
            "the working directory `{name}` leads out of the input root"
        ))),
        Err(error) => Err(host(&format!("look at the working directory `{name}`"), error.into())),
    }
}

fn not_started(why: &NotStarted) -> RunError {
    match why.fault() {
        Fault::NotFound => RunError::NotFound(format!("cannot {why}")),
        Fault::Invalid => RunError::Invalid(format!("cannot {why}")),
        Fault::Host => {
            let source = why.error().unwrap_or_else(|| io::ErrorKind::Other.into());
            host(&why.what, source)
        }
    }
}

fn now() -> Timestamp {
    SystemTime::now().into()
}

/// A call that failed, for reasons that are this machine's.
pub(super) fn host(what: &str, source: io::Error) -> RunError {
    if is_full(&source) {
        return RunError::Exhausted(format!("cannot {what}: {source}"));
    }
    RunError::Host {
        what: what.to_owned(),
        source,
    }
}

fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// A store that could not.
pub(super) fn store_failed(error: StoreError) -> RunError {
    match error {
        StoreError::Io { what, source } => host(&what, source),
        StoreError::NotFound(digest) => RunError::Missing(vec![digest]),
        other => {
            let what = "use the store".to_owned();
            let source = io::Error::other(other);
            RunError::Host { what, source }
        }
    }
}
