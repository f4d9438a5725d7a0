//! Runs actions on this machine: lays out the inputs in a directory, runs the command there, collects what it left.
//!
//! Inputs are copies (clones of extents where the file system can): an action that scribbles on one harms nobody. Every
//! path that an action chose, in its tree or among its outputs, is followed from the open directory of the action, and
//! never out of it. Who may run what, how many at once, and what is cached is decided elsewhere.

mod collect;
mod copy;
mod declared;
mod listing;
mod materialise;
mod perform;
mod place;
mod scratch;
mod tree;

use super::job::{Job, Run, RunError};
use super::sandbox::{Memory, Sandbox, SandboxError, SandboxMode};
use crate::pb::reapi;
use crate::store::DiskStore;
use async_trait::async_trait;
use perform::Bench;
use rustix::event::{EventfdFlags, eventfd};
use scratch::{Scratch, ScratchError};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

/// How actions are run.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Where actions have their directories: one that no other worker uses, best on the file system of the store, so that
    /// inputs are cloned. What is in it is removed.
    pub dir: PathBuf,
    /// Whether they are kept away from this machine.
    pub sandbox: SandboxMode,
    /// What they see of this machine besides the default toolchain, read-only.
    pub roots: Vec<PathBuf>,
    /// Bytes of memory that one action may use.
    pub memory: Option<u64>,
    /// Bytes that the outputs of one action may have together, stdout and stderr included; no file that it writes may have
    /// more.
    pub output: u64,
    /// Where programs are looked for whose command has no `PATH`.
    pub path: String,
    /// The program that is started for each action as its init: one whose `main` calls
    /// [`become_init`](super::sandbox::init::become_init) before anything else.
    pub init: PathBuf,
}

impl WorkerOptions {
    /// In this directory, with a sandbox if there can be one.
    pub fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            sandbox: SandboxMode::default(),
            roots: Vec::new(),
            memory: None,
            output: 4 << 30,
            path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
            init: PathBuf::from("/proc/self/exe"),
        }
    }
}

/// Why there is no worker.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Its directory cannot be used.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// No sandbox of the wanted kind.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

/// Runs actions, any number at once.
#[derive(Debug)]
pub struct Worker {
    bench: Arc<Bench>,
}

impl Worker {
    /// A worker that takes inputs from this store and puts outputs there. Blocks while it tries out what the machine
    /// allows.
    pub fn new(store: DiskStore, options: WorkerOptions) -> Result<Self, WorkerError> {
        let scratch = Scratch::open(&options.dir)?;
        let sandbox = Sandbox::find(options.sandbox, options.init, &options.roots, scratch.empty_directory())?;
        let memory = Memory::limited(options.memory);
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let bench = Bench {
            store,
            scratch,
            sandbox,
            memory,
            output: options.output,
            path: options.path,
            name,
        };
        Ok(Self { bench: Arc::new(bench) })
    }

    /// Which sandbox and which memory limit it is, for the log.
    pub fn describe(&self) -> String {
        let (sandbox, memory) = (self.bench.sandbox.describe(), self.bench.memory.describe());
        format!("sandbox: {sandbox}; memory: {memory}")
    }
}

/// Tells the thread that runs an action when nobody wants it any more, also by being dropped.
struct Cancel(Arc<OwnedFd>);

impl Drop for Cancel {
    fn drop(&mut self) {
        // It can fail only if it was done 2⁶⁴ times.
        let _told = rustix::io::write(&*self.0, &1u64.to_ne_bytes());
    }
}

#[async_trait]
impl Run for Worker {
    async fn run(&self, job: Job) -> Result<reapi::ActionResult, RunError> {
        let told = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|error| perform::host("make an event counter", error.into()))?;
        let told = Arc::new(told);
        let cancel = Cancel(Arc::clone(&told));
        let cancelled = job.cancelled.clone();
        let bench = Arc::clone(&self.bench);
        let mut running = tokio::task::spawn_blocking(move || bench.perform(&job, &told));
        let mut cancel = Some(cancel);
        let ended = loop {
            tokio::select! {
                ended = &mut running => break ended,
                () = cancelled.cancelled(), if cancel.is_some() => cancel = None,
            }
        };
        match ended {
            Ok((result, directory)) => {
                // Nobody waits for the removal.
                drop(tokio::task::spawn_blocking(move || drop(directory)));
                result
            }
            Err(stopped) => match stopped.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_shutdown) => Err(RunError::Cancelled),
            },
        }
    }
}
