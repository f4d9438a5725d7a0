//! Tables that outlive the process: file digests, facts about compilers, manifests.
//!
//! A cache in every respect. The file belongs to one process; another one, and one whose file cannot be opened, works
//! from memory. A file that is doubted in any way is dropped, and so is one of another version: the version is in the
//! directory's name. Keys and values are opaque here.
//!
//! Reading asks the front in memory, then what waits to be written, then the file. Writing goes to the front and to a
//! queue that one background thread empties about once a second, without a sync but for now and then: a process that is
//! killed loses the last half minute at most and leaves a file that opens.
//!
//! Each table on disk has two generations of at most half its limit. When the current one is full the old one goes and
//! the current one takes its place; a row that is read from the old generation is written to the current one again. So
//! what was used since the last change of generation stays.

mod disk;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use disk::{Batch, Disk, Row};
use quick_cache::{Weighter, sync::Cache};
use std::convert::Infallible;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The directory's name below the cache directory; its number rises when keys or values change their form.
const DIRECTORY: &str = "index-v1";
/// How long writes are gathered into one transaction.
const GATHER: Duration = Duration::from_secs(1);
/// How much may be lost when the process is killed.
const SYNC_EVERY: Duration = Duration::from_secs(30);
/// Above this many waiting bytes (a disk that hangs) new ones stay in memory only.
const QUEUE_LIMIT: usize = 64 << 20;
/// What an entry in memory takes besides its key and value; an estimate.
const ENTRY_OVERHEAD: u64 = 96;

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// File identity → digest.
    FileDigests,
    /// Facts that a compiler stated about itself.
    ToolchainFacts,
    /// What was found for a command.
    Manifests,
}

impl Table {
    const ALL: [Self; 3] = [Self::FileDigests, Self::ToolchainFacts, Self::Manifests];

