//! What a server says it can do, turned into what we need to know.

use crate::pb::{reapi, semver};
use std::fmt;

/// gRPC's usual limit for one message, which holds for whoever announces none, less what is not content.
const MESSAGE_LIMIT: usize = (4 << 20) - (64 << 10);

/// `major.minor` of the Remote Execution API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    /// 2 for all servers that exist.
    pub major: i32,
    /// Counts additions.
    pub minor: i32,
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl From<&semver::SemVer> for ApiVersion {
    fn from(version: &semver::SemVer) -> Self {
        Self {
            major: version.major,
            minor: version.minor,
        }
    }
}

/// Why a server is of no use to us.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It does not name content as we do.
    #[error("its digest functions are {}, and SHA256 is not among them", .0.join(", "))]
    DigestFunction(Vec<String>),
    /// It speaks another major version.
    #[error("it speaks versions {0} to {1} of the Remote Execution API, not 2")]
    Version(ApiVersion, ApiVersion),
    /// It is a cache only.
    #[error("it does not execute actions")]
    NoExecution,
    /// It is an action cache that only others may fill.
    #[error("its action cache takes no updates")]
    NoUpdates,
}

/// What a server can do. Learned once per endpoint and instance name.
///
/// `symlink_absolute_path_strategy` is not here: the symlinks of an input root are relative and stay inside it (see
/// [`Entry::Symlink`](crate::inputs::Entry::Symlink)), which every server allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// How many bytes of blobs fit into one batch, in either direction.
    pub batch_limit: usize,
    /// Whether results may be put into the action cache, as far as the server knows without asking who we are.
    pub action_cache_updates: bool,
    /// `supported_compressors`: zstd in the names of streams. Servers that have it also answer batches with it.
    pub zstd_streams: bool,
    /// `supported_batch_update_compressors`: zstd in a batch of uploads.
    pub zstd_updates: bool,
    /// The newest version that it speaks; `None` if it says nothing.
    pub high_api_version: Option<ApiVersion>,
    execution: Result<(), Unusable>,
}

impl Capabilities {
    /// For a server that does not know the question: what any server can do.
    pub(super) fn unknown() -> Self {
        Self {
            batch_limit: MESSAGE_LIMIT,
            action_cache_updates: true,
            zstd_streams: false,
            zstd_updates: false,
            high_api_version: None,
            execution: Ok(()),
        }
    }

    /// From the server's answer. An error if we cannot use it even as a cache.
    pub(super) fn from_wire(wire: &reapi::ServerCapabilities) -> Result<Self, Unusable> {
        let low = wire.low_api_version.as_ref().map(ApiVersion::from);
        let high = wire.high_api_version.as_ref().map(ApiVersion::from);
        if let (Some(low), Some(high)) = (low, high)
            && (low.major > 2 || (high.major < 2 && high.major > 0))
        {
            return Err(Unusable::Version(low, high));
        }
        let cache = wire.cache_capabilities.clone().unwrap_or_default();
        check_functions(&cache.digest_functions)?;
        let zstd = reapi::compressor::Value::Zstd;
        Ok(Self {
            batch_limit: batch_limit(cache.max_batch_total_size_bytes),
            action_cache_updates: cache
                .action_cache_update_capabilities
                .is_some_and(|updates| updates.update_enabled),
            zstd_streams: cache.supported_compressors().any(|has| has == zstd),
            zstd_updates: cache.supported_batch_update_compressors().any(|has| has == zstd),
            high_api_version: high,
            execution: execution(wire.execution_capabilities.as_ref()),
        })
    }

    /// Whether actions can be executed; the reason if not.
    pub fn execution(&self) -> Result<(), Unusable> {
        self.execution.clone()
    }

    /// Whether `Command.output_paths` is understood: since version 2.1. Else `output_files` must be filled in.
    pub fn output_paths_supported(&self) -> bool {
        self.high_api_version
            .is_none_or(|version| version >= ApiVersion { major: 2, minor: 1 })
    }
}

/// The announced limit as far as any answer still fits into a message of gRPC's usual size; none announced is 0.
fn batch_limit(announced: i64) -> usize {
    match usize::try_from(announced) {
        Ok(0) | Err(_) => MESSAGE_LIMIT,
        Ok(limit) => limit.min(MESSAGE_LIMIT),
    }
}

