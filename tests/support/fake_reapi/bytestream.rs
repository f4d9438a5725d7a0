//! ByteStream.

use super::{Committed, Fault, Rpc, State};
use bytes::{Bytes, BytesMut};
use rewrap::digest::Digest;
use rewrap::pb::bytestream as wire;
use std::sync::Arc;
use tonic::{Code, Request, Response, Status, Streaming};

/// Small, so that streams have several messages.
const PIECE: usize = 64 << 10;

pub(super) struct Stream(pub(super) Arc<State>);

fn blob_of(resource_name: &str) -> Result<Digest, Status> {
    let mut parts = resource_name.rsplit('/');
    let size = parts.next().and_then(|size| size.parse().ok());
    let hash = parts.next();
    match (hash, size, parts.next()) {
        (Some(hash), Some(size), Some("blobs")) => {
            Digest::from_hex(hash, size).map_err(|error| Status::invalid_argument(error.to_string()))
        }
        _ => Err(Status::invalid_argument("no blob's name")),
    }
}

#[tonic::async_trait]
impl wire::byte_stream_server::ByteStream for Stream {
    type ReadStream = tokio_stream::Iter<std::vec::IntoIter<Result<wire::ReadResponse, Status>>>;

    async fn read(&self, request: Request<wire::ReadRequest>) -> Result<Response<Self::ReadStream>, Status> {
        let fault = self.0.arrive(Rpc::Read, request.metadata()).await?;
        let request = request.into_inner();
        let digest = blob_of(&request.resource_name)?;
        let content = self.0.get(digest).ok_or_else(|| Status::not_found("no such blob"))?;
        let offset = if self.0.habits.ignores_read_offset {
            0
        } else {
            request.read_offset
        };
        let offset = usize::try_from(offset).map_err(|_| Status::out_of_range("offset"))?;
        let mut content = content.slice(offset.min(content.len())..);
        match fault {
            Some(Fault::WrongBytes) => content = content.iter().map(|byte| !byte).collect(),
            Some(Fault::TooManyBytes) => content = [&*content, b"!"].concat().into(),
            _ => {}
        }
        let pieces = content.chunks(PIECE).map(|piece| {
            Ok(wire::ReadResponse {
                data: Bytes::copy_from_slice(piece),
            })
        });
        let mut messages: Vec<_> = pieces.collect();
        match fault {
            Some(Fault::BreakAfter(count, code)) => {
                messages.truncate(count);
                messages.push(Err(Status::new(code, "broken on the way")));
            }
            Some(Fault::EndAfter(count)) => messages.truncate(count),
            _ => {}
        }
        Ok(Response::new(tokio_stream::iter(messages)))
    }

    async fn write(
        &self,
        request: Request<Streaming<wire::WriteRequest>>,
    ) -> Result<Response<wire::WriteResponse>, Status> {
        let fault = self.0.arrive(Rpc::Write, request.metadata()).await?;
        let mut stream = request.into_inner();
        let mut content = BytesMut::new();
        let mut digest = None;
        let mut finished = false;
        let mut messages = 0;
        while let Some(piece) = stream.message().await? {
            if digest.is_none() {
                let named = blob_of(&piece.resource_name)?;
                if self.0.get(named).is_some() {
                    return Ok(self.committed(named)); // Without waiting for the rest.
                }
                digest = Some(named);
            }
            if piece.write_offset != i64::try_from(content.len()).expect("small") {
                return Err(Status::invalid_argument("wrong offset"));
            }
            content.extend_from_slice(&piece.data);
            finished |= piece.finish_write;
            messages += 1;
            if let Some(Fault::BreakAfter(count, code)) = fault
                && messages >= count
            {
                return Err(Status::new(code, "broken on the way"));
            }
        }
        let digest = digest.ok_or_else(|| Status::invalid_argument("nothing was written"))?;
        if !finished {
            return Err(Status::invalid_argument("not finished"));
        }
        match self.0.take(digest, content.freeze()) {
            Code::Ok => Ok(self.committed(digest)),
            code => Err(Status::new(code, "not the blob that it is named")),
        }
    }

    async fn query_write_status(
        &self,
        _: Request<wire::QueryWriteStatusRequest>,
    ) -> Result<Response<wire::QueryWriteStatusResponse>, Status> {
        Err(Status::unimplemented("QueryWriteStatus"))
    }
}

impl Stream {
    fn committed(&self, digest: Digest) -> Response<wire::WriteResponse> {
        let committed_size = match self.0.habits.committed {
            Committed::Size => digest.size().try_into().expect("small"),
            Committed::Number(number) => number,
        };
        Response::new(wire::WriteResponse { committed_size })
    }
}
