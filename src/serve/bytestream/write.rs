//! Write.

use super::PIECE;
use super::uploads::Session;
use crate::compression::{CompressionError, Decompressor};
use crate::digest::Digest;
use crate::pb::bytestream::WriteRequest;
use crate::serve::resource::{Encoding, WriteName};
use crate::serve::storage::{Storage, elsewhere, status};
use crate::store::{DiskStore, StoreError};
use bytes::Bytes;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio_stream::Stream as _;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};

/// A client that sends fewer bytes in a second, after a while, has gone to sleep.
const SLOWEST: u64 = 1 << 10;

/// The `committed_size` of a compressed upload that nobody needs any more (REAPI, ContentAddressableStorage).
const NOT_NEEDED: i64 = -1;

/// Takes a blob; the `committed_size`.
pub(super) async fn blob(storage: &Storage, stream: Streaming<WriteRequest>) -> Result<i64, Status> {
    let mut requests = Requests::new(stream, storage.limits().stall);
    let first = requests.first().await?;
    let name = WriteName::parse(&first.resource_name)?;
    let offset = u64::try_from(first.write_offset)
        .map_err(|_| Status::invalid_argument(format!("write offset {}", first.write_offset)))?;
    let digest = name.digest;
    if storage.perform(1, move |store| store.contains(digest)).await? {
        return Ok(not_needed(&name));
    }
    let turn = tokio::time::timeout(storage.limits().stall, storage.writers.acquire()).await;
    let _turn = turn.map_err(|_| Status::unavailable("too many blobs are being written"))?;
    if offset == 0 && first.finish_write && name.encoding == Encoding::Identity {
        let put = move |store: &DiskStore| store.put_bytes_as(digest, &first.data);
        storage.elsewhere(put).await?;
        return Ok(digest.size().cast_signed());
    }

    let mut session = storage.uploads.begin(&name).await?;
    session.resume(offset)?;
    let mut writer = Writer::new(storage.store().clone(), &name, session)?;
    let mut batch = requests.gather(first);
    loop {
        let (rest, progress) = writer.take(batch.pieces, batch.then).await?;
        writer = rest;
        match progress {
            Progress::NotNeeded => return Ok(not_needed(&name)),
            Progress::Kept => return Ok(requests.next_offset.cast_signed()),
            Progress::Going => {}
        }
        batch = match (batch.then, batch.broken) {
            (_, Some(status)) => return Err(status),
            (Then::More, None) => requests.wait(&writer.taken_over).await?,
            (Then::Finish | Then::FinishIfWhole, None) => {
                let written = writer.session.written();
                let what = format!("{written} of {} bytes came, and no finish_write", digest.size());
                return Err(Status::invalid_argument(what));
            }
        };
    }
}

fn not_needed(name: &WriteName) -> i64 {
    match name.encoding {
        Encoding::Identity => name.digest.size().cast_signed(),
        Encoding::Zstd => NOT_NEEDED,
    }
}

/// Some messages of the client.
struct Batch {
    pieces: Vec<Bytes>,
    then: Then,
    /// The connection is gone, or the client does not keep to the protocol.
    broken: Option<Status>,
}

/// What follows on a batch.
#[derive(Clone, Copy)]
enum Then {
    /// More has to come.
    More,
    /// The client says that it was all.
    Finish,
    /// The client has closed its side without saying so.
    FinishIfWhole,
}

impl Batch {
    fn new(then: Then) -> Self {
        Self {
            pieces: Vec::new(),
            then,
            broken: None,
        }
    }
}

/// The messages of the client, in order.
struct Requests {
    stream: Streaming<WriteRequest>,
    resource_name: String,
    /// What the next message must have. The first one's is a position in the content, even if what is sent is
    /// compressed (REAPI); from there on the bytes that are sent count.
    next_offset: u64,
    received: u64,
    /// How long the client has been waited for.
    waited: Duration,
    stall: Duration,
}

impl Requests {
    fn new(stream: Streaming<WriteRequest>, stall: Duration) -> Self {
        Self {
            stream,
            resource_name: String::new(),
            next_offset: 0,
            received: 0,
            waited: Duration::ZERO,
            stall,
        }
    }

    async fn first(&mut self) -> Result<WriteRequest, Status> {
        let first = self.message(&CancellationToken::new()).await?;
        let first = first.ok_or_else(|| Status::invalid_argument("nothing was written"))?;
        self.resource_name.clone_from(&first.resource_name);
        self.next_offset = u64::try_from(first.write_offset).unwrap_or(0);
        Ok(first)
    }

    /// The next batch: at least one message, and those that have come meanwhile.
    async fn wait(&mut self, taken_over: &CancellationToken) -> Result<Batch, Status> {
        match self.message(taken_over).await? {
            Some(message) => Ok(self.gather(message)),
            None => Ok(Batch::new(Then::FinishIfWhole)),
        }
    }

