//! The servers of a step: connections shared by all steps, and the runtime they live on. Started at the first step that
//! needs one: a machine without a server never starts the runtime.

use crate::config::Config;
use crate::execute::attestation::{Attestation, Workers};
use crate::remote::{ChannelError, Connections, ExecutionLimits, Policy, Remote, RequestMetadata};
use std::path::PathBuf;
use std::sync::OnceLock;
use tokio::runtime::Runtime;

/// Threads for all network work of the daemon.
const THREADS: usize = 2;

/// Connections and what workers have proven.
pub(super) struct Servers {
    /// Where large downloads are spooled.
    spool: PathBuf,
    network: OnceLock<Network>,
}

struct Network {
    runtime: Runtime,
    connections: Connections,
    attestation: Attestation,
}

/// The servers as one step uses them.
pub(super) struct StepServers<'a> {
    network: &'a Network,
    /// CAS and action cache.
    pub(super) cache: Remote,
    /// Execution, if there is an executor.
    pub(super) executor: Option<Remote>,
    platform: Vec<(String, String)>,
}

impl Servers {
    pub(super) fn new(spool: PathBuf) -> Self {
        Self {
            spool,
            network: OnceLock::new(),
        }
    }

    /// The servers that the settings name; `None` if they name none.
    pub(super) fn of(
        &self,
        config: &Config,
        metadata: &RequestMetadata,
    ) -> Result<Option<StepServers<'_>>, ChannelError> {
        let Some(cache) = &config.remote_cache else {
            return Ok(None);
        };
        let network = self.network.get_or_init(|| Network::start(self.spool.clone()));
        let remote = |endpoint| -> Result<Remote, ChannelError> {
            let instance = network.connections.instance(endpoint, &config.remote_instance_name)?;
            let remote = Remote::new(instance, Policy::from(config), metadata.clone());
            Ok(remote.with_compression(config.remote_cache_compression))
        };
        Ok(Some(StepServers {
            network,
            cache: remote(cache)?,
            executor: config.remote_executor.as_ref().map(remote).transpose()?,
            platform: config.remote_default_exec_properties.clone(),
        }))
    }
}

impl Network {
    fn start(spool: PathBuf) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("network")
            .enable_all()
            .build()
            .expect("threads and an event queue: without them the daemon can serve nobody");
        let connections = Connections::new(runtime.handle().clone(), spool);
        Self {
            runtime,
            connections,
            attestation: Attestation::default(),
        }
    }
}

impl StepServers<'_> {
    /// Waits for network work, on the step's own thread.
    pub(super) fn wait<F: Future>(&self, work: F) -> F::Output {
        self.network.runtime.block_on(work)
    }

    /// What workers have proven about their files.
    pub(super) fn attestation(&self) -> &Attestation {
        &self.network.attestation
    }

    /// The workers that would run the step, if there is an executor.
    pub(super) fn workers(&self, limits: ExecutionLimits) -> Option<Workers> {
        Some(Workers {
            cache: self.cache.clone(),
            executor: self.executor.clone()?,
            platform: self.platform.clone(),
            limits,
        })
    }
}
