//! The ContentAddressableStorage service: which blobs are missing, small blobs in batches, trees.

#[cfg(test)]
mod tests;
mod tree;

use super::instance::Instance;
use super::outgoing::Answer;
use super::storage::{self, BYTES_IN_PLACE, FILES_IN_PLACE, MESSAGE, Storage, status, told};
use crate::compression;
use crate::digest::{Digest, Function};
use crate::pb::reapi;
use crate::store::{DiskStore, StoreError};
use bytes::Bytes;
use reapi::batch_read_blobs_response::Response as Read;
use reapi::batch_update_blobs_response::Response as Updated;
use reapi::compressor::Value as Compressor;
use reapi::content_addressable_storage_server::{ContentAddressableStorage, ContentAddressableStorageServer};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// What a blob costs in an answer besides its content, in bytes: digest, status and tags.
const OVERHEAD: usize = 128;

/// Smaller blobs are not compressed: there is nothing to gain.
const WORTH_COMPRESSING: usize = 1024;

/// Answers about blobs. The digest function is that of each request.
#[derive(Debug)]
pub struct CasService {
    storage: Arc<Storage>,
}

impl CasService {
    /// Of the blobs in this storage.
    pub fn new(storage: Arc<Storage>) -> Self {
        Self { storage }
    }

    /// As a service of a server, which takes messages of the size that the limits say.
    pub fn into_server(self) -> ContentAddressableStorageServer<Self> {
        let message = self.storage.limits().message;
        ContentAddressableStorageServer::new(self).max_decoding_message_size(message)
    }

    fn check_batch(&self, sizes: impl Iterator<Item = u64>) -> Result<u64, Status> {
        let total = sizes.fold(0, u64::saturating_add);
        let limit = self.storage.limits().batch;
        if total > limit as u64 {
            let what = format!("the blobs have {total} bytes, and {limit} fit into a batch");
            return Err(Status::invalid_argument(what));
        }
        Ok(total)
    }
}

#[tonic::async_trait]
impl ContentAddressableStorage for CasService {
    async fn find_missing_blobs(
        &self,
        request: Request<reapi::FindMissingBlobsRequest>,
    ) -> Result<Response<reapi::FindMissingBlobsResponse>, Status> {
        let request = request.into_inner();
        Instance::parse(&request.instance_name)?;
        let digests = digests(request.digest_function, &request.blob_digests)?;
        let missing = self
            .storage
            .perform(digests.len(), move |store| store.missing(&digests))
            .await?;
        Ok(Response::new(reapi::FindMissingBlobsResponse {
            missing_blob_digests: missing.into_iter().map(Into::into).collect(),
        }))
    }

    async fn batch_update_blobs(
        &self,
        request: Request<reapi::BatchUpdateBlobsRequest>,
    ) -> Result<Response<reapi::BatchUpdateBlobsResponse>, Status> {
        let request = request.into_inner();
        Instance::parse(&request.instance_name)?;
        let function = storage::function(request.digest_function)?;
        let mut blobs = Vec::with_capacity(request.requests.len());
        for blob in request.requests {
            let digest = storage::digest(function, blob.digest.as_ref())?;
            blobs.push((digest, blob.compressor, blob.data));
        }
        self.check_batch(blobs.iter().map(|(digest, ..)| digest.size()))?;
        self.check_batch(blobs.iter().map(|(.., data)| data.len() as u64))?;
        let update = move |store: &DiskStore| {
            let updated = blobs.into_iter().map(|(digest, compressor, data)| Updated {
                digest: Some(digest.into()),
                status: Some(told(&put(store, digest, compressor, &data))),
            });
            Ok(updated.collect())
        };
        // Even a small one: it may have to evict.
        let responses = self.storage.elsewhere(update).await?;
        Ok(Response::new(reapi::BatchUpdateBlobsResponse { responses }))
    }

    async fn batch_read_blobs(
        &self,
        request: Request<reapi::BatchReadBlobsRequest>,
    ) -> Result<Response<reapi::BatchReadBlobsResponse>, Status> {
        let request = request.into_inner();
        Instance::parse(&request.instance_name)?;
        let digests = digests(request.digest_function, &request.digests)?;
        let bytes = self.check_batch(digests.iter().map(Digest::size))?;
        let zstd = request.acceptable_compressors.contains(&(Compressor::Zstd as i32));
        let files = if bytes > BYTES_IN_PLACE {
            FILES_IN_PLACE + 1
        } else {
            digests.len()
        };
        let responses = self
            .storage
            .perform(files, move |store| Ok(read_all(store, &digests, zstd)))
            .await?;
        Ok(Response::new(reapi::BatchReadBlobsResponse { responses }))
    }

    type GetTreeStream = Answer<reapi::GetTreeResponse>;

    async fn get_tree(&self, request: Request<reapi::GetTreeRequest>) -> Result<Response<Self::GetTreeStream>, Status> {
        tree::get(&self.storage, request.into_inner()).await.map(Response::new)
    }
}

fn digests(wire_function: i32, wire: &[reapi::Digest]) -> Result<Vec<Digest>, Status> {
    let function: Function = storage::function(wire_function)?;
    wire.iter().map(|wire| storage::digest(function, Some(wire))).collect()
}

/// Keeps one blob of a batch.
fn put(store: &DiskStore, digest: Digest, compressor: i32, data: &[u8]) -> Result<(), Status> {
    match Compressor::try_from(compressor) {
        Ok(Compressor::Identity) => store.put_bytes_as(digest, data).map_err(status),
        Ok(Compressor::Zstd) => {
            let content = compression::decompress(data, digest.size())
                .map_err(|error| Status::invalid_argument(format!("blob {digest}: {error}")))?;
            store.put_bytes_as(digest, &content).map_err(status)
        }
        _ => Err(Status::invalid_argument(format!(
            "there is no compressor {compressor} here"
        ))),
    }
}

/// The blobs, in order, as far as they fit into one message.
fn read_all(store: &DiskStore, digests: &[Digest], zstd: bool) -> Vec<Read> {
    let mut room = MESSAGE;
    let read = digests.iter().map(|digest| {
        let content =
            read(store, *digest, zstd).and_then(|(data, compressor)| match room.checked_sub(data.len() + OVERHEAD) {
                Some(left) => {
                    room = left;
                    Ok((data, compressor))
                }
                None => Err(Status::resource_exhausted(
                    "the message is full; ask for this blob again",
                )),
            });
        let status = Some(told(&content));
        let (data, compressor) = content.unwrap_or((Bytes::new(), Compressor::Identity));
        Read {
            digest: Some((*digest).into()),
            data,
            compressor: compressor as i32,
            status,
        }
    });
    read.collect()
}

/// The content of one blob, compressed if the client can take that and it is shorter.
fn read(store: &DiskStore, digest: Digest, zstd: bool) -> Result<(Bytes, Compressor), Status> {
    let content = store
        .read(digest)
        .and_then(|content| content.ok_or(StoreError::NotFound(digest)));
    let content = content.map_err(status)?;
    if zstd && content.len() >= WORTH_COMPRESSING {
        let encoded =
            compression::compress(&content).map_err(|error| Status::internal(format!("cannot compress: {error}")))?;
        if encoded.len() < content.len() {
            return Ok((encoded.into(), Compressor::Zstd));
        }
    }
    Ok((content, Compressor::Identity))
}