    fn name(self) -> &'static str {
        match self {
            Self::FileDigests => "file-digests",
            Self::ToolchainFacts => "toolchain-facts",
            Self::Manifests => "manifests",
        }
    }

    fn old_name(self) -> &'static str {
        match self {
            Self::FileDigests => "file-digests-old",
            Self::ToolchainFacts => "toolchain-facts-old",
            Self::Manifests => "manifests-old",
        }
    }

    /// Bytes on disk, both generations.
    fn disk_limit(self) -> u64 {
        match self {
            Self::FileDigests => 128 << 20,
            Self::ToolchainFacts => 32 << 20,
            Self::Manifests => 512 << 20,
        }
    }

    /// Bytes in memory. Digests and manifests are kept decoded by those who use them.
    fn memory_limit(self) -> u64 {
        match self {
            Self::FileDigests => 16 << 20,
            Self::ToolchainFacts | Self::Manifests => 32 << 20,
        }
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Vec<u8>, Option<Bytes>> for ByBytes {
    fn weight(&self, key: &Vec<u8>, value: &Option<Bytes>) -> u64 {
        ENTRY_OVERHEAD + (key.len() + value.as_ref().map_or(0, Bytes::len)) as u64
    }
}

/// `None` is the knowledge that there is no such key.
type Front = Cache<Vec<u8>, Option<Bytes>, ByBytes>;

/// The tables. Shared by all threads of the process.
pub struct Index {
    fronts: [Front; 3],
    backing: Option<Backing>,
}

/// The file, and the thread that writes to it.
struct Backing {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

struct Shared {
    /// `None` after a doubt.
    disk: RwLock<Option<Arc<Disk>>>,
    queue: Mutex<Queue>,
    wake: Condvar,
    /// Held while a batch is on its way, so that batches stay in order.
    writing: Mutex<()>,
}

#[derive(Default)]
struct Queue {
    waiting: Batch,
    /// The batch that is being written; still asked until it can be read from the file.
    on_its_way: Arc<Batch>,
    /// Of keys and values in `waiting`.
    bytes: usize,
    stop: bool,
}

impl Index {
    /// The tables kept below this cache directory, which is made if it is missing. Never fails: what cannot be kept on
    /// disk is kept in memory.
    pub fn open(cache: &Path) -> Self {
        match open_disk(cache) {
            Ok(disk) => Self::over(Some(disk)),
            Err(error) => {
                tracing::debug!(%error, cache = %cache.display(), "index in memory only");
                Self::over(None)
            }
        }
    }

    /// Tables without a file.
    pub fn in_memory() -> Self {
        Self::over(None)
    }

    fn over(disk: Option<Disk>) -> Self {
        let backing = disk.map(|disk| {
            let shared = Arc::new(Shared {
                disk: RwLock::new(Some(Arc::new(disk))),
                queue: Mutex::default(),
                wake: Condvar::new(),
                writing: Mutex::default(),
            });
            let writer = std::thread::Builder::new().name("index".to_owned()).spawn({
                let shared = Arc::clone(&shared);
                move || shared.write_until_stopped()
            });
            // Without the thread, rows are written at the end.
            Backing {
                shared,
                writer: writer.ok(),
            }
        });
        let fronts = Table::ALL.map(|table| {
            let limit = table.memory_limit();
            let entries = usize::try_from(limit / (2 * ENTRY_OVERHEAD)).unwrap_or(usize::MAX);
            Cache::with_weighter(entries, limit, ByBytes)
        });
        Self { fronts, backing }
    }

    /// Whether rows outlive the process.
    pub fn is_persistent(&self) -> bool {
        self.backing
            .as_ref()
            .is_some_and(|backing| backing.shared.disk().is_some())
    }

    /// The value of a key.
    pub fn get(&self, table: Table, key: &[u8]) -> Option<Bytes> {
        let behind = || Ok::<_, Infallible>(self.backing.as_ref().and_then(|backing| backing.shared.get(table, key)));
        let Ok(value) = self.front(table).get_or_insert_with(key, behind);
        value
    }

    /// Sets the value of a key.
    pub fn put(&self, table: Table, key: &[u8], value: Bytes) {
        self.set(table, key, Some(value));
    }

    /// Forgets a key.
    pub fn remove(&self, table: Table, key: &[u8]) {
        self.set(table, key, None);
    }

    /// Writes what waits, and returns when a loss of power could not undo it.
    pub fn flush(&self) {
        if let Some(backing) = &self.backing {
            backing.shared.write_waiting(true);
        }
    }

    fn set(&self, table: Table, key: &[u8], value: Option<Bytes>) {
        // Queued first: who reads the front after an eviction finds it behind.
        if let Some(backing) = &self.backing {
            backing.shared.enqueue(table, key, value.clone());
        }
        self.front(table).insert(key.to_vec(), value);
    }

    fn front(&self, table: Table) -> &Front {
        let [digests, facts, manifests] = &self.fronts;
        match table {
            Table::FileDigests => digests,
            Table::ToolchainFacts => facts,
            Table::Manifests => manifests,
        }
    }
}

impl Drop for Backing {
    fn drop(&mut self) {
        self.shared.queue().stop = true;
        self.shared.wake.notify_all();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has nothing more to write.
            let _joined = writer.join();
        }
        self.shared.write_waiting(true);
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn disk(&self) -> Option<Arc<Disk>> {
        self.disk.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The file is not to be relied on any more: memory only from here on, an empty one at the next start.
    fn drop_disk(&self, doubt: &disk::Doubt) {
        tracing::warn!(%doubt, "index dropped");
        let disk = self.disk.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(error)) = disk.map(|disk| disk.remove()) {
            tracing::warn!(%error, "cannot remove the index");
        }
    }

    fn get(&self, table: Table, key: &[u8]) -> Option<Bytes> {
        let wanted = (table, key.to_vec());
        let queue = self.queue();
        if let Some(value) = queue.waiting.get(&wanted).or_else(|| queue.on_its_way.get(&wanted)) {
            return value.clone();
        }
        drop(queue);
        match self.disk()?.get(table, key) {
            Ok(None) => None,
            Ok(Some(Row::Current(value))) => Some(value),
            Ok(Some(Row::Old(value))) => {
                self.enqueue(table, key, Some(value.clone()));
                Some(value)
            }
            Err(doubt) => {
                self.drop_disk(&doubt);
                None
            }
        }
    }

    fn enqueue(&self, table: Table, key: &[u8], value: Option<Bytes>) {
        let mut queue = self.queue();
        let size = key.len() + value.as_ref().map_or(0, Bytes::len);
        if queue.bytes + size > QUEUE_LIMIT {
            return;
        }
        queue.bytes += size;
        queue.waiting.insert((table, key.to_vec()), value);
        drop(queue);
        self.wake.notify_all();
    }

    fn write_waiting(&self, durable: bool) {
        let _in_order = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = {
            let mut queue = self.queue();
            queue.bytes = 0;
            queue.on_its_way = Arc::new(std::mem::take(&mut queue.waiting));
            Arc::clone(&queue.on_its_way)
        };
        if let Some(Err(doubt)) = self.disk().map(|disk| disk.write(&batch, durable)) {
            self.drop_disk(&doubt);
        }
        self.queue().on_its_way = Arc::default();
    }

    fn write_until_stopped(&self) {
        let mut last_sync = Instant::now();
        let mut unsynced = false;
        loop {
            let idle = |queue: &mut Queue| queue.waiting.is_empty() && !queue.stop;
            // With rows that a kill would lose, idleness ends after a while.
            let patience = if unsynced { SYNC_EVERY } else { Duration::MAX };
            let queue = self.wait(self.queue(), patience, idle);
            let queue = self.wait(queue, GATHER, |queue| !queue.stop && !queue.waiting.is_empty());
            let stop = queue.stop;
            drop(queue);
            if stop {
                return;
            }
            let durable = last_sync.elapsed() >= SYNC_EVERY;
            self.write_waiting(durable);
            unsynced = !durable;
            if durable {
                last_sync = Instant::now();
            }
        }
    }

    fn wait<'a>(
        &self,
        queue: MutexGuard<'a, Queue>,
        patience: Duration,
        condition: impl FnMut(&mut Queue) -> bool,
    ) -> MutexGuard<'a, Queue> {
        let (queue, _timed_out) = self
            .wake
            .wait_timeout_while(queue, patience, condition)
            .unwrap_or_else(PoisonError::into_inner);
        queue
    }
}

fn open_disk(cache: &Path) -> Result<Disk, disk::Doubt> {
    let dir = cache.join(DIRECTORY);
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&dir)
        .map_err(disk::Doubt::Refused)?;
    remove_other_versions(cache).map_err(disk::Doubt::Refused)?;
    Disk::open(&dir, Table::disk_limit)
}

/// A process of another version that is still running keeps its open file and notices nothing.
fn remove_other_versions(cache: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(cache)? {
        let name = entry?.file_name();
        let version = name.to_str().and_then(|name| name.strip_prefix("index-v"));
        let ours = name.to_str() == Some(DIRECTORY);
        if !ours && version.is_some_and(|version| version.parse::<u32>().is_ok()) {
            std::fs::remove_dir_all(cache.join(name))?;
        }
    }
    Ok(())
}
