//! Makes room: removes what was used longest ago.
//!
//! There is no background process. The put that finds the store above its bound evicts, while other processes go on;
//! one evicts at a time. Readers are not disturbed: what they have open stays readable. Results go like blobs, by
//! their own last use; a result whose blobs went first is no longer given out (see `references`).

use super::layout::{Found, Kind, Layout, remove, try_lock};
use super::occupancy::{Level, Occupancy, charge};
use super::pins::Pinned;
use crate::digest::Digest;
use crate::host::fs::{PathContext as _, PathError};
use std::time::SystemTime;

/// The name of the file that the evicting process locks.
const LOCK: &str = "evicting";

/// A file that may go. No path: there can be a million of these.
struct Candidate {
    used: SystemTime,
    charge: u64,
    kind: Kind,
    digest: Digest,
}

/// Brings the store down to four fifths of its bound, so that the next scan is a fifth of it away. Does nothing if
/// another process is at it.
pub(super) fn evict(layout: &Layout, occupancy: &Occupancy, pinned: &Pinned) -> Result<(), PathError> {
    let (lock, path) = layout.open_own(LOCK)?;
    if !try_lock(&lock).at("lock", &path)?.allows(true) {
        return Ok(());
    }
    // Another process may have finished between our look at the number and the lock.
    if occupancy.settle(layout)? == Level::Within {
        return Ok(());
    }
    layout.sweep_drafts()?;
    let mut candidates = scan(layout)?;
    let mut total: u64 = candidates.iter().map(|candidate| candidate.charge).sum();
    if total > occupancy.max() {
        let goal = occupancy.max() / 5 * 4;
        candidates.sort_unstable_by_key(|candidate| candidate.used);
        for candidate in candidates {
            if total <= goal {
                break;
            }
            let remove = || remove(&layout.path(candidate.kind, candidate.digest));
            let removed = match candidate.kind {
                Kind::Blob => pinned.unless_pinned(candidate.digest, remove)?,
                Kind::Result => remove().map(|()| true)?,
            };
            if removed {
                total -= candidate.charge;
            }
        }
    }
    occupancy.correct(layout, total)
}

fn scan(layout: &Layout) -> Result<Vec<Candidate>, PathError> {
    let files = layout.walk(Kind::Blob).chain(layout.walk(Kind::Result));
    let ours = files.filter_map(|found| found.map(|found| candidate(&found)).transpose());
    ours.collect()
}

/// Files that are not ours are neither counted nor removed.
fn candidate(found: &Found) -> Option<Candidate> {
    Some(Candidate {
        used: found.metadata.modified().expect("Linux keeps modification times"),
        charge: charge(found.metadata.len()),
        kind: found.kind,
        digest: found.digest?,
    })
}
