//! Whether blobs go compressed: what the step wants, what the server announces, and what has proven true.
//!
//! Servers announce zstd in two fields and mean up to four things by them: reading and writing a stream, answering and
//! taking a batch. What does not work is not tried again on that server; the blob then goes as it is.

use super::call::Remote;
use super::error::RemoteError;
use std::sync::atomic::{AtomicBool, Ordering};
use tonic::Code;

/// A way for a blob to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// ByteStream.Read.
    Read,
    /// ByteStream.Write.
    Write,
    /// BatchReadBlobs.
    BatchRead,
    /// BatchUpdateBlobs.
    BatchUpdate,
}

/// The ways in which a server's zstd does not work.
#[derive(Default)]
pub(super) struct Refused([AtomicBool; 4]);

impl Remote {
    /// Whether a blob goes compressed this way.
    pub(super) async fn compresses(&self, way: Way) -> Result<bool, RemoteError> {
        if !self.wants_zstd() || self.no_zstd().0[way as usize].load(Ordering::Relaxed) {
            return Ok(false);
        }
        let capabilities = self.capabilities().await?;
        Ok(match way {
            Way::BatchUpdate => capabilities.zstd_updates,
            Way::Read | Way::Write | Way::BatchRead => capabilities.zstd_streams,
        })
    }

    /// Whether a refusal of something compressed may be about the compression, so that the same may go well as it is.
    /// One that says so is remembered.
    pub(super) fn blames_compression(&self, way: Way, code: Option<Code>) -> bool {
        match code {
            Some(Code::InvalidArgument | Code::OutOfRange | Code::Unimplemented) => {
                self.stop_compressing(way);
                true
            }
            // What servers say to bytes that they cannot read, but also to much else.
            Some(Code::DataLoss | Code::Internal | Code::Unknown) => true,
            _ => false,
        }
    }

    /// Compression does not work this way: it is not tried again.
    pub(super) fn stop_compressing(&self, way: Way) {
        tracing::debug!(server = self.address(), ?way, "zstd does not work there");
        self.no_zstd().0[way as usize].store(true, Ordering::Relaxed);
    }
}
