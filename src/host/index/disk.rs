//! The file behind the index: three tables in redb, each in two generations.
//!
//! Knows nothing about memory or threads. Every value carries a check sum over its table, key and bytes, so that a page
//! that went bad is no value rather than a wrong one. redb may panic on a file that was altered behind its back; that is
//! caught here and is a [`Doubt`] like any error. It may even panic while it unwinds, which ends the process: so a mark
//! lies beside the file while it is open, and a file that is found with its mark is checked page by page before it is
//! used.

use super::Table;
use bytes::Bytes;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use sha2::Digest as _;
use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// What to write: the value of each key, or `None` to remove it.
pub(super) type Batch = HashMap<(Table, Vec<u8>), Option<Bytes>>;

type Rows = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// Bytes of keys and values in the current generation of each table, by its name; and how often was synced.
const SIZES: TableDefinition<'static, &'static str, u64> = TableDefinition::new("sizes");
/// The row of [`SIZES`] that counts durable commits. An empty commit might be left out; one that counts is not.
const SYNCS: &str = "syncs";
const FILE_NAME: &str = "index.redb";
/// There while the file is open, and after a process that did not close it.
const MARK_NAME: &str = "open";
/// redb's own page cache. What is hot lies in front of it, decoded.
const PAGE_CACHE: usize = 16 << 20;
const CHECK_SUM: usize = 8;

