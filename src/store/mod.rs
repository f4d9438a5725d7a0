//! Where blobs and action results are kept: traits, the store on disk, and one store in front of another. A server's
//! are [`RemoteCas`](crate::remote::RemoteCas) and [`RemoteActionCache`](crate::remote::RemoteActionCache). [`laws`] says
//! what all of them have in common.
//!
//! Proving downloads, packing small blobs into one call and asking only once what concurrent steps share are not here:
//! only the client of a server knows its limits, and what it said last.

mod blob;
pub mod disk;
pub mod laws;
#[cfg(test)]
mod memory;
pub mod read_through;

pub use disk::DiskStore;

use crate::digest::Digest;
use crate::host::fs::PathError;
use crate::pb::reapi;
use async_trait::async_trait;
use bytes::Bytes;
use std::fs::File;
use std::sync::Arc;

/// The content of a blob: in memory, or an open file that eviction can no longer hurt.
#[derive(Clone, Debug)]
pub enum Blob {
    /// In memory.
    Bytes(Bytes),
    /// A whole file, opened for reading. Read it by position: the offset is shared.
    File(Arc<File>),
}

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It does not have the blob (or result). The only error that is no trouble.
    #[error("no blob {0}")]
    NotFound(Digest),
    /// What arrived is not what was named.
    #[error("blob {expected} has the content of {actual}")]
    Corrupt {
        /// What was asked for.
        expected: Digest,
        /// What its bytes are.
        actual: Digest,
    },
    /// The operating system refused.
    #[error("cannot {what}")]
    Io {
        /// "read `/path`".
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// A server refused or could not be reached.
    #[error(transparent)]
    Remote(#[from] crate::remote::RemoteError),
}

impl StoreError {
    /// Whether the blob is simply not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }
}

impl From<PathError> for StoreError {
    fn from(error: PathError) -> Self {
        Self::Io {
            what: format!("{} `{}`", error.verb, error.path.display()),
            source: error.source,
        }
    }
}

/// Content by digest. Laws, which every implementation passes ([`laws`]): what was put is got back until evicted;
/// `find_missing` names exactly those of the asked digests that `get` would refuse, without duplicates; wrong content
/// is refused and leaves nothing (a blob that is already there may be kept without a look at what is offered); the
/// empty blob is always there.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// Those of `digests` that are not here.
    async fn find_missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, StoreError>;
    /// The content. [`StoreError::NotFound`] if it is not here.
    async fn get(&self, digest: Digest) -> Result<Blob, StoreError>;
    /// The contents, in order. The first one that is not here is the error.
    async fn get_all(&self, digests: &[Digest]) -> Result<Vec<Blob>, StoreError> {
        let mut blobs = Vec::with_capacity(digests.len());
        for digest in digests {
            blobs.push(self.get(*digest).await?);
        }
        Ok(blobs)
    }
    /// Keeps the content.
    async fn put(&self, digest: Digest, blob: Blob) -> Result<(), StoreError>;
}

/// Results by action digest.
#[async_trait]
pub trait ActionCache: Send + Sync {
    /// The result of the action, `None` if there is none.
    async fn get(&self, action: Digest) -> Result<Option<reapi::ActionResult>, StoreError>;
    /// Keeps a result.
    async fn update(&self, action: Digest, result: reapi::ActionResult) -> Result<(), StoreError>;
}
