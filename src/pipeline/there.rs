//! What servers do for a step: look its actions up, execute them, take results that were made here.

use super::answer;
use super::candidate::{Candidate, Found};
use super::history::micros;
use super::prepare::Prepared;
use super::servers::StepServers;
use super::slow::{RunsHere, Step, sentence};
use crate::action::BuiltAction;
use crate::command::behave_alike;
use crate::config::Config;
use crate::daemon::Answer;
use crate::digest::Digest;
use crate::execute::attestation::{DriverName, Expected, Verdict};
use crate::execute::outcome::Outcome;
use crate::execute::remote::{Cost, DeclaredOutputs, Finished, RemoteFailure, RemoteRequest, execute, lookup};
use crate::execute::strategy::Plan;
use crate::observation::Names;
use crate::pb::reapi::{ActionResult, OutputFile};
use crate::pb::record::Where;
use crate::remote::{ExecutionLimits, RemoteActionCache, RemoteCas, RequestMetadata, Source};
use crate::store::disk::DiskStore;
use crate::store::{Blob, StoreError};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// More than any object file: a server that says so is wrong.
const MAX_OUTPUT: u64 = 16 << 30;

/// What came of asking servers.
pub(super) enum Elsewhere {
    /// The step's outputs.
    Done(Answer),
    /// The plan asks for nothing more: the step is made here.
    NotAsked,
    /// It was tried, and is made here for this reason.
    Failed(RunsHere),
    /// Nobody waits for it any more.
    Cancelled,
}

/// An action with what belongs to it, ready to be looked up or executed.
struct Task<'t, 'p> {
    config: &'t Config,
    prepared: &'t Prepared,
    servers: StepServers<'p>,
    outputs: DeclaredOutputs,
    cancelled: CancellationToken,
    store: Option<&'t DiskStore>,
}

/// How one try ended that gave nothing.
enum Try {
    /// No result, or one that does not suit this user; the next one may.
    Next,
    /// No use in trying further.
    Stop(RunsHere),
    /// Nobody waits.
    Cancelled,
}

impl From<RemoteFailure> for Try {
    fn from(failure: RemoteFailure) -> Self {
        match failure {
            RemoteFailure::Cancelled => Self::Cancelled,
            failure => Self::Stop(RunsHere::fell_back(failure.code(), sentence(&failure))),
        }
    }
}

