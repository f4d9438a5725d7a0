//! The ContentAddressableStorage service, with ByteStream for what is too large for it.
//!
//! Every download is proven by its digest. What concurrent actions share is asked for and uploaded once: that is kept
//! here and not in a decorator, because a server's own "missing" must be able to correct it.

mod batch;
mod download;
mod source;
mod upload;

pub use source::Source;

use super::call::Remote;
use super::error::RemoteError;
use crate::digest::Digest;
use crate::pb::reapi;
use crate::store::{Blob, BlobStore, StoreError};
use async_trait::async_trait;
use reapi::content_addressable_storage_client::ContentAddressableStorageClient;
use std::collections::{HashMap, HashSet};

/// Digests in one FindMissingBlobs: less than 2 MiB in either direction.
const ASKED_AT_ONCE: usize = 20_000;

/// The blobs of a server. Cheap to clone.
#[derive(Clone)]
pub struct RemoteCas(Remote);

/// What an upload took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uploaded {
    /// Blobs that were sent.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl RemoteCas {
    /// The CAS of this server.
    pub fn new(remote: Remote) -> Self {
        Self(remote)
    }

    /// Those of `digests` that the server lacks, each once.
    pub async fn missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, RemoteError> {
        find_missing(&self.0, digests).await
    }

    /// Sees to it that the server has all of these, and sends only what it lacks. What another task is already
    /// sending is waited for.
    ///
    /// [`StoreError::Io`] and [`StoreError::Corrupt`] are about the sources: one cannot be read, or has changed.
    pub async fn ensure_present(&self, blobs: &[(Digest, Source)]) -> Result<Uploaded, StoreError> {
        let sources: HashMap<Digest, &Source> = blobs
            .iter()
            .filter(|(digest, _)| digest.size() > 0) // Every server has the empty blob.
            .map(|(digest, source)| (*digest, source))
            .collect();
        let mut uploaded = Uploaded::default();
        loop {
            let wanted = self.0.presence().unknown(sources.keys().copied());
            if wanted.is_empty() {
                return Ok(uploaded);
            }
            let mut claim = self.0.presence().claim(&wanted);
            if !claim.ours.is_empty() {
                let missing = find_missing(&self.0, &claim.ours).await?;
                let sending = missing.iter().map(|digest| (*digest, sources[digest].clone()));
                upload::all(&self.0, sending.collect()).await?;
                uploaded.blobs += missing.len() as u64;
                uploaded.bytes += missing.iter().map(Digest::size).sum::<u64>();
                self.0.presence().learn(&claim.ours);
            }
            let others = std::mem::take(&mut claim.others);
            drop(claim); // Before waiting: two tasks may wait for each other's blobs.
            for mut other in others {
                // Ends with the sender's end; whether it succeeded shows in the next round.
                let _closed = other.changed().await;
            }
        }
    }

    /// The server said that it lacks these, although it had them or was sent them.
    pub fn forget(&self, digests: &[Digest]) {
        self.0.presence().forget(digests);
    }

    /// The blobs, in order. The first one that is not there or not right is the error.
    pub async fn read_all(&self, digests: &[Digest]) -> Result<Vec<Blob>, StoreError> {
        download::all(&self.0, digests).await
    }
}

#[async_trait]
impl BlobStore for RemoteCas {
    async fn find_missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, StoreError> {
        Ok(self.missing(digests).await?)
    }

    async fn get(&self, digest: Digest) -> Result<Blob, StoreError> {
        let mut blobs = self.read_all(&[digest]).await?;
        Ok(blobs.pop().expect("one blob for one digest"))
    }

    async fn get_all(&self, digests: &[Digest]) -> Result<Vec<Blob>, StoreError> {
        self.read_all(digests).await
    }

    async fn put(&self, digest: Digest, blob: Blob) -> Result<(), StoreError> {
        self.ensure_present(&[(digest, blob.into())]).await.map(drop)
    }
}

/// Whether the server has the blob.
pub(super) async fn is_present(remote: &Remote, digest: Digest) -> Result<bool, RemoteError> {
    Ok(find_missing(remote, &[digest]).await?.is_empty())
}

async fn find_missing(remote: &Remote, digests: &[Digest]) -> Result<Vec<Digest>, RemoteError> {
    let mut seen = HashSet::new();
    let asked: Vec<Digest> = digests
        .iter()
        .copied()
        .filter(|digest| digest.size() > 0 && seen.insert(*digest))
        .collect();
    let mut missing = Vec::new();
    for some in asked.chunks(ASKED_AT_ONCE) {
        let request = reapi::FindMissingBlobsRequest {
            instance_name: remote.instance_name().to_owned(),
            blob_digests: some.iter().copied().map(Into::into).collect(),
            digest_function: reapi::digest_function::Value::Sha256 as i32,
        };
        let answer = remote
            .unary("FindMissingBlobs", request, |channel, request| async move {
                ContentAddressableStorageClient::new(channel)
                    .find_missing_blobs(request)
                    .await
            })
            .await?;
        // Some servers answer a digest as often as it was asked, so each counts once; and only what was asked counts.
        for digest in &answer.missing_blob_digests {
            let digest =
                Digest::try_from(digest).map_err(|error| remote.protocol("FindMissingBlobs", error.to_string()))?;
            if seen.remove(&digest) {
                missing.push(digest);
            }
        }
    }
    Ok(missing)
}
