//! Reading a [`Blob`] whichever way it is held.

use super::{Blob, StoreError};
use crate::digest::{Digest, Function, Hasher};
use bytes::Bytes;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// How much of a file is read at once: large enough that the calls do not count, small enough for the stack's caches.
const PIECE: usize = 128 * 1024;

impl Blob {
    /// The size in bytes.
    pub fn size(&self) -> io::Result<u64> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
            Self::File(file) => Ok(file.metadata()?.len()),
        }
    }

    /// The whole content in memory. Blocks while a file is read.
    pub fn to_bytes(&self) -> io::Result<Bytes> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::File(file) => {
                let mut content = Vec::with_capacity(usize::try_from(file.metadata()?.len()).unwrap_or(0));
                for_each_piece(file, std::convert::identity, |piece| {
                    content.extend_from_slice(piece);
                    Ok(())
                })?;
                Ok(content.into())
            }
        }
    }
}

impl From<Bytes> for Blob {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

/// Hands out a file's content from its beginning to its end, by position: the shared offset stays where it is.
/// `unreadable` makes the caller's error out of one of reading.
pub(super) fn for_each_piece<E>(
    file: &File,
    unreadable: impl Fn(io::Error) -> E,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    // A small file needs no large buffer, and one byte more than its size.
    let size = file.metadata().map_err(&unreadable)?.len();
    let mut buffer = vec![0; usize::try_from(size).unwrap_or(PIECE).saturating_add(1).min(PIECE)];
    let mut position = 0;
    loop {
        match file.read_at(&mut buffer, position) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                take(&buffer[..count])?;
                position += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
}

/// The digest of a file's content.
pub(super) fn digest_of(file: &File, function: Function) -> io::Result<Digest> {
    let mut hasher = Hasher::of(function);
    for_each_piece(file, std::convert::identity, |piece| {
        hasher.update(piece);
        Ok(())
    })?;
    Ok(hasher.finish())
}

/// The error of a blob's own file that cannot be read.
pub(super) fn unreadable(source: io::Error) -> StoreError {
    StoreError::Io {
        what: "read a file that is to be kept".to_owned(),
        source,
    }
}

/// Runs what blocks (files, hashing of much) where it holds up no other task.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(stopped) => match stopped.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(stopped) => Err(StoreError::Io {
                what: "read or write a blob during shutdown".to_owned(),
                source: io::Error::other(stopped),
            }),
        },
    }
}
