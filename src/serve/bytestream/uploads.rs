//! Uploads that are under way, and those whose streams broke: kept for a while, so that a client can go on where it
//! was. Few, small and not for long: `Limits` says how many.
//!
//! An upload belongs to one stream at a time. A client that comes back before the server has noticed that its old
//! stream is dead takes it over; the old stream ends.

use crate::digest::Digest;
use crate::serve::resource::WriteName;
use crate::serve::storage::Limits;
use crate::store::disk::Incoming;
use crate::store::{DiskStore, StoreError};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// What a client calls an upload. Compressed or not is the same: what counts is how much of the content is here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    uuid: String,
    digest: Digest,
}

impl Key {
    fn of(name: &WriteName) -> Self {
        Self {
            uuid: name.uuid.clone(),
            digest: name.digest,
        }
    }
}

/// What has come of one blob.
#[derive(Debug, Default)]
struct Part {
    /// `None`: nothing has come yet, or it is finished or refused.
    incoming: Option<Incoming>,
    /// When the last stream left it.
    left: Option<Instant>,
}

#[derive(Debug, Default)]
struct Upload {
    /// Locked by the stream that it belongs to.
    part: Arc<tokio::sync::Mutex<Part>>,
    /// Told to the stream that it belongs to.
    taken_over: Mutex<CancellationToken>,
    written: AtomicU64,
}

/// All uploads of a server.
#[derive(Debug)]
pub(crate) struct Uploads {
    all: Mutex<HashMap<Key, Arc<Upload>>>,
    number: usize,
    bytes: u64,
    age: Duration,
    stall: Duration,
    /// Held by the task that lets old ones go.
    sweeping: Mutex<bool>,
}

/// An upload while it belongs to a stream. It may go to another thread and back; wherever it is dropped, what it has is
/// kept for the next stream.
pub(super) struct Session {
    uploads: Arc<Uploads>,
    upload: Arc<Upload>,
    digest: Digest,
    /// `None` only while it is dropped.
    part: Option<OwnedMutexGuard<Part>>,
    taken_over: CancellationToken,
}

impl Uploads {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            all: Mutex::default(),
            number: limits.broken_uploads,
            bytes: limits.broken_bytes,
            age: limits.broken_age,
            stall: limits.stall,
            sweeping: Mutex::new(false),
        }
    }

    /// How many bytes of the content have been written.
    pub(super) fn written(&self, name: &WriteName) -> u64 {
        let upload = lock(&self.all).get(&Key::of(name)).cloned();
        upload.map_or(0, |upload| upload.written.load(Ordering::Acquire))
    }

    /// Gives the upload to a stream, in place of the one that it belonged to.
    pub(super) async fn begin(self: &Arc<Self>, name: &WriteName) -> Result<Session, Status> {
        let key = Key::of(name);
        let upload = lock(&self.all).entry(key).or_default().clone();
        let taken_over = CancellationToken::new();
        std::mem::replace(&mut *lock(&upload.taken_over), taken_over.clone()).cancel();
        let part = tokio::time::timeout(self.stall, upload.part.clone().lock_owned()).await;
        let part = part.map_err(|_| Status::unavailable("the upload is still being written"))?;
        Ok(Session {
            uploads: self.clone(),
            upload,
            digest: name.digest,
            part: Some(part),
            taken_over,
        })
    }

    /// Lets go all that no stream has: somebody else needs the room now.
    pub(super) fn make_room(&self) {
        lock(&self.all).retain(|key, upload| idle(key, upload).is_none());
    }

    /// Lets go what is too much or too old, the oldest first; how long until the next one is too old.
    fn prune(&self) -> Option<Duration> {
        let mut all = lock(&self.all);
        let mut idle: Vec<_> = all.iter().filter_map(|(key, upload)| idle(key, upload)).collect();
        idle.sort_unstable_by_key(|(left, ..)| std::cmp::Reverse(*left));
        let mut bytes = 0;
        let mut oldest = None;
        for (kept, (left, key, size)) in idle.into_iter().enumerate() {
            bytes += size;
            if size == 0 || kept >= self.number || bytes > self.bytes || left.elapsed() >= self.age {
                all.remove(&key);
            } else {
                oldest = Some(left);
            }
        }
        oldest.map(|left| self.age.saturating_sub(left.elapsed()))
    }

    /// Sees to it that what is kept now goes when it is too old, even if no other upload comes.
    fn prune_later(self: &Arc<Self>, first: Duration) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return; // The server is stopping, and its drafts go with it.
        };
        if std::mem::replace(&mut *lock(&self.sweeping), true) {
            return;
        }
        let uploads = Arc::downgrade(self);
        runtime.spawn(async move {
            let mut next = first;
            loop {
                tokio::time::sleep(next).await;
                let Some(uploads) = uploads.upgrade() else { return };
                let mut sweeping = lock(&uploads.sweeping);
                let Some(rest) = uploads.prune() else {
                    *sweeping = false;
                    return;
                };
                next = rest;
            }
        });
    }
}

