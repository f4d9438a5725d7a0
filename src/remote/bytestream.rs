//! The ByteStream service: one large blob at a time, in pieces.

use super::call::{RECEIVE_LIMIT, Remote};
use super::cas::Source;
use super::retry::Backoff;
use crate::digest::{Digest, Hasher};
use crate::pb::bytestream as wire;
use crate::store::{Blob, StoreError};
use bytes::BytesMut;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::Code;
use wire::byte_stream_client::ByteStreamClient;

/// Pieces that we send: large enough for throughput, and below every server's limit.
const PIECE: usize = 256 << 10;
/// Pieces read ahead of the network.
const PIECES_AHEAD: usize = 4;
/// Larger downloads go to a file.
const MEMORY_LIMIT: u64 = 4 << 20;
/// A transfer that is slower than this is stuck: bytes per second.
const SLOWEST: u64 = 64 << 10;

/// Reads a blob and proves that it is the one. Goes on where a broken stream ended.
pub(super) async fn read(remote: &Remote, digest: Digest) -> Result<Blob, StoreError> {
    let _turn = remote.transfer().await;
    let mut backoff = Backoff::new(remote.policy());
    let mut restarted = false;
    loop {
        let mut sink = Sink::new(remote, digest)?;
        let filled = fill(remote, &mut sink, &mut backoff).await;
        let resumed = sink.resumed;
        let finished = match filled {
            Ok(()) => sink.finish().await,
            Err(error) => Err(error),
        };
        match finished {
            // Perhaps a server that ignores the offset: once more, in one go.
            Err(StoreError::Corrupt { .. }) if resumed && !restarted => restarted = true,
            finished => return finished,
        }
    }
}

/// Reads until the sink has as many bytes as the blob.
async fn fill(remote: &Remote, sink: &mut Sink, backoff: &mut Backoff) -> Result<(), StoreError> {
    loop {
        let before = sink.received;
        let error = match read_from(remote, sink).await {
            Ok(()) if sink.received == sink.digest.size() => return Ok(()),
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
        backoff.wait(error).await?;
        sink.resumed = sink.received > 0;
    }
}

async fn read_from(remote: &Remote, sink: &mut Sink) -> Result<(), StoreError> {
    let request = wire::ReadRequest {
        resource_name: resource_name(remote.instance_name(), sink.digest, None),
        read_offset: sink.received.cast_signed(),
        read_limit: 0, // Unlimited: some servers know nothing else.
    };
    let mut client = ByteStreamClient::new(remote.connection().channel()).max_decoding_message_size(RECEIVE_LIMIT);
    let limit = remote.policy().call_timeout;
    let answer = Box::pin(client.read(remote.request(request)));
    let mut stream = remote.timely("Read", limit, answer).await?.into_inner();
    while let Some(piece) = remote.timely("Read", limit, stream.message()).await? {
        sink.take(&piece.data).await?;
    }
    Ok(())
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

/// Uploads a blob, unless the server says on the way that it has it. Content that is not the blob is never completed.
pub(super) async fn write(remote: &Remote, digest: Digest, source: &Source) -> Result<(), StoreError> {
    let _turn = remote.transfer().await;
    let mut backoff = Backoff::new(remote.policy());
    loop {
        // From the beginning each time: hardly any server can resume an upload.
        match write_once(remote, digest, source).await {
            Err(StoreError::Remote(error)) => backoff.wait(error).await?,
            done => return done,
        }
    }
}

async fn write_once(remote: &Remote, digest: Digest, source: &Source) -> Result<(), StoreError> {
    let (pieces, body) = mpsc::channel(PIECES_AHEAD);
    let name = resource_name(remote.instance_name(), digest, Some(fastrand::u128(..)));
    let failure = Arc::new(OnceLock::new());
    let _reading = AbortOnDropHandle::new(remote.connection().runtime().spawn({
        let (source, failure) = (source.clone(), failure.clone());
        async move {
            if let Err(error) = send_pieces(name, digest, &source, &pieces).await {
                failure.get_or_init(|| error);
            }
            drop(pieces); // After the failure is noted: this ends the call.
        }
    }));
    let limit = remote.policy().call_timeout + Duration::from_secs(digest.size() / SLOWEST);
    let mut client = ByteStreamClient::new(remote.connection().channel());
    let answer = Box::pin(client.write(remote.request(ReceiverStream::new(body))));
    let answer = remote.timely("Write", limit, answer).await;
    if let Some(error) = Arc::into_inner(failure).and_then(OnceLock::into_inner) {
        return Err(error);
    }
    let committed = answer?.into_inner().committed_size;
    // Other sizes have been seen from servers that had the blob (-1, or that of their compressed copy): ask.
    if committed == digest.size().cast_signed() || super::cas::is_present(remote, digest).await? {
        return Ok(());
    }
    let what = format!("{committed} of {} bytes committed", digest.size());
    Err(remote.protocol("Write", what).into())
}

/// Sends the blob's pieces until all are sent or nobody wants them. The last one is sent only if all together are the
/// blob, so that a file that changes meanwhile is never stored under the old name.
async fn send_pieces(
    resource_name: String,
    digest: Digest,
    source: &Source,
    pieces: &mpsc::Sender<wire::WriteRequest>,
) -> Result<(), StoreError> {
    let file = source.open().await?;
    let mut hasher = Hasher::new();
    let mut offset = 0;
    loop {
        let data = file.piece(offset, PIECE).await?;
        hasher.update(&data);
        let end = offset + data.len() as u64;
        let finish_write = data.is_empty() || end >= digest.size();
        if finish_write {
            let actual = std::mem::take(&mut hasher).finish();
            if actual != digest {
                return Err(StoreError::Corrupt {
                    expected: digest,
                    actual,
                });
            }
        }
        let piece = wire::WriteRequest {
            // Only the first one needs it.
            resource_name: if offset == 0 {
                resource_name.clone()
            } else {
                String::new()
            },
            write_offset: offset.cast_signed(),
            finish_write,
            data,
        };
        if pieces.send(piece).await.is_err() || finish_write {
            return Ok(());
        }
        offset = end;
    }
}

/// `[{instance}/]blobs/{hash}/{size}`, for an upload `[{instance}/]uploads/{uuid}/blobs/{hash}/{size}`.
fn resource_name(instance: &str, digest: Digest, upload: Option<u128>) -> String {
    let slash = if instance.is_empty() { "" } else { "/" };
    let upload = upload.map_or(String::new(), |random| format!("uploads/{}/", uuid(random)));
    format!("{instance}{slash}{upload}blobs/{digest}")
}

/// A version 4 UUID (RFC 9562) of these random bits.
fn uuid(random: u128) -> String {
    let bits = random & !(0xf << 76) & !(0b11 << 62) | 4 << 76 | 0b10 << 62;
    let hex = format!("{bits:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_names_are_those_of_the_protocol() {
        let digest = Digest::empty();
        let uuid = "00000000-0000-4000-8000-000000000000";
        assert_eq!(resource_name("", digest, None), format!("blobs/{digest}"));
        assert_eq!(resource_name("a/b", digest, None), format!("a/b/blobs/{digest}"));
        assert_eq!(
            resource_name("", digest, Some(0)),
            format!("uploads/{uuid}/blobs/{digest}")
        );
        assert_eq!(
            resource_name("m", digest, Some(0)),
            format!("m/uploads/{uuid}/blobs/{digest}")
        );
    }

    #[test]
    fn uuids_have_their_version_and_variant() {
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
