//! Where the content of an upload comes from. Read when it is sent, not before.

use crate::digest::Digest;
use crate::store::{Blob, StoreError};
use bytes::Bytes;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

/// A blob to upload.
#[derive(Clone, Debug)]
pub enum Source {
    /// In memory.
    Bytes(Bytes),
    /// A file that is opened when its turn comes.
    Path(PathBuf),
    /// An open file; read by position.
    File(Arc<File>),
}

impl From<Blob> for Source {
    fn from(blob: Blob) -> Self {
        match blob {
            Blob::Bytes(bytes) => Self::Bytes(bytes),
            Blob::File(file) => Self::File(file),
        }
    }
}

/// A source that can be read by position.
#[derive(Clone)]
pub(in crate::remote) enum Opened {
    Bytes(Bytes),
    File(Arc<File>, Arc<str>),
}

impl Source {
    /// Opens it.
    pub(in crate::remote) async fn open(&self) -> Result<Opened, StoreError> {
        match self {
            Self::Bytes(bytes) => Ok(Opened::Bytes(bytes.clone())),
            Self::File(file) => Ok(Opened::File(file.clone(), "an open file".into())),
            Self::Path(path) => {
                let path = path.clone();
                blocking(move || {
                    let shown = format!("`{}`", path.display());
                    match File::open(&path) {
                        Ok(file) => Ok(Opened::File(Arc::new(file), shown.into())),
                        Err(source) => Err(StoreError::Io {
                            what: format!("open {shown}"),
                            source,
                        }),
                    }
                })
                .await
            }
        }
    }

    /// The whole content. [`StoreError::Corrupt`] if it is another one than named.
    pub(super) async fn read(&self, digest: Digest) -> Result<Bytes, StoreError> {
        let size = usize::try_from(digest.size()).expect("whole blobs are read only if small");
        let content = self.open().await?.piece(0, size).await?;
        let actual = Digest::of(&content);
        if actual == digest {
            Ok(content)
        } else {
            Err(StoreError::Corrupt {
                expected: digest,
                actual,
            })
        }
    }
}

impl Opened {
    /// Up to `length` bytes from `offset` on; fewer only at the end.
    pub(in crate::remote) async fn piece(&self, offset: u64, length: usize) -> Result<Bytes, StoreError> {
        match self {
            Self::Bytes(bytes) => {
                let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let end = begin.saturating_add(length).min(bytes.len());
                Ok(bytes.slice(begin..end))
            }
            Self::File(file, shown) => {
                let (file, shown) = (file.clone(), shown.clone());
                blocking(move || {
                    read_at(&file, offset, length).map_err(|source| StoreError::Io {
                        what: format!("read {shown}"),
                        source,
                    })
                })
                .await
            }
        }
    }
}

fn read_at(file: &File, offset: u64, length: usize) -> std::io::Result<Bytes> {
    let mut buffer = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(filled);
    Ok(buffer.into())
}

/// Work that may take long, elsewhere.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => unreachable!("no one aborts this work: {error}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_of_memory_and_files_are_the_same() {
        let path = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(&path, b"abcdef").expect("write");
        let file = File::open(&path).expect("open");
        for source in [
            Source::Bytes(Bytes::from_static(b"abcdef")),
            Source::Path(path.path().to_owned()),
            Source::File(Arc::new(file)),
        ] {
            let opened = source.open().await.expect("open");
            for (offset, length, expected) in [(0, 3, "abc"), (4, 9, "ef"), (6, 1, ""), (99, 1, "")] {
                let piece = opened.piece(offset, length).await.expect("piece");
                assert_eq!(piece, expected.as_bytes(), "{source:?} {offset} {length}");
            }
        }
    }

    #[tokio::test]
    async fn content_that_changed_is_refused() {
        let source = Source::Bytes(Bytes::from_static(b"new"));
        let error = source.read(Digest::of(b"old")).await.expect_err("refused");
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    }
}
