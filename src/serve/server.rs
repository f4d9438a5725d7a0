//! The server as a whole: what is opened, what is composed of it, and in which order it ends.

use super::access::{self, Access};
use super::drain::{self, Signals};
use super::error::ServeError;
use super::home::Home;
use super::listen::{Front, Listener};
use super::options::ServeOptions;
use super::tls;
use super::tokens::Tokens;
use crate::report::units;
use crate::store::DiskStore;
use std::sync::Arc;
use std::time::Duration;
use tonic::service::Routes;

/// How long threads that read or write files may keep the process, once nobody waits for them.
const LAST_FILES: Duration = Duration::from_secs(2);

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