/// The file can no longer be relied on (or not at all); the caller works from memory.
#[derive(Debug, thiserror::Error)]
pub(super) enum Doubt {
    /// Another process has it.
    #[error("another process uses the index")]
    Taken,
    /// The directory or the disk refuses.
    #[error("cannot open the index")]
    Refused(#[source] io::Error),
    /// redb reports an error.
    #[error("cannot read or write the index")]
    Broken(#[source] Box<redb::Error>),
    /// redb panicked: the file is not what it wrote.
    #[error("the index is corrupt")]
    Corrupt,
}

/// A value and where it was.
pub(super) enum Row {
    /// In the generation that is written to.
    Current(Bytes),
    /// In the one that goes away next.
    Old(Bytes),
}

/// The open file; this process alone has it.
pub(super) struct Disk {
    /// `None` only while it is dropped.
    db: Option<Database>,
    dir: PathBuf,
    limits: fn(Table) -> u64,
}

impl Disk {
    /// Opens or creates the file in `dir`, each table at most so many bytes in both generations. One that cannot be read
    /// is replaced by an empty one.
    pub(super) fn open(dir: &Path, limits: fn(Table) -> u64) -> Result<Self, Doubt> {
        let (path, mark) = (dir.join(FILE_NAME), dir.join(MARK_NAME));
        let unclean = mark.try_exists().map_err(Doubt::Refused)?;
        std::fs::write(&mark, "").map_err(Doubt::Refused)?;
        let open = || {
            guarded(|| {
                let mut builder = redb::Builder::new();
                let db = builder
                    .set_cache_size(PAGE_CACHE)
                    .set_check_integrity_on_open(unclean)
                    .create(&path)?;
                create_tables(&db)?;
                Ok(db)
            })
        };
        let db = match open() {
            Ok(db) => db,
            Err(doubt @ (Doubt::Taken | Doubt::Refused(_))) => return Err(doubt),
            Err(Doubt::Broken(_) | Doubt::Corrupt) => {
                std::fs::remove_file(&path).map_err(Doubt::Refused)?;
                open()?
            }
        };
        Ok(Self {
            db: Some(db),
            dir: dir.to_owned(),
            limits,
        })
    }

    /// The value of a key, if there is one that is whole.
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, Doubt> {
        guarded(|| {
            let transaction = self.db().begin_read()?;
            let find = |rows: Rows| -> Result<Option<Bytes>, redb::Error> {
                let rows = match transaction.open_table(rows) {
                    Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
                    rows => rows?,
                };
                Ok(rows.get(key)?.and_then(|sealed| unseal(table, key, sealed.value())))
            };
            if let Some(value) = find(current(table))? {
                return Ok(Some(Row::Current(value)));
            }
            Ok(find(old(table))?.map(Row::Old))
        })
    }

    /// Writes a batch in one transaction. Without `durable` it may be lost, as a whole, when the process dies; redb then
    /// goes back to the last durable one.
    pub(super) fn write(&self, batch: &Batch, durable: bool) -> Result<(), Doubt> {
        guarded(|| {
            let mut transaction = self.db().begin_write()?;
            if !durable {
                transaction.set_durability(Durability::None)?;
            }
            for table in Table::ALL {
                let size = write_table(&transaction, table, batch)?;
                if size > (self.limits)(table) / 2 {
                    rotate(&transaction, table)?;
                }
            }
            if durable {
                let mut sizes = transaction.open_table(SIZES)?;
                let count = sizes.get(SYNCS)?.map_or(0, |row| row.value());
                sizes.insert(SYNCS, count.wrapping_add(1))?;
            }
            transaction.commit()?;
            Ok(())
        })
    }

    /// Deletes the file; it stays readable here until closed.
    pub(super) fn remove(&self) -> io::Result<()> {
        std::fs::remove_file(self.dir.join(FILE_NAME))
    }

    fn db(&self) -> &Database {
        self.db.as_ref().expect("there until dropped")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Closing writes; on a broken file that may panic like anything else, and there is no one left to tell: the mark
        // stays.
        let db = self.db.take();
        if catch_unwind(AssertUnwindSafe(|| drop(db))).is_ok() {
            let _or_checked_next_time = std::fs::remove_file(self.dir.join(MARK_NAME));
        }
    }
}

fn current(table: Table) -> Rows {
    TableDefinition::new(table.name())
}

fn old(table: Table) -> Rows {
    TableDefinition::new(table.old_name())
}

fn create_tables(db: &Database) -> Result<(), redb::Error> {
    let mut transaction = db.begin_write()?;
    transaction.set_durability(Durability::None)?;
    for table in Table::ALL {
        transaction.open_table(current(table))?;
    }
    transaction.open_table(SIZES)?;
    transaction.commit()?;
    Ok(())
}

/// Writes the rows of one table and returns how many bytes its current generation holds.
fn write_table(transaction: &redb::WriteTransaction, table: Table, batch: &Batch) -> Result<u64, redb::Error> {
    let mut sizes = transaction.open_table(SIZES)?;
    let before = sizes.get(table.name())?.map_or(0, |row| row.value());
    let mut size = before;
    let mut rows = transaction.open_table(current(table))?;
    for ((_, key), value) in batch.iter().filter(|((of, _), _)| *of == table) {
        let gone = if let Some(value) = value {
            let sealed = seal(table, key, value);
            size += (key.len() + sealed.len()) as u64;
            let previous = rows.insert(&key[..], &sealed[..])?;
            previous.map(|row| row.value().len())
        } else {
            remove_old(transaction, table, key)?;
            rows.remove(&key[..])?.map(|row| row.value().len())
        };
        size = size.saturating_sub(gone.map_or(0, |len| (key.len() + len) as u64));
    }
    if size != before {
        sizes.insert(table.name(), size)?;
    }
    Ok(size)
}

fn remove_old(transaction: &redb::WriteTransaction, table: Table, key: &[u8]) -> Result<(), redb::Error> {
    transaction.open_table(old(table))?.remove(key)?;
    Ok(())
}

/// The current generation becomes the old one, which goes. What was used meanwhile had been written again.
fn rotate(transaction: &redb::WriteTransaction, table: Table) -> Result<(), redb::Error> {
    transaction.delete_table(old(table))?;
    transaction.rename_table(current(table), old(table))?;
    transaction.open_table(current(table))?;
    transaction.open_table(SIZES)?.insert(table.name(), 0)?;
    Ok(())
}

fn seal(table: Table, key: &[u8], value: &[u8]) -> Vec<u8> {
    [&check_sum(table, key, value)[..], value].concat()
}

fn unseal(table: Table, key: &[u8], sealed: &[u8]) -> Option<Bytes> {
    let (sum, value) = sealed.split_at_checked(CHECK_SUM)?;
    (check_sum(table, key, value) == sum).then(|| Bytes::copy_from_slice(value))
}

fn check_sum(table: Table, key: &[u8], value: &[u8]) -> [u8; CHECK_SUM] {
    let mut sha = sha2::Sha256::new();
    sha.update(table.name());
    sha.update((key.len() as u64).to_le_bytes());
    sha.update(key);
    sha.update(value);
    let (sum, _) = sha
        .finalize()
        .split_first_chunk()
        .map(|(sum, rest)| (*sum, rest.len()))
        .expect("32 bytes");
    sum
}

/// Runs a piece of work on redb; its errors and its panics become doubts.
fn guarded<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, Doubt> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch)) => Err(Doubt::Taken),
        Ok(Err(redb::Error::Io(error))) if refuses(&error) => Err(Doubt::Refused(error)),
        Ok(Err(error)) => Err(Doubt::Broken(Box::new(error))),
        Err(_panic) => Err(Doubt::Corrupt),
    }
}

/// Whether the error speaks of the machine and not of the file's content.
fn refuses(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput
    )
}
