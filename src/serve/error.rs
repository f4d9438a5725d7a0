//! Why a server does not start.

use super::tls::TlsError;
use super::tokens::TokensError;
use super::worker::WorkerError;
use crate::host::fs::PathError;
use crate::store::StoreError;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another server uses the directory.
    #[error("cannot use `{}`: another server does{}", dir.display(), pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// The other server, if it has said.
        pid: Option<u32>,
    },
    /// Others could change what is kept.
    #[error("cannot keep anything in `{}`: it belongs to another user, or others may write it", .0.display())]
    StrangeHome(PathBuf),
    /// The directory is somebody's for something else.
    #[error("cannot keep anything in `{}`: it holds other files", .0.display())]
    NotEmpty(PathBuf),
    /// An address that others can reach, without TLS.
    #[error("cannot listen at {0} without TLS: it is not loopback, and an open server runs anybody's programs")]
    NeedsTls(SocketAddr),
    /// An address that others can reach, and nothing that tells clients apart.
    #[error("cannot listen at {0} for everybody: it is not loopback, and an open server runs anybody's programs")]
    NeedsCredentials(SocketAddr),
    /// An address that cannot be had.
    #[error("cannot listen at {address}")]
    Bind {
        /// As the user wrote it.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// Somebody listens at a Unix socket.
    #[error("cannot listen at `{}`: another server does", .0.display())]
    SocketInUse(PathBuf),
    /// The name of a Unix socket is that of another file.
    #[error("cannot listen at `{}`: it is not a socket", .0.display())]
    NotASocket(PathBuf),
    /// Longer than clients can write.
    #[error("cannot listen at `{}`: the path of a socket has at most 107 bytes", .0.display())]
    SocketPathTooLong(PathBuf),
    /// Others could put their own socket in place of ours.
    #[error("cannot make a socket in `{}`: others may write that directory", .0.display())]
    OpenDirectory(PathBuf),
    /// A directory or file of ours.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What runs actions.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// Certificates and keys.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The file of tokens.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// Threads or signals.
    #[error("cannot {what}")]
    System {
        /// "start threads", "catch signals".
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
}

impl ServeError {
    pub(super) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}
