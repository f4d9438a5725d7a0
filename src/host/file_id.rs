//! What tells one state of a file from another without reading it.
//!
//! Knows nothing about when such an identity may be believed: that is [`trust`](super::trust).

use super::clock::Timestamp;
use rustix::fs::{AtFlags, CWD, Statx, StatxFlags};
use std::fs::File;
use std::io;
use std::path::Path;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, pipe or socket.
    Other,
}

impl From<rustix::fs::FileType> for Kind {
    fn from(kind: rustix::fs::FileType) -> Self {
        match kind {
            rustix::fs::FileType::RegularFile => Self::File,
            rustix::fs::FileType::Directory => Self::Directory,
            rustix::fs::FileType::Symlink => Self::Link,
            _ => Self::Other,
        }
    }
}

/// The identity of one state of a file or directory. Two looks with equal identities saw the same content if the first
/// was made long enough after the last change ([`Trust::settled`](super::trust::Trust::settled)).
///
/// The change time is part of it because a modification time can be set back (`touch -d`, `cp -p`, `tar`), a change
/// time cannot. The mount id is not: it would make everything new after a restart, and one file seen through two mounts
/// has one content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// The device that holds it.
    pub dev: u64,
    /// Its number there.
    pub ino: u64,
    /// Its size in bytes.
    pub size: u64,
    /// When its content was last changed, or what someone set that to.
    pub mtime: Timestamp,
    /// When its content or attributes were last changed.
    pub ctime: Timestamp,
    /// Kind and permission bits.
    pub mode: u32,
}

impl FileId {
    /// Length of the encoded form.
    pub const ENCODED: usize = 44;

    /// Of what the path leads to, symbolic links followed.
    pub fn of(path: &Path) -> io::Result<Self> {
        Self::at(path, AtFlags::empty())
    }

    /// Of what lies at the path, be it a symbolic link.
    pub fn of_entry(path: &Path) -> io::Result<Self> {
        Self::at(path, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Of an open file.
    pub fn of_file(file: &File) -> io::Result<Self> {
        Ok(Self::from_statx(&rustix::fs::statx(
            file,
            "",
            AtFlags::EMPTY_PATH,
            StatxFlags::BASIC_STATS,
        )?))
    }

    fn at(path: &Path, flags: AtFlags) -> io::Result<Self> {
        Ok(Self::from_statx(&rustix::fs::statx(
            CWD,
            path,
            flags,
            StatxFlags::BASIC_STATS,
        )?))
    }

    fn from_statx(stat: &Statx) -> Self {
        Self {
            dev: rustix::fs::makedev(stat.stx_dev_major, stat.stx_dev_minor),
            ino: stat.stx_ino,
            size: stat.stx_size,
            mtime: Timestamp::from_parts(stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec),
            ctime: Timestamp::from_parts(stat.stx_ctime.tv_sec, stat.stx_ctime.tv_nsec),
            mode: u32::from(stat.stx_mode),
        }
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        rustix::fs::FileType::from_raw_mode(self.mode).into()
    }

    /// The later of the two times: nothing about it changed afterwards, as far as its time stamps tell.
    pub fn last_change(&self) -> Timestamp {
        self.mtime.max(self.ctime)
    }

    /// A fixed form for keys and files; little-endian.
    pub fn encode(&self) -> [u8; Self::ENCODED] {
        let mut bytes = [0; Self::ENCODED];
        let words = [
            self.dev,
            self.ino,
            self.size,
            self.mtime.nanos().cast_unsigned(),
            self.ctime.nanos().cast_unsigned(),
        ];
        for (at, word) in words.into_iter().enumerate() {
            bytes[8 * at..8 * at + 8].copy_from_slice(&word.to_le_bytes());
        }
        bytes[40..].copy_from_slice(&self.mode.to_le_bytes());
        bytes
    }

    /// The reverse of [`encode`](Self::encode); `None` for another length.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (words, mode) = bytes.split_at_checked(40)?;
        let (words, _) = words.as_chunks::<8>();
        let word = |at: usize| u64::from_le_bytes(words[at]);
        Some(Self {
            dev: word(0),
            ino: word(1),
            size: word(2),
            mtime: Timestamp::from_nanos(word(3).cast_signed()),
            ctime: Timestamp::from_nanos(word(4).cast_signed()),
            mode: u32::from_le_bytes(mode.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn every_way_to_look_sees_the_same_file() {
        let dir = tempfile::tempdir().expect("directory");
        let file = dir.path().join("f");
        std::fs::write(&file, "text").expect("write");
        let link = dir.path().join("l");
        symlink("f", &link).expect("symlink");
        let id = FileId::of(&file).expect("stat");
        assert_eq!((id.kind(), id.size), (Kind::File, 4));
        assert_eq!(FileId::of(&link).expect("stat"), id);
        assert_eq!(FileId::of_file(&File::open(&file).expect("open")).expect("stat"), id);
        assert_eq!(FileId::of_entry(&link).expect("stat").kind(), Kind::Link);
        assert_eq!(FileId::of(dir.path()).expect("stat").kind(), Kind::Directory);
        assert_eq!(FileId::of(Path::new("/dev/null")).expect("stat").kind(), Kind::Other);
    }

    #[test]
    fn a_modification_time_that_is_set_back_leaves_another_identity() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("f");
        std::fs::write(&path, "one").expect("write");
        let before = FileId::of(&path).expect("stat");
        let file = File::options().write(true).open(&path).expect("open");
        std::fs::write(&path, "two").expect("write");
        let mtime = std::time::UNIX_EPOCH + std::time::Duration::from_nanos(before.mtime.nanos().cast_unsigned());
        file.set_modified(mtime).expect("utimens");
        let after = FileId::of(&path).expect("stat");
        assert_eq!(after.mtime, before.mtime);
        assert_ne!(after, before);
    }

    #[test]
    fn the_encoded_form_round_trips_and_other_lengths_are_refused() {
        let id = FileId {
            dev: u64::MAX,
            ino: 7,
            size: 1 << 40,
            mtime: Timestamp::from_nanos(-1),
            ctime: Timestamp::from_parts(1_700_000_000, 999_999_999),
            mode: 0o100_644,
        };
        assert_eq!(FileId::decode(&id.encode()), Some(id));
        for len in [0, 39, 40, 43, 45, 88] {
            assert_eq!(FileId::decode(&vec![0; len]), None, "{len}");
        }
    }
}
