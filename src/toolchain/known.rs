//! Remembers what compilers answered, in memory and, through [`Keep`], across daemons. An answer is used again only
//! while everything that it rests on is unchanged.

use super::evidence::{Evidence, Proven, digest_text};
use super::facts::{Subject, learn};
use super::flags::{depends_on_cwd, flags_for_questions};
use super::identify::{Identity, identify};
use super::machine::{Ask, Environment, FileDigests};
use super::{ToolFile, Toolchain, ToolchainFailure};
use crate::command::CompileCommand;
use crate::digest::{Digest, Hasher};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts up when the meaning of a kept answer changes.
const FORMAT: &[u8] = b"toolchain facts 3";

/// How many different questions are remembered in memory; a build asks a handful.
const LIMIT: usize = 1024;

/// Small values that outlive the daemon. Losing one costs a few compiler starts.
pub trait Keep: Send + Sync {
    /// What was kept under the key.
    fn get(&self, key: &Digest) -> Option<Vec<u8>>;
    /// Keeps a value; may fail silently, it is a cache.
    fn put(&self, key: &Digest, value: &[u8]);
}

/// A question about a compiler and what it answered, by name. Who keeps this with what followed from the answer learns
/// later, without asking anybody, whether the answer would be the same ([`Toolchains::still_stands`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    #[serde(with = "digest_text")]
    question: Digest,
    #[serde(with = "digest_text")]
    answer: Digest,
}

/// An answer in memory.
struct Recalled<T> {
    value: Arc<T>,
    evidence: Evidence,
    /// What the value is, whenever it was learned.
    digest: Digest,
}

impl<T: Serialize> Recalled<T> {
    /// `None` if something in it is not UTF-8, which has no written form.
    fn of(proven: Proven<T>) -> Option<Self> {
        let text = serde_json::to_vec(&proven.value).ok()?;
        Some(Self {
            value: Arc::new(proven.value),
            evidence: proven.evidence,
            digest: Digest::of(&text),
        })
    }
}

type Cell<T> = Arc<Mutex<Option<Arc<Recalled<T>>>>>;
type Cells<T> = Mutex<HashMap<Digest, Cell<T>>>;

/// The compilers of this machine, as they are met. Safe to use from many threads: equal questions are asked once.
pub struct Toolchains {
    ask: Arc<dyn Ask>,
    digests: Arc<dyn FileDigests>,
    keep: Arc<dyn Keep>,
    identities: Cells<Identity>,
    by_flags: Cells<Toolchain>,
}

impl Toolchains {
    /// Nothing known yet but what `keep` holds.
    pub fn new(ask: Arc<dyn Ask>, digests: Arc<dyn FileDigests>, keep: Arc<dyn Keep>) -> Self {
        Self {
            ask,
            digests,
            keep,
            identities: Mutex::default(),
            by_flags: Mutex::default(),
        }
    }

    /// Who answers behind `driver`, an absolute path that is called with `invoked_as` as its `argv[0]`. `env` is the
    /// step's, with our own directories already taken out of PATH.
    pub fn identify(
        &self,
        driver: &Path,
        invoked_as: &OsStr,
        env: &Environment,
    ) -> Result<Arc<Identity>, ToolchainFailure> {
        let mut key = Key::new("identity");
        key.add(driver.as_os_str()).add(invoked_as).environment(env);
        let known = self.recall(&self.identities, key.finish(), || {
            let identity = identify(&*self.ask, driver, invoked_as, env)?;
            let mut evidence = Evidence::default();
            evidence.link(driver, &identity.driver_real);
            for path in &identity.programs {
                let digest = self.digests.digest(path)?;
                evidence.files(&[ToolFile {
                    path: path.clone(),
                    digest,
                }]);
            }
            Ok(Proven {
                value: identity,
                evidence,
            })
        })?;
        Ok(known.0)
    }