    async fn message(&mut self, taken_over: &CancellationToken) -> Result<Option<WriteRequest>, Status> {
        let slowest = self.stall + Duration::from_secs(self.received / SLOWEST);
        let patience = self.stall.min(slowest.saturating_sub(self.waited));
        let begun = Instant::now();
        let message = tokio::select! {
            () = taken_over.cancelled() => Err(Status::aborted("another stream goes on with this upload")),
            message = tokio::time::timeout(patience, self.stream.message()) => {
                message.map_err(|_| Status::deadline_exceeded("the client sends nothing"))?
            }
        };
        self.waited += begun.elapsed();
        message
    }

    /// This message and those that are already here, up to a piece.
    fn gather(&mut self, first: WriteRequest) -> Batch {
        let mut batch = Batch::new(Then::More);
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(message) = next.take() {
            if let Err(status) = self.check(&message) {
                batch.broken = Some(status);
                break;
            }
            let length = message.data.len();
            self.next_offset += length as u64;
            self.received += length as u64;
            bytes += length;
            batch.pieces.push(message.data);
            if message.finish_write {
                batch.then = Then::Finish;
            } else if bytes < PIECE {
                match self.poll() {
                    Poll::Pending => {}
                    Poll::Ready(None) => batch.then = Then::FinishIfWhole,
                    Poll::Ready(Some(Err(status))) => batch.broken = Some(status),
                    Poll::Ready(Some(Ok(message))) => next = Some(message),
                }
            }
        }
        batch
    }

    /// What is here without waiting. Who finds nothing waits by [`Requests::message`], which then is woken.
    fn poll(&mut self) -> Poll<Option<Result<WriteRequest, Status>>> {
        let mut nobody = std::task::Context::from_waker(std::task::Waker::noop());
        Pin::new(&mut self.stream).poll_next(&mut nobody)
    }

    fn check(&self, message: &WriteRequest) -> Result<(), Status> {
        if !message.resource_name.is_empty() && message.resource_name != self.resource_name {
            return Err(Status::invalid_argument("one stream writes one blob"));
        }
        if u64::try_from(message.write_offset) != Ok(self.next_offset) {
            let (is, should) = (message.write_offset, self.next_offset);
            return Err(Status::invalid_argument(format!(
                "write offset {is} where {should} follows"
            )));
        }
        Ok(())
    }
}

/// Why content was not taken.
enum Refused {
    Store(StoreError),
    Encoding(CompressionError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<CompressionError> for Refused {
    fn from(error: CompressionError) -> Self {
        Self::Encoding(error)
    }
}

impl From<Refused> for Status {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Store(error) => status(error),
            Refused::Encoding(error) => Self::invalid_argument(error.to_string()),
        }
    }
}

/// How far an upload is.
enum Progress {
    /// More has to come.
    Going,
    /// The blob is kept.
    Kept,
    /// Somebody else has brought it.
    NotNeeded,
}

/// Writes what comes, on other threads than those that receive it.
struct Writer {
    store: DiskStore,
    session: Session,
    digest: Digest,
    decompressor: Option<Decompressor>,
    taken_over: CancellationToken,
}

impl Writer {
    fn new(store: DiskStore, name: &WriteName, session: Session) -> Result<Self, Status> {
        let decompressor = match name.encoding {
            Encoding::Identity => None,
            Encoding::Zstd => {
                let decompressor = Decompressor::new(name.digest.size() - session.written());
                Some(decompressor.map_err(|error| Status::resource_exhausted(error.to_string()))?)
            }
        };
        Ok(Self {
            taken_over: session.taken_over(),
            store,
            session,
            digest: name.digest,
            decompressor,
        })
    }

    /// Writes these pieces, and finishes if they are the last. What was refused is forgotten: it would be again.
    async fn take(mut self, pieces: Vec<Bytes>, then: Then) -> Result<(Self, Progress), Status> {
        elsewhere(move || match self.take_here(&pieces, then) {
            Ok(progress) => Ok((self, progress)),
            Err(refused) => {
                let status = Status::from(refused);
                match status.code() {
                    Code::ResourceExhausted => self.session.make_room(),
                    _ => self.session.discard(),
                }
                Err(status)
            }
        })
        .await
    }

    fn take_here(&mut self, pieces: &[Bytes], then: Then) -> Result<Progress, Refused> {
        if self.store.contains(self.digest)? {
            self.session.discard();
            return Ok(Progress::NotNeeded);
        }
        for piece in pieces {
            self.write(piece)?;
        }
        match then {
            Then::More => return Ok(Progress::Going),
            Then::FinishIfWhole if self.session.written() < self.digest.size() => return Ok(Progress::Going),
            Then::Finish | Then::FinishIfWhole => {}
        }
        if let Some(decompressor) = self.decompressor.take() {
            decompressor.finish()?;
        }
        self.session.finish(&self.store)?;
        Ok(Progress::Kept)
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), Refused> {
        let Some(decompressor) = &mut self.decompressor else {
            return Ok(self.session.write(&self.store, piece)?);
        };
        let mut encoded = piece;
        loop {
            let content = decompressor.pull(&mut encoded)?;
            if content.is_empty() {
                return Ok(());
            }
            self.session.write(&self.store, &content)?;
        }
    }
}
