//! Proves that workers have the same compiler, headers and libraries as this machine, by asking one to hash them.
//!
//! Files outside of the exec root are not sent: the action's key holds their digests, and a worker that has others
//! would put its objects under our key. So before the first remote execution that reads such a file, one action
//! hashes all that are new, for all steps that wait for the same server and platform. Knows nothing of compilers.

mod answer;
mod question;

use crate::digest::Digest;
use crate::execute::remote::{DeclaredOutputs, RemoteFailure, RemoteRequest, execute};
use crate::remote::{ExecutionLimits, Remote, ServerKey};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long an answer counts: images are rolled out while daemons live.
const LIFETIME: Duration = Duration::from_hours(1);
/// How long a failed attestation is not tried again, so that a thousand steps do not each wait for the same outage.
const FAILURE_LIFETIME: Duration = Duration::from_secs(30);

/// What has to be true of a path on the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expected {
    /// A file of this content, perhaps through symlinks.
    Content(Digest),
    /// Nothing: a header there would be found before ours.
    Absent,
}

/// What is true of a path on the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// As expected.
    Equal,
    /// Nothing is there that could be hashed.
    Missing,
    /// Something else is there.
    Differs,
}

/// The worker's answer about some paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Every path that was asked about.
    pub findings: BTreeMap<PathBuf, Finding>,
    /// How it runs actions.
    pub surroundings: Surroundings,
}

/// How a worker runs actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// `$PWD` as the shell has it, of an action whose Command sets `PWD=/proc/self/cwd`.
    pub pwd: String,
    /// What `/proc/self/cwd` points at; empty where there is no `/proc`.
    pub directory: String,
}

/// By which name a driver can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverName {
    /// As the user does.
    AsInvoked,
    /// By the file that this resolves to here.
    Resolved,
}

impl Surroundings {
    /// Whether a compiler there takes `/proc/self/cwd` for its working directory, so that the real one, which differs
    /// from run to run, gets into no output.
    pub fn pwd_is_kept(&self) -> bool {
        self.pwd == question::PWD && !self.directory.is_empty()
    }
}

impl Verdict {
    /// The paths that are not as expected.
    pub fn unequal(&self) -> impl Iterator<Item = (&Path, Finding)> {
        let unequal = self.findings.iter().filter(|(_, finding)| **finding != Finding::Equal);
        unequal.map(|(path, finding)| (path.as_path(), *finding))
    }

    /// How to call a driver; `None` if neither name is the same program there. Both must have been asked about.
    pub fn driver_name(&self, invoked: &Path, resolved: &Path) -> Option<DriverName> {
        let equal = |path| self.findings.get(path) == Some(&Finding::Equal);
        if equal(invoked) {
            Some(DriverName::AsInvoked)
        } else {
            equal(resolved).then_some(DriverName::Resolved)
        }
    }
}

/// Platform properties, sorted.
pub type Platform = Vec<(String, String)>;

/// Where to ask.
#[derive(Clone)]
pub struct Workers {
    /// The server with the CAS that the executor uses.
    pub cache: Remote,
    /// The server that executes.
    pub executor: Remote,
    /// What their platform must be.
    pub platform: Platform,
    /// How long an attestation may take.
    pub limits: ExecutionLimits,
}

/// Everything attested, for all steps of a process.
pub struct Attestation {
    clock: Box<dyn Fn() -> Instant + Send + Sync>,
    pools: Mutex<HashMap<(ServerKey, Platform), Arc<Pool>>>,
}

/// The workers behind one server and platform.
#[derive(Default)]
struct Pool {
    /// Held by the one who asks; the others find the answer when they get it.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// To be asked by whoever has the turn next.
    waiting: BTreeMap<PathBuf, Expected>,
    /// By the worker's name, which is empty where the server tells none.
    workers: HashMap<String, HashMap<(PathBuf, Expected), Found>>,
    surroundings: Option<Surroundings>,
    /// How many there have been.
    answers: u64,
    failure: Option<(Arc<RemoteFailure>, Instant)>,
}

#[derive(Clone, Copy)]
struct Found {
    finding: Finding,
    until: Instant,
}

impl Default for Attestation {
    fn default() -> Self {
        Self::with_clock(Instant::now)
    }
}

impl Attestation {
    /// Nothing attested; `clock` tells when what is said becomes too old.
    pub fn with_clock(clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self {
            clock: Box::new(clock),
            pools: Mutex::default(),
        }
    }

    /// What the workers say about these paths; asks only about those that nobody has asked about. Of two answers by
    /// different workers the worse one counts, as nobody knows where a step will run.
    pub async fn check(
        &self,
        workers: &Workers,
        paths: &[(PathBuf, Expected)],
        cancelled: &CancellationToken,
    ) -> Result<Verdict, Arc<RemoteFailure>> {
        let pool = self.pool(workers);
        loop {
            let unknown = {
                let now = (self.clock)();
                let mut state = pool.state();
                let unknown = state.unknown(paths, now);
                if let (true, Some(surroundings)) = (unknown.is_empty(), state.surroundings.clone()) {
                    let findings = paths
                        .iter()
                        .map(|(path, expected)| (path.clone(), state.finding(path, *expected)));
                    return Ok(Verdict {
                        findings: findings.collect(),
                        surroundings,
                    });
                }
                if let Some((failure, until)) = &state.failure
                    && *until > now
                {
                    return Err(failure.clone());
                }
                state.waiting.extend(unknown.iter().cloned());
                unknown
            };
            let turn = pool.turn(cancelled).await?;
            // While waiting for the turn, another one may have asked for us.
            let asked = pool.state().take_waiting(&unknown, (self.clock)());
            if !asked.is_empty() {
                self.ask(workers, &pool, asked, cancelled).await?;
            }
            drop(turn);
        }
    }

