//! The configuration of one step, remembered as long as nothing that it depends on has changed.

use super::error::ConfigError;
use super::file::{self, Owner};
use super::layers::{Layer, Layers};
use super::locate::{Stamp, locate};
use super::places::{self, Places};
use super::resolve::{Machine, Resolved, resolve};
use super::settings;
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Times of files are as coarse as two seconds on some file systems: a file that changed less than this ago could
/// change again without showing it.
const TIME_GRAIN: Duration = Duration::from_secs(2);

/// More than the build directories and environments of one user; only a bound.
const MAX_REMEMBERED: usize = 4096;

/// Resolves the configuration of steps. One for the whole daemon.
#[derive(Debug)]
pub struct Resolver {
    remembered: Mutex<HashMap<Vec<u8>, Arc<Remembered>>>,
    uid: u32,
    processors: u32,
}

#[derive(Debug)]
struct Remembered {
    stamps: Vec<(PathBuf, Stamp)>,
    result: Result<Arc<Resolved>, ConfigError>,
}

impl Default for Resolver {
    fn default() -> Self {
        Self::new()
    }
}

impl Resolver {
    /// For the user of this process.
    pub fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
        Self {
            remembered: Mutex::default(),
            uid: rustix::process::geteuid().as_raw(),
            processors,
        }
    }

    /// The configuration of a step in `cwd` (absolute) with this environment, as names and values.
    ///
    /// Costs two system calls per directory upward to the project's file when it is remembered. An error is remembered
    /// like anything else.
    pub fn for_request<'v, V>(&self, cwd: &Path, env: V) -> Result<Arc<Resolved>, ConfigError>
    where
        V: Iterator<Item = (&'v [u8], &'v [u8])>,
    {
        let variables = relevant(env);
        let key = key(cwd, &variables);
        let known = self.lock().get(&key).cloned();
        // Outside of the lock: other steps need not wait for these system calls.
        if let Some(known) = known.filter(|known| known.stamps.iter().all(|(path, stamp)| Stamp::of(path) == *stamp)) {
            return known.result.clone();
        }
        let (stamps, result) = self.load(cwd, &variables, Layer::default());
        if stamps.iter().all(|(_, stamp)| is_settled(stamp)) {
            let mut remembered = self.lock();
            if remembered.len() >= MAX_REMEMBERED {
                remembered.clear();
            }
            remembered.insert(
                key,
                Arc::new(Remembered {
                    stamps,
                    result: result.clone(),
                }),
            );
        }
        result
    }

    /// The configuration of a `rewrap` command: the process's environment, and flags.
    pub fn for_command(&self, cwd: &Path, flags: Layer) -> Result<Arc<Resolved>, ConfigError> {
        let env: Vec<_> = std::env::vars_os().collect();
        let env = env.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        self.load(cwd, &relevant(env), flags).1
    }

    fn load(&self, cwd: &Path, variables: &[Variable<'_>], flags: Layer) -> Loaded {
        let places = Places::new(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| *value));
        let found = match locate(&places, cwd, self.uid) {
            Ok(found) => found,
            // Nothing is known that could be compared, so this is never remembered.
            Err(error) => return (vec![unsettled()], Err(error)),
        };
        let resolved = || {
            let mut layers = Layers {
                flags,
                ..Layers::default()
            };
            layers.environment = Layer::from_variables(variables.iter().copied())?;
            if let Some(user) = &found.user {
                layers.user = file::parse(&user.path, &user.text, Owner::User)?;
            }
            if let Some(project) = &found.project {
                layers.project = file::parse(&project.path, &project.text, Owner::Project)?;
                check_exec_root(&layers.project, &project.path)?;
            }
            let machine = Machine {
                cache: places.writable_cache(),
                home: places.home,
                processors: self.processors,
                project_dir: found
                    .project
                    .as_ref()
                    .and_then(|file| file.path.parent())
                    .map(Path::to_owned),
            };
            let mut resolved = resolve(&layers, &machine)?;
            resolved.ignored = found.ignored;
            Ok(Arc::new(resolved))
        };
        let result = resolved();
        (found.stamps, result)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Vec<u8>, Arc<Remembered>>> {
        // A map of finished values is whole whatever happened to who held the lock.
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Variable<'v> = (&'v [u8], &'v [u8]);

type Loaded = (Vec<(PathBuf, Stamp)>, Result<Arc<Resolved>, ConfigError>);

/// The variables that settings depend on, sorted so that order does not matter; of two with one name the first.
fn relevant<'v>(env: impl Iterator<Item = Variable<'v>>) -> Vec<Variable<'v>> {
    let is_relevant = |name: &[u8]| match name.strip_prefix(settings::PREFIX.as_bytes()) {
        Some(rest) => settings::by_variable_rest(rest).is_some(),
        None => places::VARIABLES.contains(&name),
    };
    let mut variables: Vec<_> = env.filter(|(name, _)| is_relevant(name)).collect();
    variables.sort_by_key(|(name, _)| *name);
    variables.dedup_by_key(|(name, _)| *name);
    variables
}

/// No path, name or value of the kernel's holds a zero byte.
fn key(cwd: &Path, variables: &[Variable<'_>]) -> Vec<u8> {
    let mut key = cwd.as_os_str().as_bytes().to_vec();
    for (name, value) in variables {
        for part in [*name, *value] {
            key.push(0);
            key.extend_from_slice(part);
        }
    }
    key
}

/// Whether a later change of the file must show in its stamp.
fn is_settled(stamp: &Stamp) -> bool {
    let Stamp::File {
        changed: (seconds, nanos),
        ..
    } = *stamp
    else {
        return true;
    };
    let changed = Duration::from_secs(u64::try_from(seconds).unwrap_or(0)) + Duration::from_nanos(nanos);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // A time in the future (another machine's clock) never counts as settled.
    changed + TIME_GRAIN <= now
}

fn unsettled() -> (PathBuf, Stamp) {
    let changed = (i64::MAX, 0);
    (
        PathBuf::new(),
        Stamp::File {
            id: (0, 0),
            size: 0,
            modified: changed,
            changed,
        },
    )
}

/// A project's file may not widen what is sent beyond its own directory, also not by a symlink.
fn check_exec_root(project: &Layer, file: &Path) -> Result<(), ConfigError> {
    let Some(given) = project.get("exec_root").filter(|given| !given.is_empty()) else {
        return Ok(());
    };
    let own = file.parent().expect("a file has a directory");
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let inside = |word: &String| Path::new(word).starts_with(own) && real(Path::new(word)).starts_with(real(own));
    if given.words.iter().all(inside) {
        return Ok(());
    }
    Err(ConfigError::NotForProjects {
        key: "exec_root",
        origin: given.origin.clone(),
        why: "it names a directory outside the file's own",
    })
}
