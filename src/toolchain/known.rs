//! Remembers what compilers answered, in memory and, through [`Keep`], across daemons. An answer is used again only
//! while everything that it rests on is unchanged.

use super::evidence::{Evidence, Proven, digest_text};
use super::facts::{Subject, learn};
use super::flags::{depends_on_cwd, flags_for_questions};
use super::identify::{Identity, identify};
use super::machine::{Ask, Environment, FileDigests};
use super::native::{self, NativeSubject};
use super::tool::{self, ToolSubject};
use super::{ToolFile, Toolchain, ToolchainFailure};
use crate::command::{CompileCommand, NativeWords};
use crate::digest::{Digest, Hasher};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
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
    toolchain: Fact,
    /// Which processor native options stand for, where a step has some.
    processor: Option<Fact>,
}

impl Ground {
    /// The same for a step that is also founded on what native options stand for.
    #[must_use]
    pub fn with_processor(self, processor: Option<Fact>) -> Self {
        Self { processor, ..self }
    }
}

/// A question and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    #[serde(with = "digest_text")]
    question: Digest,
    #[serde(with = "digest_text")]
    answer: Digest,
}

impl From<Fact> for Ground {
    fn from(toolchain: Fact) -> Self {
        Self {
            toolchain,
            processor: None,
        }
    }
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
    natives: Cells<NativeWords>,
}

