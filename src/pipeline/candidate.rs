//! Under which action digests the result of a step may lie, and what is needed to hand it to this user.

use crate::action::{BuiltAction, DeclaredOutput, PathMap};
use crate::digest::Digest;
use crate::pb::reapi::ActionResult;
use crate::store::disk::DiskStore;
use crate::store::{Blob, StoreError};
use crate::toolchain::Ground;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// One action that would give this step's outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Candidate {
    /// Its digest.
    #[serde(with = "digest_text")]
    pub(super) action: Digest,
    /// Its diagnostics look otherwise than this user's would: it counts only if there are none.
    pub(super) only_if_silent: bool,
    /// How its outputs name paths.
    pub(super) paths: PathMap,
}

/// What a step remembers for the next time its inputs are the same: everything between the request and its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remembered {
    /// What the compiler is founded on, besides the content of its files, which the manifest covers.
    pub(super) ground: Ground,
    /// In the order in which they are looked up.
    pub(super) candidates: Vec<Candidate>,
    /// What the step writes, in the order of publishing.
    pub(super) outputs: Vec<DeclaredOutput>,
    /// Whether the tool removes an older primary output when it fails.
    pub(super) removes_on_failure: bool,
    /// For the record.
    pub(super) kind: String,
    pub(super) source: String,
    pub(super) exec_root: String,
    pub(super) input_files: u32,
    pub(super) input_bytes: u64,
    pub(super) placed_locally: Option<String>,
    /// Modification times in seconds that are part of the key: see [`InputSet::times`](crate::inputs::InputSet::times).
    pub(super) times: Vec<(String, i64)>,
}

impl Remembered {
    /// A file whose modification time is another one than the key holds.
    pub(super) fn other_time(&self) -> Option<&Path> {
        let mut files = self.times.iter().map(|(path, seconds)| (Path::new(path), *seconds));
        let other = files.find(|(path, seconds)| !path.metadata().is_ok_and(|seen| seen.mtime() == *seconds));
        other.map(|(path, _)| path)
    }

    /// The primary output as the user spells it.
    pub(super) fn primary(&self) -> &str {
        self.outputs.last().map_or("", |output| &output.user_path)
    }
}

impl Candidate {
    pub(super) fn of(built: &BuiltAction, only_if_silent: bool) -> Self {
        Self {
            action: built.digest,
            only_if_silent,
            paths: built.paths.clone(),
        }
    }
}

/// A result with its content, ready to be handed out: of a hit, or of an execution.
#[derive(Debug)]
pub(super) struct Found {
    /// How it names paths.
    pub(super) paths: PathMap,
    /// Under which action.
    pub(super) action: Digest,
    pub(super) exit: i32,
    pub(super) stdout: Bytes,
    pub(super) stderr: Bytes,
    /// Per declared output, in their order; `None` for an optional one that was not written.
    pub(super) contents: Vec<Option<Blob>>,
}

impl Found {
    /// Whether it may be handed to a user to whom `candidate` leads.
    pub(super) fn suits(&self, candidate: &Candidate) -> bool {
        !candidate.only_if_silent || (self.stdout.is_empty() && self.stderr.is_empty())
    }

    /// Bytes of all outputs.
    pub(super) fn output_bytes(&self) -> u64 {
        let sizes = self.contents.iter().flatten().map(|blob| blob.size().unwrap_or(0));
        sizes.sum::<u64>() + self.stdout.len() as u64 + self.stderr.len() as u64
    }
}

/// How much of a result may be read to see that it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// What takes about a millisecond: others wait.
    Little,
    /// All of it.
    All,
}

/// Bytes that count as [`Reading::Little`].
const LITTLE: u64 = 4 << 20;

impl Reading {
    fn allows(self, store: &DiskStore, result: &ActionResult) -> bool {
        let files = result.output_files.iter().filter_map(|file| file.digest.as_ref());
        let unproven = files
            .filter_map(|digest| Digest::try_from(digest).ok())
            .filter(|digest| !store.has_proven(*digest));
        self == Self::All || unproven.map(|digest| digest.size()).sum::<u64>() <= LITTLE
    }
}

/// The first of the candidates that the store has a fitting result for. `None` also if that takes too much `reading`.
pub(super) fn find_on_disk(
    store: &DiskStore,
    remembered: &Remembered,
    reading: Reading,
) -> Result<Option<Found>, StoreError> {
    for candidate in &remembered.candidates {
        let Some(result) = store.action_result(candidate.action)? else {
            continue;
        };
        if !reading.allows(store, &result) {
            return Ok(None);
        }
        if let Some(found) = load(store, candidate, &remembered.outputs, &result)?
            && found.suits(candidate)
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Opens what a result names. `None` if a blob has gone meanwhile or a declared output is not in it.
fn load(
    store: &DiskStore,
    candidate: &Candidate,
    outputs: &[DeclaredOutput],
    result: &ActionResult,
) -> Result<Option<Found>, StoreError> {
    let mut contents = Vec::with_capacity(outputs.len());
    for output in outputs {
        let file = result.output_files.iter().find(|file| file.path == output.action_path);
        let digest = file.and_then(|file| Digest::try_from(file.digest.as_ref()?).ok());
        let blob = match digest {
            Some(digest) => store.blob(digest)?.map(|file| Blob::File(file.into())),
            None => None,
        };
        if blob.is_none() && !output.optional {
            return Ok(None);
        }
        contents.push(blob);
    }
    let (Some(stdout), Some(stderr)) = (
        stream(store, &result.stdout_raw, result.stdout_digest.as_ref())?,
        stream(store, &result.stderr_raw, result.stderr_digest.as_ref())?,
    ) else {
        return Ok(None);
    };
    Ok(Some(Found {
        paths: candidate.paths.clone(),
        action: candidate.action,
        exit: result.exit_code,
        stdout,
        stderr,
        contents,
    }))
}

/// stdout or stderr of a result: inline, as a blob, or empty.
fn stream(
    store: &DiskStore,
    raw: &[u8],
    digest: Option<&crate::pb::reapi::Digest>,
) -> Result<Option<Bytes>, StoreError> {
    match digest {
        None => Ok(Some(Bytes::copy_from_slice(raw))),
        Some(_) if !raw.is_empty() => Ok(Some(Bytes::copy_from_slice(raw))),
        Some(wire) => match Digest::try_from(wire) {
            Ok(digest) => store.read(digest),
            Err(_) => Ok(None),
        },
    }
}

/// Digests as `hash/size` in what is remembered.
mod digest_text {
    use crate::digest::Digest;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(digest)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parts = text
            .split_once('/')
            .and_then(|(hash, size)| Some((hash, size.parse().ok()?)));
        let (hash, size) = parts.ok_or_else(|| D::Error::custom("not a digest"))?;
        Digest::from_hex(hash, size).map_err(D::Error::custom)
    }
}
