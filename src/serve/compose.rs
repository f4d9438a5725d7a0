//! Which services there are, and what they share.

use super::action_cache::ActionCacheService;
use super::bytestream::ByteStreamService;
use super::capabilities::CapabilitiesService;
use super::cas::CasService;
use super::execution::{ExecutionOptions, ExecutionService};
use super::job::Run;
use super::metrics::{CountCalls, CountedCalls, Metrics};
use super::options::ServeOptions;
use super::storage::{Limits, Storage};
use crate::pb::longrunning::operations_server::OperationsServer;
use crate::pb::reapi::execution_server::ExecutionServer;
use crate::store::DiskStore;
use std::sync::Arc;
use tonic::service::Routes;
use tower_layer::Layer as _;

/// All services.
pub(super) struct Services {
    /// What calls reach; every service counts.
    pub(super) calls: CountedCalls<Routes>,
    /// Can be drained.
    pub(super) execution: ExecutionService,
    pub(super) metrics: Arc<Metrics>,
}

/// Services over this store, whose actions are run by `run`.
pub(super) fn compose(store: &DiskStore, run: Arc<dyn Run>, options: &ServeOptions) -> Services {
    let metrics = Arc::new(Metrics::new(store.clone()));
    let storage = Arc::new(Storage::new(store.clone(), Limits::default()));
    let execution = ExecutionOptions {
        slots: options.slots,
        platform: options.actions.platform.clone(),
        default_timeout: options.actions.timeout,
        max_timeout: options.actions.max_timeout,
    };
    let execution = ExecutionService::new(store.clone(), run, execution, metrics.clone());
    let routes = Routes::new(CapabilitiesService::new(storage.clone(), true).into_server())
        .add_service(CasService::new(storage.clone()).into_server())
        .add_service(ByteStreamService::new(storage.clone()).into_server())
        .add_service(ActionCacheService::new(storage).into_server())
        .add_service(ExecutionServer::new(execution.clone()))
        .add_service(OperationsServer::new(execution.clone()));
    Services {
        calls: CountCalls::new(metrics.clone()).layer(routes),
        execution,
        metrics,
    }
}