    /// The toolchain as it is for the language and the flags of a step, and what that is founded on.
    pub fn toolchain(
        &self,
        identity: &Identity,
        command: &CompileCommand,
        cwd: &Path,
        env: &Environment,
    ) -> Result<(Arc<Toolchain>, Ground), ToolchainFailure> {
        let flags = flags_for_questions(command);
        let cwd = if depends_on_cwd(command) { cwd } else { Path::new("/") };
        let mut key = Key::new("toolchain");
        key.add(identity.driver.as_os_str()).add(&identity.invoked_as);
        key.add(OsStr::new(command.language.driver_name())).add(cwd.as_os_str());
        for flag in &flags {
            key.add(OsStr::new(flag));
        }
        key.environment(env);
        // Another compiler under the same name.
        key.add(identity.driver_real.as_os_str())
            .add(OsStr::new(&format!("{:?}", identity.version)));
        self.recall(&self.by_flags, key.finish(), || {
            let subject = Subject {
                identity,
                language: command.language,
                flags: &flags,
                cwd,
                env,
            };
            learn(&subject, &*self.ask, &*self.digests)
        })
    }

    /// Whether the compiler would still answer so, as long as the files of the toolchain have the same content: that is
    /// not looked at again. Starts no process.
    pub fn still_stands(&self, ground: &Ground) -> bool {
        let known = {
            let cell = cell(&self.by_flags, ground.question);
            let mut slot = lock(&cell);
            if slot.is_none() {
                *slot = self.kept(&ground.question);
            }
            slot.clone()
        };
        known.is_some_and(|known| known.digest == ground.answer && known.evidence.leads_to_the_same())
    }

    fn recall<T: Serialize + DeserializeOwned>(
        &self,
        cells: &Cells<T>,
        key: Digest,
        learn: impl FnOnce() -> Result<Proven<T>, ToolchainFailure>,
    ) -> Result<(Arc<T>, Ground), ToolchainFailure> {
        let cell = cell(cells, key);
        let mut slot = lock(&cell);
        let holds = |known: &Arc<Recalled<T>>| known.evidence.holds(&*self.digests);
        let known = slot.take().filter(holds).or_else(|| self.kept(&key).filter(holds));
        let known = known.map_or_else(|| self.learned(&key, learn), Ok)?;
        let ground = Ground {
            question: key,
            answer: known.digest,
        };
        let value = Arc::clone(&known.value);
        *slot = Some(known);
        Ok((value, ground))
    }

    fn learned<T: Serialize>(
        &self,
        key: &Digest,
        learn: impl FnOnce() -> Result<Proven<T>, ToolchainFailure>,
    ) -> Result<Arc<Recalled<T>>, ToolchainFailure> {
        let proven = learn()?;
        // Names that are not UTF-8 cannot be kept, and no action can name them.
        let text = serde_json::to_vec(&proven).map_err(|_| ToolchainFailure::NotUtf8)?;
        self.keep.put(key, &text);
        Recalled::of(proven).map(Arc::new).ok_or(ToolchainFailure::NotUtf8)
    }

    fn kept<T: Serialize + DeserializeOwned>(&self, key: &Digest) -> Option<Arc<Recalled<T>>> {
        let proven = serde_json::from_slice::<Proven<T>>(&self.keep.get(key)?).ok()?;
        Recalled::of(proven).map(Arc::new)
    }
}

/// Where the answer to a question is, or will be: equal questions wait for one another there.
fn cell<T>(cells: &Cells<T>, key: Digest) -> Cell<T> {
    let mut cells = lock(cells);
    if cells.len() >= LIMIT {
        cells.clear();
    }
    Arc::clone(cells.entry(key).or_default())
}

/// A panic elsewhere leaves these maps whole: every change is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Key(Hasher);

impl Key {
    fn new(what: &str) -> Self {
        let mut key = Self(Hasher::new());
        key.0.update(FORMAT);
        key.add(OsStr::new(what));
        key
    }

    fn add(&mut self, part: &OsStr) -> &mut Self {
        let bytes = part.as_encoded_bytes();
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    fn environment(&mut self, env: &Environment) {
        for (name, value) in env.about_tools().iter() {
            self.add(name).add(value);
        }
        self.add(OsStr::new("end of environment"));
    }

    fn finish(self) -> Digest {
        self.0.finish()
    }
}
