//! Settings as text, for `rewrap config show`.

use super::resolve::Resolved;
use super::settings::{SETTINGS, Setting};
use super::value::{duration_text, size_text};
use super::{Config, Endpoint, Origin, PathsMode, ProgressMode, Strategy};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// One setting of a resolved configuration. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The setting.
    pub key: &'static str,
    /// Its value; several for a list, none for "none".
    pub value: Vec<String>,
    /// Who set it.
    pub origin: Origin,
}

/// All settings, in the order of the table.
pub fn all(resolved: &Resolved) -> Vec<Shown> {
    let shown = |setting: &'static Setting| Shown {
        key: setting.key,
        value: value(&resolved.config, setting.key),
        origin: resolved.origins.get(setting.key).cloned().unwrap_or(Origin::Default),
    };
    SETTINGS.iter().map(shown).collect()
}

/// The words of a strategy, as users write it.
pub fn strategy(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::Local => "local",
        Strategy::Remote => "remote",
        Strategy::RemoteLocalFallback => "remote_local_fallback",
        Strategy::CacheOnly => "cache_only",
    }
}

/// The words of a setting's value.
fn value(config: &Config, key: &str) -> Vec<String> {
    let address = |endpoint: &Option<Endpoint>| endpoint.iter().map(|endpoint| endpoint.address.clone()).collect();
    let servers = || [&config.remote_executor, &config.remote_cache].into_iter().flatten();
    let client = || servers().find_map(|server| server.tls_client.as_ref());
    let one = |text: String| vec![text];
    match key {
        "strategy" => one(strategy(config.strategy).into()),
        "link_strategy" => one(strategy(config.link_strategy).into()),
        "archive_strategy" => one(strategy(config.archive_strategy).into()),
        "remote_executor" => address(&config.remote_executor),
        "remote_cache" => address(&config.remote_cache),
        "remote_instance_name" => one(config.remote_instance_name.clone()),
        "remote_header" => {
            let headers = servers()
                .map(|server| &server.headers)
                .find(|headers| !headers.is_empty());
            headers
                .into_iter()
                .flatten()
                .map(|(name, _)| format!("{name}=…"))
                .collect()
        }
        "tls_certificate" => servers()
            .find_map(|server| server.tls_certificate.as_deref())
            .map(text)
            .into_iter()
            .collect(),
        "tls_client_certificate" => client().map(|(certificate, _)| text(certificate)).into_iter().collect(),
        "tls_client_key" => client().map(|(_, key)| text(key)).into_iter().collect(),
        "remote_timeout" => one(duration_text(config.remote_timeout)),
        "remote_retries" => one(config.remote_retries.to_string()),
        "remote_retry_max_delay" => one(duration_text(config.remote_retry_max_delay)),
        "remote_default_exec_properties" => config
            .remote_default_exec_properties
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect(),
        "remote_cache_compression" => one(config.remote_cache_compression.to_string()),
        "remote_accept_cached" => one(config.remote_accept_cached.to_string()),
        "remote_upload_local_results" => one(config.remote_upload_local_results.to_string()),
        "paths" => one(paths(config.paths).into()),
        "exec_root" => path(config.exec_root.as_ref()),
        "worker_roots" => config.worker_roots.iter().map(|root| text(root)).collect(),
        "disk_cache" => path(config.disk_cache.as_ref()),
        "disk_cache_max_size" => one(size_text(config.disk_cache_max_size)),
        "local_jobs" => one(config.local_jobs.to_string()),
        "daemon_idle_timeout" => one(duration_text(config.daemon_idle_timeout)),
        "progress" => one(progress(config.progress).into()),
        _ => unreachable!("`{key}` is not in the table"),
    }
}

fn paths(mode: PathsMode) -> &'static str {
    match mode {
        PathsMode::Exact => "exact",
        PathsMode::Portable => "portable",
    }
}

fn progress(mode: ProgressMode) -> &'static str {
    match mode {
        ProgressMode::Auto => "auto",
        ProgressMode::Always => "always",
        ProgressMode::Never => "never",
    }
}

fn path(path: Option<&PathBuf>) -> Vec<String> {
    path.map(|path| text(path)).into_iter().collect()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