    /// Whether the worker that ran a step is known to be right about all of `paths`. A server that names no workers
    /// has but one, as far as anyone can tell. If not, the result may come from a machine with another image: the
    /// step is decided here.
    pub fn covers(&self, workers: &Workers, worker: &str, paths: &[(PathBuf, Expected)]) -> bool {
        let pool = self.pool(workers);
        let state = pool.state();
        let now = (self.clock)();
        let Some(known) = state.workers.get(worker) else {
            return false;
        };
        paths.iter().all(|entry| {
            known
                .get(entry)
                .is_some_and(|found| found.finding == Finding::Equal && found.until > now)
        })
    }

    /// Asks about `paths` whatever is known, in the hope of meeting a worker that has not been asked. Those who wait
    /// for their turn meanwhile take the same answer.
    pub async fn check_again(
        &self,
        workers: &Workers,
        paths: &[(PathBuf, Expected)],
        cancelled: &CancellationToken,
    ) -> Result<Verdict, Arc<RemoteFailure>> {
        let pool = self.pool(workers);
        let answers = pool.state().answers;
        let turn = pool.turn(cancelled).await?;
        if pool.state().answers == answers {
            let paths = paths.iter().cloned().collect();
            self.ask(workers, &pool, paths, cancelled).await?;
        }
        drop(turn);
        self.check(workers, paths, cancelled).await
    }

    async fn ask(
        &self,
        workers: &Workers,
        pool: &Pool,
        paths: BTreeMap<PathBuf, Expected>,
        cancelled: &CancellationToken,
    ) -> Result<(), Arc<RemoteFailure>> {
        let asked = ask(workers, &paths, cancelled).await;
        let now = (self.clock)();
        let mut state = pool.state();
        match asked {
            Ok((worker, answer)) => {
                state.failure = None;
                state.answers += 1;
                state.surroundings = Some(answer.surroundings);
                let known = state.workers.entry(worker).or_default();
                for (path, expected) in paths {
                    let found = Found {
                        finding: answer.findings.get(&path).copied().unwrap_or(Finding::Missing),
                        until: now + LIFETIME,
                    };
                    known.insert((path, expected), found);
                }
                Ok(())
            }
            Err(failure) => {
                let failure = Arc::new(failure);
                // Who was waiting for it is told the same; a cancelled step tells nothing about the server.
                if !matches!(*failure, RemoteFailure::Cancelled) {
                    state.failure = Some((failure.clone(), now + FAILURE_LIFETIME));
                }
                Err(failure)
            }
        }
    }

    fn pool(&self, workers: &Workers) -> Arc<Pool> {
        let key = (workers.executor.server(), workers.platform.clone());
        self.pools
            .lock()
            .expect("no panic while locked")
            .entry(key)
            .or_default()
            .clone()
    }
}

impl Pool {
    async fn turn(&self, cancelled: &CancellationToken) -> Result<tokio::sync::MutexGuard<'_, ()>, Arc<RemoteFailure>> {
        tokio::select! {
            biased;
            () = cancelled.cancelled() => Err(Arc::new(RemoteFailure::Cancelled)),
            turn = self.turn.lock() => Ok(turn),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while locked")
    }
}

impl State {
    fn unknown(&self, paths: &[(PathBuf, Expected)], now: Instant) -> Vec<(PathBuf, Expected)> {
        let known = |entry: &(PathBuf, Expected)| {
            let mut workers = self.workers.values();
            workers.any(|known| known.get(entry).is_some_and(|found| found.until > now))
        };
        paths.iter().filter(|entry| !known(entry)).cloned().collect()
    }

    /// The worst that any worker said.
    fn finding(&self, path: &Path, expected: Expected) -> Finding {
        let entry = (path.to_owned(), expected);
        let found = self.workers.values().filter_map(|known| known.get(&entry));
        found.map(|found| found.finding).max().unwrap_or(Finding::Missing)
    }

    /// Everything that waits to be asked, and `own`, less what has been answered meanwhile.
    fn take_waiting(&mut self, own: &[(PathBuf, Expected)], now: Instant) -> BTreeMap<PathBuf, Expected> {
        let mut waiting: Vec<_> = std::mem::take(&mut self.waiting).into_iter().collect();
        waiting.extend_from_slice(own);
        self.unknown(&waiting, now).into_iter().collect()
    }
}

async fn ask(
    workers: &Workers,
    paths: &BTreeMap<PathBuf, Expected>,
    cancelled: &CancellationToken,
) -> Result<(String, answer::Answer), RemoteFailure> {
    let nonce = format!("{:032x}", fastrand::u128(..));
    let question = question::Question::new(paths, &workers.platform, &nonce);
    let finished = execute(RemoteRequest {
        cache: &workers.cache,
        executor: &workers.executor,
        limits: workers.limits,
        action: question.action,
        blobs: &question.blobs,
        files: &[],
        near: None,
        outputs: &DeclaredOutputs {
            paths: Vec::new(),
            max_size: 0,
        },
        skip_cache_lookup: true,
        priority: 0,
        cancelled,
    })
    .await?;
    let outcome = finished.outcome;
    let answer = answer::Answer::parse(&outcome.stdout, paths, &nonce).ok_or_else(|| RemoteFailure::Unattested {
        exit: outcome.exit,
        stderr: String::from_utf8_lossy(&outcome.stderr).chars().take(200).collect(),
    })?;
    Ok((outcome.worker, answer))
}
