//! Writes a step's outputs into the user's tree: all of them or none.
//!
//! Every new file is complete under a temporary name in its own directory before the first one is renamed. Knows
//! nothing of tools: which file replaces and which is written in place was decided by the daemon.

use crate::pb::wire;
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::{File, Metadata, Permissions};
use std::io::{self, Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Bytes copied between two looks at the signals.
const CHUNK: usize = 32 << 20;

/// Tells the signal that asks for an end, if one has come.
pub(super) type Stop<'a> = &'a dyn Fn() -> Option<i32>;

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub(super) enum PublishError {
    /// A signal came first.
    #[error("interrupted by signal {0}")]
    Signal(i32),
    /// What has the output's name is neither a regular file nor a link to one: only the tool itself may write there.
    #[error("`{}` is not a regular file", .0.display())]
    NotRegular(PathBuf),
    /// The daemon's message does not fit together.
    #[error("`{}` comes without content", .0.display())]
    NoContent(PathBuf),
    /// The operating system said no.
    #[error("cannot {verb} `{}`: {source}", path.display())]
    Refused {
        /// "write", "rename", …
        verb: &'static str,
        /// The output.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// An output that is ready to take its name.
enum Prepared<'a> {
    /// A finished file beside it, and whether an older one has the name.
    New(NamedTempFile, bool),
    /// An open file of that name, to be written over.
    InPlace(File, Content<'a>),
}

enum Content<'a> {
    Descriptor(&'a File),
    Inline(&'a [u8]),
}

/// Publishes the files of an answer, in its order. On an error nothing of it is there, and an old output may be gone.
pub(super) fn publish(answer: &wire::Publish, descriptors: Vec<OwnedFd>, stop: Stop<'_>) -> Result<(), PublishError> {
    let blobs: Vec<File> = descriptors.into_iter().map(File::from).collect();
    let mut prepared = Vec::with_capacity(answer.files.len());
    for file in &answer.files {
        let path = Path::new(OsStr::from_bytes(&file.path));
        prepared.push((path, prepare(file, path, &blobs, stop)?));
    }
    interrupted(stop)?;
    remove(&answer.remove)?;
    // From here on nothing waits but the writes in place, so a signal that comes now finds all outputs or none.
    let mut placed = Vec::with_capacity(prepared.len());
    for (path, output) in prepared {
        placed.push(path);
        if let Err(error) = place(path, output, stop) {
            take_back(&placed);
            return Err(error);
        }
    }
    Ok(())
}

/// Removes older outputs as the failed tool would have.
fn remove(paths: &[Vec<u8>]) -> Result<(), PublishError> {
    for path in paths {
        let path = Path::new(OsStr::from_bytes(path));
        if existing(path)?.is_some() {
            std::fs::remove_file(path).map_err(|source| refused("remove", path, source))?;
        }
    }
    Ok(())
}

fn prepare<'a>(
    file: &'a wire::OutputFile,
    path: &Path,
    blobs: &'a [File],
    stop: Stop<'_>,
) -> Result<Prepared<'a>, PublishError> {
    use wire::output_file::Content as Sent;
    let content = match &file.content {
        Some(Sent::Inline(bytes)) => Content::Inline(bytes),
        Some(Sent::Descriptor(index)) => {
            let blob = usize::try_from(*index).ok().and_then(|index| blobs.get(index));
            Content::Descriptor(blob.ok_or_else(|| PublishError::NoContent(path.to_owned()))?)
        }
        None => return Err(PublishError::NoContent(path.to_owned())),
    };
    let is_there = existing(path)?.is_some();
    if is_there && file.in_place {
        let old = File::options()
            .write(true)
            .open(path)
            .map_err(|source| refused("write", path, source))?;
        return Ok(Prepared::InPlace(old, content));
    }
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    // The mode goes through `open`, so that the umask or the directory's default ACL applies as to the tool's own file.
    let mut new = tempfile::Builder::new()
        .prefix(".rewrap-")
        .permissions(Permissions::from_mode(file.mode))
        .tempfile_in(parent)
        .map_err(|source| refused("write", path, source))?;
    write(new.as_file_mut(), &content, path, stop)?;
    Ok(Prepared::New(new, is_there))
}

fn place(path: &Path, output: Prepared<'_>, stop: Stop<'_>) -> Result<(), PublishError> {
    match output {
        Prepared::New(new, is_there) => {
            if is_there {
                // As compilers do. A rename over a file has ext4 write the new one to the disk at once, which takes up
                // to milliseconds. What cannot be removed cannot be replaced either: the rename tells.
                let _removed = std::fs::remove_file(path);
            }
            new.persist(path)
                .map(drop)
                .map_err(|error| refused("rename", path, error.error))
        }
        Prepared::InPlace(mut old, content) => {
            // Written, then cut to length: a file that was cut to nothing is written to the disk at once too.
            write(&mut old, &content, path, stop)?;
            old.stream_position()
                .and_then(|end| old.set_len(end))
                .map_err(|source| refused("write", path, source))
        }
    }
}

/// Removes what was placed: as little is left as after a tool that was stopped.
fn take_back(placed: &[&Path]) {
    for path in placed {
        // What was written in place may lie behind a link; the file goes, the link stays.
        let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        match std::fs::remove_file(target) {
            // The tool runs next and writes, or fails on, the same names: there is nobody to tell.
            Ok(()) | Err(_) => {}
        }
    }
}

/// The file that has this name already; an error unless it is a regular one or a link to one.
fn existing(path: &Path) -> Result<Option<Metadata>, PublishError> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(refused("look at", path, source)),
        Ok(found) if found.is_file() => return Ok(Some(found)),
        Ok(found) if !found.is_symlink() => return Err(PublishError::NotRegular(path.to_owned())),
        Ok(_) => {}
    }
    match std::fs::metadata(path) {
        Ok(target) if target.is_file() => Ok(Some(target)),
        // Also for a link to nothing: gcc makes its target, clang replaces it.
        _ => Err(PublishError::NotRegular(path.to_owned())),
    }
}

