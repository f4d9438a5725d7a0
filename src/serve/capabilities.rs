//! The Capabilities service: what this server can do, the same for every instance.

use super::instance::Instance;
use super::storage::Storage;
use crate::digest::Function;
use crate::pb::{reapi, semver};
use reapi::capabilities_server::{Capabilities, CapabilitiesServer};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The first version of the API that is announced: there are clients that speak no later one (Debian's Bazel).
const LOWEST: (i32, i32) = (2, 0);
/// The last one.
const HIGHEST: (i32, i32) = (2, 11);

/// Answers GetCapabilities.
#[derive(Debug)]
pub struct CapabilitiesService {
    storage: Arc<Storage>,
    executes: bool,
}

impl CapabilitiesService {
    /// For a server that executes actions, or is a cache only.
    pub fn new(storage: Arc<Storage>, executes: bool) -> Self {
        Self { storage, executes }
    }

    /// As a service of a server.
    pub fn into_server(self) -> CapabilitiesServer<Self> {
        CapabilitiesServer::new(self)
    }

    fn capabilities(&self) -> reapi::ServerCapabilities {
        let functions: Vec<i32> = Function::ALL.map(|function| function.to_wire() as i32).to_vec();
        let compressors = vec![reapi::compressor::Value::Zstd as i32];
        let version = |(major, minor)| {
            Some(semver::SemVer {
                major,
                minor,
                ..Default::default()
            })
        };
        reapi::ServerCapabilities {
            cache_capabilities: Some(reapi::CacheCapabilities {
                digest_functions: functions.clone(),
                action_cache_update_capabilities: Some(reapi::ActionCacheUpdateCapabilities { update_enabled: true }),
                cache_priority_capabilities: None,
                max_batch_total_size_bytes: i64::try_from(self.storage.limits().batch).unwrap_or(i64::MAX),
                symlink_absolute_path_strategy: reapi::symlink_absolute_path_strategy::Value::Allowed as i32,
                supported_compressors: compressors.clone(),
                supported_batch_update_compressors: compressors,
            }),
            execution_capabilities: Some(reapi::ExecutionCapabilities {
                digest_function: Function::default().to_wire() as i32,
                exec_enabled: self.executes,
                execution_priority_capabilities: self.executes.then(any_priority),
                supported_node_properties: Vec::new(),
                digest_functions: functions,
            }),
            deprecated_api_version: None,
            low_api_version: version(LOWEST),
            high_api_version: version(HIGHEST),
        }
    }
}

/// Lower runs sooner, whatever the number.
fn any_priority() -> reapi::PriorityCapabilities {
    reapi::PriorityCapabilities {
        priorities: vec![reapi::priority_capabilities::PriorityRange {
            min_priority: i32::MIN,
            max_priority: i32::MAX,
        }],
    }
}

#[tonic::async_trait]
impl Capabilities for CapabilitiesService {
    async fn get_capabilities(
        &self,
        request: Request<reapi::GetCapabilitiesRequest>,
    ) -> Result<Response<reapi::ServerCapabilities>, Status> {
        Instance::parse(&request.get_ref().instance_name)?;
        Ok(Response::new(self.capabilities()))
    }
}
