//! The one place where the stages are composed. Read this first.
//!
//! A step arrives as a [`StepRequest`]. [`Pipeline::quick`](StepService::quick) answers what is known and unchanged:
//!
//! ```text
//! request → key → manifest (still true?) → candidates → embedded store → outputs
//! ```
//!
//! Everything else takes the long way, on a thread of its own:
//!
//! ```text
//! request → command → toolchain → scan → inputs → actions → embedded store
//!                                                    └─ miss → remote cache → executor ─┬→ outputs → record
//!                                                                └─ or the compiler, here ┘
//! ```
//!
//! `prepare` is the first line of the long way, `slow` the decision, `there` what servers do, `here` the run of the
//! compiler by the wrapper, `admission` what of that may be kept. `explain` tells a person what the first line found.

mod admission;
mod answer;
mod candidate;
mod explain;
mod here;
mod history;
mod key;
mod machine;
mod parts;
mod prepare;
mod request;
mod servers;
mod slow;
mod there;
mod tools;

use crate::config::{Config, ConfigError, Resolved, Resolver};
use crate::daemon::{Answer, Conversation, StepService};
use crate::execute::permits::Permits;
use crate::host::clock::Clock;
use crate::host::digest_cache::DigestCache;
use crate::host::exec_root::{self, ExecRoot};
use crate::host::index::Index;
use crate::host::listings::Listings;
use crate::host::trust::Trust;
use crate::manifest::Manifests;
use crate::object_tools::ObjectTools;
use crate::pb::record::Where;
use crate::pb::wire::StepRequest;
use crate::scan::Scanner;
use crate::store::disk::DiskStore;
use crate::toolchain::{Ask, FileDigests, Toolchains};
use candidate::{Reading, Remembered};
use history::{History, Note, micros};
use machine::{Facts, Files, Processes};
use request::Request;
use servers::Servers;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Everything that steps share: caches, stores, servers. One per daemon.
pub struct Pipeline {
    resolver: Resolver,
    digests: Arc<DigestCache>,
    files: Arc<dyn FileDigests>,
    listings: Listings,
    manifests: Manifests,
    ask: Arc<dyn Ask>,
    toolchains: Toolchains,
    object_tools: ObjectTools,
    scanner: Scanner,
    stores: Mutex<HashMap<PathBuf, Option<DiskStore>>>,
    servers: Servers,
    permits: Arc<Permits>,
    history: History,
    /// `daemon_idle_timeout` of the latest step, in milliseconds; 0 before the first.
    idle_timeout: AtomicU64,
    /// Where depfiles that only we ask for are written.
    scratch: PathBuf,
}

impl Pipeline {
    /// With its index in the cache directory `cache`; without one, everything is forgotten when the daemon ends.
    pub fn new(cache: Option<&Path>) -> Self {
        let index = Arc::new(cache.map_or_else(Index::in_memory, Index::open));
        let trust = Arc::new(Trust::new(Clock::default()));
        let digests = Arc::new(DigestCache::new(Arc::clone(&index), Arc::clone(&trust)));
        let files: Arc<dyn FileDigests> = Arc::new(Files(Arc::clone(&digests)));
        let ask: Arc<dyn Ask> = Arc::new(Processes);
        let scratch = cache.map_or_else(std::env::temp_dir, Path::to_owned);
        Self {
            resolver: Resolver::new(),
            listings: Listings::new(trust),
            manifests: Manifests::new(Arc::clone(&index)),
            toolchains: Toolchains::new(ask.clone(), Arc::clone(&files), Arc::new(Facts(index))),
            object_tools: ObjectTools::new(Arc::clone(&ask), Arc::clone(&files)),
            scanner: Scanner::new(Arc::clone(&ask), Arc::clone(&files)),
            ask,
            stores: Mutex::default(),
            servers: Servers::new(scratch.clone()),
            permits: Arc::default(),
            history: History::default(),
            idle_timeout: AtomicU64::new(0),
            digests,
            files,
            scratch,
        }
    }