/// How long an answer is of use.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lasting {
    /// As long as its evidence holds, whoever asks.
    Kept,
    /// In this process.
    InMemory,
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
            natives: Mutex::default(),
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
        let known = self.recall(&self.identities, Lasting::Kept, key.finish(), || {
            let identity = identify(&*self.ask, driver, invoked_as, env)?;
            Ok(Proven {
                evidence: self.drivers(&identity)?,
                value: identity,
            })
        })?;
        Ok(known.0)
    }

    /// The programs that stand for a driver are these.
    fn drivers(&self, identity: &Identity) -> Result<Evidence, ToolchainFailure> {
        let mut evidence = Evidence::default();
        evidence.link(&identity.driver, &identity.driver_real);
        for path in &identity.programs {
            let digest = self.digests.digest(path)?;
            evidence.files(&[ToolFile {
                path: path.clone(),
                digest,
            }]);
        }
        Ok(evidence)
    }

    /// The command that also says what its native options stand for on this machine, and what that is founded on; the
    /// command itself and nothing where it has none.
    pub fn with_processor(
        &self,
        identity: &Identity,
        command: CompileCommand,
        cwd: &Path,
        env: &Environment,
    ) -> Result<(CompileCommand, Option<Fact>), ToolchainFailure> {
        if command.native().next().is_none() {
            return Ok((command, None));
        }
        let (words, fact) = self.native(&NativeSubject {
            identity,
            language: command.language,
            flags: &flags_for_questions(&command),
            cwd,
            env,
        })?;
        Ok((command.with_processor(&words), Some(fact)))
    }

    /// What native options stand for on this machine.
    pub fn native(&self, subject: &NativeSubject<'_>) -> Result<(Arc<NativeWords>, Fact), ToolchainFailure> {
        let identity = subject.identity;
        let mut key = Key::new("native");
        key.add(identity.driver.as_os_str()).add(&identity.invoked_as);
        key.add(OsStr::new(subject.language.driver_name()))
            .add(subject.cwd.as_os_str());
        for flag in subject.flags {
            key.add(OsStr::new(flag));
        }
        key.environment(subject.env);
        self.recall(&self.natives, Lasting::InMemory, key.finish(), || {
            Ok(Proven {
                evidence: self.drivers(identity)?,
                value: native::learn(subject, &*self.ask)?,
            })
        })
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
        // What is kept may come to another machine.
        for word in command.processor() {
            key.add(OsStr::new(word));
        }
        let (toolchain, fact) = self.recall(&self.by_flags, Lasting::Kept, key.finish(), || {
            let subject = Subject {
                identity,
                language: command.language,
                flags: &flags,
                cwd,
                env,
            };
            learn(&subject, &*self.ask, &*self.digests)
        })?;
        Ok((toolchain, Ground::from(fact)))
    }

    /// The toolchain of a step that is no compile, and what that is founded on. Who calls it has asked the tool itself;
    /// this adds what its programs load, and remembers all of it as a compiler's.
    pub fn tool(&self, subject: &ToolSubject<'_>) -> Result<(Arc<Toolchain>, Ground), ToolchainFailure> {
        let mut key = Key::new("tool");
        key.add(subject.driver.as_os_str()).add(subject.invoked_as);
        key.add(OsStr::new(&format!("{:?} {:?}", subject.family, subject.version)));
        key.add(OsStr::new(subject.target));
        for paths in [subject.programs, subject.plain, subject.directories, subject.names] {
            key.add(OsStr::new(&paths.len().to_string()));
            for path in paths {
                key.add(path.as_os_str());
            }
        }
        key.add(OsStr::from_bytes(subject.facts)).environment(subject.env);
        let learn = || tool::learn(subject, &*self.digests);
        let (toolchain, fact) = self.recall(&self.by_flags, Lasting::Kept, key.finish(), learn)?;
        Ok((toolchain, Ground::from(fact)))
    }

    /// Whether the compiler would still answer so, as long as the files of the toolchain have the same content: that is
    /// not looked at again. Starts no process.
    pub fn still_stands(&self, ground: &Ground) -> bool {
        self.stands(&self.by_flags, Lasting::Kept, &ground.toolchain)
            && ground
                .processor
                .is_none_or(|processor| self.stands(&self.natives, Lasting::InMemory, &processor))
    }

    fn stands<T: Serialize + DeserializeOwned>(&self, cells: &Cells<T>, lasting: Lasting, fact: &Fact) -> bool {
        let known = {
            let cell = cell(cells, fact.question);
            let mut slot = lock(&cell);
            if slot.is_none() {
                *slot = self.kept(lasting, &fact.question);
            }
            slot.clone()
        };
        known.is_some_and(|known| known.digest == fact.answer && known.evidence.leads_to_the_same())
    }

    fn recall<T: Serialize + DeserializeOwned>(
        &self,
        cells: &Cells<T>,
        lasting: Lasting,
        key: Digest,
        learn: impl FnOnce() -> Result<Proven<T>, ToolchainFailure>,
    ) -> Result<(Arc<T>, Fact), ToolchainFailure> {
        let cell = cell(cells, key);
        let mut slot = lock(&cell);
        let holds = |known: &Arc<Recalled<T>>| known.evidence.holds(&*self.digests);
        let known = slot.take().filter(holds);
        let known = known.or_else(|| self.kept(lasting, &key).filter(holds));
        let known = known.map_or_else(|| self.learned(lasting, &key, learn), Ok)?;
        let fact = Fact {
            question: key,
            answer: known.digest,
        };
        let value = Arc::clone(&known.value);
        *slot = Some(known);
        Ok((value, fact))
    }

    fn learned<T: Serialize>(
        &self,
        lasting: Lasting,
        key: &Digest,
        learn: impl FnOnce() -> Result<Proven<T>, ToolchainFailure>,
    ) -> Result<Arc<Recalled<T>>, ToolchainFailure> {
        let proven = learn()?;
        // Names that are not UTF-8 cannot be kept, and no action can name them.
        let text = serde_json::to_vec(&proven).map_err(|_| ToolchainFailure::NotUtf8)?;
        if lasting == Lasting::Kept {
            self.keep.put(key, &text);
        }
        Recalled::of(proven).map(Arc::new).ok_or(ToolchainFailure::NotUtf8)
    }

    fn kept<T: DeserializeOwned + Serialize>(&self, lasting: Lasting, key: &Digest) -> Option<Arc<Recalled<T>>> {
        let text = (lasting == Lasting::Kept).then(|| self.keep.get(key))??;
        let proven = serde_json::from_slice::<Proven<T>>(&text).ok()?;
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
