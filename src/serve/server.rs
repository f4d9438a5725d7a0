//! The server as a whole: what is opened, in which order, and what ends it.

use super::access::{self, Access};
use super::compose::{Services, compose};
use super::drain::{self, Signals};
use super::error::ServeError;
use super::home::Home;
use super::listen::{Front, Listener};
use super::options::ServeOptions;
use super::tokens::Tokens;
use super::worker::{Worker, WorkerOptions};
use super::{metrics, tls};
use crate::report::units;
use crate::store::DiskStore;
use rustix::process::{Resource, Rlimit};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// How long threads that read or write files may keep the process, once nobody waits for them.
const LAST_FILES: Duration = Duration::from_secs(2);

/// Threads for what blocks, besides one for each action. Tokio's own number.
const BLOCKING_THREADS: usize = 512;

/// What clients and people are told once connections are accepted.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// `grpc://…`, `grpcs://…` or `unix:/…`, in the order of the options.
    pub clients: Vec<String>,
    /// `http://…/metrics`, if asked for.
    pub metrics: Option<String>,
}

/// Serves until SIGTERM or SIGINT, then lets what is under way end. `ready` is called once clients can connect.
pub fn serve(options: &ServeOptions, ready: impl FnOnce(&Addresses)) -> Result<(), ServeError> {
    // Whatever is wrong with what was asked for is said before anything is touched.
    let door = Door::new(options)?;
    raise_open_files();
    let home = Home::enter(&options.dir)?;
    let store = DiskStore::open(&home.store(), options.size)?;
    let size = if options.size == 0 {
        "unbounded".to_owned()
    } else {
        units::bytes(options.size)
    };
    tracing::info!(directory = %home.dir().display(), size, slots = options.slots, "starting");
    let actions = &options.actions;
    let worker = Worker::new(
        store.clone(),
        WorkerOptions {
            sandbox: actions.sandbox,
            roots: actions.roots.clone(),
            memory: actions.memory,
            output: actions.output_size,
            ..WorkerOptions::new(home.scratch())
        },
    )?;
    tracing::info!("{}", worker.describe());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS + options.slots)
        .build()
        .map_err(ServeError::system("start threads"))?;
    let services = compose(&store, Arc::new(worker), options);
    let served = runtime.block_on(run(options, door, services, ready));
    runtime.shutdown_timeout(LAST_FILES);
    // The directory is the next server's only when nothing of this one writes there.
    drop((store, home));
    served
}

/// Asks for all the open files that the process may have: each connection is one, and each file on its way. Actions get
/// the usual number back.
fn raise_open_files() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(errno) = rustix::process::setrlimit(Resource::Nofile, most.clone()) {
        tracing::warn!(%errno, wanted = most.current, "cannot have more open files; clients may have to wait");
    }
}

/// What decides who comes in.
struct Door {
    access: Arc<Access>,
    tls: Option<TlsAcceptor>,
}

impl Door {
    fn new(options: &ServeOptions) -> Result<Self, ServeError> {
        for address in &options.listen {
            access::rule(address, options)?;
        }
        let tokens = options.tokens.as_deref().map(Tokens::open).transpose()?;
        let tls = options.tls.as_ref();
        let tls = tls.map(|files| tls::acceptor(files, tokens.is_some())).transpose()?;
        Ok(Self {
            access: Arc::new(Access::new(options, tokens)),
            tls,
        })
    }
}

async fn run(
    options: &ServeOptions,
    door: Door,
    services: Services,
    ready: impl FnOnce(&Addresses),
) -> Result<(), ServeError> {
    let mut signals = Signals::caught().map_err(ServeError::system("catch signals"))?;
    let mut listeners = Vec::new();
    for address in &options.listen {
        let listener = Listener::bind(address, options, door.tls.as_ref())?;
        let who = door.access.describe(listener.rule());
        tracing::info!(address = listener.url(), who, "listening");
        listeners.push(listener);
    }
    let Services {
        calls,
        execution,
        metrics,
    } = services;
    let front = Front::new(calls, door.access);
    let mut addresses = Addresses {
        clients: listeners.iter().map(|listener| listener.url().to_owned()).collect(),
        metrics: None,
    };
    if let Some(address) = options.metrics {
        let (listener, url) = metrics_listener(address).await?;
        tracing::info!(url, "metrics");
        tokio::spawn(metrics::serve(listener, metrics));
        addresses.metrics = Some(url);
    }
    for listener in listeners {
        tokio::spawn(front.clone().serve(listener));
    }
    ready(&addresses);
    let signal = signals.next().await;
    tracing::info!(
        signal,
        "leaving when what is under way has ended; another signal does not wait"
    );
    drain::drain(&front, &mut signals, &execution).await;
    tracing::info!("gone");
    Ok(())
}

async fn metrics_listener(address: SocketAddr) -> Result<(TcpListener, String), ServeError> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let url = format!("http://{}/metrics", listener.local_addr()?);
        Ok((listener, url))
    };
    bound.await.map_err(|source| ServeError::Bind {
        address: address.to_string(),
        source,
    })
}