impl Step<'_> {
    /// Everything that servers may do for the step under this plan.
    pub(super) fn elsewhere(
        &mut self,
        config: &Config,
        plan: Plan,
        prepared: &Prepared,
        store: Option<&DiskStore>,
    ) -> Elsewhere {
        if !plan.look_up_remotely && !plan.execute {
            return Elsewhere::NotAsked;
        }
        let metadata = self.metadata();
        let servers = match self.pipeline.servers.of(config, &metadata) {
            Ok(Some(servers)) => servers,
            Ok(None) => return Elsewhere::NotAsked,
            Err(error) => return Elsewhere::Failed(RunsHere::fell_back("remote_unusable", sentence(&error))),
        };
        servers.cache.address().clone_into(&mut self.note.record.endpoint);
        let task = Task {
            config,
            prepared,
            servers,
            outputs: DeclaredOutputs {
                paths: prepared.base.command.output_paths.clone(),
                max_size: MAX_OUTPUT,
            },
            cancelled: self.conversation.cancelled(),
            store,
        };
        let mut ended = Elsewhere::NotAsked;
        if plan.look_up_remotely {
            ended = self.look_up(&task);
        }
        if plan.execute && matches!(ended, Elsewhere::NotAsked) {
            ended = self.execute(&task);
        }
        ended
    }

    fn metadata(&self) -> RequestMetadata {
        let build = &self.note.record.build_id;
        RequestMetadata {
            action: None,
            invocation: build.clone(),
            correlated_invocations: build.clone(),
            mnemonic: "Compile".to_owned(),
        }
    }

    /// The remote action cache, by every candidate.
    fn look_up(&mut self, task: &Task<'_, '_>) -> Elsewhere {
        for candidate in &task.prepared.remembered.candidates {
            let Task { servers, outputs, .. } = task;
            let finding = lookup(&servers.cache, task.store, candidate.action, outputs, &task.cancelled);
            let tried = match task.servers.wait(finding) {
                Ok(Some(finished)) => self.deliver(task, candidate, finished, Where::RemoteCache),
                Ok(None) => Err(Try::Next),
                Err(failure) => Err(failure.into()),
            };
            match tried {
                Ok(answer) => return Elsewhere::Done(answer),
                Err(Try::Next) => {}
                Err(Try::Stop(why)) => return Elsewhere::Failed(why),
                Err(Try::Cancelled) => return Elsewhere::Cancelled,
            }
        }
        Elsewhere::NotAsked
    }

    /// The executor: the base action, then the one that looks as this user's diagnostics do.
    fn execute(&mut self, task: &Task<'_, '_>) -> Elsewhere {
        let driver = match task.attested() {
            Ok(driver) => driver,
            Err(Try::Cancelled) => return Elsewhere::Cancelled,
            Err(Try::Next) => return Elsewhere::NotAsked,
            Err(Try::Stop(why)) => return Elsewhere::Failed(why),
        };
        for (built, candidate) in task.prepared.sendable() {
            match self.execute_one(task, built, candidate, driver) {
                Ok(answer) => return Elsewhere::Done(answer),
                Err(Try::Next) => {}
                Err(Try::Stop(why)) => return Elsewhere::Failed(why),
                Err(Try::Cancelled) => return Elsewhere::Cancelled,
            }
        }
        Elsewhere::Failed(RunsHere::fell_back(
            "presentation",
            "its diagnostics are in another language or form than this user's",
        ))
    }

    fn execute_one(
        &mut self,
        task: &Task<'_, '_>,
        built: &BuiltAction,
        candidate: &Candidate,
        driver: DriverName,
    ) -> Result<Answer, Try> {
        let built = match driver {
            DriverName::AsInvoked => built.clone(),
            DriverName::Resolved => built.with_driver(&task.prepared.toolchain.driver_real.to_string_lossy()),
        };
        let executor = task
            .servers
            .executor
            .as_ref()
            .expect("the plan says execute only with an executor");
        let capabilities = task.servers.wait(executor.capabilities());
        let built = if capabilities.map_err(RemoteFailure::from)?.output_paths_supported() {
            built
        } else {
            built.with_output_files()
        };
        let blobs: Vec<_> = built
            .small_blobs
            .iter()
            .chain(&built.tree.directories)
            .cloned()
            .collect();
        let metadata = self.metadata().for_action(built.digest);
        let finished = task.servers.wait(execute(RemoteRequest {
            cache: &task.servers.cache.with_metadata(metadata.clone()),
            executor: &executor.with_metadata(metadata),
            limits: ExecutionLimits::default(),
            action: built.digest,
            blobs: &blobs,
            files: &built.tree.files,
            near: task.store,
            outputs: &task.outputs,
            skip_cache_lookup: !task.config.remote_accept_cached,
            priority: 0,
            cancelled: &task.cancelled,
        }))?;
        task.covered(&finished.outcome)?;
        let outcome = &finished.outcome;
        let spoke = !outcome.stdout.is_empty() || !outcome.stderr.is_empty();
        if driver == DriverName::Resolved && (spoke || outcome.exit != 0) {
            let sentence = "the compiler's messages name it otherwise on the worker than here";
            return Err(Try::Stop(RunsHere::fell_back("driver_name", sentence)));
        }
        if outcome.exit != 0 && names_missing_file(&outcome.stderr) {
            let sentence = "the compiler on the worker missed a file";
            return Err(Try::Stop(RunsHere::fell_back("input_missing_remotely", sentence)));
        }
        let place = if outcome.cached {
            Where::RemoteCache
        } else {
            Where::Remote
        };
        self.deliver(task, candidate, finished, place)
    }

    /// Keeps the outcome in the embedded store, and makes the answer of it.
    fn deliver(
        &mut self,
        task: &Task<'_, '_>,
        candidate: &Candidate,
        finished: Finished,
        place: Where,
    ) -> Result<Answer, Try> {
        let Finished { outcome, cost } = finished;
        self.count(&cost);
        if lacks_needed_library(&outcome.stderr) {
            let sentence = "the linker on the worker missed a library that another one needs";
            return Err(Try::Stop(RunsHere::fell_back("input_missing_remotely", sentence)));
        }
        let found = found(&outcome, candidate, task);
        if !found.suits(candidate) {
            return Err(Try::Next);
        }
        let answer = answer::publish(&found, &task.prepared.remembered)
            .map_err(|reason| Try::Stop(RunsHere::fell_back("remote_bad_result", sentence(&reason))))?;
        if let Some(store) = task.store.filter(|_| outcome.exit == 0)
            && let Err(error) = store_outcome(store, candidate.action, &outcome)
        {
            tracing::warn!(%error, "a remote result is not kept here");
        }
        self.note.ended(place, "", "");
        self.note.record.exit = outcome.exit;
        self.note.record.action_digest = candidate.action.to_string();
        self.note.record.output_bytes = found.output_bytes();
        self.note.record.worker = outcome.worker;
        Ok(answer)
    }

    fn count(&mut self, cost: &Cost) {
        self.note.record.uploaded_bytes += cost.uploaded.bytes;
        self.note.record.downloaded_bytes += cost.downloaded_bytes;
        let phases = self.note.phases();
        phases.upload += micros(cost.upload);
        phases.execute += micros(cost.execute);
        phases.download += micros(cost.download);
    }

    /// Puts a result that was made here into the remote cache. What goes wrong is in the log: the step is done.
    pub(super) fn upload(
        &mut self,
        config: &Config,
        store: &DiskStore,
        action: Digest,
        result: &ActionResult,
        prepared: &Prepared,
    ) {
        let servers = match self.pipeline.servers.of(config, &self.metadata().for_action(action)) {
            Ok(Some(servers)) => servers,
            Ok(None) => return,
            Err(error) => return tracing::warn!(%error, "a local result is not uploaded"),
        };
        let uploading = upload(&servers, store, action, result, &prepared.base);
        match servers.wait(uploading) {
            Ok(bytes) => self.note.record.uploaded_bytes += bytes,
            Err(error) => tracing::warn!(%error, "a local result is not uploaded"),
        }
    }
}

