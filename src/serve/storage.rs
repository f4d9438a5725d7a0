//! What the services that hand out and take blobs and results have in common: the store, its limits for clients, and
//! how its errors are told to them. Knows no protocol but the status codes.

use super::bytestream::Uploads;
use crate::digest::{BadDigest, Digest, Function};
use crate::pb::reapi;
use crate::store::{DiskStore, StoreError};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tonic::{Code, Status};

/// gRPC's usual limit for a message, in bytes: larger ones many clients cannot receive.
pub(super) const MESSAGE: usize = 4 << 20;

/// So many files are looked at, or so many bytes read, where the request came in. They are in the kernel's memory as a
/// rule, and each look takes 1.3 µs; to have another thread do it costs 4 µs if that is awake, and else 25 µs.
pub(super) const FILES_IN_PLACE: usize = 32;
/// See [`FILES_IN_PLACE`].
pub(super) const BYTES_IN_PLACE: u64 = 64 << 10;

/// What one client may ask of a server that serves others too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of blobs in one batch, as announced. Leaves room for what else is in a message of 4 MiB.
    pub batch: usize,
    /// Bytes in one message of a client. More than a batch, since clients that pack many small blobs into one do not
    /// all count their names.
    pub message: usize,
    /// Blobs that are written at a time; the next ones wait.
    pub writes: usize,
    /// Uploads that are kept for being resumed after their streams broke. The oldest goes first.
    pub broken_uploads: usize,
    /// Bytes of those.
    pub broken_bytes: u64,
    /// How long they are kept.
    pub broken_age: Duration,
    /// How long a stream may wait for its client.
    pub stall: Duration,
    /// Directories in one tree that is asked for.
    pub directories: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch: MESSAGE - (64 << 10),
            message: 2 * MESSAGE,
            writes: 256,
            broken_uploads: 64,
            broken_bytes: 4 << 30,
            broken_age: Duration::from_mins(10),
            stall: Duration::from_mins(1),
            directories: 1 << 18,
        }
    }
}

/// A store that is served. The services share one.
#[derive(Debug)]
pub struct Storage {
    store: DiskStore,
    limits: Limits,
    pub(super) uploads: Arc<Uploads>,
    /// Turns of those who write.
    pub(super) writers: Arc<Semaphore>,
    /// Turns of those who walk a tree, which takes memory.
    pub(super) walkers: Arc<Semaphore>,
}

/// Trees that are walked at a time.
const WALKERS: usize = 4;

impl Storage {
    /// Serves this store within these limits.
    pub fn new(store: DiskStore, limits: Limits) -> Self {
        Self {
            uploads: Arc::new(Uploads::new(&limits)),
            writers: Arc::new(Semaphore::new(limits.writes)),
            walkers: Arc::new(Semaphore::new(WALKERS)),
            store,
            limits,
        }
    }

    /// The store.
    pub fn store(&self) -> &DiskStore {
        &self.store
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Does what may take long where it holds up nobody.
    pub(super) async fn elsewhere<T: Send + 'static>(
        &self,
        work: impl FnOnce(&DiskStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Status> {
        let store = self.store.clone();
        elsewhere(move || work(&store).map_err(status)).await
    }

    /// Does what looks at so many files: here if they are few, else elsewhere.
    pub(super) async fn perform<T: Send + 'static>(
        &self,
        files: usize,
        work: impl FnOnce(&DiskStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Status> {
        if files <= FILES_IN_PLACE {
            return work(&self.store).map_err(status);
        }
        self.elsewhere(work).await
    }
}

/// Does what may take long on a thread of its own.
pub(super) async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(stopped) => match stopped.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Status::unavailable("the server is stopping")),
        },
    }
}

/// How an error of the store is told to the client. What is the server's own affair goes to the log; paths stay here.
pub(super) fn status(error: StoreError) -> Status {
    match error {
        StoreError::NotFound(digest) => Status::not_found(format!("no blob {digest}")),
        StoreError::Corrupt { .. } => Status::invalid_argument(error.to_string()),
        StoreError::Io { what, source } => {
            let full = [
                ErrorKind::StorageFull,
                ErrorKind::QuotaExceeded,
                ErrorKind::FileTooLarge,
            ];
            tracing::warn!(%source, "cannot {what}");
            if full.contains(&source.kind()) {
                return Status::resource_exhausted("the store has no room for it");
            }
            Status::internal(format!("the store failed: {}", source.kind()))
        }
        StoreError::Remote(error) => Status::internal(error.to_string()),
    }
}

/// The digest function of a request.
pub(super) fn function(wire: i32) -> Result<Function, Status> {
    Function::from_wire(wire).ok_or_else(|| {
        let name = reapi::digest_function::Value::try_from(wire).map_or("unknown", |value| value.as_str_name());
        Status::invalid_argument(format!(
            "digest function {wire} ({name}) is not one of SHA256 and BLAKE3"
        ))
    })
}

/// A digest that a request must have.
pub(super) fn digest(function: Function, wire: Option<&reapi::Digest>) -> Result<Digest, Status> {
    let wire = wire.ok_or_else(|| Status::invalid_argument("a digest is missing"))?;
    let digest = function.digest_from_wire(wire);
    digest.map_err(|error: BadDigest| Status::invalid_argument(error.to_string()))
}

/// As part of an answer about several blobs.
pub(super) fn told<T>(result: &Result<T, Status>) -> crate::pb::rpc::Status {
    let (code, message) = match result {
        Ok(_) => (Code::Ok, ""),
        Err(status) => (status.code(), status.message()),
    };
    crate::pb::rpc::Status {
        code: code as i32,
        message: message.to_owned(),
        details: Vec::new(),
    }
}

#[cfg(test)]
pub(super) mod tests;