/// When the upload was left, and its size; `None` while it belongs to a stream.
fn idle(key: &Key, upload: &Upload) -> Option<(Instant, Key, u64)> {
    let part = upload.part.try_lock().ok()?;
    // Between being made and being locked, it has not been left yet.
    let left = part.left?;
    let size = part.incoming.as_ref().map_or(0, Incoming::written);
    Some((left, key.clone(), size))
}

impl Session {
    /// Cancelled when another stream has taken over.
    pub(super) fn taken_over(&self) -> CancellationToken {
        self.taken_over.clone()
    }

    /// Goes on at this offset of the content: where the last stream ended, or at the beginning.
    pub(super) fn resume(&mut self, offset: u64) -> Result<(), Status> {
        let written = self.written();
        if offset == 0 {
            self.discard();
        } else if offset != written {
            let what = format!("the upload goes on at offset {written} or begins again at 0, not at {offset}");
            return Err(Status::invalid_argument(what));
        }
        Ok(())
    }

    /// How much of the content has been written.
    pub(super) fn written(&self) -> u64 {
        self.part().incoming.as_ref().map_or(0, Incoming::written)
    }

    /// Writes the next bytes of the content. Blocks.
    pub(super) fn write(&mut self, store: &DiskStore, content: &[u8]) -> Result<(), StoreError> {
        self.incoming(store)?.write(content)?;
        self.upload.written.store(self.written(), Ordering::Release);
        Ok(())
    }

    /// Keeps the blob, if it is the one. Blocks.
    pub(super) fn finish(&mut self, store: &DiskStore) -> Result<(), StoreError> {
        self.incoming(store)?;
        let incoming = self.part_mut().incoming.take();
        incoming.expect("it was just there").finish()
    }

    /// Forgets what has come, since the disk is full, and what has come of uploads that no stream has.
    pub(super) fn make_room(&mut self) {
        self.discard();
        self.uploads.make_room();
    }

    /// Forgets what has come.
    pub(super) fn discard(&mut self) {
        self.part_mut().incoming = None;
        self.upload.written.store(0, Ordering::Release);
    }

    fn incoming(&mut self, store: &DiskStore) -> Result<&mut Incoming, StoreError> {
        let digest = self.digest;
        let part = self.part_mut();
        if part.incoming.is_none() {
            part.incoming = Some(store.incoming(digest)?);
        }
        Ok(part.incoming.as_mut().expect("just made"))
    }

    fn part(&self) -> &Part {
        self.part.as_ref().expect("there until it is dropped")
    }

    fn part_mut(&mut self) -> &mut Part {
        self.part.as_mut().expect("there until it is dropped")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.part_mut().left = Some(Instant::now());
        self.part = None;
        if let Some(rest) = self.uploads.prune() {
            self.uploads.prune_later(rest);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one step, so what is locked is right after any panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