impl Task<'_, '_> {
    /// Proves that workers have our compiler and headers; tells by which name they have the driver.
    fn attested(&self) -> Result<DriverName, Try> {
        let workers = self.servers.workers(ExecutionLimits::default()).ok_or(Try::Next)?;
        let paths = self.outside_paths();
        let checking = self.servers.attestation().check(&workers, &paths, &self.cancelled);
        let verdict = match self.servers.wait(checking) {
            Ok(verdict) => verdict,
            Err(failure) if matches!(*failure, RemoteFailure::Cancelled) => return Err(Try::Cancelled),
            Err(failure) => {
                return Err(Try::Stop(RunsHere::fell_back(failure.code(), sentence(&*failure))));
            }
        };
        self.judge(&verdict).map_err(Try::Stop)
    }

    /// The worker that ran it must be one that was asked.
    fn covered(&self, outcome: &Outcome) -> Result<(), Try> {
        let workers = self.servers.workers(ExecutionLimits::default()).ok_or(Try::Next)?;
        let paths = self.outside_paths();
        let attestation = self.servers.attestation();
        if outcome.worker.is_empty() || attestation.covers(&workers, &outcome.worker, &self.without_aliases(&paths)) {
            return Ok(());
        }
        // Another worker than the one that answered: ask again, which a busy scheduler may hand to this one.
        let again = attestation.check_again(&workers, &paths, &self.cancelled);
        let verdict = self.servers.wait(again);
        let equal = verdict.is_ok_and(|verdict| self.judge(&verdict).is_ok());
        if equal && attestation.covers(&workers, &outcome.worker, &self.without_aliases(&paths)) {
            return Ok(());
        }
        let sentence = format!(
            "the worker `{}` has not proven that its compiler is ours",
            outcome.worker
        );
        Err(Try::Stop(RunsHere::fell_back("worker_unproven", sentence)))
    }

