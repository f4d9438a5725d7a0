//! Downloads.

use super::super::call::{RECEIVE_LIMIT, Remote};
use super::super::compressed::Way;
use super::super::error::RemoteError;
use super::super::retry::Backoff;
use super::{Encoding, resource_name};
use crate::compression::{CompressionError, Decompressor};
use crate::digest::{Digest, Hasher};
use crate::pb::bytestream as wire;
use crate::store::{Blob, StoreError};
use bytes::BytesMut;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tonic::{Code, Streaming};
use wire::byte_stream_client::ByteStreamClient;

/// Larger downloads go to a file.
const MEMORY_LIMIT: u64 = 4 << 20;

/// Reads a blob and proves that it is the one. Goes on where a broken stream ended.
pub(in super::super) async fn read(remote: &Remote, digest: Digest) -> Result<Blob, StoreError> {
    let _turn = remote.transfer().await;
    let mut backoff = Backoff::new(remote.policy());
    let mut encoding = Encoding::of(remote.compresses(Way::Read).await?);
    let compressed = encoding == Encoding::Zstd;
    let mut restarted = false;
    loop {
        let mut sink = Sink::new(remote, digest)?;
        let filled = fill(remote, &mut sink, &mut backoff, &mut encoding).await;
        let resumed = sink.resumed;
        let finished = match filled {
            Ok(()) => sink.finish().await,
            Err(error) => Err(error),
        };
        match finished {
            // Perhaps a server that ignores the offset, or that sends something else under the name of zstd: once
            // more, as it is and in one go.
            Err(StoreError::Corrupt { .. }) if (resumed || compressed) && !restarted => restarted = true,
            Ok(blob) => {
                if restarted && compressed {
                    remote.stop_compressing(Way::Read);
                }
                return Ok(blob);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Reads until the sink has as many bytes as the blob. Only the first try is compressed: a broken stream is resumed by
/// an offset, which servers that compress ignore (they begin again), and others take in the plain blob.
async fn fill(
    remote: &Remote,
    sink: &mut Sink,
    backoff: &mut Backoff,
    encoding: &mut Encoding,
) -> Result<(), StoreError> {
    loop {
        let before = sink.received;
        let tried = std::mem::replace(encoding, Encoding::Plain);
        let error = match read_from(remote, sink, tried).await {
            // After the last byte an error changes nothing, and some servers refuse an offset that is the blob's end.
            Ok(()) | Err(StoreError::Remote(_)) if sink.received == sink.digest.size() => return Ok(()),
            Ok(()) => remote.protocol("Read", format!("{} of {} bytes", sink.received, sink.digest.size())),
            Err(StoreError::Remote(error)) if error.is(Code::NotFound) => {
                return Err(StoreError::NotFound(sink.digest));
            }
            Err(StoreError::Remote(error)) => error,
            Err(error) => return Err(error),
        };
        if sink.received > before {
            backoff.progressed();
        }
        if tried == Encoding::Plain || !remote.blames_compression(Way::Read, error.code()) {
            backoff.wait(error).await?;
        }
        sink.resumed = sink.received > 0;
    }
}

async fn read_from(remote: &Remote, sink: &mut Sink, encoding: Encoding) -> Result<(), StoreError> {
    let request = wire::ReadRequest {
        resource_name: resource_name(remote.instance_name(), sink.digest, encoding, None),
        read_offset: sink.received.cast_signed(),
        read_limit: 0, // Unlimited: some servers know nothing else.
    };
    let mut client = ByteStreamClient::new(remote.connection().channel()).max_decoding_message_size(RECEIVE_LIMIT);
    let answer = Box::pin(client.read(remote.request(request)));
    let mut stream = remote
        .timely("Read", remote.policy().call_timeout, answer)
        .await?
        .into_inner();
    match encoding {
        Encoding::Plain => {
            while let Some(piece) = next(remote, &mut stream).await? {
                sink.take(&piece.data).await?;
            }
            Ok(())
        }
        Encoding::Zstd => decompress(remote, &mut stream, sink).await,
    }
}

async fn decompress(
    remote: &Remote,
    stream: &mut Streaming<wire::ReadResponse>,
    sink: &mut Sink,
) -> Result<(), StoreError> {
    let wrong = |error: CompressionError| {
        // A stream that was cut short says nothing of what it would have been.
        if !matches!(error, CompressionError::Truncated) {
            remote.stop_compressing(Way::Read);
        }
        remote.protocol("Read", error.to_string())
    };
    let left = sink.digest.size() - sink.received;
    let mut decompressor = Decompressor::new(left).map_err(|error| wrong(CompressionError::Malformed(error)))?;
    while let Some(piece) = next(remote, stream).await? {
        let mut encoded = &*piece.data;
        loop {
            let content = decompressor.pull(&mut encoded).map_err(wrong)?;
            if content.is_empty() {
                break;
            }
            sink.take(&content).await?;
        }
    }
    decompressor.finish().map_err(wrong)?;
    Ok(())
}

async fn next(
    remote: &Remote,
    stream: &mut Streaming<wire::ReadResponse>,
) -> Result<Option<wire::ReadResponse>, RemoteError> {
    let limit = remote.policy().call_timeout;
    remote.timely("Read", limit, stream.message()).await
}

/// Where a download goes, hashed as it comes.
struct Sink {
    digest: Digest,
    hasher: Hasher,
    received: u64,
    resumed: bool,
    place: Place,
}

enum Place {
    Memory(BytesMut),
    File(tokio::fs::File),
}

impl Sink {
    fn new(remote: &Remote, digest: Digest) -> Result<Self, StoreError> {
        let place = if digest.size() <= MEMORY_LIMIT {
            Place::Memory(BytesMut::new())
        } else {
            let spool = remote.spool();
            let file = tempfile::tempfile_in(spool).map_err(|source| StoreError::Io {
                what: format!("create a file in `{}`", spool.display()),
                source,
            })?;
            Place::File(tokio::fs::File::from_std(file))
        };
        Ok(Self {
            digest,
            hasher: Hasher::new(),
            received: 0,
            resumed: false,
            place,
        })
    }

    async fn take(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        self.hasher.update(piece);
        self.received += piece.len() as u64;
        if self.received > self.digest.size() {
            // No need to see the rest: it cannot be the blob.
            return Err(self.corrupt());
        }
        match &mut self.place {
            Place::Memory(buffer) => buffer.extend_from_slice(piece),
            Place::File(file) => file.write_all(piece).await.map_err(cannot_spool)?,
        }
        Ok(())
    }

    fn corrupt(&mut self) -> StoreError {
        StoreError::Corrupt {
            expected: self.digest,
            actual: std::mem::take(&mut self.hasher).finish(),
        }
    }

    async fn finish(mut self) -> Result<Blob, StoreError> {
        let actual = std::mem::take(&mut self.hasher).finish();
        if actual != self.digest {
            return Err(StoreError::Corrupt {
                expected: self.digest,
                actual,
            });
        }
        match self.place {
            Place::Memory(buffer) => Ok(Blob::Bytes(buffer.freeze())),
            Place::File(mut file) => {
                file.flush().await.map_err(cannot_spool)?;
                Ok(Blob::File(Arc::new(file.into_std().await)))
            }
        }
    }
}

fn cannot_spool(source: std::io::Error) -> StoreError {
    StoreError::Io {
        what: "write a download to a temporary file".to_owned(),
        source,
    }
}
