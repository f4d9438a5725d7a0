//! A Unix socket that only its owner can connect to, from its first moment.

use crate::host::fs::PathContext as _;
use crate::serve::ServeError;
use rustix::fs::{Mode, OFlags};
use std::fs::{DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream as Probe;
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// The longest path that clients can connect to: `sockaddr_un` has 108 bytes with the final zero.
const LONGEST: usize = 107;

/// A listening socket; its name goes with it.
pub(super) struct Listener {
    socket: UnixListener,
    path: PathBuf,
    /// Device and inode of the name, which may meanwhile be another server's.
    file: (u64, u64),
}

impl Listener {
    /// Makes the socket, mode 0700, and its directory if it is not there, mode 0700. The name of a server that is no
    /// more is taken over. If the socket is `shared`, every user may connect to it, to be asked who they are.
    pub(super) fn bind(path: &Path, shared: bool) -> Result<Self, ServeError> {
        if path.as_os_str().len() > LONGEST {
            return Err(ServeError::SocketPathTooLong(path.to_owned()));
        }
        let directory = path.parent().expect("the path of a socket is absolute");
        prepare(directory)?;
        clear(path)?;
        let refused = |source| ServeError::Bind {
            address: format!("unix:{}", path.display()),
            source,
        };
        let socket = publish(path, directory, shared).map_err(refused)?;
        let file = identity(path).map_err(refused)?;
        Ok(Self {
            socket,
            path: path.to_owned(),
            file,
        })
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.socket.accept().await?.0)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|file| file == self.file)
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the socket");
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = std::fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

/// Who may write the directory could put a socket of their own in place of ours.
fn prepare(directory: &Path) -> Result<(), ServeError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.at("create", directory)?;
    let bits = std::fs::metadata(directory).at("look at", directory)?.mode();
    let (is_writable, is_sticky) = (bits & 0o022 != 0, bits & 0o1000 != 0);
    if is_writable && !is_sticky {
        return Err(ServeError::OpenDirectory(directory.to_owned()));
    }
    Ok(())
}

/// Removes a socket that nobody listens at.
fn clear(path: &Path) -> Result<(), ServeError> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Ok(Err(error).at("look at", path)?),
        Ok(found) if !found.file_type().is_socket() => return Err(ServeError::NotASocket(path.to_owned())),
        Ok(_) => {}
    }
    match Probe::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            Ok(std::fs::remove_file(path).at("remove", path)?)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Ok(Err(error).at("connect to", path)?),
        Ok(_) => Err(ServeError::SocketInUse(path.to_owned())),
    }
}

/// Listens under a temporary name in a directory that nobody else may enter, then gives the socket its mode and name:
/// `bind` makes it with the mode of the umask, which belongs to the whole process.
fn publish(path: &Path, directory: &Path, shared: bool) -> io::Result<UnixListener> {
    let private = tempfile::Builder::new().prefix(".rewrap-").tempdir_in(directory)?;
    let opened = rustix::fs::open(
        private.path(),
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    // Short, however long the directory's own path is.
    let name = PathBuf::from(format!("/proc/self/fd/{}/s", opened.as_raw_fd()));
    let socket = std::os::unix::net::UnixListener::bind(&name)?;
    let mode = if shared { 0o777 } else { 0o700 };
    std::fs::set_permissions(&name, Permissions::from_mode(mode))?;
    std::fs::rename(private.path().join("s"), path)?;
    socket.set_nonblocking(true)?;
    UnixListener::from_std(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    #[tokio::test]
    async fn socket_and_directory_are_the_owners() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/s");
        let listener = Listener::bind(&path, false).unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o700, 0o700));
        Probe::connect(&path).unwrap();
        drop(listener);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
        let listener = Listener::bind(&path, true).unwrap();
        assert_eq!(mode(&path), 0o777);
        drop(listener);
    }

    #[tokio::test]
    async fn only_a_dead_servers_name_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let first = Listener::bind(&path, false).unwrap();
        assert!(matches!(Listener::bind(&path, false), Err(ServeError::SocketInUse(_))));
        // As after `kill -9`: the name is there, and nobody behind it.
        let kept = dir.path().join("kept");
        fs::hard_link(&path, &kept).unwrap();
        // A child that another test is just starting may still hold a copy.
        rustix::net::shutdown(&first.socket, rustix::net::Shutdown::Both).unwrap();
        drop(first);
        fs::rename(&kept, &path).unwrap();
        let second = Listener::bind(&path, false).unwrap();
        Probe::connect(&path).unwrap();
        // Somebody else's by now.
        fs::remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        drop(second);
        assert!(path.exists());
        assert!(matches!(Listener::bind(&path, false), Err(ServeError::NotASocket(_))));
    }

    #[tokio::test]
    async fn a_directory_that_others_may_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for (mode, right) in [(0o755, true), (0o777, false), (0o770, false), (0o1777, true)] {
            fs::set_permissions(dir.path(), Permissions::from_mode(mode)).unwrap();
            let bound = Listener::bind(&dir.path().join("s"), false);
            assert_eq!(bound.is_ok(), right, "{mode:o}");
            assert!(right || matches!(bound, Err(ServeError::OpenDirectory(_))), "{mode:o}");
        }
    }

    #[tokio::test]
    async fn a_path_that_no_client_can_name_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let longest = LONGEST - dir.path().as_os_str().len() - 1;
        let name = |length: usize| dir.path().join("s".repeat(length));
        assert!(matches!(
            Listener::bind(&name(longest + 1), false),
            Err(ServeError::SocketPathTooLong(_))
        ));
        let _listener = Listener::bind(&name(longest), false).unwrap();
        Probe::connect(name(longest)).unwrap();
    }
}