    /// What must be on the worker as it is here: the toolchain, outside inputs, and nothing where nothing was found.
    fn outside_paths(&self) -> Vec<(PathBuf, Expected)> {
        let toolchain = &self.prepared.toolchain;
        let inputs = &self.prepared.inputs;
        let mut paths: Vec<_> = toolchain
            .files
            .iter()
            .map(|file| (file.path.clone(), Expected::Content(file.digest)))
            .chain(
                inputs
                    .outside
                    .iter()
                    .map(|file| (file.path.clone(), Expected::Content(file.digest))),
            )
            .collect();
        if let Some(driver) = toolchain.files.iter().find(|file| file.path == toolchain.driver_real) {
            paths.push((toolchain.driver.clone(), Expected::Content(driver.digest)));
        }
        let root = Path::new(&self.prepared.remembered.exec_root);
        for (dir, names) in &inputs.observed.directories {
            let Names::These(names) = names else { continue };
            if dir.starts_with(root) {
                continue;
            }
            let absent = names.iter().map(|name| dir.join(OsStr::from_bytes(name)));
            let absent = absent.filter(|path| !path.exists());
            paths.extend(absent.map(|path| (path, Expected::Absent)));
        }
        paths.sort_by(|(one, _), (other, _)| one.cmp(other));
        paths.dedup();
        paths
    }

    /// All paths but the driver's two names, of which one suffices.
    fn without_aliases(&self, paths: &[(PathBuf, Expected)]) -> Vec<(PathBuf, Expected)> {
        let toolchain = &self.prepared.toolchain;
        let aliases = [&toolchain.driver, &toolchain.driver_real];
        paths
            .iter()
            .filter(|(path, _)| !aliases.contains(&path))
            .cloned()
            .collect()
    }

    fn judge(&self, verdict: &Verdict) -> Result<DriverName, RunsHere> {
        let toolchain = &self.prepared.toolchain;
        let aliases = [toolchain.driver.as_path(), toolchain.driver_real.as_path()];
        let differs = verdict.unequal().find(|(path, _)| !aliases.contains(path));
        if let Some((path, finding)) = differs {
            let sentence = format!("`{}` is not the same on the worker ({finding:?})", path.display());
            return Err(RunsHere::fell_back("worker_differs", sentence));
        }
        // gcc believes PWD. Where the runner overwrites it the prefix maps still hold if the input root is fixed.
        let gcc = toolchain.family == crate::command::Family::Gcc;
        if gcc && !verdict.surroundings.pwd_is_kept() && verdict.surroundings.directory != "/" {
            let sentence = "the worker does not keep `PWD`, by which gcc names its directory";
            return Err(RunsHere::fell_back("worker_pwd", sentence));
        }
        let driver = verdict.driver_name(&toolchain.driver, &toolchain.driver_real);
        // What a compiler makes of a source is the same by every name of it; what a link or another tool makes is not.
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let alike = || behave_alike(&name(&toolchain.driver), &name(&toolchain.driver_real));
        let driver =
            driver.filter(|driver| *driver == DriverName::AsInvoked || self.prepared.tool.is_none() || alike());
        driver.ok_or_else(|| {
            let sentence = format!("the worker has no `{}`", toolchain.driver.display());
            RunsHere::fell_back("worker_differs", sentence)
        })
    }
}

