//! Finds the settings files of a step and decides whether a project's file counts.
//!
//! A project's file comes with a checkout or lies where others may write. It counts only if it and its directory belong
//! to the user or root and nobody else may write them; otherwise it is ignored, and the build's summary says so.

use super::error::ConfigError;
use super::places::Places;
use crate::host::fs::{PathContext, PathError};
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use serde::Serialize;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is read of a settings file at most; more than anyone writes by hand.
const MAX_BYTES: u64 = 1 << 20;

/// A project's file that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IgnoredFile {
    /// The file.
    pub path: PathBuf,
    /// Why: "others may write it".
    pub why: String,
}

/// A settings file that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFile {
    /// Absolute.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
}

/// What was found, and all that the finding depends on.
#[derive(Debug, Default)]
pub struct Found {
    /// The user's own file.
    pub user: Option<SettingsFile>,
    /// The nearest project file that counts.
    pub project: Option<SettingsFile>,
    /// Nearer ones that do not.
    pub ignored: Vec<IgnoredFile>,
    /// As long as these stay so, the same would be found again. Taken before anything was read.
    pub stamps: Vec<(PathBuf, Stamp)>,
}

/// What tells that a path is still what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// Nothing there, or nothing that we may see.
    Absent,
    /// A directory. Its times are left out: they change with every file made in it, its owner and mode do not.
    Directory {
        /// Device and inode.
        id: (u64, u64),
        /// Owner and mode.
        access: (u32, u32),
    },
    /// Anything else.
    File {
        /// Device and inode.
        id: (u64, u64),
        /// Bytes.
        size: i64,
        /// Seconds and nanoseconds.
        modified: (i64, u64),
        /// Seconds and nanoseconds; a change of owner or mode shows here.
        changed: (i64, u64),
    },
}

impl Stamp {
    /// Of a path as it is now; symlinks are followed.
    pub fn of(path: &Path) -> Self {
        rustix::fs::stat(path).as_ref().map_or(Self::Absent, Self::of_stat)
    }

    #[expect(
        clippy::unnecessary_cast,
        reason = "the types of stat's fields differ between platforms"
    )]
    fn of_stat(stat: &Stat) -> Self {
        let id = (stat.st_dev as u64, stat.st_ino as u64);
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            return Self::Directory {
                id,
                access: (stat.st_uid, stat.st_mode as u32),
            };
        }
        Self::File {
            id,
            size: stat.st_size,
            modified: (stat.st_mtime, stat.st_mtime_nsec as u64),
            changed: (stat.st_ctime, stat.st_ctime_nsec as u64),
        }
    }
}

/// Looks for the user's file, and from `cwd` upward for a project's file that counts for the user `uid`.
pub fn locate(places: &Places, cwd: &Path, uid: u32) -> Result<Found, ConfigError> {
    let mut found = Found::default();
    let user_file = places.user_file();
    if let Some(path) = &user_file {
        found.stamps.push((path.clone(), Stamp::of(path)));
        found.user = read_user_file(path).map_err(|error| ConfigError::Unreadable(Arc::new(error)))?;
    }
    for directory in cwd.ancestors() {
        let path = directory.join(super::FILE_NAME);
        if Some(&path) == user_file.as_ref() {
            continue;
        }
        let stamp = Stamp::of(&path);
        found.stamps.push((path.clone(), stamp));
        if stamp == Stamp::Absent {
            continue;
        }
        found.stamps.push((directory.to_owned(), Stamp::of(directory)));
        match read_project_file(&path, directory, uid) {
            Ok(text) => {
                found.project = Some(SettingsFile { path, text });
                break;
            }
            Err(why) => found.ignored.push(IgnoredFile { path, why }),
        }
    }
    Ok(found)
}

fn read_user_file(path: &Path) -> Result<Option<SettingsFile>, PathError> {
    let read = || -> io::Result<String> { read_text(&open(path)?.0) };
    match read() {
        Ok(text) => Ok(Some(SettingsFile {
            path: path.to_owned(),
            text,
        })),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        // A HOME of somebody else's is as good as none.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && Stamp::of(path) == Stamp::Absent => Ok(None),
        Err(error) => Err(error).at("read", path),
    }
}

/// The text of a project's file, or why it does not count.
fn read_project_file(path: &Path, directory: &Path, uid: u32) -> Result<String, String> {
    let unreadable = |error: io::Error| format!("it cannot be read: {error}");
    let (file, stat) = open(path).map_err(unreadable)?;
    // What was opened is what is judged: the name may change its meaning at any time.
    distrust("it", &stat, uid)?;
    let directory = rustix::fs::stat(directory).map_err(|errno| unreadable(errno.into()))?;
    distrust("its directory", &directory, uid)?;
    read_text(&file).map_err(unreadable)
}

/// `Err` if somebody other than the user and root has a say. An access list shows here too: its mask is the group's part
/// of the mode (acl(5)).
fn distrust(thing: &str, stat: &Stat, uid: u32) -> Result<(), String> {
    if stat.st_uid != uid && stat.st_uid != 0 {
        return Err(format!("{thing} belongs to another user (uid {})", stat.st_uid));
    }
    let mode = Mode::from_raw_mode(stat.st_mode);
    if mode.intersects(Mode::WGRP | Mode::WOTH) {
        let whom = if mode.contains(Mode::WOTH) {
            "everybody"
        } else {
            "its group"
        };
        return Err(format!("{thing} can be written by {whom}"));
    }
    Ok(())
}

/// Opens a regular file; never waits for the other end of a FIFO.
fn open(path: &Path) -> io::Result<(std::fs::File, Stat)> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok((file.into(), stat)),
        FileType::Directory => Err(Errno::ISDIR.into()),
        _ => Err(io::Error::other("not a regular file")),
    }
}

fn read_text(file: &std::fs::File) -> io::Result<String> {
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("larger than 1 MiB"));
    }
    Ok(text)
}
