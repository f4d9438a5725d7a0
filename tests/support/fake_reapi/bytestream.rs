//! ByteStream.

use super::{Committed, Fault, Rpc, State, ZstdReads};
use bytes::{Bytes, BytesMut};
use rewrap::compression::{compress, decompress};
use rewrap::digest::Digest;
use rewrap::pb::bytestream as wire;
use std::sync::Arc;
use tonic::{Code, Request, Response, Status, Streaming};

/// Small, so that streams have several messages.
const PIECE: usize = 64 << 10;

pub(super) struct Stream(pub(super) Arc<State>);

/// The blob, and whether the stream is compressed.
fn blob_of(resource_name: &str) -> Result<(Digest, bool), Status> {
    let mut parts = resource_name.rsplit('/');
    let size = parts.next().and_then(|size| size.parse().ok());
    let hash = parts.next();
    let compressed = match (parts.next(), parts.next()) {
        (Some("zstd"), Some("compressed-blobs")) => true,
        (Some("blobs"), _) => false,
        _ => return Err(Status::invalid_argument("no blob's name")),
    };
    let (Some(hash), Some(size)) = (hash, size) else {
        return Err(Status::invalid_argument("no digest"));
    };
    let digest = Digest::from_hex(hash, size).map_err(|error| Status::invalid_argument(error.to_string()))?;
    Ok((digest, compressed))
}

#[tonic::async_trait]
impl wire::byte_stream_server::ByteStream for Stream {
    type ReadStream = tokio_stream::Iter<std::vec::IntoIter<Result<wire::ReadResponse, Status>>>;

    async fn read(&self, request: Request<wire::ReadRequest>) -> Result<Response<Self::ReadStream>, Status> {
        let fault = self.0.arrive(Rpc::Read, request.metadata()).await?;
        let request = request.into_inner();
        if request.read_limit != 0 {
            return Err(Status::unimplemented("read_limit"));
        }
        let (digest, compressed) = blob_of(&request.resource_name)?;
        if compressed {
            self.0.count_compressed(Rpc::Read);
        }
        let content = self.0.get(digest).ok_or_else(|| Status::not_found("no such blob"))?;
        let habits = &self.0.habits;
        let from_the_beginning = compressed && habits.zstd.reads == ZstdReads::FromTheBeginning;
        let offset = if habits.ignores_read_offset || from_the_beginning {
            0
        } else {
            request.read_offset
        };
        let offset = usize::try_from(offset).map_err(|_| Status::out_of_range("offset"))?;
        if offset == content.len() && habits.refuses_offset_at_end {
            return Err(Status::invalid_argument("nothing is left"));
        }
        let mut content = content.slice(offset.min(content.len())..);
        match fault {
            Some(Fault::WrongBytes) => content = content.iter().map(|byte| !byte).collect(),
            Some(Fault::TooManyBytes) => content = [&*content, b"!"].concat().into(),
            _ => {}
        }
        if compressed {
            content = self.encoded(&content)?;
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
        let mut upload = None;
        let mut finished = false;
        let mut messages = 0;
        while let Some(piece) = stream.message().await? {
            if upload.is_none() {
                let (named, compressed) = blob_of(&piece.resource_name)?;
                if compressed {
                    self.0.count_compressed(Rpc::Write);
                    if !self.0.habits.zstd.takes_writes {
                        return Err(Status::invalid_argument("no blob's name"));
                    }
                }
                if self.0.get(named).is_some() {
                    return Ok(self.committed(named, content.len())); // Without waiting for the rest.
                }
                upload = Some((named, compressed));
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
        let (digest, compressed) = upload.ok_or_else(|| Status::invalid_argument("nothing was written"))?;
        if !finished {
            return Err(Status::invalid_argument("not finished"));
        }
        let received = content.len();
        let mut content = content.freeze();
        if compressed {
            let decoded = decompress(&content, digest.size());
            content = decoded
                .map_err(|error| Status::invalid_argument(error.to_string()))?
                .into();
        }
        match self.0.take(digest, content) {
            Code::Ok => Ok(self.committed(digest, received)),
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
    /// What a read of something compressed is answered with.
    fn encoded(&self, content: &[u8]) -> Result<Bytes, Status> {
        let frame = |content: &[u8]| compress(content).expect("memory");
        // A magic number, a length, that many bytes (RFC 8878, 3.1.2).
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"pad"].concat();
        let encoded = match self.0.habits.zstd.reads {
            ZstdReads::Refused => return Err(Status::invalid_argument("no blob's name")),
            ZstdReads::OneFrame | ZstdReads::FromTheBeginning => frame(content),
            ZstdReads::EmptyFrameFirst => [frame(b""), frame(content)].concat(),
            ZstdReads::SkippableFrameFirst => [skippable, frame(content)].concat(),
            ZstdReads::ManyFrames => content.chunks(PIECE).map(frame).collect::<Vec<_>>().concat(),
            ZstdReads::Plain => content.to_vec(),
            ZstdReads::TooMuch => [frame(content), frame(b"!")].concat(),
            ZstdReads::WrongBytes => frame(&content.iter().map(|byte| !byte).collect::<Vec<_>>()),
        };
        Ok(encoded.into())
    }

    fn committed(&self, digest: Digest, received: usize) -> Response<wire::WriteResponse> {
        let committed_size = match self.0.habits.committed {
            Committed::Size => digest.size().try_into().expect("small"),
            Committed::Number(number) => number,
            Committed::Received => received.try_into().expect("small"),
        };
        Response::new(wire::WriteResponse { committed_size })
    }
}
