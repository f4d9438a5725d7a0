//! What a person asks of the store: how much there is, whether all of it is right, away with it.

use super::layout::{Found, Kind, open_if_there, remove};
use super::references::referenced;
use super::{DiskStore, read_all, result_file};
use crate::digest::{Digest, Function};

use crate::host::fs::PathContext as _;
use crate::pb::reapi::ActionResult;
use crate::store::blob::digest_of;
use crate::store::{Blob, StoreError};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Number of blobs.
    pub blobs: u64,
    /// Bytes of all blobs and results.
    pub bytes: u64,
    /// Number of action results.
    pub results: u64,
}

/// What `verify` does with a corrupt file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnCorrupt {
    /// Only lists it.
    List,
    /// Removes it as well.
    Remove,
}

/// What `verify` found, so far or in all.
#[derive(Debug, Default)]
pub struct VerifyReport {
    /// What was looked at; corrupt files included.
    pub seen: Usage,
    /// Actions whose results name blobs that are not here. No trouble: they are misses.
    pub incomplete: Vec<Digest>,
    /// Files that are not what they should be.
    pub corrupt: Vec<CorruptFile>,
}

/// A file that is not what it should be.
#[derive(Debug)]
pub struct CorruptFile {
    /// Where it is, or was.
    pub path: PathBuf,
    /// What is wrong.
    pub defect: Defect,
}

/// What is wrong with a file in the store.
#[derive(Debug, thiserror::Error)]
pub enum Defect {
    /// Its name is not that of a blob or result.
    #[error("the name is not one of the store's")]
    Name,
    /// Its bytes are another blob.
    #[error("the content is that of {0}")]
    Content(Digest),
    /// It is a result file that is torn, altered, or of another version of rewrap.
    #[error("not a whole result of this version")]
    Result,
    /// The system cannot read it.
    #[error("cannot be read")]
    Unreadable(#[source] io::Error),
}

impl DiskStore {
    /// Counts everything; a scan of the whole store.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let mut usage = Usage::default();
        self.for_each_file(|found| {
            usage.add(found);
            Ok(())
        })?;
        Ok(usage)
    }

    /// Reads everything and checks it, `progress` being told after each file. Others may use the store meanwhile.
    pub fn verify(
        &self,
        on_corrupt: OnCorrupt,
        mut progress: impl FnMut(&VerifyReport),
    ) -> Result<VerifyReport, StoreError> {
        let mut report = VerifyReport::default();
        self.for_each_file(|found| {
            report.seen.add(found);
            if let Some(defect) = self.examine(found, &mut report.incomplete)? {
                if on_corrupt == OnCorrupt::Remove {
                    remove(&found.path)?;
                    self.inner.occupancy.removed(found.metadata.len());
                }
                let path = found.path.clone();
                report.corrupt.push(CorruptFile { path, defect });
            }
            progress(&report);
            Ok(())
        })?;
        Ok(report)
    }

    /// Removes every blob and every result. What others put meanwhile may stay.
    pub fn clear(&self) -> Result<(), StoreError> {
        self.for_each_file(|found| {
            self.inner.occupancy.removed(found.metadata.len());
            Ok(remove(&found.path)?)
        })?;
        self.inner.layout.sweep_drafts()?;
        self.inner.occupancy.correct(&self.inner.layout, 0)?;
        Ok(())
    }

    fn for_each_file(&self, mut look: impl FnMut(&Found) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let layout = &self.inner.layout;
        for found in layout.walk(Kind::Blob).chain(layout.walk(Kind::Result)) {
            look(&found?)?;
        }
        Ok(())
    }

    fn examine(&self, found: &Found, incomplete: &mut Vec<Digest>) -> Result<Option<Defect>, StoreError> {
        let Some(digest) = found.digest else {
            return Ok(Some(Defect::Name));
        };
        let Some(file) = open_if_there(&found.path)? else {
            return Ok(None); // Evicted since the walk saw it.
        };
        match found.kind {
            Kind::Blob => Ok(match digest_of(&file, digest.function()) {
                Ok(actual) if actual == digest => None,
                Ok(actual) => Some(Defect::Content(actual)),
                Err(error) => Some(Defect::Unreadable(error)),
            }),
            Kind::Result => {
                let content = match read_all(&file, &found.metadata) {
                    Ok(content) => content,
                    Err(error) => return Ok(Some(Defect::Unreadable(error))),
                };
                let Some(result) = result_file::decode(digest, &content) else {
                    return Ok(Some(Defect::Result));
                };
                if !self.has_all(&result, digest.function())? {
                    incomplete.push(digest);
                }
                Ok(None)
            }
        }
    }
}

impl DiskStore {
    /// Whether all blobs of the result are here, without counting this as a use of them.
    fn has_all(&self, result: &ActionResult, function: Function) -> Result<bool, StoreError> {
        let path = |blob| self.inner.layout.path(Kind::Blob, blob);
        let read = |tree| match open_if_there(&path(tree))? {
            Some(file) => Ok(Some(Blob::File(Arc::new(file)).to_bytes().at("read", &path(tree))?)),
            None => Ok(None),
        };
        let Some(blobs) = referenced(result, function, read)? else {
            return Ok(false);
        };
        let is_here = |blob: &Digest| {
            let found = std::fs::symlink_metadata(path(*blob));
            blob.is_empty() || found.is_ok_and(|metadata| metadata.len() == blob.size())
        };
        Ok(blobs.iter().all(is_here))
    }
}

impl Usage {
    fn add(&mut self, found: &Found) {
        self.bytes += found.metadata.len();
        match found.kind {
            Kind::Blob => self.blobs += 1,
            Kind::Result => self.results += 1,
        }
    }
}
