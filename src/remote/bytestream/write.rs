//! Uploads.

use super::super::call::Remote;
use super::super::cas::{Source, is_present};
use super::super::compressed::Way;
use super::super::retry::Backoff;
use super::{Encoding, resource_name};
use crate::compression::Compressor;
use crate::digest::{Digest, Hasher};
use crate::pb::bytestream as wire;
use crate::store::StoreError;
use bytes::Bytes;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;
use wire::byte_stream_client::ByteStreamClient;

/// Pieces that we send: large enough for throughput, and below every server's limit.
const PIECE: usize = 256 << 10;
/// Pieces read ahead of the network.
const PIECES_AHEAD: usize = 4;
/// A transfer that is slower than this is stuck: bytes per second.
const SLOWEST: u64 = 64 << 10;

/// Uploads a blob, unless the server says on the way that it has it. Content that is not the blob is never completed.
pub(in super::super) async fn write(remote: &Remote, digest: Digest, source: &Source) -> Result<(), StoreError> {
    let _turn = remote.transfer().await;
    let mut backoff = Backoff::new(remote.policy());
    let mut encoding = Encoding::of(remote.compresses(Way::Write).await?);
    loop {
        // From the beginning each time: hardly any server can resume an upload.
        match write_once(remote, digest, source, encoding).await {
            Err(StoreError::Remote(error))
                if encoding == Encoding::Zstd && remote.blames_compression(Way::Write, error.code()) =>
            {
                encoding = Encoding::Plain;
            }
            Err(StoreError::Remote(error)) => backoff.wait(error).await?,
            done => return done,
        }
    }
}

async fn write_once(remote: &Remote, digest: Digest, source: &Source, encoding: Encoding) -> Result<(), StoreError> {
    let (pieces, body) = mpsc::channel(PIECES_AHEAD);
    let ended = Arc::new(Mutex::new(None));
    let _reading = AbortOnDropHandle::new(remote.connection().runtime().spawn({
        let upload = Upload {
            resource_name: resource_name(remote.instance_name(), digest, encoding, Some(fastrand::u128(..))),
            digest,
            sent: 0,
            pieces,
        };
        let (source, ended) = (source.clone(), ended.clone());
        async move {
            let (upload, result) = upload.send_all(&source, encoding).await;
            *ended.lock().expect("no panic while locked") = Some(result);
            drop(upload); // After the end is noted: this ends the call.
        }
    }));
    let limit = remote.policy().call_timeout + Duration::from_secs(digest.size() / SLOWEST);
    let mut client = ByteStreamClient::new(remote.connection().channel());
    let answer = Box::pin(client.write(remote.request(ReceiverStream::new(body))));
    let answer = remote.timely("Write", limit, answer).await;
    let sent = ended.lock().expect("no panic while locked").take().transpose()?;
    let committed = answer?.into_inner().committed_size;
    // A compressed upload is acknowledged by what was sent, or by the blob's own size. Other numbers have been seen
    // from servers that had the blob (-1, or the size of their own compressed copy): ask.
    let complete = [Some(digest.size()), sent.flatten()]
        .into_iter()
        .flatten()
        .any(|size| committed == size.cast_signed());
    if complete || is_present(remote, digest).await? {
        return Ok(());
    }
    let what = format!("{committed} of {} bytes committed", digest.size());
    Err(remote.protocol("Write", what).into())
}

/// A stream of pieces on its way.
struct Upload {
    resource_name: String,
    digest: Digest,
    /// Bytes of the encoding.
    sent: u64,
    pieces: mpsc::Sender<wire::WriteRequest>,
}

impl Upload {
    /// Sends the blob's pieces until all are sent or nobody wants them; how many bytes all were. The last one is sent
    /// only if all together are the blob, so that a file that changes meanwhile is never stored under the old name.
    async fn send_all(mut self, source: &Source, encoding: Encoding) -> (Self, Result<Option<u64>, StoreError>) {
        let result = match encoding {
            Encoding::Plain => self.send_pieces(source, None).await,
            Encoding::Zstd => match Compressor::new(self.digest.size()) {
                Ok(compressor) => self.send_pieces(source, Some(compressor)).await,
                Err(error) => Err(cannot_compress(error)),
            },
        };
        (self, result)
    }

    async fn send_pieces(
        &mut self,
        source: &Source,
        mut compressor: Option<Compressor>,
    ) -> Result<Option<u64>, StoreError> {
        let file = source.open().await?;
        let mut hasher = Hasher::new();
        let mut offset = 0;
        loop {
            let mut data = file.piece(offset, PIECE).await?;
            hasher.update(&data);
            offset += data.len() as u64;
            let is_last = data.is_empty() || offset >= self.digest.size();
            if is_last {
                self.check(std::mem::take(&mut hasher))?;
            }
            if let Some(compressor) = &mut compressor {
                data = compressor.push(&data).map_err(cannot_compress)?.into();
            }
            if let Some(compressor) = compressor.take_if(|_| is_last) {
                let rest = compressor.finish().map_err(cannot_compress)?;
                data = [&*data, &rest].concat().into();
            }
            let has_some = !data.is_empty() || is_last;
            if has_some && !self.send(data, is_last).await {
                return Ok(None);
            }
            if is_last {
                return Ok(Some(self.sent));
            }
        }
    }

    fn check(&self, hasher: Hasher) -> Result<(), StoreError> {
        let actual = hasher.finish();
        if actual == self.digest {
            return Ok(());
        }
        Err(StoreError::Corrupt {
            expected: self.digest,
            actual,
        })
    }

    /// Whether anybody wants it.
    async fn send(&mut self, data: Bytes, finish_write: bool) -> bool {
        let length = data.len() as u64;
        let piece = wire::WriteRequest {
            // Only the first one needs it.
            resource_name: std::mem::take(&mut self.resource_name),
            write_offset: self.sent.cast_signed(),
            finish_write,
            data,
        };
        self.sent += length;
        self.pieces.send(piece).await.is_ok()
    }
}

fn cannot_compress(source: std::io::Error) -> StoreError {
    StoreError::Io {
        what: "compress an upload".to_owned(),
        source,
    }
}
