//! Copies of files: shared extents where the file system has them, else bytes.

use rustix::fs::{copy_file_range, ioctl_ficlone};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;

/// Below this size the calls cost more than the bytes.
const SMALL: u64 = 64 << 10;

/// Fills an empty file with the content of another one, whose offset does not matter and stays.
pub(super) fn copy(source: &File, size: u64, target: &mut File) -> io::Result<()> {
    if size > SMALL {
        if ioctl_ficlone(&*target, source).is_ok() {
            return Ok(());
        }
        if copy_in_kernel(source, size, target)? {
            return Ok(());
        }
    }
    let mut buffer = vec![0; usize::try_from(size.clamp(1, SMALL)).expect("64 KiB at most")];
    let mut done = 0;
    while done < size {
        match source.read_at(&mut buffer, done) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                target.write_all(&buffer[..length])?;
                done += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether this kernel and these file systems could do it.
fn copy_in_kernel(source: &File, size: u64, target: &File) -> io::Result<bool> {
    let mut done = 0;
    while done < size {
        let rest = usize::try_from(size - done).unwrap_or(usize::MAX);
        match copy_file_range(source, Some(&mut done.clone()), target, None, rest) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => done += length as u64,
            Err(Errno::INTR) => {}
            Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) if done == 0 => {
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}