fn execution(wire: Option<&reapi::ExecutionCapabilities>) -> Result<(), Unusable> {
    let Some(wire) = wire.filter(|wire| wire.exec_enabled) else {
        return Err(Unusable::NoExecution);
    };
    // The repeated field is newer; a server may fill in either.
    let mut functions = wire.digest_functions.clone();
    if wire.digest_function != reapi::digest_function::Value::Unknown as i32 {
        functions.push(wire.digest_function);
    }
    check_functions(&functions)
}

/// A server that names no function at all is given the benefit of the doubt.
fn check_functions(functions: &[i32]) -> Result<(), Unusable> {
    if functions.is_empty() || functions.contains(&(reapi::digest_function::Value::Sha256 as i32)) {
        return Ok(());
    }
    let names = functions.iter().map(|&function| {
        reapi::digest_function::Value::try_from(function)
            .map_or_else(|_| format!("number {function}"), |known| known.as_str_name().to_owned())
    });
    Err(Unusable::DigestFunction(names.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reapi::digest_function::Value as Function;

    fn server(functions: &[Function], batch: i64, high: (i32, i32)) -> reapi::ServerCapabilities {
        let version = |(major, minor)| {
            Some(semver::SemVer {
                major,
                minor,
                ..Default::default()
            })
        };
        reapi::ServerCapabilities {
            cache_capabilities: Some(reapi::CacheCapabilities {
                digest_functions: functions.iter().map(|&function| function as i32).collect(),
                max_batch_total_size_bytes: batch,
                ..Default::default()
            }),
            execution_capabilities: None,
            deprecated_api_version: None,
            low_api_version: version((2, 0)),
            high_api_version: version(high),
        }
    }

    #[test]
    fn batch_limits_leave_room_for_the_frame_of_the_message() {
        let check = |announced, expected| {
            let capabilities = Capabilities::from_wire(&server(&[Function::Sha256], announced, (2, 3)));
            assert_eq!(capabilities.expect("usable").batch_limit, expected, "{announced}");
        };
        check(0, MESSAGE_LIMIT); // buildbox, Buildbarn
        check(-1, MESSAGE_LIMIT);
        check(65536, 65536);
        check(4_193_280, MESSAGE_LIMIT); // BuildGrid
        check(1 << 40, MESSAGE_LIMIT);
    }

    #[test]
    fn output_paths_came_with_version_2_1() {
        let check = |high, expected| {
            let capabilities = Capabilities::from_wire(&server(&[], 0, high)).expect("usable");
            assert_eq!(capabilities.output_paths_supported(), expected, "{high:?}");
        };
        check((2, 0), false);
        check((2, 1), true);
        check((2, 12), true);
        assert!(Capabilities::unknown().output_paths_supported());
    }

    #[test]
    fn a_server_without_sha256_says_what_it_has() {
        let error = Capabilities::from_wire(&server(&[Function::Blake3, Function::Md5], 0, (2, 3)));
        let text = error.expect_err("unusable").to_string();
        assert_eq!(
            text,
            "its digest functions are BLAKE3, MD5, and SHA256 is not among them"
        );
    }

    #[test]
    fn another_major_version_is_unusable() {
        let mut wire = server(&[Function::Sha256], 0, (3, 1));
        wire.low_api_version.as_mut().expect("set").major = 3;
        let text = Capabilities::from_wire(&wire).expect_err("unusable").to_string();
        assert_eq!(text, "it speaks versions 3.0 to 3.1 of the Remote Execution API, not 2");
    }

    #[test]
    fn execution_needs_to_be_enabled_with_our_digest_function() {
        let check = |execution: Option<(bool, Function, &[Function])>, expected: Result<(), Unusable>| {
            let mut wire = server(&[Function::Sha256], 0, (2, 3));
            wire.execution_capabilities =
                execution.map(|(exec_enabled, function, functions)| reapi::ExecutionCapabilities {
                    digest_function: function as i32,
                    exec_enabled,
                    digest_functions: functions.iter().map(|&function| function as i32).collect(),
                    ..Default::default()
                });
            assert_eq!(Capabilities::from_wire(&wire).expect("usable").execution(), expected);
        };
        check(None, Err(Unusable::NoExecution));
        check(Some((false, Function::Sha256, &[])), Err(Unusable::NoExecution));
        check(Some((true, Function::Sha256, &[])), Ok(()));
        check(Some((true, Function::Unknown, &[])), Ok(()));
        check(Some((true, Function::Blake3, &[Function::Sha256])), Ok(()));
        let only_blake3 = Unusable::DigestFunction(vec!["BLAKE3".to_owned()]);
        check(Some((true, Function::Blake3, &[])), Err(only_blake3));
    }
}
