//! The ByteStream service: blobs of any size, piece by piece, in either direction.

mod read;
#[cfg(test)]
mod tests;
mod uploads;
mod write;

pub(super) use uploads::Uploads;

use super::outgoing::Answer;
use super::resource::{ReadName, WriteName};
use super::storage::Storage;
use crate::pb::bytestream as wire;
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming};
use wire::byte_stream_server::{ByteStream, ByteStreamServer};

/// What is read, hashed and written at once, in bytes.
const PIECE: usize = 256 << 10;

/// Reads and writes blobs as streams.
#[derive(Debug)]
pub struct ByteStreamService {
    storage: Arc<Storage>,
}

impl ByteStreamService {
    /// Of the blobs in this storage.
    pub fn new(storage: Arc<Storage>) -> Self {
        Self { storage }
    }

    /// As a service of a server, which takes messages of the size that the limits say.
    pub fn into_server(self) -> ByteStreamServer<Self> {
        let message = self.storage.limits().message;
        ByteStreamServer::new(self).max_decoding_message_size(message)
    }
}

#[tonic::async_trait]
impl ByteStream for ByteStreamService {
    type ReadStream = Answer<wire::ReadResponse>;

    async fn read(&self, request: Request<wire::ReadRequest>) -> Result<Response<Self::ReadStream>, Status> {
        let request = request.into_inner();
        let name = ReadName::parse(&request.resource_name)?;
        let answer = read::blob(&self.storage, &name, request.read_offset, request.read_limit).await?;
        Ok(Response::new(answer))
    }

    async fn write(
        &self,
        request: Request<Streaming<wire::WriteRequest>>,
    ) -> Result<Response<wire::WriteResponse>, Status> {
        let committed_size = write::blob(&self.storage, request.into_inner()).await?;
        Ok(Response::new(wire::WriteResponse { committed_size }))
    }

    async fn query_write_status(
        &self,
        request: Request<wire::QueryWriteStatusRequest>,
    ) -> Result<Response<wire::QueryWriteStatusResponse>, Status> {
        let name = WriteName::parse(&request.get_ref().resource_name)?;
        let digest = name.digest;
        let complete = self.storage.perform(1, move |store| store.contains(digest)).await?;
        let committed = if complete {
            digest.size()
        } else {
            self.storage.uploads.written(&name)
        };
        Ok(Response::new(wire::QueryWriteStatusResponse {
            committed_size: committed.cast_signed(),
            complete,
        }))
    }
}
