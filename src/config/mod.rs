//! Settings: one table from which TOML key, variable, flag, help and reference follow; every value knows its origin.
//!
//! [`settings`] is the table. [`locate`] finds the files, [`mod@file`], [`layers`] hold what each origin says, [`resolve`]
//! makes one [`Config`] of it. [`Resolver`] does all of that for a step and remembers it.

pub mod endpoint;
pub mod error;
pub mod file;
pub mod layers;
pub mod locate;
pub mod origin;
pub mod places;
pub mod reference;
pub mod request;
pub mod resolve;
pub mod settings;
pub mod show;
pub mod template;
pub mod value;

#[cfg(test)]
mod tests;

pub use error::ConfigError;
pub use locate::IgnoredFile;
pub use origin::Origin;
pub use places::Places;
pub use request::Resolver;
pub use resolve::{Resolved, Withheld};

use std::path::PathBuf;
use std::time::Duration;

/// The name of settings files.
pub const FILE_NAME: &str = "rewrap.toml";

/// Where a step may run and whose results it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// Only here; the embedded store is the cache.
    Local,
    /// Only on the executor; an infrastructure failure fails the step.
    Remote,
    /// On the executor; an infrastructure failure runs the step here.
    RemoteLocalFallback,
    /// Results from the remote cache, else here; local results are uploaded.
    CacheOnly,
}

/// Whether `rewrap build` shows steps while they happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProgressMode {
    /// On a terminal, beside tools that show nothing themselves.
    Auto,
    /// Beside every tool, and without a terminal too.
    Always,
    /// Not at all.
    Never,
}

/// Which paths outputs record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathsMode {
    /// Byte for byte what the compiler writes at home.
    Exact,
    /// One fixed name for the exec root, so that checkouts share.
    Portable,
}

/// How to reach a server: everything that makes two connections different. Channels are keyed by it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// `grpc://host:port`, `grpcs://host:port` or `unix:/path`; a missing scheme has been made `grpcs`.
    pub address: String,
    /// Metadata of every call, in order; values are secrets.
    pub headers: Vec<(String, String)>,
    /// PEM file with the authorities to trust instead of the system's.
    pub tls_certificate: Option<PathBuf>,
    /// PEM files of our own certificate and key.
    pub tls_client: Option<(PathBuf, PathBuf)>,
}

/// All settings of one step, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `strategy`, with its default worked out from the endpoints.
    pub strategy: Strategy,
    /// `link_strategy`: that of links, by default `strategy`.
    pub link_strategy: Strategy,
    /// `archive_strategy`: that of archivers and tools on object files.
    pub archive_strategy: Strategy,
    /// `paths`.
    pub paths: PathsMode,
    /// `exec_root`.
    pub exec_root: Option<PathBuf>,
    /// The directory of the nearest `rewrap.toml` that counts.
    pub project_dir: Option<PathBuf>,
    /// `worker_roots`.
    pub worker_roots: Vec<PathBuf>,
    /// `disk_cache`: the embedded store's directory; `None` where there is no writable one.
    pub disk_cache: Option<PathBuf>,
    /// `disk_cache_max_size`, bytes.
    pub disk_cache_max_size: u64,
    /// `remote_executor`.
    pub remote_executor: Option<Endpoint>,
    /// `remote_cache`, by default the executor.
    pub remote_cache: Option<Endpoint>,
    /// `remote_instance_name`.
    pub remote_instance_name: String,
    /// `remote_timeout` of one call (not of an execution).
    pub remote_timeout: Duration,
    /// `remote_retries`: tries after the first one.
    pub remote_retries: u32,
    /// `remote_retry_max_delay`.
    pub remote_retry_max_delay: Duration,
    /// `remote_default_exec_properties`, sorted.
    pub remote_default_exec_properties: Vec<(String, String)>,
    /// `remote_accept_cached`.
    pub remote_accept_cached: bool,
    /// `remote_upload_local_results`; by default on with `cache_only`.
    pub remote_upload_local_results: bool,
    /// `remote_cache_compression`; by default on for a server on another machine.
    pub remote_cache_compression: bool,
    /// `local_jobs`: how many steps that fell back run here at once.
    pub local_jobs: u32,
    /// `daemon_idle_timeout`.
    pub daemon_idle_timeout: Duration,
    /// `progress`.
    pub progress: ProgressMode,
    /// Where records are kept: `$XDG_CACHE_HOME/rewrap`, whatever `disk_cache` says, so that `rewrap stats` finds them
    /// without being told; `disk_cache` where that cannot be written; `None` where there is no writable directory.
    pub state_dir: Option<PathBuf>,
}

impl std::fmt::Debug for Endpoint {
    /// Without the headers' values, so that no log can hold one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Endpoint")
            .field("address", &self.address)
            .field("headers", &names)
            .field("tls_certificate", &self.tls_certificate)
            .field("tls_client", &self.tls_client)
            .finish()
    }
}