    /// The embedded store of these settings; `None` where there is no writable place for one.
    fn store(&self, config: &Config) -> Option<DiskStore> {
        let dir = config.disk_cache.as_ref()?;
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = stores.get(dir) {
            return store.clone();
        }
        let opened = DiskStore::open(dir, config.disk_cache_max_size)
            .inspect_err(|error| tracing::warn!(dir = %dir.display(), %error, "no embedded store"))
            .ok();
        stores.insert(dir.clone(), opened.clone());
        opened
    }

    /// The settings of a step.
    fn settings(&self, request: &Request<'_>) -> Result<Arc<Resolved>, ConfigError> {
        let resolved = self.resolver.for_request(&request.cwd, request.variables())?;
        let millis = resolved.config.daemon_idle_timeout.as_millis().max(1);
        self.idle_timeout
            .store(u64::try_from(millis).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(resolved)
    }

    /// The answer to a request whose inputs are as they were when it was last seen, if its result is here.
    fn known(&self, request: &Request<'_>, resolved: &Resolved, reading: Reading, note: &mut Note) -> Option<Answer> {
        let config = &resolved.config;
        let key = key::of(request, config, &Root::of(request, config).path);
        let start = Instant::now();
        let manifest = self.manifests.find(&key, &self.digests, &self.listings).ok()?;
        note.phases().inputs = micros(start.elapsed());
        let remembered: Remembered = serde_json::from_slice(manifest.payload()).ok()?;
        if !self.toolchains.still_stands(&remembered.ground) || remembered.other_time().is_some() {
            return None;
        }
        let store = self.store(config)?;
        "manifest".clone_into(&mut note.record.inputs_from);
        hit(&store, &remembered, reading, note)
    }
}

/// The answer from the embedded store. Any trouble with it is a miss.
fn hit(store: &DiskStore, remembered: &Remembered, reading: Reading, note: &mut Note) -> Option<Answer> {
    let start = Instant::now();
    let found = candidate::find_on_disk(store, remembered, reading)
        .inspect_err(|error| tracing::warn!(%error, "cannot read the embedded store"))
        .ok()
        .flatten()?;
    note.phases().lookup += micros(start.elapsed());
    let answer = answer::publish(&found, remembered)
        .inspect_err(|error| tracing::warn!(%error, "a result of the embedded store is unusable"))
        .ok()?;
    describe(note, remembered);
    note.record.action_digest = found.action.to_string();
    note.record.output_bytes = found.output_bytes();
    note.ended(Where::LocalCache, "", "");
    Some(answer)
}

/// What a record says about a step with an action.
fn describe(note: &mut Note, remembered: &Remembered) {
    let record = &mut note.record;
    record.kind.clone_from(&remembered.kind);
    record.source.clone_from(&remembered.source);
    remembered.primary().clone_into(&mut record.output);
    record.exec_root.clone_from(&remembered.exec_root);
    record.input_files = remembered.input_files;
    record.input_bytes = remembered.input_bytes;
    record.placed_locally = remembered.placed_locally.is_some();
}

/// The exec root of a request; its cwd where the one that was found is too wide to be sent anywhere.
struct Root {
    path: PathBuf,
    too_wide: bool,
}

impl Root {
    fn of(request: &Request<'_>, config: &Config) -> Self {
        let hints = exec_root::Hints {
            setting: config.exec_root.as_deref(),
            project: config.project_dir.as_deref(),
            home: request.env_path("HOME"),
        };
        match exec_root::find(&request.cwd, hints) {
            ExecRoot::At(path) => Self { path, too_wide: false },
            ExecRoot::TooWide(_) => Self {
                path: request.cwd.clone(),
                too_wide: true,
            },
        }
    }
}

impl StepService for Pipeline {
    fn quick(&self, step: &StepRequest) -> Option<Answer> {
        let mut note = Note::begin(step);
        let request = Request::new(step).ok()?;
        let resolved = self.settings(&request).ok()?;
        let answer = self.known(&request, &resolved, Reading::Little, &mut note)?;
        self.history.append(resolved.config.state_dir.as_deref(), note);
        Some(answer)
    }

    fn slow(&self, step: &StepRequest, conversation: &dyn Conversation) {
        slow::Step::new(self, step, conversation).run();
    }

    fn idle_timeout(&self) -> Option<Duration> {
        let millis = self.idle_timeout.load(Ordering::Relaxed);
        (millis > 0).then(|| Duration::from_millis(millis))
    }
}