impl Prepared {
    /// The actions that may be executed, with the candidates they are.
    fn sendable(&self) -> impl Iterator<Item = (&BuiltAction, &Candidate)> {
        [Some(&self.base), self.own.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|built| {
                let sendable = built.placement == crate::action::Placement::Anywhere;
                let candidates = &self.remembered.candidates;
                let candidate = candidates.iter().find(|candidate| candidate.action == built.digest)?;
                sendable.then_some((built, candidate))
            })
    }
}

/// gcc's and clang's words for a header or source that is not there. It was here when the step was scanned.
fn names_missing_file(stderr: &[u8]) -> bool {
    let text = String::from_utf8_lossy(stderr);
    [
        "No such file or directory",
        "no such file or directory",
        "file not found",
    ]
    .iter()
    .any(|words| text.contains(words))
}

/// GNU ld's words for a library that a shared library needs, which the run path of that one may name by its place here.
/// They may be only a warning.
fn lacks_needed_library(stderr: &[u8]) -> bool {
    memchr::memmem::find(stderr, b"not found (try using -rpath or -rpath-link)").is_some()
}

/// The outcome's content by declared output.
fn found(outcome: &Outcome, candidate: &Candidate, task: &Task<'_, '_>) -> Found {
    let content = |path: &str| {
        let output = outcome.outputs.iter().find(|output| output.path == path);
        output.map(|output| output.content.clone())
    };
    let outputs = task.prepared.remembered.outputs.iter();
    Found {
        paths: candidate.paths.clone(),
        action: candidate.action,
        exit: outcome.exit,
        stdout: outcome.stdout.clone(),
        stderr: outcome.stderr.clone(),
        contents: outputs.map(|output| content(&output.action_path)).collect(),
    }
}

fn store_outcome(store: &DiskStore, action: Digest, outcome: &Outcome) -> Result<(), StoreError> {
    let mut files = Vec::new();
    for output in &outcome.outputs {
        match &output.content {
            Blob::Bytes(bytes) => store.put_bytes_as(output.digest, bytes)?,
            Blob::File(file) => store.put_file_as(output.digest, file)?,
        }
        files.push(OutputFile {
            path: output.path.clone(),
            digest: Some(output.digest.into()),
            ..OutputFile::default()
        });
    }
    let result = ActionResult {
        output_files: files,
        stdout_digest: Some(store.put_bytes(&outcome.stdout)?.into()),
        stderr_digest: Some(store.put_bytes(&outcome.stderr)?.into()),
        exit_code: outcome.exit,
        ..ActionResult::default()
    };
    store.put_action_result(action, &result)
}

/// The result's blobs first: no result may name what is not there. Gives back the bytes that were sent.
async fn upload(
    servers: &StepServers<'_>,
    store: &DiskStore,
    action: Digest,
    result: &ActionResult,
    built: &BuiltAction,
) -> Result<u64, StoreError> {
    let files = result.output_files.iter().filter_map(|file| file.digest.as_ref());
    let streams = result.stdout_digest.iter().chain(&result.stderr_digest);
    let mut blobs = Vec::new();
    for wire in files.chain(streams) {
        let Ok(digest) = Digest::try_from(wire) else { continue };
        if let Some(file) = store.blob(digest)? {
            blobs.push((digest, Source::File(Arc::new(file))));
        }
    }
    // Some servers want to see the Action and its Command before they take a result for it.
    let messages = built.small_blobs.iter();
    blobs.extend(messages.map(|(digest, bytes)| (*digest, Source::Bytes(bytes.clone()))));
    let sent = RemoteCas::new(servers.cache.clone()).ensure_present(&blobs).await?;
    RemoteActionCache::new(servers.cache.clone())
        .store(action, result.clone())
        .await?;
    Ok(sent.bytes)
}
