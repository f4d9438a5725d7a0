//! The embedded REAPI server on one machine: `rewrap serve`.
//!
//! Composed in [`serve()`]: the directory (`home`), the services over the store in it, who may speak to them
//! (`access`, `peer`, `tokens`, `tls`), connections (`listen`), and the end (`drain`).

mod access;
pub mod caller;
mod drain;
mod home;
pub mod job;
mod limits;
mod listen;
pub mod options;
mod peer;
pub mod tls;
pub mod tokens;

use crate::host::fs::PathError;
use crate::report::units;
use crate::store::{DiskStore, StoreError};
use access::Access;
use drain::Signals;
use home::Home;
use listen::{Front, Listener};
use options::ServeOptions;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tls::TlsError;
use tokens::{Tokens, TokensError};
use tonic::service::Routes;

/// How long threads that read or write files may keep the process, once nobody waits for them.
const LAST_FILES: Duration = Duration::from_secs(2);

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
    fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}

/// Serves until SIGTERM or SIGINT, then lets what is under way end. `ready` is told, once clients can connect, where:
/// `grpc://…`, `grpcs://…` or `unix:/…`, in the order of the options.
pub fn serve(options: &ServeOptions, ready: impl FnOnce(&[String])) -> Result<(), ServeError> {
    // Whatever nobody may ask for is refused before anything is touched.
    for address in &options.listen {
        access::rule(address, options)?;
    }
    let home = Home::enter(&options.dir)?;
    let store = DiskStore::open(&home.store(), options.size)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(ServeError::system("start threads"))?;
    let size = if options.size == 0 {
        "unbounded".to_owned()
    } else {
        units::bytes(options.size)
    };
    tracing::info!(directory = %home.dir().display(), size, slots = options.slots, "starting");
    let served = runtime.block_on(run(options, &store, ready));
    runtime.shutdown_timeout(LAST_FILES);
    // The directory is the next server's only when nothing of this one writes there.
    drop((store, home));
    served
}

async fn run(options: &ServeOptions, _store: &DiskStore, ready: impl FnOnce(&[String])) -> Result<(), ServeError> {
    let mut signals = Signals::caught().map_err(ServeError::system("catch signals"))?;
    let tokens = options.tokens.as_deref().map(Tokens::open).transpose()?;
    let tls = options.tls.as_ref();
    let acceptor = tls.map(|files| tls::acceptor(files, tokens.is_some())).transpose()?;
    let access = Arc::new(Access::new(&options.allow_uids, tokens));
    let front = Front::new(Routes::default(), access.clone());
    let mut listeners = Vec::new();
    for address in &options.listen {
        let listener = Listener::bind(address, options, acceptor.as_ref())?;
        let has_client_ca = tls.is_some_and(|files| files.client_ca.is_some());
        let who = access.describe(listener.rule(), has_client_ca);
        tracing::info!(address = listener.url(), who, "listening");
        listeners.push(listener);
    }
    let urls: Vec<_> = listeners.iter().map(|listener| listener.url().to_owned()).collect();
    for listener in listeners {
        tokio::spawn(front.clone().serve(listener));
    }
    ready(&urls);
    let signal = signals.next().await;
    tracing::info!(
        signal,
        "leaving when what is under way has ended; another signal does not wait"
    );
    drain::drain(&front, &mut signals, async {}).await;
    tracing::info!("gone");
    Ok(())
}
