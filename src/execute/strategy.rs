//! Decides where a step may run and whose results it may take. Pure: settings and facts in, plan out.

use crate::config::{Config, Strategy};

/// What a plan depends on besides the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The action cannot be run on a worker: it is placed locally, reads files that workers do not have, or would
    /// print what only this machine prints.
    pub stays_here: bool,
}

/// What to do about a step that the embedded store has no result for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Ask the remote action cache.
    pub look_up_remotely: bool,
    /// Have the executor run it.
    pub execute: bool,
    /// What follows when the servers cannot be used.
    pub without_servers: WithoutServers,
    /// Put a result that was made here into the remote cache.
    pub upload_local_result: bool,
}

/// What follows when the servers cannot be used, or must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutServers {
    /// The compiler runs here.
    RunHere,
    /// The step fails: the user asked for remote execution and nothing else.
    Fail,
}

/// The plan for a step under these settings.
pub fn plan(config: &Config, step: Step) -> Plan {
    let uses_servers = config.strategy != Strategy::Local;
    let execute = matches!(config.strategy, Strategy::Remote | Strategy::RemoteLocalFallback)
        && config.remote_executor.is_some()
        && !step.stays_here;
    Plan {
        look_up_remotely: uses_servers && config.remote_cache.is_some() && config.remote_accept_cached,
        execute,
        // A step that cannot be sent runs here under every strategy: nothing else could ever build it.
        without_servers: if config.strategy == Strategy::Remote && execute {
            WithoutServers::Fail
        } else {
            WithoutServers::RunHere
        },
        upload_local_result: uses_servers && config.remote_cache.is_some() && config.remote_upload_local_results,
    }
}
