//! When an identity may stand for the content.
//!
//! A kernel stamps files with a clock that ticks every 1 to 10 ms, some file systems store whole seconds only, and a
//! change within the same tick as the one before leaves the identity as it was. So an identity is believed only if the
//! look that made it happened well after the last change; until then the content is read again each time. Git and
//! ccache guard their caches in the same way.

use super::clock::{Clock, Timestamp};
use super::file_id::FileId;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// How long a file must have been left alone before its identity is believed: more than the coarsest time stamp of the
/// file systems below (ext3 and small ext4 inodes: one second) and the clock tick on top. Newer kernels (6.13) give each
/// change that follows a look a stamp of its own, but not on every file system, so the window is the same everywhere.
pub const RACY_WINDOW: Duration = Duration::from_secs(2);

/// File systems that change the identity whenever the content changes, by the magic number that `statfs(2)` reports.
/// Network file systems (their attributes are cached), FUSE and 9p are not among them: there, files are always read.
const KEEPS_IDENTITY: &[i64] = &[
    0xEF53,      // ext2, ext3, ext4
    0x5846_5342, // xfs
    0x9123_683E, // btrfs
    0x0102_1994, // tmpfs
    0x794C_7630, // overlayfs
    0xF2F5_2010, // f2fs
    0xCA45_1A4E, // bcachefs
];

/// Judges identities.
#[derive(Debug, Default)]
pub struct Trust {
    clock: Clock,
    /// By device, whether its file system is one of [`KEEPS_IDENTITY`].
    devices: RwLock<HashMap<u64, bool>>,
}

impl Trust {
    /// With this clock.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            devices: RwLock::default(),
        }
    }

    /// The moment to take *before* a look, for [`settled`](Self::settled).
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether `id`, seen at `path` in a look that began at `looked`, names its content for good: any later look that
    /// sees it again may take the content for the same.
    pub fn settled(&self, path: &Path, id: &FileId, looked: Timestamp) -> bool {
        !changed_since(id, looked) && self.keeps_identity(path, id.dev)
    }

    fn keeps_identity(&self, path: &Path, device: u64) -> bool {
        let known = self.devices.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = known.get(&device) {
            return *answer;
        }
        drop(known);
        // Whatever cannot be asked is not believed; not remembered either, the path may just be gone.
        let Ok(stat) = rustix::fs::statfs(path) else {
            return false;
        };
        let answer = KEEPS_IDENTITY.contains(&stat.f_type);
        self.devices
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(device, answer);
        answer
    }
}

/// Whether the file may have been changed since that moment, or shortly before it.
pub fn changed_since(id: &FileId, moment: Timestamp) -> bool {
    id.last_change() >= moment.before(RACY_WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mtime: i64, ctime: i64, now: i64, settled: bool) {
        const SECOND: i64 = 1_000_000_000;
        let dir = tempfile::tempdir().expect("directory");
        let mut id = FileId::of(dir.path()).expect("stat");
        id.mtime = Timestamp::from_nanos(mtime * SECOND);
        id.ctime = Timestamp::from_nanos(ctime * SECOND);
        let now = Timestamp::from_nanos(now * SECOND);
        assert_eq!(
            Trust::default().settled(dir.path(), &id, now),
            settled,
            "mtime {mtime} ctime {ctime} at {now:?}"
        );
    }

    #[test]
    fn an_identity_is_believed_only_when_both_times_are_well_past() {
        check(10, 10, 13, true);
        check(10, 10, 12, false);
        check(10, 10, 10, false);
        // Set back with `touch -d`: the change time tells.
        check(1, 10, 11, false);
        check(1, 10, 20, true);
        // From the future: a wrong clock, never believed.
        check(1000, 10, 20, false);
    }

    #[test]
    fn proc_is_not_among_the_believed_file_systems() {
        let path = Path::new("/proc/self/status");
        let id = FileId::of(path).expect("stat");
        let later = Clock::ahead(Duration::from_mins(1)).now();
        assert!(!Trust::default().settled(path, &id, later));
    }
}
