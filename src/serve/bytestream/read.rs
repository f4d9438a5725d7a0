//! Read.

use super::PIECE;
use crate::compression::Compressor;
use crate::digest::Digest;
use crate::pb::bytestream::ReadResponse;
use crate::serve::outgoing::{Answer, Outgoing, Stopped, at_once};
use crate::serve::resource::{Encoding, ReadName};
use crate::serve::storage::{BYTES_IN_PLACE, Storage, elsewhere, status};
use crate::store::StoreError;
use bytes::Bytes;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use tonic::Status;

/// Begins to answer.
pub(super) async fn blob(
    storage: &Storage,
    name: &ReadName,
    offset: i64,
    limit: i64,
) -> Result<Answer<ReadResponse>, Status> {
    let digest = name.digest;
    let range = range(name, offset, limit)?;
    let missing = StoreError::NotFound(digest);
    if name.encoding == Encoding::Identity && digest.size() <= BYTES_IN_PLACE {
        let content = storage
            .perform(1, move |store| store.read(digest)?.ok_or(missing))
            .await?;
        let data = slice(&content, &range);
        return Ok(at_once((!data.is_empty()).then_some(ReadResponse { data })));
    }
    let file = storage
        .elsewhere(move |store| store.blob(digest)?.ok_or(missing))
        .await?;
    let pieces = Pieces::new(file, range, name.encoding).map_err(|error| broken(digest, &error))?;
    let (outgoing, answer) = Outgoing::new(storage.limits().stall);
    tokio::spawn(async move {
        let result = send(&outgoing, pieces, digest).await;
        outgoing.end(result);
    });
    Ok(answer)
}

/// Which bytes of the content are asked for.
fn range(name: &ReadName, offset: i64, limit: i64) -> Result<Range<u64>, Status> {
    let size = name.digest.size();
    let begin = u64::try_from(offset).ok().filter(|begin| *begin <= size);
    let begin = begin.ok_or_else(|| Status::out_of_range(format!("offset {offset} in a blob of {size} bytes")))?;
    match u64::try_from(limit) {
        Ok(0) => Ok(begin..size),
        Ok(_) if name.encoding != Encoding::Identity => Err(Status::invalid_argument("a compressed read has no limit")),
        Ok(limit) => Ok(begin..size.min(begin.saturating_add(limit))),
        Err(_) => Err(Status::invalid_argument(format!("limit {limit}"))),
    }
}

fn slice(content: &Bytes, range: &Range<u64>) -> Bytes {
    let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(content.len());
    content.slice(at(range.start)..at(range.end))
}

async fn send(outgoing: &Outgoing<ReadResponse>, mut pieces: Pieces, digest: Digest) -> Result<(), Stopped> {
    loop {
        let next = elsewhere(move || match pieces.next() {
            Ok(data) => Ok((pieces, data)),
            Err(error) => Err(broken(digest, &error)),
        });
        let (rest, data) = next.await?;
        pieces = rest;
        match data {
            Some(data) => outgoing.send(ReadResponse { data }).await?,
            None => return Ok(()),
        }
    }
}

fn broken(digest: Digest, error: &io::Error) -> Status {
    tracing::warn!(%digest, %error, "cannot read a blob");
    status(StoreError::Io {
        what: format!("read blob {digest}"),
        source: error.kind().into(),
    })
}

/// A part of a file, in pieces of messages.
struct Pieces {
    file: File,
    rest: Range<u64>,
    compressor: Option<Compressor>,
}

impl Pieces {
    fn new(file: File, range: Range<u64>, encoding: Encoding) -> io::Result<Self> {
        let compressor = match encoding {
            Encoding::Identity => None,
            Encoding::Zstd => Some(Compressor::new(range.end - range.start)?),
        };
        Ok(Self {
            file,
            rest: range,
            compressor,
        })
    }

    /// The next piece, `None` at the end.
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        while !self.rest.is_empty() {
            let content = self.content()?;
            let data = match &mut self.compressor {
                Some(compressor) => compressor.push(&content)?,
                None => content,
            };
            if !data.is_empty() {
                return Ok(Some(data.into()));
            }
        }
        let last = self.compressor.take().map(Compressor::finish).transpose()?;
        Ok(last.filter(|data| !data.is_empty()).map(Bytes::from))
    }

    fn content(&mut self) -> io::Result<Vec<u8>> {
        let length = usize::try_from(self.rest.end - self.rest.start).map_or(PIECE, |left| left.min(PIECE));
        let mut content = vec![0; length];
        self.file.read_exact_at(&mut content, self.rest.start)?;
        self.rest.start += length as u64;
        Ok(content)
    }
}
