//! ContentAddressableStorage.

use super::{Fault, Rpc, State, ZstdBatches, digest};
use bytes::Bytes;
use reapi::compressor::Value as Compressor;
use rewrap::compression;
use rewrap::digest::Digest;
use rewrap::pb::{reapi, rpc};
use std::sync::Arc;
use tonic::{Code, Request, Response, Status};

pub(super) struct Cas(pub(super) Arc<State>);

impl Cas {
    fn check_batch(&self, bytes: usize) -> Result<(), Status> {
        let mut inner = self.0.inner();
        if bytes > self.0.habits.real_batch {
            return Err(Status::new(self.0.habits.too_large, "received message larger than max"));
        }
        inner.largest_batch = inner.largest_batch.max(bytes);
        Ok(())
    }
}

impl Cas {
    fn check_zstd(&self) -> Result<(), Status> {
        match self.0.habits.zstd.batches {
            ZstdBatches::Refused => Err(Status::unimplemented("compressors")),
            _ => Ok(()),
        }
    }

    fn decoded(&self, named: Digest, blob: &reapi::batch_update_blobs_request::Request) -> Option<Bytes> {
        let compressed = blob.compressor() == Compressor::Zstd;
        if !compressed || self.0.habits.zstd.batches == ZstdBatches::Ignored {
            return Some(blob.data.clone());
        }
        compression::decompress(&blob.data, named.size()).ok().map(Bytes::from)
    }

    /// An answer to somebody who takes zstd.
    fn encoded(&self, content: Bytes) -> (Bytes, Compressor) {
        let encode = |content: Bytes| Bytes::from(compression::compress(&content).expect("memory"));
        match self.0.habits.zstd.batches {
            ZstdBatches::Works => (encode(content), Compressor::Zstd),
            ZstdBatches::Unsaid => (encode(content), Compressor::Identity),
            ZstdBatches::Untrue => (content, Compressor::Zstd),
            ZstdBatches::Ignored | ZstdBatches::Refused => (content, Compressor::Identity),
        }
    }
}

fn status(code: Code) -> rpc::Status {
    rpc::Status {
        code: code as i32,
        ..Default::default()
    }
}

#[tonic::async_trait]
impl reapi::content_addressable_storage_server::ContentAddressableStorage for Cas {
    async fn find_missing_blobs(
        &self,
        request: Request<reapi::FindMissingBlobsRequest>,
    ) -> Result<Response<reapi::FindMissingBlobsResponse>, Status> {
        self.0.arrive(Rpc::FindMissingBlobs, request.metadata()).await?;
        let habits = &self.0.habits;
        let mut missing = Vec::new();
        for wire in request.into_inner().blob_digests {
            let times = if habits.repeats_missing { 2 } else { 1 };
            if self.0.get(digest(Some(&wire))?).is_none() {
                missing.extend(std::iter::repeat_n(wire, times));
            }
        }
        if habits.names_others {
            missing.push(Digest::of(b"what nobody asked about").into());
        }
        Ok(Response::new(reapi::FindMissingBlobsResponse {
            missing_blob_digests: missing,
        }))
    }

    async fn batch_update_blobs(
        &self,
        request: Request<reapi::BatchUpdateBlobsRequest>,
    ) -> Result<Response<reapi::BatchUpdateBlobsResponse>, Status> {
        let fault = self.0.arrive(Rpc::BatchUpdateBlobs, request.metadata()).await?;
        let blobs = request.into_inner().requests;
        if blobs.iter().any(|blob| blob.compressor() == Compressor::Zstd) {
            self.0.count_compressed(Rpc::BatchUpdateBlobs);
            self.check_zstd()?;
        }
        self.check_batch(blobs.iter().map(|blob| blob.data.len()).sum())?;
        let mut responses = Vec::new();
        for (at, blob) in blobs.into_iter().enumerate() {
            let named = digest(blob.digest.as_ref())?;
            let code = match fault {
                Some(Fault::FirstBlob(code)) if at == 0 => code,
                Some(Fault::LeaveOutFirst) if at == 0 => continue,
                _ => match self.decoded(named, &blob) {
                    Some(content) => self.0.take(named, content),
                    None => self.0.habits.wrong_digest,
                },
            };
            responses.push(reapi::batch_update_blobs_response::Response {
                digest: blob.digest,
                status: Some(status(code)),
            });
        }
        Ok(Response::new(reapi::BatchUpdateBlobsResponse { responses }))
    }

    async fn batch_read_blobs(
        &self,
        request: Request<reapi::BatchReadBlobsRequest>,
    ) -> Result<Response<reapi::BatchReadBlobsResponse>, Status> {
        let fault = self.0.arrive(Rpc::BatchReadBlobs, request.metadata()).await?;
        let mut responses = Vec::new();
        let request = request.into_inner();
        let takes_zstd = request.acceptable_compressors().any(|takes| takes == Compressor::Zstd);
        if takes_zstd {
            self.0.count_compressed(Rpc::BatchReadBlobs);
            self.check_zstd()?;
        }
        for (at, wire) in request.digests.into_iter().enumerate() {
            let content = self.0.get(digest(Some(&wire))?);
            let (mut code, mut data) = content.map_or((Code::NotFound, Bytes::new()), |data| (Code::Ok, data));
            match fault {
                Some(Fault::FirstBlob(failure)) if at == 0 => (code, data) = (failure, Bytes::new()),
                Some(Fault::LeaveOutFirst) if at == 0 => continue,
                Some(Fault::WrongBytes) => data = data.iter().map(|byte| !byte).collect(),
                _ => {}
            }
            let (data, compressor) = if takes_zstd && code == Code::Ok {
                self.encoded(data)
            } else {
                (data, Compressor::Identity)
            };
            responses.push(reapi::batch_read_blobs_response::Response {
                digest: Some(wire),
                data,
                compressor: compressor as i32,
                status: Some(status(code)),
            });
        }
        self.check_batch(responses.iter().map(|response| response.data.len()).sum())?;
        Ok(Response::new(reapi::BatchReadBlobsResponse { responses }))
    }

    type GetTreeStream = tokio_stream::Empty<Result<reapi::GetTreeResponse, Status>>;

    async fn get_tree(&self, _: Request<reapi::GetTreeRequest>) -> Result<Response<Self::GetTreeStream>, Status> {
        Err(Status::unimplemented("GetTree"))
    }
}

impl State {
    /// Keeps an upload if it is what it is named.
    pub(super) fn take(&self, named: Digest, content: Bytes) -> Code {
        if Digest::of(&content) != named {
            return self.habits.wrong_digest;
        }
        let mut inner = self.inner();
        *inner.uploads.entry(named).or_default() += 1;
        if !self.habits.drops_uploads {
            inner.blobs.insert(named, content);
        }
        Code::Ok
    }
}
