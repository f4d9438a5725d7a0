//! How full the store is: one number in a file that all processes add to, corrected by every full scan.
//!
//! A process adds what it has put in batches, so that a put normally writes nothing here. What a killed process had
//! not added yet is missing until the next scan, which comes with the next eviction: the number may be a little wrong,
//! never for long.

use super::layout::{Layout, try_lock};
use crate::host::fs::{PathContext as _, PathError};
use std::io::{Read as _, Seek as _, Write as _};
use std::sync::atomic::{AtomicI64, Ordering};

/// Space is given out in blocks of this size on the file systems that people build on.
const BLOCK: u64 = 4096;

/// The batch of a process that has no bound.
const UNBOUNDED_BATCH: u64 = 16 << 20;

/// The name of the file with the number.
const LEDGER: &str = "size";

/// What a file of this length takes of the bound. Not `st_blocks`, which says 0 until the content reaches the disk.
pub(super) fn charge(length: u64) -> u64 {
    length.max(1).next_multiple_of(BLOCK)
}

/// The bound, and what this process has put or removed since it last wrote it down.
#[derive(Debug)]
pub(super) struct Occupancy {
    /// Bytes; 0 means no bound.
    max: u64,
    /// Bytes that may be pending.
    batch: u64,
    pending: AtomicI64,
}

/// What the number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// Within the bound, as far as one can see without a scan.
    Within,
    /// Above the bound, or the number is lost: time for a scan.
    Above,
}

impl Occupancy {
    pub(super) fn new(max: u64) -> Self {
        Self {
            max,
            // Four hundred batches fill the store: a put rarely writes, and many processes with an unwritten batch
            // each are still within a few per cent. Others may have a bound where we have none.
            batch: if max == 0 { UNBOUNDED_BATCH } else { max / 400 },
            pending: AtomicI64::new(0),
        }
    }

    /// The bound in bytes; 0 means none.
    pub(super) fn max(&self) -> u64 {
        self.max
    }

    /// Counts a file of this length that was put.
    pub(super) fn put(&self, layout: &Layout, length: u64) -> Result<Level, PathError> {
        let added = charge(length).cast_signed();
        let pending = self.pending.fetch_add(added, Ordering::Relaxed) + added;
        if pending.unsigned_abs() < self.batch {
            return Ok(Level::Within);
        }
        self.settle(layout)
    }

    /// Counts a file of this length that was removed.
    pub(super) fn removed(&self, length: u64) {
        self.pending.fetch_sub(charge(length).cast_signed(), Ordering::Relaxed);
    }

    /// Whether something is not written down yet.
    pub(super) fn is_pending(&self) -> bool {
        self.pending.load(Ordering::Relaxed) != 0
    }

    /// What the number says, with what this process has not written down yet.
    pub(super) fn known(&self, layout: &Layout) -> Option<u64> {
        let (ledger, _) = layout.open_own(LEDGER).ok()?;
        let known: u64 = std::io::read_to_string(ledger).ok()?.trim_end().parse().ok()?;
        known.checked_add_signed(self.pending.load(Ordering::Relaxed))
    }

    /// Writes down what is pending. If another process is just doing so, it stays pending.
    pub(super) fn settle(&self, layout: &Layout) -> Result<Level, PathError> {
        self.update(layout, |known, pending| known?.checked_add_signed(pending))
    }

    /// Writes down what a scan found. Puts during the scan may be counted twice: the next scan comes a little earlier.
    pub(super) fn correct(&self, layout: &Layout, found: u64) -> Result<(), PathError> {
        self.update(layout, |_, _| Some(found)).map(|_| ())
    }

    fn update(&self, layout: &Layout, new: impl FnOnce(Option<u64>, i64) -> Option<u64>) -> Result<Level, PathError> {
        let (mut ledger, path) = layout.open_own(LEDGER)?;
        if !try_lock(&ledger).at("lock", &path)?.allows(true) {
            return Ok(Level::Within);
        }
        let mut text = String::new();
        // Something else than text is no number either.
        let known = match ledger.read_to_string(&mut text) {
            Ok(_) => text.trim_end().parse().ok(),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => None,
            Err(error) => return Err(error).at("read", &path),
        };
        let pending = self.pending.swap(0, Ordering::Relaxed);
        let Some(total) = new(known, pending) else {
            return Ok(self.judge(None));
        };
        // One write of constant length: nobody finds half a number.
        ledger.rewind().at("write", &path)?;
        ledger
            .write_all(format!("{total:020}\n").as_bytes())
            .at("write", &path)?;
        Ok(self.judge(Some(total)))
    }

    fn judge(&self, total: Option<u64>) -> Level {
        match total {
            _ if self.max == 0 => Level::Within,
            Some(total) if total <= self.max => Level::Within,
            _ => Level::Above,
        }
    }
}