fn write(to: &mut File, content: &Content<'_>, path: &Path, stop: Stop<'_>) -> Result<(), PublishError> {
    match content {
        Content::Inline(bytes) => to.write_all(bytes).map_err(|source| refused("write", path, source)),
        Content::Descriptor(from) => copy(to, from, path, stop),
    }
}

/// Copies a blob; shares its blocks where the file system can. Reads at offsets of its own, since the descriptor's
/// position is common to everyone the daemon sent it to.
fn copy(to: &mut File, from: &File, path: &Path, stop: Stop<'_>) -> Result<(), PublishError> {
    let length = from
        .metadata()
        .map_err(|source| refused("read the content of", path, source))?
        .len();
    let mut offset = 0;
    while offset < length {
        interrupted(stop)?;
        match rustix::fs::copy_file_range(from, Some(&mut offset), &*to, None, CHUNK) {
            // Nothing more, or not between these two files: the loop below takes what is left.
            Ok(0) | Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(refused("write", path, errno.into())),
        }
    }
    let mut buffer = vec![0; if offset < length { 256 << 10 } else { 0 }];
    while offset < length {
        interrupted(stop)?;
        let count = from
            .read_at(&mut buffer, offset)
            .map_err(|source| refused("read the content of", path, source))?;
        if count == 0 {
            return Err(refused(
                "read the content of",
                path,
                io::ErrorKind::UnexpectedEof.into(),
            ));
        }
        to.write_all(&buffer[..count])
            .map_err(|source| refused("write", path, source))?;
        offset += count as u64;
    }
    Ok(())
}

fn interrupted(stop: Stop<'_>) -> Result<(), PublishError> {
    stop().map_or(Ok(()), |signal| Err(PublishError::Signal(signal)))
}

fn refused(verb: &'static str, path: &Path, source: io::Error) -> PublishError {
    PublishError::Refused {
        verb,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
